//! Waiting for what a consistency token names.

use std::time::Duration;

use bailiwick_rpc::{Context, IntoStatus};
use bailiwick_sql::{Db, follow::Waited};
use bailiwick_types::{AccountId, Code, Fault, Reason, ScopeRoot, Service, Subject};
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
    /// Waits for the account in tenancy, and in identity for the caller and the subjects that the request names. Callers
    /// that are bound to another account wait for nothing: how long it takes would tell them what exists.
    pub(crate) async fn wait(
        &self,
        context: &Context,
        account: Option<AccountId>,
        subjects: &[&Subject],
    ) -> Result<(), Status> {
        if context.token.is_empty() {
            return Ok(());
        }
        if let (Some(own), Some(account)) = (context.caller.account, account)
            && own != account
        {
            return Ok(());
        }
        let people: Vec<&Subject> = subjects.iter().copied().chain(&context.caller.subject).collect();
        let needed = |service: Service, root: &ScopeRoot| match (service, root) {
            (Service::Tenancy, ScopeRoot::Account(of)) => account == Some(*of),
            (Service::Identity, ScopeRoot::User(user)) => people.iter().any(|subject| subject.user_id() == Some(*user)),
            (Service::Identity, ScopeRoot::Deployment) => people.iter().any(|subject| subject.kind() == "service"),
            _ => false,
        };
        let pairs = context.token.revisions.iter().filter(|((service, root), _)| needed(*service, root));
        for ((service, root), revision) in pairs {
            let Some(epoch) = context.token.epochs.get(service) else { continue };
            let within = context.remaining(self.longest);
            let waited = self.db.wait_applied(*service, epoch, root, *revision, within).await;
            match waited.map_err(IntoStatus::into_status)? {
                // Of another epoch there is nothing to wait for: what is read is the newest there is.
                Waited::Reached | Waited::OtherEpoch => {}
                Waited::Late => {
                    let late = NotYetVisible { service: *service, root: root.clone(), revision: *revision };
                    return Err(late.into_status());
                }
            }
        }
        Ok(())
    }
}
