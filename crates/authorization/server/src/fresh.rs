//! Waits until this service has seen what a consistency token names, and the caller itself.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bailiwick_rpc::{Context, IntoStatus};
use bailiwick_sql::{Db, Error, query};
use bailiwick_types::{AccountId, ScopeRoot, Service, ServiceAccountId, Subject, faults};
use tokio::time::Instant;
use tonic::Status;

/// How long a caller is waited for of whom identity's feed has not told yet, counted from its first call: it
/// has signed the token, so it will. Whoever is still not there is answered at once from then on, however
/// often it calls.
const FIRST_CONTACT: Duration = Duration::from_secs(5);
/// The pause between two looks for such a caller.
const LOOK: Duration = Duration::from_millis(20);
/// Callers that are remembered as known, and those that are remembered as awaited.
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
    awaited: Arc<Mutex<HashMap<Subject, Instant>>>,
}

impl Freshness {
    pub(crate) fn new(db: Db, longest: Duration) -> Self {
        Self {
            tokens: bailiwick_feed::Freshness::new(db.clone(), longest),
            db,
            known: Arc::default(),
            awaited: Arc::default(),
        }
    }
    /// The instant up to which a caller is waited for that is not known.
    fn end_of_wait(&self, caller: &Subject) -> Instant {
        let mut awaited = self.awaited.lock().unwrap_or_else(PoisonError::into_inner);
        if awaited.len() >= REMEMBERED && !awaited.contains_key(caller) {
            let now = Instant::now();
            awaited.retain(|_, since| *since + FIRST_CONTACT > now);
        }
        if awaited.len() >= REMEMBERED && !awaited.contains_key(caller) {
            return Instant::now();
        }
        *awaited.entry(caller.clone()).or_insert_with(Instant::now) + FIRST_CONTACT
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
        let due = Instant::now() + context.remaining(FIRST_CONTACT);
        let mut end: Option<Instant> = None;
        loop {
            let rows = query(self.db.load(), sql, vec![id.into()]).await;
            let rows = rows.map_err(|error| CallerError::from(error).into_status())?;
            if !rows.is_empty() {
                let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
                if known.len() >= REMEMBERED {
                    known.clear();
                }
                known.insert(caller.clone());
                drop(known);
                let mut awaited = self.awaited.lock().unwrap_or_else(PoisonError::into_inner);
                awaited.remove(caller);
                return Ok(());
            }
            let end = *end.get_or_insert_with(|| self.end_of_wait(caller).min(due));
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bailiwick_sql::DbConfig;
    use bailiwick_testkit::{ManualClock, TestDb};
    use uuid::Uuid;

    use super::*;

    /// Whatever number of calls a caller makes, it is waited for once.
    #[tokio::test]
    async fn the_time_that_a_caller_is_waited_for_begins_with_its_first_call() {
        let database = TestDb::sqlite().await;
        let config = DbConfig::new(database.url().as_str());
        let clock = Arc::new(ManualClock::default());
        let db = Db::connect(config, Service::Authorization, clock).await.unwrap();
        let fresh = Freshness::new(db, Duration::from_millis(500));
        let caller = |n| Subject::service(ServiceAccountId::from_uuid(Uuid::from_u128(n)));
        let first = fresh.end_of_wait(&caller(1));
        assert_eq!(fresh.end_of_wait(&caller(1)), first);
        let other = fresh.end_of_wait(&caller(2));
        assert!(other >= first);
        assert_eq!(fresh.end_of_wait(&caller(1)), first);
        // More callers than are remembered wait for nothing.
        let now = Instant::now();
        let mut awaited = fresh.awaited.lock().unwrap();
        awaited.extend((3..REMEMBERED as u128 + 3).map(|n| (caller(n), now)));
        drop(awaited);
        assert!(fresh.end_of_wait(&caller(1 << 100)) <= Instant::now());
        assert_eq!(fresh.end_of_wait(&caller(1)), first);
    }
}
