//! gRPC in front of the use cases and of the replica.

mod access;
mod approval;
mod ask;
pub(crate) mod attributes;
pub(crate) mod binding;
pub(crate) mod convert;
pub mod decision;
mod describe;
mod export;
pub(crate) mod grant;
mod group;
pub(crate) mod invitation;
pub(crate) mod member;
mod prelude;
mod product;
pub mod query;
mod quota;
pub(crate) mod resource;
pub(crate) mod role;
mod watch;
mod written;

use std::sync::Arc;

use bailiwick_authorization_core::{Ports, Read};
use bailiwick_authorization_engine::{Replica, ReplicaRights};
use bailiwick_proto::authorization::v1::{
    access_service_server::AccessServiceServer, approval_service_server::ApprovalServiceServer,
    binding_service_server::BindingServiceServer, decision_service_server::DecisionServiceServer,
    export_service_server::ExportServiceServer, grant_service_server::GrantServiceServer,
    group_service_server::GroupServiceServer, invitation_service_server::InvitationServiceServer,
    member_service_server::MemberServiceServer, product_service_server::ProductServiceServer,
    query_service_server::QueryServiceServer, quota_service_server::QuotaServiceServer,
    resource_service_server::ResourceServiceServer, role_service_server::RoleServiceServer,
    watch_service_server::WatchServiceServer,
};
use bailiwick_rpc::{Call, Context, Guard, IntoStatus, Rights, Services, Target, Tasks};
use bailiwick_types::{AccountId, Authorized, Fault, Method, Refused, Rows, Subject, Timestamp, Token};
use tokio_util::sync::CancellationToken;
use tonic::Status;

pub(crate) use convert::map_of;

use crate::{decision_log::DecisionLog, export::Exporter, fresh::Freshness, lists::Lists, watch::Hub};

/// What the handlers of administration work with.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) ports: Ports,
    pub(crate) guard: Guard,
    pub(crate) fresh: Freshness,
    pub(crate) rights: Arc<dyn Rights>,
    pub(crate) replica: Arc<Replica>,
    pub(crate) tasks: Tasks,
}

impl Api {
    /// Waits for what the request's token names, as far as the answer depends on it.
    async fn wait(&self, context: &Context, account: AccountId, subjects: &[&Subject]) -> Result<(), Status> {
        self.fresh.wait(context, Some(account), subjects).await
    }
    /// Waits for what the token of a call names, as far as the answer depends on it, then asks for the
    /// caller's right.
    async fn authorize<M: Method, R>(
        &self,
        call: &Call<M, R>,
        subjects: &[&Subject],
        target: &Target,
    ) -> Result<Authorized<M>, Status> {
        self.fresh
            .wait(&call.context, target.account_id(), subjects)
            .await?;
        self.guard.authorize(call, target).await
    }
    /// The same for rows that are the caller's own, or, with the permission, for all.
    async fn authorize_rows<M: Method, R>(
        &self,
        call: &Call<M, R>,
        account: AccountId,
    ) -> Result<(Authorized<M>, Rows), Status> {
        self.wait(&call.context, account, &[]).await?;
        self.guard.authorize_rows(call, account).await
    }
    /// Reads the account of a call.
    async fn snapshot<M: Method>(&self, by: &Authorized<M>) -> Result<Box<dyn Read + Send + Sync>, Status> {
        let account = by.account().ok_or_else(|| status(Refused::Denied))?;
        self.ports.store.read(account).await.map_err(status)
    }
}

/// All services.
pub(crate) fn services(
    api: &Api,
    replica: &Arc<Replica>,
    (lists, exporter): (Arc<dyn Lists>, Exporter),
    log: DecisionLog,
    (hub, stop): (Arc<Hub>, CancellationToken),
) -> Services {
    // Whoever asks for decisions is looked up where the decisions are made, not in the primary.
    let near = api
        .guard
        .with_rights(Arc::new(ReplicaRights::near(Arc::clone(replica))));
    let decisions = decision::Decisions::new(Arc::clone(replica), near.clone()).with_log(log);
    let clock = Arc::clone(&api.ports.clock);
    let exports = export::Exports {
        api: api.clone(),
        exporter,
    };
    let watches = watch::Watches {
        api: api.clone(),
        near: near.clone(),
        hub,
        stop,
    };
    let queries = query::Queries::new(Arc::clone(replica), lists, api.guard.clone(), near, clock);
    Services::new()
        .add(DecisionServiceServer::new(decisions))
        .add(QueryServiceServer::new(queries))
        .add(ExportServiceServer::new(exports))
        .add(ProductServiceServer::new(api.clone()))
        .add(MemberServiceServer::new(api.clone()))
        .add(InvitationServiceServer::new(api.clone()))
        .add(BindingServiceServer::new(api.clone()))
        .add(RoleServiceServer::new(api.clone()))
        .add(ResourceServiceServer::new(api.clone()))
        .add(GrantServiceServer::new(api.clone()))
        .add(GroupServiceServer::new(api.clone()))
        .add(QuotaServiceServer::new(api.clone()))
        .add(ApprovalServiceServer::new(api.clone()))
        .add(WatchServiceServer::new(watches))
        .add(AccessServiceServer::new(api.clone()))
}

/// The token of the answer to a write, as text: also what came with the request.
fn encoded(token: &Token) -> String {
    bailiwick_rpc::token::answer(token)
}

/// Whether something counts: lists leave out what has ended, whatever it is.
fn is_live(expires_at: Option<Timestamp>, now: Timestamp) -> bool {
    expires_at.is_none_or(|at| at > now)
}

/// A fault as a status.
fn status<F: Fault>(fault: F) -> Status {
    fault.into_status()
}
