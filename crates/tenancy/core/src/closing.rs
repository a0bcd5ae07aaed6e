//! Suspensions, restrictions and deletions: an intent is committed with the version that the change will
//! have, authorization is told, then the change is committed. A crash in between leaves less access, never
//! more, and a worker finishes it.

use async_trait::async_trait;
use bailiwick_types::{
    AccountId, AccountWrite, Method as _, Scope, StoreError, Subject, System, Timestamp, Token, faults,
    method::tenancy::{DeleteAccount, DeleteInstance, DeleteWorkspace, RestrictAccount, SuspendAccount},
};

use crate::{Event, State, Tenancy, audit::Record, peer::PeerError, place::PlaceId};

/// A suspension, restriction or deletion that is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    /// The account.
    pub account: AccountId,
    /// What is closed: the account, or an instance or workspace of it.
    pub scope: Scope,
    /// The version that it will have.
    pub version: u64,
    /// The state that it leads to: suspended, restricted or deleted.
    pub to: State,
    /// When the intent was committed.
    pub begun: Timestamp,
    /// Who asked for it first.
    pub actor: Option<Subject>,
}

impl Closing {
    /// Whether it is deleted. Until a restriction is committed, it counts as suspended.
    #[must_use]
    pub fn deletes(&self) -> bool {
        self.to == State::Deleted
    }
    /// The method that it was asked for with.
    #[must_use]
    pub fn action(&self) -> &'static str {
        let method = match (&self.scope, self.to) {
            (Scope::Instance(_), _) => DeleteInstance::DECLARATION,
            (Scope::Workspace(_), _) => DeleteWorkspace::DECLARATION,
            (_, State::Deleted) => DeleteAccount::DECLARATION,
            (_, State::Restricted) => RestrictAccount::DECLARATION,
            _ => SuspendAccount::DECLARATION,
        };
        method.name()
    }
}

/// Reads the closings of an account.
#[async_trait]
pub trait Reader: Send {
    /// The closing of a scope.
    ///
    /// # Errors
    /// The database fails.
    async fn find_closing(&mut self, scope: &Scope) -> Result<Option<Closing>, StoreError>;
    /// The token of everything that was written to the account so far.
    ///
    /// # Errors
    /// The database fails.
    async fn token(&mut self) -> Result<Token, StoreError>;
}

/// Reads unfinished closings of all accounts.
#[async_trait]
pub trait Unfinished: Send {
    /// Closings that began up to an instant, oldest first.
    ///
    /// # Errors
    /// The database fails.
    async fn unfinished(&mut self, begun_until: Timestamp, limit: u64) -> Result<Vec<Closing>, StoreError>;
}

/// Stores the closings of an account.
#[async_trait]
pub trait Writer: Send {
    /// Inserts an intent.
    ///
    /// # Errors
    /// The database fails, or it is another account's.
    async fn insert_closing(&mut self, closing: &Closing) -> Result<(), StoreError>;
    /// Removes an intent; false if there is none.
    ///
    /// # Errors
    /// The database fails, or it is another account's.
    async fn remove_closing(&mut self, closing: &Closing) -> Result<bool, StoreError>;
}

faults! {
    /// Why a closing is not finished.
    FinishError: Peer(PeerError), Store(StoreError);
}

/// Tells authorization and commits the change. A repetition, also a concurrent one, changes nothing more.
///
/// # Errors
/// Authorization or the store fails; the intent stays.
pub(crate) async fn finish(
    tenancy: &Tenancy,
    account: AccountWrite,
    closing: &Closing,
) -> Result<Token, FinishError> {
    let seen = tenancy.store.read(account.read()).await?.token().await?;
    tenancy.authorization.close_scope(closing, &seen).await?;
    Ok(apply(tenancy, account, closing).await?)
}

/// Finishes a closing that a crash or an unavailable authorization service interrupted: for the worker.
///
/// # Errors
/// Authorization or the store fails; the intent stays.
pub async fn resume(tenancy: &Tenancy, system: &System, closing: &Closing) -> Result<Token, FinishError> {
    finish(tenancy, system.account(closing.account), closing).await
}

/// Commits the change, which authorization knows by now.
async fn apply(tenancy: &Tenancy, account: AccountWrite, closing: &Closing) -> Result<Token, StoreError> {
    let mut write = tenancy.store.write(account).await?;
    if !write.remove_closing(closing).await? {
        // A concurrent call has finished it.
        return write.token().await;
    }
    let now = tenancy.clock.now();
    write.audit(Record::new(
        closing.actor.clone(),
        closing.action(),
        &closing.scope,
    ));
    if let Some(id) = PlaceId::of_scope(&closing.scope) {
        if let Some(mut place) = write.find_place(id).await? {
            place.state = closing.to;
            place.version = closing.version;
            place.updated = now;
            place.closing = false;
            write.update_place(&place).await?;
            write.emit(Event::Place(place));
        }
    } else if let Some(mut account) = write.find_account().await? {
        account.state = closing.to;
        account.version = closing.version;
        account.updated = now;
        account.closing = false;
        write.update_account(&account).await?;
        let created = false;
        write.emit(Event::Account { account, created });
    }
    write.commit().await
}

#[cfg(test)]
mod tests {
    use bailiwick_testkit::witness::system;

    use super::*;
    use crate::{
        account::suspend,
        memory::{self, World},
    };

    /// A suspension that authorization did not take.
    async fn cut_off(world: &World) -> Closing {
        world.account();
        world.authorization_is_away(true);
        let refused = suspend::run(&world.tenancy, &memory::operator()).await;
        assert!(matches!(refused, Err(suspend::Error::Finish(_))));
        world.unfinished().remove(0)
    }

    #[tokio::test]
    async fn a_closing_that_authorization_does_not_take_stays() {
        let world = World::new();
        let closing = cut_off(&world).await;
        let failed = resume(&world.tenancy, &system(), &closing).await;
        assert!(matches!(failed, Err(FinishError::Peer(_))));
        assert_eq!(world.unfinished(), [closing]);
        assert!(world.events().is_empty());
    }

    #[tokio::test]
    async fn a_closing_that_is_finished_twice_changes_once() {
        let world = World::new();
        let closing = cut_off(&world).await;
        world.authorization_is_away(false);
        let first = resume(&world.tenancy, &system(), &closing).await.unwrap();
        let again = resume(&world.tenancy, &system(), &closing).await.unwrap();
        assert_eq!(first, again);
        assert_eq!((world.events().len(), world.unfinished().len()), (1, 0));
        let audited = world.audited();
        let [(_, record)] = &audited[..] else {
            panic!("one entry, not {audited:?}");
        };
        assert_eq!(
            record.action,
            "bailiwick.tenancy.v1.AccountService/SuspendAccount"
        );
        assert_eq!(
            record.actor,
            memory::operator::<bailiwick_types::method::tenancy::SuspendAccount>()
                .subject()
                .cloned()
        );
    }
}
