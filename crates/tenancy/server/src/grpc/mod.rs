//! gRPC in front of the use cases: parse the request, ask the guard, run the use case, answer.

mod account;
mod answer;
mod audit;
mod instance;
mod list;
mod prelude;
mod request_key;
mod settings;
mod workspace;

use bailiwick_feed::Freshness;
use bailiwick_proto::tenancy::v1::{
    account_service_server::AccountServiceServer, audit_log_service_server::AuditLogServiceServer,
    instance_service_server::InstanceServiceServer, settings_service_server::SettingsServiceServer,
    workspace_service_server::WorkspaceServiceServer,
};
use bailiwick_rpc::{Call, Context, Guard, IntoStatus, Services, Target, Tasks};
use bailiwick_tenancy_core::{
    Tenancy,
    product::{self, Product},
};
use bailiwick_types::{AccountId, Authorized, Fault, Method, ProductName, ScopeRoot, Service, Violations};
use tonic::Status;

use crate::audit::AuditLog;

/// The methods of tenancy.
#[derive(Debug, Clone)]
pub struct Api {
    pub(crate) tenancy: Tenancy,
    pub(crate) fresh: Freshness,
    pub(crate) tasks: Tasks,
    pub(crate) guard: Guard,
    pub(crate) audit: AuditLog,
}

/// The services. Sign-up is not implemented.
pub(crate) fn services(api: Api) -> Services {
    Services::new()
        .add(AccountServiceServer::new(api.clone()))
        .add(AuditLogServiceServer::new(api.clone()))
        .add(InstanceServiceServer::new(api.clone()))
        .add(WorkspaceServiceServer::new(api.clone()))
        .add(SettingsServiceServer::new(api))
}

impl Api {
    /// Waits for the revision of a product that the token names. This comes before the caller's right:
    /// products are public.
    async fn wait_for_product(&self, context: &Context, product: &ProductName) -> Result<(), Status> {
        let needed = |service, root: &ScopeRoot| names(service, root, product);
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
        let read = async || {
            let product = product::before_right(&self.tenancy, &context.caller, account).await;
            product.map_err(IntoStatus::into_status)
        };
        let Some(mut product) = read().await? else {
            return Ok(());
        };
        if asks_for_products(context) {
            self.wait_for_product(context, &product.name).await?;
            product = read().await?.unwrap_or(product);
        }
        check(&product).map_err(IntoStatus::into_status)
    }
    /// Authorizes a call about an account, then waits for the revisions of the account and its product that
    /// the token names. Without the right, the wait would tell that the account exists.
    async fn authorize<M: Method, R>(
        &self,
        call: &Call<M, R>,
        target: &Target,
    ) -> Result<Authorized<M>, Status> {
        let by = self.guard.authorize(call, target).await?;
        let own = by.root();
        let product = self.product_of(&call.context, &by).await?;
        let needed = |service, root: &ScopeRoot| {
            let of_product = product.as_ref().is_some_and(|name| names(service, root, name));
            of_product || service == Service::Tenancy && *root == own
        };
        self.fresh.wait(&call.context, needed).await?;
        Ok(by)
    }
    /// The product of the account of a call whose token names products.
    async fn product_of<M: Method>(
        &self,
        context: &Context,
        by: &Authorized<M>,
    ) -> Result<Option<ProductName>, Status> {
        let Some(account) = by.account().filter(|_| asks_for_products(context)) else {
            return Ok(None);
        };
        let found = async {
            let mut read = self.tenancy.store.read(account).await?;
            read.find_account().await
        };
        let found = found.await.map_err(IntoStatus::into_status)?;
        Ok(found.map(|account| account.product))
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

/// Whether a pair of a token is that of a product.
fn names(service: Service, root: &ScopeRoot, product: &ProductName) -> bool {
    service == Service::Authorization && matches!(root, ScopeRoot::Product(name) if name == product)
}

/// Whether the token of a request names products.
fn asks_for_products(context: &Context) -> bool {
    let of_product = |(_, root): &(Service, ScopeRoot)| matches!(root, ScopeRoot::Product(_));
    context.token.revisions.keys().any(of_product)
}
