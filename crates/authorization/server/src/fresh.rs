//! Waiting for what a consistency token names.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bailiwick_rpc::{Context, IntoStatus};
use bailiwick_sql::{Db, Error, follow::Waited, statement};
use bailiwick_types::{AccountId, Code, Fault, Reason, ScopeRoot, Service, ServiceAccountId, Subject};
use sea_orm::ConnectionTrait;
use tokio::time::Instant;
use tonic::Status;

/// How long a caller is waited for of whom identity's feed has not told yet. It has signed the token, so it will.
const FIRST_CONTACT: Duration = Duration::from_secs(5);
/// The pause between two looks for such a caller.
const LOOK: Duration = Duration::from_millis(20);
/// Callers that are remembered as known.
const REMEMBERED: usize = 100_000;

/// Identity has not told of the caller yet.
#[derive(Debug, thiserror::Error)]
#[error("the caller is not known here yet")]
struct NotKnownYet;

impl Fault for NotKnownYet {
    fn code(&self) -> Code {
        Code::Unavailable
    }
    fn reason(&self) -> Reason {
        Reason::NotYetVisible
    }
    fn retry_after(&self) -> Option<Duration> {
        Some(Duration::from_millis(200))
    }
}

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
    known: Arc<Mutex<HashSet<Subject>>>,
}

impl Freshness {
    pub(crate) fn new(db: Db, longest: Duration) -> Self {
        Self {
            db,
            longest,
            known: Arc::default(),
        }
    }
    /// Waits until identity's feed has told of a user or service account that it has signed a token for: without that, a
    /// caller that is new would be taken for one without rights.
    pub(crate) async fn known(&self, context: &Context, caller: &Subject) -> Result<(), Status> {
        let sql = match caller.kind() {
            "user" => "SELECT 1 AS one FROM user_state WHERE user_id = $1",
            "service" => "SELECT 1 AS one FROM service_state WHERE service_id = $1",
            _ => return Ok(()),
        };
        let service = || caller.service_id().map(ServiceAccountId::uuid);
        let Some(id) = caller
            .user_id()
            .map(bailiwick_types::UserId::uuid)
            .or_else(service)
        else {
            return Ok(());
        };
        let is_known = |known: &HashSet<Subject>| known.contains(caller);
        if is_known(&self.known.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(());
        }
        let end = Instant::now() + context.remaining(FIRST_CONTACT);
        loop {
            let conn = self.db.load();
            let row = conn.query_one_raw(statement(conn, sql, vec![id.into()])).await;
            if row.map_err(|error| Error::from(error).into_status())?.is_some() {
                let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
                if known.len() >= REMEMBERED {
                    known.clear();
                }
                known.insert(caller.clone());
                return Ok(());
            }
            if Instant::now() + LOOK >= end {
                return Err(NotKnownYet.into_status());
            }
            tokio::time::sleep(LOOK).await;
        }
    }
    /// Waits for the account in tenancy, and in identity for the caller and the subjects that the request names. Callers
    /// that are bound to another account wait for nothing: how long it takes would tell them what exists.
    pub(crate) async fn wait(
        &self,
        context: &Context,
        account: Option<AccountId>,
        subjects: &[&Subject],
    ) -> Result<(), Status> {
        if let Some(caller) = context.caller.subject() {
            self.known(context, caller).await?;
        }
        if context.token.is_empty() {
            return Ok(());
        }
        if let (Some(own), Some(account)) = (context.caller.account(), account)
            && own != account
        {
            return Ok(());
        }
        let people: Vec<&Subject> = subjects.iter().copied().chain(context.caller.subject()).collect();
        let needed = |service: Service, root: &ScopeRoot| match (service, root) {
            (Service::Tenancy, ScopeRoot::Account(of)) => account == Some(*of),
            (Service::Identity, ScopeRoot::User(user)) => {
                people.iter().any(|subject| subject.user_id() == Some(*user))
            }
            (Service::Identity, ScopeRoot::Deployment) => {
                people.iter().any(|subject| subject.kind() == "service")
            }
            _ => false,
        };
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
                    let late = NotYetVisible {
                        service: *service,
                        root: root.clone(),
                        revision: *revision,
                    };
                    return Err(late.into_status());
                }
            }
        }
        Ok(())
    }
}
