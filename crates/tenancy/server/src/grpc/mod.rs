//! gRPC in front of the use cases: parse the request, ask the guard, run the use case, answer.

mod account;
mod answer;
mod instance;
mod list;
mod prelude;
mod request_key;
mod settings;
mod workspace;

use bailiwick_feed::Freshness;
use bailiwick_proto::tenancy::v1::{
    account_service_server::AccountServiceServer, instance_service_server::InstanceServiceServer,
    settings_service_server::SettingsServiceServer, workspace_service_server::WorkspaceServiceServer,
};
use bailiwick_rpc::{Call, Context, Guard, IntoStatus, Services, Target, Tasks};
use bailiwick_tenancy_core::{
    Tenancy,
    product::{self, Product},
};
use bailiwick_types::{AccountId, Authorized, Fault, Method, ScopeRoot, Service, Violations};
use tonic::Status;

/// The methods of tenancy.
#[derive(Debug, Clone)]
pub struct Api {
    pub(crate) tenancy: Tenancy,
    pub(crate) fresh: Freshness,
    pub(crate) tasks: Tasks,
    pub(crate) guard: Guard,
}

/// The services. Sign-up and the audit log are not implemented.
pub(crate) fn services(api: Api) -> Services {
    Services::new()
        .add(AccountServiceServer::new(api.clone()))
        .add(InstanceServiceServer::new(api.clone()))
        .add(WorkspaceServiceServer::new(api.clone()))
        .add(SettingsServiceServer::new(api))
}

impl Api {
    /// Waits for the products that the token names. This comes before the caller's right: products are
    /// public.
    async fn wait_for_products(&self, context: &Context) -> Result<(), Status> {
        let needed = |service, root: &ScopeRoot| {
            service == Service::Authorization && matches!(root, ScopeRoot::Product(_))
        };
        self.fresh.wait(context, needed).await
    }
    /// Checks a request against the account's product before the caller's right, for callers that may learn
    /// of a misfit ([`product::before_right`]).
    async fn check_before_right(
        &self,
        context: &Context,
        account: AccountId,
        check: impl FnOnce(&Product) -> Result<(), Violations>,
    ) -> Result<(), Status> {
        self.wait_for_products(context).await?;
        let product = product::before_right(&self.tenancy, &context.caller, account).await;
        match product.map_err(IntoStatus::into_status)? {
            Some(product) => check(&product).map_err(IntoStatus::into_status),
            None => Ok(()),
        }
    }
    /// Authorizes a call about an account, then waits for the revision of the account that the token names.
    /// Without the right, the wait would tell that the account exists.
    async fn authorize<M: Method, R>(
        &self,
        call: &Call<M, R>,
        target: &Target,
    ) -> Result<Authorized<M>, Status> {
        let by = self.guard.authorize(call, target).await?;
        let own = by.root();
        let needed = |service, root: &ScopeRoot| service == Service::Tenancy && *root == own;
        self.fresh.wait(&call.context, needed).await?;
        Ok(by)
    }
    /// Runs a write to its end, also when the client cancels.
    async fn write<T, E, F>(&self, work: impl FnOnce(Tenancy) -> F) -> Result<T, Status>
    where
        T: Send + 'static,
        E: Fault,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let work = work(self.tenancy.clone());
        self.tasks
            .run(async move { work.await.map_err(IntoStatus::into_status) })
            .await
    }
}
