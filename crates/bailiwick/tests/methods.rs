//! Every declared method, asked of the real binary: which are served, and which let somebody in without
//! credentials.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on fails"
)]

mod support;

use std::{fmt::Write, sync::Arc};

use bailiwick_proto::{Access, METHODS, Method};
use bailiwick_rpc::{InternalConfig, InternalIdentity, ServiceKeyFiles, ServiceKeys};
use bailiwick_testkit::golden;
use bailiwick_types::{Service, SystemClock};
use bytes::{Buf, BufMut};
use support::{Embedded, OPERATOR, PASSWORD, root};
use tonic::{
    Code, Request, Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    transport::Channel,
};

/// Messages as bytes: an empty request is a valid one of every method.
#[derive(Clone, Copy, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;
    fn encoder(&mut self) -> Self {
        Self
    }
    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;
    fn encode(&mut self, item: Vec<u8>, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;
    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining()).to_vec()))
    }
}

async fn call(channel: &Channel, path: &'static str, bearer: Option<&str>) -> Code {
    let mut client = tonic::client::Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let mut request = Request::new(Vec::new());
    if let Some(bearer) = bearer {
        request
            .metadata_mut()
            .insert("authorization", bearer.parse().unwrap());
    }
    match client
        .unary(request, http::uri::PathAndQuery::from_static(path), Raw)
        .await
    {
        Ok(_) => Code::Ok,
        Err(status) => status.code(),
    }
}

fn in_release(path: &str) -> bool {
    !path.starts_with("/bailiwick.testing.")
}

#[tokio::test(flavor = "multi_thread")]
async fn methods_whose_turn_comes_later_stand_in_a_golden_file() {
    let suite = Embedded::start().await;
    let channel = Channel::from_shared(format!("http://127.0.0.1:{}", suite.port))
        .unwrap()
        .connect()
        .await
        .unwrap();
    let signed_in =
        bailiwick_proto::identity::v1::authentication_service_client::AuthenticationServiceClient::new(
            channel.clone(),
        )
        .sign_in(bailiwick_proto::identity::v1::SignInRequest {
            email: OPERATOR.into(),
            password: PASSWORD.into(),
            account: String::new(),
        })
        .await
        .unwrap()
        .into_inner();
    let bearer = format!("Bearer {}", signed_in.tokens.unwrap().access_token);
    let mut later = String::new();
    // The one that ends our session comes last.
    let (rest, last): (Vec<&Method>, Vec<&Method>) = METHODS
        .iter()
        .filter(|m| in_release(m.path) && m.is_public())
        .partition(|m| !m.path.ends_with("/SignOut"));
    for method in rest.into_iter().chain(last) {
        let code = call(&channel, method.path, Some(&bearer)).await;
        assert_ne!(code, Code::Internal, "{} fails on an empty request", method.path);
        assert_ne!(code, Code::Unknown, "{} fails on an empty request", method.path);
        if code == Code::Unimplemented {
            writeln!(later, "{}", method.path).unwrap();
        }
    }
    golden(root().join("tests/golden/unimplemented.txt"), &later);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_in_without_credentials_but_by_public_methods() {
    let suite = Embedded::start().await;
    let channel = Channel::from_shared(format!("http://127.0.0.1:{}", suite.port))
        .unwrap()
        .connect()
        .await
        .unwrap();
    for method in METHODS.iter().filter(|m| in_release(m.path)) {
        let code = call(&channel, method.path, None).await;
        if !method.is_public() {
            assert_eq!(code, Code::Unimplemented, "{}", method.path);
            continue;
        }
        if method.access != Access::Public {
            assert_eq!(code, Code::Unauthenticated, "{}", method.path);
        }
        let code = call(&channel, method.path, Some("Bearer false")).await;
        assert!(
            method.access == Access::Public || code == Code::Unauthenticated,
            "{}: {code:?}",
            method.path
        );
    }
}

/// Signs calls as one of the services would.
fn identity_of(service: Service, folder: &std::path::Path) -> InternalIdentity {
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

/// The second word of the answer: what stands between the caller and the method, or that nothing does.
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
    let port = bailiwick_testkit::free_port().unwrap();
    let mut environment = support::keys(&own);
    support::keys(&other);
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
        .sign_in(bailiwick_proto::identity::v1::SignInRequest {
            email: OPERATOR.into(),
            password: PASSWORD.into(),
            account: String::new(),
        })
        .await
        .unwrap()
        .into_inner();
    let operator = format!("Bearer {}", signed_in.tokens.unwrap().access_token);
    let mut text = String::from("method | caller | its token is for | answer\n");
    let header = |service: Service, folder: &std::path::Path, target: Service| {
        let header = identity_of(service, folder).header(target).unwrap();
        header.to_str().unwrap().to_owned()
    };
    for method in METHODS.iter().filter(|m| m.is_internal() && in_release(m.path)) {
        let target = method.service().unwrap_or(Service::Authorization);
        for service in Service::ALL {
            for audience in Service::ALL {
                let header = header(service, &own, audience);
                let code = call(&inside, method.path, Some(&header)).await;
                writeln!(
                    text,
                    "{} | {service} | {audience} | {}",
                    method.path,
                    passes(code)
                )
                .unwrap();
            }
            let wrong = header(service, &other, target);
            let code = call(&inside, method.path, Some(&wrong)).await;
            assert_eq!(code, Code::Unauthenticated, "{} with a wrong key", method.path);
        }
        for who in [None, Some(&*operator), Some("Bearer false")] {
            let code = call(&inside, method.path, who).await;
            assert_eq!(code, Code::Unauthenticated, "{} by {who:?}", method.path);
        }
        if !method.is_public() {
            for service in Service::ALL {
                let header = header(service, &own, target);
                let code = call(&outside, method.path, Some(&header)).await;
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
        let code = call(&inside, method.path, Some(&header)).await;
        assert_eq!(code, Code::Unimplemented, "{}", method.path);
    }
}
