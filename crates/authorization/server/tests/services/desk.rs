//! The services at their desk: what every test asks through.

use std::sync::Arc;

use async_trait::async_trait;
use bailiwick_authorization_engine::{Replica, ReplicaRights};
use bailiwick_authorization_server::{Decisions, Queries, SqlLists};
use bailiwick_proto::{
    authorization::v1::{self as pb, decision_service_server::DecisionService},
    common::v1::{Consistency, consistency::Requirement},
    events::v1::PlaceState,
    method,
};
use bailiwick_rpc::{Context, Guard, RequestDigest, StepUp, StepUpError};
use bailiwick_types::{AccountId, CallerKind, Declaration, Scope, ScopeRoot, SessionId, Subject};
use tonic::{Request, Status};

use crate::support::{World, account, user, user_id, workspace};

struct NoStepUp;

#[async_trait]
impl StepUp for NoStepUp {
    async fn consume(
        &self,
        _: SessionId,
        _: &'static Declaration,
        _: &RequestDigest,
    ) -> Result<(), StepUpError> {
        Err(StepUpError::Required)
    }
}

pub(crate) struct Desk {
    pub(crate) world: World,
    pub(crate) replica: Arc<Replica>,
    pub(crate) decisions: Decisions,
    pub(crate) queries: Queries,
}

pub(crate) fn asker() -> Subject {
    "service:asker".parse().unwrap()
}

pub(crate) fn boss() -> Subject {
    Subject::user(user_id(0xb055))
}

/// A request of a service account, or of a user with or without a token for an account.
pub(crate) fn of<T>(subject: &Subject, account: Option<AccountId>, path: &str, message: T) -> Request<T> {
    let kind = if subject.kind() == "user" {
        CallerKind::User
    } else {
        CallerKind::Service
    };
    let caller = bailiwick_testkit::witness::caller(kind, subject.clone(), account);
    let path = format!("/bailiwick.authorization.v1.{path}");
    let mut request = Request::new(message);
    request
        .extensions_mut()
        .insert(Context::new(method(&path).unwrap(), (*caller).clone()));
    request
}

pub(crate) fn fully() -> Option<Consistency> {
    Some(Consistency {
        requirement: Some(Requirement::FullyConsistent(true)),
    })
}

pub(crate) async fn desk(world: World) -> Desk {
    let replica = world.replica();
    desk_over(world, replica).await
}

pub(crate) async fn desk_over(world: World, replica: Arc<Replica>) -> Desk {
    replica.poll().await.unwrap();
    let guard = Guard::new(
        Arc::new(ReplicaRights::consistent(replica.clone())),
        Arc::new(NoStepUp),
    );
    let near = Guard::new(Arc::new(ReplicaRights::near(replica.clone())), Arc::new(NoStepUp));
    let decisions = Decisions::new(replica.clone(), near.clone());
    let queries = Queries::new(
        replica.clone(),
        Arc::new(SqlLists(world.db.clone())),
        guard,
        near,
        world.bed.clock.clone(),
    );
    world
        .bind_root(
            ScopeRoot::Product("notes".parse::<Name>().unwrap().0),
            &asker(),
            "service",
        )
        .await;
    world.bind_root(ScopeRoot::Deployment, &boss(), "operator").await;
    for n in 1..=2 {
        world.account(account(n)).await;
        let mut write = world.write(account(n)).await;
        write.workspace(workspace(n), PlaceState::Active).await;
        write.member(user_id(1)).await;
        write.bind(&user(1), "editor", &Scope::Account(account(n))).await;
        write.commit().await;
    }
    replica.poll().await.unwrap();
    Desk {
        world,
        replica,
        decisions,
        queries,
    }
}

struct Name(bailiwick_types::ProductName);
impl std::str::FromStr for Name {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        text.to_owned().try_into().map(Name).map_err(|_| ())
    }
}

pub(crate) fn check(
    account: AccountId,
    subject: &Subject,
    permission: &str,
    target: &str,
) -> pb::CheckRequest {
    pb::CheckRequest {
        account: account.to_string(),
        subject: subject.to_string(),
        permission: permission.into(),
        target: target.into(),
        ..Default::default()
    }
}

impl Desk {
    pub(crate) async fn check(
        &self,
        by: &Subject,
        message: pb::CheckRequest,
    ) -> Result<pb::CheckResponse, Status> {
        let request = of(by, None, "DecisionService/Check", message);
        Ok(self.decisions.check(request).await?.into_inner())
    }
}
