//! Rights of authorization and step-ups of identity, asked over the wire.

use std::sync::{Arc, Mutex};

use bailiwick_proto::{
    authorization::v1::{
        CheckCallerRequest, CheckCallerResponse, CheckServiceRoleRequest, CheckServiceRoleResponse,
        CloseScopeRequest, CloseScopeResponse, CloseServiceAccountRequest, CloseServiceAccountResponse,
        CloseUserRequest, CloseUserResponse, MoveScopeRequest, MoveScopeResponse,
        access_service_server::{AccessService, AccessServiceServer},
    },
    identity::v1::{
        ConsumeStepUpRequest, ConsumeStepUpResponse, ListSessionsRequest, ListSessionsResponse,
        RevokeAllSessionsRequest, RevokeAllSessionsResponse, RevokeSessionRequest, RevokeSessionResponse,
        session_service_server::{SessionService, SessionServiceServer},
    },
};
use bailiwick_rpc::{
    ClientFactory, Held, OperatorAllowed, Peer, PeerConfig, RemoteRights, RemoteStepUp, RequestDigest,
    Rights, RightsError, StepUp, StepUpError, later,
};
use bailiwick_testkit::ManualClock;
use bailiwick_types::{Method as _, Service, Subject, method::authorization::TransferOwnership};
use tonic::{Request, Response, Status};

use crate::support::{PeerKeys, account, internal, session, user};

type Asked = Arc<Mutex<Vec<CheckCallerRequest>>>;
type Answer = Arc<dyn Fn(&CheckCallerRequest) -> Result<CheckCallerResponse, Status> + Send + Sync>;

#[derive(Clone)]
struct Authorization {
    asked: Asked,
    answer: Answer,
}

#[tonic::async_trait]
impl AccessService for Authorization {
    async fn check_caller(
        &self,
        r: Request<CheckCallerRequest>,
    ) -> Result<Response<CheckCallerResponse>, Status> {
        let request = r.into_inner();
        let answer = (self.answer)(&request);
        self.asked.lock().unwrap().push(request);
        answer.map(Response::new)
    }
    async fn check_service_role(
        &self,
        r: Request<CheckServiceRoleRequest>,
    ) -> Result<Response<CheckServiceRoleResponse>, Status> {
        Err(later(&r))
    }
    async fn close_scope(
        &self,
        r: Request<CloseScopeRequest>,
    ) -> Result<Response<CloseScopeResponse>, Status> {
        Err(later(&r))
    }
    async fn close_service_account(
        &self,
        r: Request<CloseServiceAccountRequest>,
    ) -> Result<Response<CloseServiceAccountResponse>, Status> {
        Err(later(&r))
    }
    async fn move_scope(&self, r: Request<MoveScopeRequest>) -> Result<Response<MoveScopeResponse>, Status> {
        Err(later(&r))
    }
    async fn close_user(&self, r: Request<CloseUserRequest>) -> Result<Response<CloseUserResponse>, Status> {
        Err(later(&r))
    }
}

struct Identity(Status);

#[tonic::async_trait]
impl SessionService for Identity {
    async fn consume_step_up(
        &self,
        r: Request<ConsumeStepUpRequest>,
    ) -> Result<Response<ConsumeStepUpResponse>, Status> {
        let asked = r.into_inner();
        assert_eq!(
            asked.method,
            "bailiwick.authorization.v1.BindingService/TransferOwnership"
        );
        assert_eq!(asked.request_digest, [7; 32]);
        match self.0.code() {
            tonic::Code::Ok => Ok(Response::new(ConsumeStepUpResponse {})),
            _ => Err(self.0.clone()),
        }
    }
    async fn list_sessions(
        &self,
        r: Request<ListSessionsRequest>,
    ) -> Result<Response<ListSessionsResponse>, Status> {
        Err(later(&r))
    }
    async fn revoke_session(
        &self,
        r: Request<RevokeSessionRequest>,
    ) -> Result<Response<RevokeSessionResponse>, Status> {
        Err(later(&r))
    }
    async fn revoke_all_sessions(
        &self,
        r: Request<RevokeAllSessionsRequest>,
    ) -> Result<Response<RevokeAllSessionsResponse>, Status> {
        Err(later(&r))
    }
}

async fn serve(
    router: impl FnOnce(&mut tonic::transport::Server) -> tonic::transport::server::Router,
) -> Peer {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
    tokio::spawn(router(&mut tonic::transport::Server::builder()).serve_with_incoming(incoming));
    let identity = internal(
        Service::Tenancy,
        &PeerKeys::new(),
        Arc::new(ManualClock::default()),
    );
    ClientFactory::new(identity, PeerConfig::default())
        .peer(Service::Authorization, &address)
        .unwrap()
}

async fn rights(
    answer: impl Fn(&CheckCallerRequest) -> Result<CheckCallerResponse, Status> + Send + Sync + 'static,
) -> (RemoteRights, Asked) {
    let asked = Asked::default();
    let service = Authorization {
        asked: asked.clone(),
        answer: Arc::new(answer),
    };
    let peer = serve(|server| server.add_service(AccessServiceServer::new(service))).await;
    (RemoteRights::new(peer), asked)
}

fn subject() -> Subject {
    Subject::user(user(1))
}

#[tokio::test]
async fn rights_in_an_account_are_asked_for_each_target_a_thousand_at_a_time() {
    let (rights, asked) = rights(|request| {
        Ok(CheckCallerResponse {
            allowed: request.scopes.iter().map(|s| s.ends_with('7')).collect(),
            operator: false,
            stranger: false,
        })
    })
    .await;
    let targets: Vec<_> = (0..1500).map(|n| format!("survey:{n}")).collect();
    let held = rights
        .held(
            &subject(),
            Some(account(1)),
            "survey.view",
            &targets,
            OperatorAllowed::No,
        )
        .await
        .unwrap();
    assert_eq!(held.allowed.len(), 1500);
    assert!(
        held.allowed
            .iter()
            .enumerate()
            .all(|(n, allowed)| *allowed == (n % 10 == 7))
    );
    assert!(!held.operator);
    let asked = asked.lock().unwrap();
    assert_eq!(
        asked.iter().map(|r| r.scopes.len()).collect::<Vec<_>>(),
        [1000, 500]
    );
    assert_eq!(asked[0].subject, subject().to_string());
    assert_eq!(asked[0].account, account(1).to_string());
    assert_eq!(asked[0].permissions, ["survey.view"]);
    assert!(!asked[0].operator_allowed);
}

#[tokio::test]
async fn who_has_nothing_in_an_account_is_asked_without_naming_anything_there() {
    for (of, named) in [(Some(account(1)), account(1).to_string()), (None, String::new())] {
        let (rights, asked) = rights(|request| {
            Ok(CheckCallerResponse {
                stranger: request.stranger,
                ..Default::default()
            })
        })
        .await;
        assert!(rights.is_stranger(&subject(), of).await.unwrap());
        let asked = asked.lock().unwrap();
        assert_eq!(asked[0].account, named);
        assert!(asked[0].operator_allowed && asked[0].permissions.is_empty() && asked[0].scopes.is_empty());
    }
}

#[tokio::test]
async fn roles_of_the_deployment_are_asked_at_the_deployment() {
    for (allowed, operator, expected) in [(true, true, true), (true, false, false), (false, false, false)] {
        let (rights, asked) = rights(move |_| {
            Ok(CheckCallerResponse {
                allowed: vec![allowed],
                operator,
                stranger: false,
            })
        })
        .await;
        let targets = ["account:x".to_owned(), "account:y".to_owned()];
        let only = OperatorAllowed::Only;
        let held = rights
            .held(&subject(), Some(account(1)), "account.view", &targets, only)
            .await
            .unwrap();
        assert_eq!(
            held,
            Held {
                allowed: vec![expected; 2],
                operator
            }
        );
        let asked = asked.lock().unwrap();
        assert_eq!((asked[0].account.as_str(), asked[0].operator_allowed), ("", true));
        assert_eq!(asked[0].scopes, ["deployment"]);
    }
}

#[tokio::test]
async fn a_refusal_or_silence_of_authorization_is_no_right() {
    let ask = async |rights: RemoteRights| {
        let targets = ["deployment".to_owned()];
        rights
            .held(&subject(), None, "account.view", &targets, OperatorAllowed::Only)
            .await
    };
    for (status, expected) in [
        (Status::unavailable("away"), RightsError::Unavailable),
        (Status::deadline_exceeded("late"), RightsError::DeadlineExceeded),
    ] {
        let (rights, _) = rights(move |_| Err(status.clone())).await;
        assert_eq!(ask(rights).await, Err(expected));
    }
    let (rights, _) = rights(|_| Err(Status::permission_denied("you"))).await;
    assert!(matches!(ask(rights).await, Err(RightsError::Internal(_))));
}

#[tokio::test]
async fn a_step_up_that_identity_does_not_know_is_required() {
    for (status, expected) in [
        (Status::ok(""), Ok(())),
        (Status::failed_precondition("none"), Err(StepUpError::Required)),
        (Status::not_found("no session"), Err(StepUpError::Required)),
        (Status::unavailable("away"), Err(StepUpError::Unavailable)),
    ] {
        let service = SessionServiceServer::new(Identity(status));
        let step_up = RemoteStepUp::new(serve(|server| server.add_service(service)).await);
        let method = TransferOwnership::DECLARATION;
        let request = RequestDigest([7; 32]);
        assert_eq!(step_up.consume(session(1), method, &request).await, expected);
    }
}
