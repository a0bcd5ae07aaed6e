//! What is asked of authorization, and what its answers mean.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderValue, Response, Uri, header},
    routing::post,
};
use bailiwick_identity_core::peer::{
    CloseError, Closer as _, Members as _, RoleError, ServiceRole, ServiceRoles as _,
};
use bailiwick_identity_server::Authorization;
use bailiwick_proto::authorization::v1 as pb;
use bailiwick_rpc::{ClientFactory, InternalIdentity, PeerConfig, ServiceKeys};
use bailiwick_testkit::ManualClock;
use bailiwick_types::{Fault, Refused, Scope, ScopeRoot, Service, ServiceAccountId, Subject, Token, UserId};
use http_body_util::{BodyExt, Full};
use prost::Message;
use tokio::net::TcpListener;
use tonic::{Code, transport::server::TcpIncoming};

use crate::support::{Bed, account};

/// What the peer is to answer, and what it was asked.
#[derive(Clone, Default)]
struct Script(Arc<Mutex<Said>>);

#[derive(Default)]
struct Said {
    answer: Vec<u8>,
    code: i32,
    path: String,
    token: Option<String>,
    caller: bool,
    message: Vec<u8>,
}

impl Script {
    fn answers(&self, message: &impl Message) {
        let mut said = self.0.lock().unwrap();
        (said.answer, said.code) = (message.encode_to_vec(), 0);
    }
    fn refuses(&self, code: Code) {
        self.0.lock().unwrap().code = code as i32;
    }
}

async fn answer(State(script): State<Script>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let mut said = script.0.lock().unwrap();
    said.path = uri.path().to_owned();
    said.token = headers
        .get("bailiwick-token")
        .map(|t| t.to_str().unwrap().to_owned());
    said.caller = headers.contains_key(header::AUTHORIZATION);
    said.message = body.slice(5..).to_vec();
    let mut frame = vec![0];
    frame.extend(u32::try_from(said.answer.len()).unwrap().to_be_bytes());
    frame.extend(&said.answer);
    let body = if said.code == 0 { frame } else { Vec::new() };
    let mut status = HeaderMap::new();
    status.insert("grpc-status", HeaderValue::from(said.code));
    status.insert("grpc-message", HeaderValue::from_static("because"));
    let body = Full::new(Bytes::from(body)).with_trailers(async { Some(Ok(status)) });
    let kind = HeaderValue::from_static("application/grpc");
    let mut response = Response::new(Body::new(body));
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

async fn peer() -> (Authorization, Script, Bed) {
    let bed = Bed::sqlite().await;
    let script = Script::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new()
        .route("/{service}/{method}", post(answer))
        .with_state(script.clone());
    let routes = tonic::service::Routes::from(router);
    let serving = tonic::transport::Server::builder()
        .add_routes(routes)
        .serve_with_incoming(TcpIncoming::from(listener));
    tokio::spawn(serving);
    let clock = Arc::new(ManualClock::default());
    let keys = ServiceKeys::ephemeral().unwrap();
    let identity = InternalIdentity::new(Service::Identity, keys, clock);
    let factory = ClientFactory::new(Arc::new(identity), PeerConfig::default());
    let peer = factory.peer(Service::Authorization, &address).unwrap();
    (Authorization::new(peer, bed.db().await), script, bed)
}

#[tokio::test]
async fn membership_is_asked_with_the_token_of_the_call() {
    let (authorization, script, _bed) = peer().await;
    let user = UserId::from_uuid(uuid::Uuid::from_u128(7));
    let token = Token::of(Service::Authorization, "e", ScopeRoot::Account(account(1)), 3);
    for active in [true, false] {
        script.answers(&pb::LookUpMemberResponse { active });
        assert_eq!(
            authorization.is_active(account(1), user, &token).await.unwrap(),
            active
        );
    }
    let said = script.0.lock().unwrap();
    assert_eq!(
        said.path,
        "/bailiwick.authorization.v1.MemberService/LookUpMember"
    );
    let carried = said.token.as_deref().unwrap();
    assert_eq!(bailiwick_rpc::token::decode(carried).unwrap(), token);
    assert!(said.caller, "it says who it is");
    let asked = pb::LookUpMemberRequest::decode(&*said.message).unwrap();
    assert_eq!(
        (asked.account, asked.user),
        (account(1).to_string(), user.to_string())
    );
}

#[tokio::test]
async fn an_error_is_never_a_membership() {
    let (authorization, script, _bed) = peer().await;
    let user = UserId::from_uuid(uuid::Uuid::from_u128(7));
    script.answers(&pb::LookUpMemberResponse { active: true });
    for code in [
        Code::Unavailable,
        Code::Internal,
        Code::PermissionDenied,
        Code::DeadlineExceeded,
    ] {
        script.refuses(code);
        assert!(
            authorization
                .is_active(account(1), user, &Token::default())
                .await
                .is_err(),
            "{code}"
        );
    }
    script.refuses(Code::NotFound);
    assert!(
        !authorization
            .is_active(account(1), user, &Token::default())
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn a_refusal_to_close_is_told_from_a_failure() {
    let (authorization, script, bed) = peer().await;
    let user = UserId::from_uuid(uuid::Uuid::from_u128(7));
    script.answers(&pb::CloseUserResponse::default());
    authorization.close_user(user, 4).await.unwrap();
    let asked = pb::CloseUserRequest::decode(&*script.0.lock().unwrap().message).unwrap();
    let epoch = bed.db().await.epoch().await.unwrap();
    assert_eq!(
        (asked.user, asked.version, &*asked.epoch),
        (user.to_string(), 4, &*epoch)
    );
    script.refuses(Code::FailedPrecondition);
    let refused = authorization.close_user(user, 4).await;
    assert!(
        matches!(&refused, Err(CloseError::Refused(text)) if text == "because"),
        "{refused:?}"
    );
    for code in [Code::Unavailable, Code::Internal, Code::Unauthenticated] {
        script.refuses(code);
        let failed = authorization.close_user(user, 4).await;
        assert!(matches!(failed, Err(CloseError::Peer(_))), "{code}");
    }
}

#[tokio::test]
async fn a_service_account_is_closed_in_the_history_of_this_service() {
    let (authorization, script, bed) = peer().await;
    let id = ServiceAccountId::from_uuid(uuid::Uuid::from_u128(7));
    script.answers(&pb::CloseServiceAccountResponse::default());
    authorization.close_service_account(id, 4).await.unwrap();
    let asked = pb::CloseServiceAccountRequest::decode(&*script.0.lock().unwrap().message).unwrap();
    let epoch = bed.db().await.epoch().await.unwrap();
    assert_eq!(
        (asked.service_account, asked.version, &*asked.epoch),
        (id.to_string(), 4, &*epoch)
    );
    for code in [Code::FailedPrecondition, Code::Unavailable, Code::Unauthenticated] {
        script.refuses(code);
        assert!(
            authorization.close_service_account(id, 4).await.is_err(),
            "{code}"
        );
    }
}

#[tokio::test]
async fn a_role_of_a_service_account_is_one_only_where_authorization_says_so() {
    let (authorization, script, _bed) = peer().await;
    let (maker, scope): (Subject, Scope) = (
        "user:ada".parse().unwrap(),
        Scope::Product("shop".parse().unwrap()),
    );
    let asked = ServiceRole {
        maker: &maker,
        operator_allowed: true,
        scope: &scope,
        role: Some("backnd"),
    };
    let token = Token::of(Service::Authorization, "e", ScopeRoot::Account(account(1)), 3);
    let ensure = async || authorization.ensure(asked, &token).await;
    script.answers(&pb::CheckServiceRoleResponse {
        fits: true,
        available: Vec::new(),
    });
    ensure().await.unwrap();
    {
        let said = script.0.lock().unwrap();
        let sent = pb::CheckServiceRoleRequest::decode(&*said.message).unwrap();
        let expected = pb::CheckServiceRoleRequest {
            maker: maker.to_string(),
            scope: "product:shop".to_owned(),
            role: "backnd".to_owned(),
            operator_allowed: true,
        };
        assert_eq!(sent, expected);
        let carried = said.token.as_deref().unwrap();
        assert_eq!(bailiwick_rpc::token::decode(carried).unwrap(), token);
    }
    script.answers(&pb::CheckServiceRoleResponse {
        fits: false,
        available: vec!["backend".to_owned(), "service".to_owned()],
    });
    let unknown = ensure().await.unwrap_err();
    let [violation] = unknown.violations() else {
        panic!("{unknown:?}")
    };
    assert_eq!(violation.field, "role");
    assert_eq!(
        violation.rule,
        "no service account on `product:shop` can have role `backnd`; available: `backend`, `service`; \
         did you mean `backend`?"
    );
    // An answer that says nothing is no yes.
    script.answers(&pb::CheckServiceRoleResponse::default());
    assert!(matches!(ensure().await, Err(RoleError::Unknown(_))));
    for code in [
        Code::Unavailable,
        Code::Internal,
        Code::DeadlineExceeded,
        Code::Unimplemented,
    ] {
        script.refuses(code);
        let failed = ensure().await.unwrap_err();
        assert!(matches!(failed, RoleError::Peer(_)), "{code}");
        assert!(failed.retry_after().is_some(), "{code}");
    }
    script.refuses(Code::PermissionDenied);
    assert!(matches!(ensure().await, Err(RoleError::Refused(Refused::Denied))));
    script.refuses(Code::NotFound);
    assert!(matches!(
        ensure().await,
        Err(RoleError::Refused(Refused::NotFound(_)))
    ));
    script.refuses(Code::FailedPrecondition);
    assert!(matches!(ensure().await, Err(RoleError::NotActive(text)) if text == "because"));
}
