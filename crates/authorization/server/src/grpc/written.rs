//! Writes that answer with a preview where one is asked for.

use std::collections::{BTreeSet, HashMap};

use bailiwick_authorization_core::{
    Ports,
    operation::{self, Done, Operation},
    person::InAccount,
    preview::Effect,
};
use bailiwick_proto::authorization::v1 as pb;
use bailiwick_rpc::Tasks;
use bailiwick_types::{AccountId, Authorized, Method, Refused};
use tonic::Status;

use super::{Api, convert, encoded, status};

/// What became of an operation, as answers say it.
pub(super) struct Answer<T> {
    /// What it made, or would make.
    pub(super) output: T,
    /// Whether it is committed.
    pub(super) committed: bool,
    pub(super) token: String,
    pub(super) changes: Vec<pb::EffectiveChange>,
}

/// A write is a task of its own, which a client that cancels does not cut half-way. A preview ends with its
/// call: it would hold a connection past the deadline, and past the limit of calls in flight.
async fn carry_out<O: Operation>(
    ports: &Ports,
    tasks: &Tasks,
    by: &Authorized<O::Method>,
    (account, operation): (AccountId, O),
) -> Result<Done<O::Output>, Status> {
    if by.is_dry_run() {
        let previewed = operation::run_in(ports, by, account, operation).await;
        return previewed.map_err(status);
    }
    let (ports, by) = (ports.clone(), by.clone());
    let run = async move {
        let done = operation::run_in(&ports, &by, account, operation).await;
        done.map_err(status)
    };
    tasks.run(run).await
}

impl Api {
    /// Carries an operation out to its end, also when the client cancels; or previews it as long as the call
    /// lasts.
    pub(super) async fn run<O: Operation>(
        &self,
        by: Authorized<O::Method>,
        operation: O,
    ) -> Result<Answer<O::Output>, Status> {
        let account = by.account().ok_or_else(|| status(Refused::Denied))?;
        self.run_in(by, account.id(), operation).await
    }

    /// The same in the account that the request names, for a method that is authorized without one.
    pub(super) async fn run_in<O: Operation>(
        &self,
        by: Authorized<O::Method>,
        account: AccountId,
        operation: O,
    ) -> Result<Answer<O::Output>, Status> {
        match carry_out(&self.ports, &self.tasks, &by, (account, operation)).await? {
            Done::Committed(output, token) => Ok(Answer {
                output,
                committed: true,
                token: encoded(&token),
                changes: Vec::new(),
            }),
            Done::Previewed(output, effects) => Ok(Answer {
                output,
                committed: false,
                token: String::new(),
                changes: self.told(&by, effects).await?,
            }),
        }
    }

    /// What a preview found, with the names that people go by.
    pub(super) async fn told<M: Method>(
        &self,
        by: &Authorized<M>,
        effects: impl IntoIterator<Item = Effect>,
    ) -> Result<Vec<pb::EffectiveChange>, Status> {
        // What others have and how they are called is not in what a key names.
        if by.caller().key().is_some() {
            return Err(status(Refused::Denied));
        }
        let effects: Vec<Effect> = effects.into_iter().collect();
        let of = |effect: &Effect| Some((effect.account, effect.subject.user_id()?));
        let users: BTreeSet<InAccount> = effects.iter().filter_map(of).collect();
        let emails = if users.is_empty() {
            HashMap::new()
        } else {
            let users: Vec<InAccount> = users.into_iter().collect();
            let store = &self.ports.store;
            let read = match (by.account(), by.all_accounts()) {
                (Some(account), _) => store.read(account).await,
                (None, Some(all)) => store.read_all(all).await,
                (None, None) => return Err(status(Refused::Denied)),
            };
            let read = read.map_err(status)?;
            read.emails(&users).await.map_err(status)?
        };
        let email = |effect: &Effect| emails.get(&of(effect)?).cloned();
        let told = effects.into_iter().map(|effect| {
            let email = email(&effect).unwrap_or_default();
            convert::effect(effect, email)
        });
        Ok(told.collect())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use async_trait::async_trait;
    use bailiwick_authorization_core::{Limits, Read, Store, StoreError, Unit, binding::revoke::Revoke};
    use bailiwick_testkit::{ManualClock, witness};
    use bailiwick_types::{
        AccountAccess, AccountWrite, AllAccounts, Scope, ScopeRoot, SeededIds, SessionId, Subject, Target,
        UserId,
    };
    use tokio::sync::Semaphore;
    use uuid::Uuid;

    use super::*;

    /// A store that does not answer. Whoever waits for it holds the token.
    struct Silent {
        token: Arc<()>,
        asked: Arc<Semaphore>,
    }

    impl Silent {
        async fn wait<T>(&self) -> T {
            let _held = Arc::clone(&self.token);
            self.asked.add_permits(1);
            std::future::pending().await
        }
    }

    #[async_trait]
    impl Store for Silent {
        async fn read(&self, _: AccountAccess) -> Result<Box<dyn Read + Send + Sync>, StoreError> {
            self.wait().await
        }
        async fn read_all(&self, _: AllAccounts) -> Result<Box<dyn Read + Send + Sync>, StoreError> {
            self.wait().await
        }
        async fn write(&self, _: AccountWrite) -> Result<Option<Box<dyn Unit + Send + Sync>>, StoreError> {
            self.wait().await
        }
        async fn write_accounts(
            &self,
            _: AllAccounts,
            _: &[AccountId],
        ) -> Result<Option<Box<dyn Unit + Send + Sync>>, StoreError> {
            self.wait().await
        }
        async fn write_all(
            &self,
            _: AllAccounts,
            _: &[ScopeRoot],
        ) -> Result<Box<dyn Unit + Send + Sync>, StoreError> {
            self.wait().await
        }
    }

    /// Whether an operation goes on after its client has cancelled.
    async fn goes_on(validate_only: bool) -> bool {
        let (token, asked) = (Arc::new(()), Arc::new(Semaphore::new(0)));
        let store = Silent {
            token: Arc::clone(&token),
            asked: Arc::clone(&asked),
        };
        let ports = Ports {
            store: Arc::new(store),
            clock: Arc::new(ManualClock::default()),
            ids: Arc::new(SeededIds::new(1)),
            limits: Limits::default(),
        };
        let account = AccountId::from_uuid(Uuid::from_u128(1));
        let user = Subject::user(UserId::from_uuid(Uuid::from_u128(2)));
        let session = SessionId::from_uuid(Uuid::from_u128(3));
        let caller = witness::user(user.clone(), Some(account), session);
        let target = Target::account(account);
        let by = if validate_only {
            witness::previewing(&caller, &target, false)
        } else {
            witness::authorized(&caller, &target, false)
        };
        let revoke = Revoke {
            subject: user,
            role: "viewer".to_owned(),
            scope: Scope::Account(account),
            key: None,
        };
        let before = Arc::strong_count(&token);
        let tasks = Tasks::default();
        tokio::select! {
            _ = carry_out(&ports, &tasks, &by, (account, revoke)) => unreachable!("the store is silent"),
            _ = asked.acquire() => {}
        }
        Arc::strong_count(&token) > before
    }

    #[tokio::test]
    async fn a_write_outlives_its_call_and_a_preview_does_not() {
        assert!(goes_on(false).await);
        assert!(!goes_on(true).await);
    }
}
