//! gRPC in front of the use cases: parse, ask the guard, run, answer.

mod account;
mod answer;
mod instance;
mod parse;
mod settings;
mod viewer;
mod workspace;

use std::{future::Future, sync::Arc};

use bailiwick_feed::Freshness;
use bailiwick_proto::tenancy::v1::{
    account_service_server::AccountServiceServer, instance_service_server::InstanceServiceServer,
    settings_service_server::SettingsServiceServer, workspace_service_server::WorkspaceServiceServer,
};
use bailiwick_rpc::{Context, Guard, IntoStatus, Services, Target};
use bailiwick_tenancy_core::{peer::Authorization, store::Store};
use bailiwick_types::{AccountId, Authorized, Clock, Code, Fault, IdGen, Reason, ScopeRoot, Service, Token};
use tokio_util::task::TaskTracker;
use tonic::Status;

/// What the methods share.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) authorization: Arc<dyn Authorization>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn IdGen>,
    pub(crate) fresh: Freshness,
    pub(crate) tasks: TaskTracker,
    pub(crate) guard: Guard,
}

/// The services. Sign-up and the audit log are declared and not served: their turn comes later.
pub(crate) fn services(api: Api) -> Services {
    Services::new()
        .add(AccountServiceServer::new(api.clone()))
        .add(InstanceServiceServer::new(api.clone()))
        .add(WorkspaceServiceServer::new(api.clone()))
        .add(SettingsServiceServer::new(api))
}

/// A task of ours ended by a panic.
#[derive(Debug, thiserror::Error)]
#[error("a write was cut off: {0}")]
struct CutOff(#[from] tokio::task::JoinError);

impl Fault for CutOff {
    fn code(&self) -> Code {
        Code::Internal
    }
    fn reason(&self) -> Reason {
        Reason::Internal
    }
}

impl Api {
    /// Waits for the products that the token names. It comes before the caller's right: nobody's data shows in it.
    async fn products(&self, context: &Context) -> Result<(), Status> {
        let needed = |service, root: &ScopeRoot| {
            service == Service::Authorization && matches!(root, ScopeRoot::Product(_))
        };
        self.fresh.wait(context, needed).await
    }
    /// Lets a call pass that is about something in an account, and makes sure of the account's revision.
    async fn pass(
        &self,
        context: &Context,
        account: AccountId,
        target: Target,
    ) -> Result<Authorized, Status> {
        let authorized = self.guard.authorize_any(context, target).await?;
        let own = ScopeRoot::Account(account);
        // After the caller's right: the wait would tell that the account exists.
        let needed = |service, root: &ScopeRoot| service == Service::Tenancy && *root == own;
        self.fresh.wait(context, needed).await?;
        Ok(authorized)
    }
    /// Gives authorization the time that a token gives it to see a write that decisions depend on, so that what is asked next
    /// goes by it also without a token. The write is done, whatever comes of this.
    async fn seen(&self, mut context: Context, account: AccountId, written: &Token) {
        context.token.merge(written);
        if let Err(status) = self.guard.authorize_any(&context, Target::account(account)).await {
            tracing::debug!(%account, code = %status.code(), "authorization has not seen the settings yet");
        }
    }
    /// Runs a write to its end, also when the caller goes away.
    async fn write<T, F>(&self, work: F) -> Result<T, Status>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Status>> + Send + 'static,
    {
        let done = self.tasks.spawn(bailiwick_rpc::carry(work)).await;
        done.map_err(|error| CutOff(error).into_status())?
    }
}

/// Whether a misfit with the manifest may be told before the caller's right is asked: to whoever's token is bound to the
/// account. Anybody else would learn from it that the account exists.
fn may_know(context: &Context, account: AccountId) -> bool {
    context.caller.account() == Some(account)
}
