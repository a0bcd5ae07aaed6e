//! Waiting for what a consistency token names.

use std::time::Duration;

use bailiwick_rpc::{Context, IntoStatus};
use bailiwick_sql::{Db, follow::Waited};
use bailiwick_types::{AccountId, Code, Fault, Reason, ScopeRoot, Service};
use tonic::Status;

/// What the token names did not get here in time.
#[derive(Debug, thiserror::Error)]
#[error("`{service}` at revision {revision} of `{root}` is not visible here yet")]
struct NotYetVisible {
    service: Service,
    root: ScopeRoot,
    revision: u64,
}

impl Fault for NotYetVisible {
    fn code(&self) -> Code {
        Code::Unavailable
    }
    fn reason(&self) -> Reason {
        Reason::NotYetVisible
    }
    fn retry_after(&self) -> Option<Duration> {
        Some(Duration::from_millis(100))
    }
}

/// Waits until this service has seen what a request's token names, as far as its answer depends on it.
#[derive(Debug, Clone)]
pub(crate) struct Freshness {
    db: Db,
    longest: Duration,
}

impl Freshness {
    pub(crate) fn new(db: Db, longest: Duration) -> Self {
        Self { db, longest }
    }
    /// Waits for the products that the token names. It comes before the caller's right: nobody's data shows in it.
    pub(crate) async fn products(&self, context: &Context) -> Result<(), Status> {
        self.wait(context, |service, root| {
            service == Service::Authorization && matches!(root, ScopeRoot::Product(_))
        })
        .await
    }
    /// Makes sure of an account's own revision. It comes after the caller's right: it would tell that the account exists.
    pub(crate) async fn account(&self, context: &Context, account: AccountId) -> Result<(), Status> {
        let own = ScopeRoot::Account(account);
        self.wait(context, |service, root| {
            service == Service::Tenancy && *root == own
        })
        .await
    }
    async fn wait(
        &self,
        context: &Context,
        needed: impl Fn(Service, &ScopeRoot) -> bool,
    ) -> Result<(), Status> {
        let pairs = context
            .token
            .revisions
            .iter()
            .filter(|((service, root), _)| needed(*service, root));
        for ((service, root), revision) in pairs {
            let Some(epoch) = context.token.epochs.get(service) else {
                continue;
            };
            let within = context.remaining(self.longest);
            let waited = self
                .db
                .wait_applied(*service, epoch, root, *revision, within)
                .await;
            match waited.map_err(IntoStatus::into_status)? {
                // Of another epoch there is nothing to wait for: what is read is the newest there is.
                Waited::Reached | Waited::OtherEpoch => {}
                Waited::Late => {
                    return Err(NotYetVisible {
                        service: *service,
                        root: root.clone(),
                        revision: *revision,
                    }
                    .into_status());
                }
            }
        }
        Ok(())
    }
}
