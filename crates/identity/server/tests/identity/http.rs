//! The token endpoint, the key set and the metadata.

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode, header},
};
use bailiwick_proto::identity::v1 as pb;
use base64::{Engine, engine::general_purpose::STANDARD};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use crate::support::{Bed, ISSUER, PASSWORD, Suite, access, bearer, refresh, refused};

struct Answer {
    status: StatusCode,
    headers: axum::http::HeaderMap,
    body: Value,
}

async fn send(router: &Router, request: Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
    }
}

async fn post(router: &Router, form: &str, basic: Option<&str>) -> Answer {
    let mut request =
        Request::post("/oauth2/token").header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    if let Some(basic) = basic {
        request = request.header(header::AUTHORIZATION, format!("Basic {}", STANDARD.encode(basic)));
    }
    send(router, request.body(Body::from(form.to_owned())).unwrap()).await
}

async fn client(suite: &Suite) -> (String, String) {
    let message = pb::CreateServiceAccountRequest {
        title: "Reports".to_owned(),
        scope: "deployment".to_owned(),
        role: String::new(),
        request_id: String::new(),
    };
    let made = suite
        .service_accounts()
        .create_service_account(suite.root(message))
        .await
        .unwrap()
        .into_inner();
    (made.service_account.unwrap().service_account, made.secret)
}

#[tokio::test]
async fn the_token_endpoint_takes_a_client_by_form_or_by_header() {
    let suite = Suite::start(Bed::sqlite().await).await;
    let router = suite.service.http();
    let (id, secret) = client(&suite).await;
    let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    let by_form = post(&router, &form, None).await;
    let by_header = post(
        &router,
        "grant_type=client_credentials",
        Some(&format!("{id}:{secret}")),
    )
    .await;
    for answer in [by_form, by_header] {
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
        assert_eq!(
            (&answer.body["token_type"], &answer.body["expires_in"]),
            (&"Bearer".into(), &300.into())
        );
        suite
            .authenticator
            .verify(answer.body["access_token"].as_str().unwrap())
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn an_operator_service_account_is_refused_as_a_client_where_the_deployment_has_none() {
    let suite = Suite::start(Bed::sqlite().await).await;
    let router = suite.service.http();
    let (id, secret) = client(&suite).await;
    let operator = "UPDATE service_account SET role = 'operator'";
    let write = suite.db.begin_write(&[]).await.unwrap();
    bailiwick_sql::execute(write.conn(), operator, Vec::new())
        .await
        .unwrap();
    write.commit().await.unwrap();
    for path in ["token", "introspect", "revoke"] {
        let form = "grant_type=client_credentials&token=x";
        let request = Request::post(format!("/oauth2/{path}"))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(
                header::AUTHORIZATION,
                format!("Basic {}", STANDARD.encode(format!("{id}:{secret}"))),
            );
        let answer = send(&router, request.body(Body::from(form)).unwrap()).await;
        let refused = (answer.status, &answer.body["error"]);
        assert_eq!(
            refused,
            (StatusCode::UNAUTHORIZED, &"invalid_client".into()),
            "{path}"
        );
    }
}

#[tokio::test]
async fn two_authorization_headers_are_refused() {
    let suite = Suite::start(Bed::sqlite().await).await;
    let router = suite.service.http();
    let (id, secret) = client(&suite).await;
    let good = format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
    for other in [good.as_str(), "Basic eDp5", "Bearer x"] {
        let request = Request::post("/oauth2/token")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::AUTHORIZATION, &good)
            .header(header::AUTHORIZATION, other);
        let body = Body::from("grant_type=client_credentials");
        let answer = send(&router, request.body(body).unwrap()).await;
        let refused = (answer.status, &answer.body["error"]);
        assert_eq!(
            refused,
            (StatusCode::BAD_REQUEST, &"invalid_request".into()),
            "{other}"
        );
    }
}

#[tokio::test]
async fn the_token_endpoint_refuses_in_the_words_of_rfc_6749() {
    let suite = Suite::start(Bed::sqlite().await).await;
    let router = suite.service.http();
    let (id, secret) = client(&suite).await;
    let good = format!("client_id={id}&client_secret={secret}");
    for (form, basic, status, error) in [
        (good.clone(), None, 400, "invalid_request"),
        (
            format!("grant_type=password&{good}"),
            None,
            400,
            "unsupported_grant_type",
        ),
        (
            format!("grant_type=client_credentials&client_id={id}"),
            None,
            401,
            "invalid_client",
        ),
        (
            format!("grant_type=client_credentials&client_id={id}&client_secret=x"),
            None,
            401,
            "invalid_client",
        ),
        (
            format!("grant_type=client_credentials&{good}&client_id={id}"),
            None,
            400,
            "invalid_request",
        ),
        (
            format!("grant_type=client_credentials&{good}"),
            Some(format!("{id}:{secret}")),
            400,
            "invalid_request",
        ),
        (
            "grant_type=client_credentials".to_owned(),
            Some(format!("{id}:x")),
            401,
            "invalid_client",
        ),
        (
            "grant_type=client_credentials&client_id=other".to_owned(),
            Some(format!("{id}:{secret}")),
            400,
            "invalid_request",
        ),
        (
            "grant_type=client_credentials&scope=openid".to_owned(),
            Some(format!("{id}:{secret}")),
            400,
            "invalid_scope",
        ),
        (
            "grant_type=client_credentials&resource=https%3A%2F%2Fshop.example".to_owned(),
            Some(format!("{id}:{secret}")),
            400,
            "invalid_target",
        ),
    ] {
        let answer = post(&router, &form, basic.as_deref()).await;
        let shown = (
            answer.status.as_u16(),
            answer.body["error"].as_str().unwrap_or_default(),
        );
        assert_eq!(shown, (status, error), "{form} {basic:?}");
        let challenged = answer.headers.contains_key(header::WWW_AUTHENTICATE);
        assert_eq!(challenged, status == 401 && basic.is_some(), "{form} {basic:?}");
        assert!(!answer.body.to_string().contains(&secret), "{form}");
    }
    let get = Request::get("/oauth2/token").body(Body::empty()).unwrap();
    assert_eq!(send(&router, get).await.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn the_metadata_names_what_is_there() {
    let suite = Suite::start(Bed::sqlite().await).await;
    let router = suite.service.http();
    let get = |path: &str| Request::get(path).body(Body::empty()).unwrap();
    let metadata = send(&router, get("/.well-known/oauth-authorization-server"))
        .await
        .body;
    assert_eq!(metadata["issuer"], ISSUER);
    assert_eq!(metadata["token_endpoint"], format!("{ISSUER}/oauth2/token"));
    assert_eq!(metadata["jwks_uri"], format!("{ISSUER}/.well-known/jwks.json"));
    let endpoints = [
        ("introspection_endpoint", "/oauth2/introspect"),
        ("revocation_endpoint", "/oauth2/revoke"),
    ];
    for (name, path) in endpoints {
        assert_eq!(metadata[name], format!("{ISSUER}{path}"));
        let methods = metadata[format!("{name}_auth_methods_supported")]
            .as_array()
            .unwrap();
        assert!(methods.contains(&"client_secret_basic".into()), "{methods:?}");
        let without_client = post_to(&router, path, "token=x", None).await;
        assert_eq!(without_client.status, StatusCode::UNAUTHORIZED, "{path} is there");
    }
    assert_eq!(
        metadata["access_token_signing_alg_values_supported"],
        serde_json::json!(["EdDSA"])
    );
    let jwks = send(&router, get("/.well-known/jwks.json")).await;
    assert_eq!(jwks.headers[header::CONTENT_TYPE], "application/jwk-set+json");
    let key = &jwks.body["keys"][0];
    assert_eq!(
        (&key["kty"], &key["crv"], &key["alg"]),
        (&"OKP".into(), &"Ed25519".into(), &"EdDSA".into())
    );
}

#[tokio::test]
async fn the_token_endpoint_limits_wrong_secrets_and_not_the_right_one() {
    let suite = Suite::start(Bed::sqlite().await).await;
    let router = suite.service.http();
    let (id, secret) = client(&suite).await;
    let form = |secret: &str| format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    for _ in 0..10 {
        assert_eq!(
            post(&router, &form("x"), None).await.status,
            StatusCode::UNAUTHORIZED
        );
    }
    let limited = post(&router, &form("x"), None).await;
    assert_eq!(limited.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(limited.headers[header::RETRY_AFTER], "900");
    assert_eq!(post(&router, &form(&secret), None).await.status, StatusCode::OK);
}

async fn post_to(router: &Router, path: &str, form: &str, basic: Option<&str>) -> Answer {
    let mut request = Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    if let Some(basic) = basic {
        request = request.header(header::AUTHORIZATION, format!("Basic {}", STANDARD.encode(basic)));
    }
    send(router, request.body(Body::from(form.to_owned())).unwrap()).await
}

#[tokio::test]
async fn a_token_is_introspected_by_a_client_with_its_secret_alone() {
    let suite = Suite::start(Bed::sqlite().await).await;
    let router = suite.service.http();
    let ada = suite.user("ada@example.com").await;
    let signed_in = suite.sign_in("ada@example.com", PASSWORD, None).await.unwrap();
    let (id, secret) = client(&suite).await;
    let basic = format!("{id}:{secret}");
    let form = format!("token={}&token_type_hint=access_token", access(&signed_in));
    let path = "/oauth2/introspect";
    let told = post_to(&router, path, &form, Some(&basic)).await;
    assert_eq!(told.status, StatusCode::OK);
    assert_eq!(told.headers["cache-control"], "no-store");
    assert_eq!(told.body["active"], true);
    assert_eq!(told.body["sub"], format!("user:{ada}"));
    assert_eq!(told.body["client_id"], "bailiwick");
    assert_eq!(told.body["acr"], "aal1");
    assert_eq!(told.body["token_type"], "Bearer");
    let by_form = format!("{form}&client_id={id}&client_secret={secret}");
    assert_eq!(post_to(&router, path, &by_form, None).await.body, told.body);
    for (form, basic, status) in [
        (&*form, None, StatusCode::UNAUTHORIZED),
        (&*form, Some("svc_x:wrong"), StatusCode::UNAUTHORIZED),
        (
            &*format!("{form}&client_id=bailiwick"),
            None,
            StatusCode::UNAUTHORIZED,
        ),
        ("", Some(&*basic), StatusCode::BAD_REQUEST),
        (
            &*format!("{form}&token=b"),
            Some(&*basic),
            StatusCode::BAD_REQUEST,
        ),
    ] {
        let refused = post_to(&router, path, form, basic).await;
        assert_eq!(refused.status, status, "{form}");
        assert!(refused.body.get("active").is_none());
    }
    let unknown = post_to(&router, path, "token=nonsense", Some(&basic)).await;
    assert_eq!(unknown.body, serde_json::json!({ "active": false }));
    let message = pb::IntrospectRequest {
        token: access(&signed_in),
    };
    let issued = pb::IssueTokenRequest {
        client_id: id,
        client_secret: secret,
    };
    let issued = suite
        .tokens()
        .issue_token(issued)
        .await
        .unwrap()
        .into_inner()
        .access_token;
    let by_client = suite
        .tokens()
        .introspect(bearer(message.clone(), &issued))
        .await
        .unwrap()
        .into_inner();
    assert!(by_client.active);
    assert_eq!(
        (by_client.subject, by_client.session),
        (format!("user:{ada}"), signed_in.session.clone())
    );
    let by_user = suite
        .tokens()
        .introspect(bearer(message.clone(), &access(&signed_in)))
        .await;
    assert_eq!(refused(by_user).0, tonic::Code::PermissionDenied);
    suite
        .authentication()
        .sign_out(bearer(pb::SignOutRequest {}, &access(&signed_in)))
        .await
        .unwrap();
    let over = suite
        .tokens()
        .introspect(bearer(message, &issued))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(over, pb::IntrospectResponse::default());
}

#[tokio::test]
async fn a_token_is_revoked_by_its_client_and_an_unknown_one_answers_alike() {
    let suite = Suite::start(Bed::sqlite().await).await;
    let router = suite.service.http();
    let ada = suite.user("ada@example.com").await;
    let signed_in = suite.sign_in("ada@example.com", PASSWORD, None).await.unwrap();
    let (id, secret) = client(&suite).await;
    let basic = format!("{id}:{secret}");
    let path = "/oauth2/revoke";
    let of_user = format!("token={}", refresh(&signed_in));
    let profile = || {
        let message = pb::GetUserRequest {
            user: ada.to_string(),
        };
        let (mut users, request) = (suite.users(), bearer(message, &access(&signed_in)));
        async move { users.get_user(request).await }
    };
    for (form, basic) in [("token=nonsense", &basic), (&*of_user, &basic)] {
        let done = post_to(&router, path, form, Some(basic)).await;
        assert_eq!((done.status, done.body), (StatusCode::OK, Value::Null), "{form}");
    }
    profile().await.unwrap();
    let without_client = post_to(&router, path, &of_user, None).await;
    assert_eq!(without_client.status, StatusCode::UNAUTHORIZED);
    let wrong = post_to(&router, path, &of_user, Some(&format!("{id}:wrong"))).await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    let own = format!("{of_user}&client_id=bailiwick");
    assert_eq!(post_to(&router, path, &own, None).await.status, StatusCode::OK);
    let again = suite.another().await;
    assert!(again.verify(&access(&signed_in)).await.is_err());

    let issue = pb::IssueTokenRequest {
        client_id: id.clone(),
        client_secret: secret.clone(),
    };
    let issued = suite
        .tokens()
        .issue_token(issue)
        .await
        .unwrap()
        .into_inner()
        .access_token;
    suite.authenticator.verify(&issued).await.unwrap();
    let message = pb::RevokeTokenRequest {
        token: issued.clone(),
        client_id: id,
        client_secret: secret,
    };
    for _ in 0..2 {
        suite.tokens().revoke_token(message.clone()).await.unwrap();
    }
    assert!(suite.authenticator.verify(&issued).await.is_err());
    let again = suite.another().await;
    assert!(again.verify(&issued).await.is_err());
    let wrong = pb::RevokeTokenRequest {
        client_secret: "wrong".to_owned(),
        ..message
    };
    assert_eq!(
        refused(suite.tokens().revoke_token(wrong).await).0,
        tonic::Code::Unauthenticated
    );
}
