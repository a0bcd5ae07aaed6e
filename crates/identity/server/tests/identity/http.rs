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

use crate::support::{Bed, ISSUER, Suite};

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
