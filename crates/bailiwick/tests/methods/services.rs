//! Which of the suite's own services calls which method, on the internal listener.

use std::{fmt::Write, path::Path, sync::Arc};

use bailiwick_proto::{METHODS, identity::v1::SignInRequest};
use bailiwick_rpc::{InternalConfig, InternalIdentity, ServiceKeyFiles, ServiceKeys};
use bailiwick_testkit::{free_port, golden};
use bailiwick_types::{Service, SystemClock};
use tonic::{Code, transport::Channel};

use crate::{
    call, in_release,
    support::{Embedded, OPERATOR, PASSWORD, keys, root},
};

/// The code that an empty request is answered with.
async fn ask(channel: &Channel, path: &'static str, bearer: Option<&str>) -> Code {
    call(channel, path, bearer, Vec::new()).await.code
}

/// Signs calls as one of the services would.
fn identity_of(service: Service, folder: &Path) -> InternalIdentity {
    let of = |name: &str| ServiceKeyFiles {
        key_file: Some(folder.join(format!("{name}.key"))),
        public_keys_file: None,
    };
    let config = InternalConfig {
        identity: of("identity"),
        tenancy: of("tenancy"),
        authorization: of("authorization"),
    };
    let keys = ServiceKeys::new(&config, &Service::ALL).unwrap();
    InternalIdentity::new(service, keys, Arc::new(SystemClock))
}

/// What stands between the caller and the method, or that nothing does.
fn passes(code: Code) -> &'static str {
    match code {
        Code::Unauthenticated => "unauthenticated",
        Code::PermissionDenied => "denied",
        Code::Unimplemented => "unknown method",
        // An empty request gets no further than its fields.
        _ => "passes",
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_service_calls_the_methods_that_name_it_and_nobody_else_calls_any() {
    let folder = tempfile::tempdir().unwrap();
    let (own, other) = (folder.path().join("keys"), folder.path().join("other"));
    let port = free_port().unwrap();
    let mut environment = keys(&own);
    keys(&other);
    let inside = format!("127.0.0.1:{port}");
    environment.push(("BAILIWICK__SERVER__INTERNAL_LISTEN".to_owned(), inside.clone()));
    let environment: Vec<_> = environment.iter().map(|(k, v)| (&**k, &**v)).collect();
    let suite = Embedded::start_with(&environment).await;
    let channel = |address: String| {
        Channel::from_shared(format!("http://{address}"))
            .unwrap()
            .connect_lazy()
    };
    let inside = channel(inside);
    let outside = channel(format!("127.0.0.1:{}", suite.port));

    // Who could call, each with its value of `authorization`.
    let client = suite.client();
    let signed_in = client
        .identity()
        .authentication()
        .sign_in(SignInRequest {
            email: OPERATOR.into(),
            password: PASSWORD.into(),
            ..Default::default()
        })
        .await
        .unwrap()
        .into_inner();
    let operator = format!("Bearer {}", signed_in.tokens.unwrap().access_token);
    let mut text = String::from("method | caller | its token is for | answer\n");
    let header = |service: Service, folder: &Path, target: Service| {
        let header = identity_of(service, folder).header(target).unwrap();
        header.to_str().unwrap().to_owned()
    };
    for method in METHODS.iter().filter(|m| m.is_internal() && in_release(m.path)) {
        let target = method.service().unwrap_or(Service::Authorization);
        for service in Service::ALL {
            for audience in Service::ALL {
                let header = header(service, &own, audience);
                let code = ask(&inside, method.path, Some(&header)).await;
                writeln!(
                    text,
                    "{} | {service} | {audience} | {}",
                    method.path,
                    passes(code)
                )
                .unwrap();
            }
            let wrong = header(service, &other, target);
            let code = ask(&inside, method.path, Some(&wrong)).await;
            assert_eq!(code, Code::Unauthenticated, "{} with a wrong key", method.path);
        }
        for who in [None, Some(&*operator), Some("Bearer false")] {
            let code = ask(&inside, method.path, who).await;
            assert_eq!(code, Code::Unauthenticated, "{} by {who:?}", method.path);
        }
        if !method.is_public() {
            for service in Service::ALL {
                let header = header(service, &own, target);
                let code = ask(&outside, method.path, Some(&header)).await;
                assert_eq!(code, Code::Unimplemented, "{} outside", method.path);
            }
        }
    }
    golden(root().join("tests/golden/internal-calls.txt"), &text);
    // And the internal listener has nothing else.
    for method in METHODS.iter().filter(|m| !m.is_internal()) {
        let header = header(
            Service::Tenancy,
            &own,
            method.service().unwrap_or(Service::Identity),
        );
        let code = ask(&inside, method.path, Some(&header)).await;
        assert_eq!(code, Code::Unimplemented, "{}", method.path);
    }
}
