//! Waits until this service has seen what a consistency token names, and the caller itself.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bailiwick_rpc::{Context, IntoStatus};
use bailiwick_sql::{Db, Error, query};
use bailiwick_types::{AccountId, ScopeRoot, Service, ServiceAccountId, Subject, faults};
use tokio::time::Instant;
use tonic::Status;

/// How long a caller is waited for of whom identity's feed has not told yet. It has signed the token, so it
/// will.
const FIRST_CONTACT: Duration = Duration::from_secs(5);
/// The pause between two looks for such a caller.
const LOOK: Duration = Duration::from_millis(20);
/// Callers that are remembered as known.
const REMEMBERED: usize = 100_000;

faults! {
    /// Why a caller is not known.
    CallerError: Store(Error);
    /// Identity's feed has not brought the caller yet.
    NotReplicated "caller is not replicated to this service yet; retry"
        => Unavailable NotYetVisible, retry 200;
}

/// Waits until this service has seen what a request's token names, and its caller.
#[derive(Debug, Clone)]
pub(crate) struct Freshness {
    db: Db,
    tokens: bailiwick_feed::Freshness,
    known: Arc<Mutex<HashSet<Subject>>>,
}

impl Freshness {
    pub(crate) fn new(db: Db, longest: Duration) -> Self {
        Self {
            tokens: bailiwick_feed::Freshness::new(db.clone(), longest),
            db,
            known: Arc::default(),
        }
    }
    /// Waits until identity's feed has told of a user or service account that it has signed a token for:
    /// without that, a caller that is new would be taken for one without rights.
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
            let rows = query(self.db.load(), sql, vec![id.into()]).await;
            let rows = rows.map_err(|error| CallerError::from(error).into_status())?;
            if !rows.is_empty() {
                let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
                if known.len() >= REMEMBERED {
                    known.clear();
                }
                known.insert(caller.clone());
                return Ok(());
            }
            if Instant::now() + LOOK >= end {
                return Err(CallerError::NotReplicated.into_status());
            }
            tokio::time::sleep(LOOK).await;
        }
    }
    /// Waits for the account in tenancy, and in identity for the caller and the subjects that the request
    /// names. Callers that are bound to another account wait for nothing: how long it takes would tell them
    /// what exists.
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
        self.tokens.wait(context, needed).await
    }
}
