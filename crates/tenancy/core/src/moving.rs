//! Moves of workspaces: an intent is committed with the version that the workspace will have, authorization
//! moves what it knows of the workspace, then the change is committed. In between nothing is allowed in it. A
//! worker finishes what a crash interrupts: authorization either moves the workspace under that version or
//! never does, so that it ends whole at one place.

use async_trait::async_trait;
use bailiwick_types::{
    AccountId, AccountWrite, InstanceId, Method as _, Scope, StoreError, Subject, System, Timestamp, Token,
    WorkspaceId, faults, method::tenancy::MoveWorkspace,
};

use crate::{
    Event, State, Tenancy,
    audit::Record,
    peer::{Declined, MoveError, PeerError},
    place::{Place, PlaceId},
    request::{self, RequestKey},
    store::Write,
};

/// A move that is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moving {
    /// The account that the workspace lies in.
    pub account: AccountId,
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The account that it moves to; may be the same.
    pub target: AccountId,
    /// The instance that it moves to; without one directly to the account.
    pub parent: Option<InstanceId>,
    /// The version that it will have.
    pub version: u64,
    /// Who moves it.
    pub mover: Mover,
    /// The client's id for the request.
    pub request: Option<RequestKey>,
    /// When the intent was committed.
    pub begun: Timestamp,
}

/// Who moves a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mover {
    /// Who it is.
    pub subject: Subject,
    /// Whether a role of the deployment lets it move the workspace.
    pub operator: bool,
    /// Whether a role of the deployment lets it create one at the target.
    pub target_operator: bool,
}

impl Moving {
    /// The workspace as a scope.
    #[must_use]
    pub fn scope(&self) -> Scope {
        Scope::Workspace(self.workspace)
    }
    /// The scope that it moves to.
    #[must_use]
    pub fn parent_scope(&self) -> Scope {
        self.parent.map_or(Scope::Account(self.target), Scope::Instance)
    }
    /// The entry of the audit log, the same in both accounts.
    fn record(&self) -> Record {
        let mover = Some(self.mover.subject.clone());
        Record::new(mover, MoveWorkspace::DECLARATION.name(), self.scope())
            .with("from", self.account)
            .with("to", self.parent_scope())
    }
    /// Whether it stays in its account.
    #[must_use]
    pub fn is_within(&self) -> bool {
        self.account == self.target
    }
}

/// Reads the moves of an account.
#[async_trait]
pub trait Reader: Send {
    /// The move of a workspace out of its place in the account.
    ///
    /// # Errors
    /// The database fails.
    async fn find_moving(&mut self, id: WorkspaceId) -> Result<Option<Moving>, StoreError>;
}

/// Reads unfinished moves of all accounts.
#[async_trait]
pub trait Unfinished: Send {
    /// Moves that began up to an instant, oldest first; those that follow one of them.
    ///
    /// # Errors
    /// The database fails.
    async fn unfinished_moves(
        &mut self,
        begun_until: Timestamp,
        after: Option<&Moving>,
        limit: u64,
    ) -> Result<Vec<Moving>, StoreError>;
}

/// Stores the moves of an account: each is known to the account that it leaves and to the one that it comes
/// to.
#[async_trait]
pub trait Writer: Send {
    /// Inserts an intent for the account of the unit of work.
    ///
    /// # Errors
    /// The database fails, or it is another account's.
    async fn insert_moving(&mut self, moving: &Moving) -> Result<(), StoreError>;
    /// Removes an intent of the account of the unit of work; false if there is none.
    ///
    /// # Errors
    /// The database fails, or it is another account's.
    async fn remove_moving(&mut self, moving: &Moving) -> Result<bool, StoreError>;
}

faults! {
    /// Why a move is not finished.
    FinishError: Declined(Declined), Peer(PeerError), Store(StoreError);
    /// Another call has finished it in another way.
    Raced "a concurrent change won; read the workspace again" => Aborted Conflict, retry 20;
}

/// The accounts of a move.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Accounts {
    pub(crate) source: AccountWrite,
    pub(crate) target: AccountWrite,
}

impl Accounts {
    /// The token of everything that was written to both so far.
    pub(crate) async fn seen(self, tenancy: &Tenancy) -> Result<Token, StoreError> {
        let mut seen = tenancy.store.read(self.source.read()).await?.token().await?;
        if self.source != self.target {
            seen.merge(&tenancy.store.read(self.target.read()).await?.token().await?);
        }
        Ok(seen)
    }
}

/// Has authorization move the workspace and commits the change; gives the move up where authorization refuses
/// it. A repetition, also a concurrent one, changes nothing more.
///
/// # Errors
/// Authorization refuses, or authorization or the store fails; then the intent stays.
pub(crate) async fn finish(
    tenancy: &Tenancy,
    accounts: Accounts,
    moving: &Moving,
) -> Result<(Place, Token), FinishError> {
    let seen = accounts.seen(tenancy).await?;
    match tenancy.authorization.move_scope(moving, &seen).await {
        Ok(()) => apply(tenancy, accounts, moving).await,
        Err(MoveError::Declined(declined)) => {
            give_up(tenancy, accounts, moving).await?;
            Err(declined.into())
        }
        Err(MoveError::Peer(error)) => Err(error.into()),
    }
}

/// Finishes a move that a crash or an unavailable authorization service interrupted: for the worker.
///
/// # Errors
/// As for the call that began it.
pub async fn resume(tenancy: &Tenancy, system: &System, moving: &Moving) -> Result<(), FinishError> {
    let accounts = Accounts {
        source: system.account(moving.account),
        target: system.account(moving.target),
    };
    finish(tenancy, accounts, moving).await.map(drop)
}

/// Commits the change, which authorization knows by now.
async fn apply(
    tenancy: &Tenancy,
    accounts: Accounts,
    moving: &Moving,
) -> Result<(Place, Token), FinishError> {
    let id = PlaceId::Workspace(moving.workspace);
    let mut write = tenancy.store.write_both(accounts.source, accounts.target).await?;
    write.select(accounts.source);
    if !write.remove_moving(moving).await? {
        // A concurrent call has finished it.
        write.select(accounts.target);
        let place = write.find_place(id).await?.ok_or(FinishError::Raced)?;
        drop(write);
        return Ok((place, accounts.seen(tenancy).await?));
    }
    let now = tenancy.clock.now();
    let mut place = write.any_place(id).await?.ok_or(FinishError::Raced)?;
    place.version = moving.version;
    place.updated = now;
    place.closing = false;
    if !moving.is_within() {
        let left = Place {
            parent: None,
            state: State::Deleted,
            ..place.clone()
        };
        write.put_place(&left).await?;
        write.emit(Event::Place(left));
        write.audit(moving.record());
        write.select(accounts.target);
        write.remove_moving(moving).await?;
        place.account = moving.target;
        place.moved_from = Some(moving.account);
    }
    place.parent = moving.parent;
    write.put_place(&place).await?;
    write.emit(Event::Place(place.clone()));
    write.audit(moving.record());
    let key = unused(&mut *write, moving.request.as_ref()).await?;
    Ok(request::commit(write, key, place, now).await?)
}

/// The key, unless the client has used the id for another request meanwhile: authorization has moved the
/// workspace, so that the change is committed all the same.
async fn unused<'k>(
    write: &mut dyn Write,
    key: Option<&'k RequestKey>,
) -> Result<Option<&'k RequestKey>, StoreError> {
    let Some(key) = key else { return Ok(None) };
    let found = write.find_request(&key.caller, key.id).await?;
    Ok(found.is_none().then_some(key))
}

/// Keeps the answer to a request that found the move under way, which another request had begun.
///
/// # Errors
/// The store fails.
pub(crate) async fn keep_answer(
    tenancy: &Tenancy,
    accounts: Accounts,
    key: &RequestKey,
    place: Place,
) -> Result<(Place, Token), StoreError> {
    let mut write = tenancy.store.write(accounts.target).await?;
    let key = unused(&mut *write, Some(key)).await?;
    let (place, mut token) = request::commit(write, key, place, tenancy.clock.now()).await?;
    token.merge(&accounts.seen(tenancy).await?);
    Ok((place, token))
}

/// Takes an intent back. The version is used up: authorization accepts no move under it any more.
async fn give_up(tenancy: &Tenancy, accounts: Accounts, moving: &Moving) -> Result<(), StoreError> {
    let mut write = tenancy.store.write_both(accounts.source, accounts.target).await?;
    write.select(accounts.source);
    if !write.remove_moving(moving).await? {
        return Ok(());
    }
    if let Some(mut place) = write.any_place(PlaceId::Workspace(moving.workspace)).await? {
        place.version = moving.version;
        place.updated = tenancy.clock.now();
        place.closing = false;
        write.put_place(&place).await?;
        write.emit(Event::Place(place));
    }
    if !moving.is_within() {
        write.select(accounts.target);
        write.remove_moving(moving).await?;
    }
    write.commit().await.map(drop)
}

#[cfg(test)]
mod tests {
    use bailiwick_testkit::witness::system;

    use super::*;
    use crate::{
        Etag,
        memory::{self, World},
        place::move_workspace,
    };

    #[tokio::test]
    async fn a_move_that_is_taken_back_twice_uses_one_version_up() {
        let world = World::new();
        world.account();
        world.other_account();
        let id = world.workspace();
        world.authorization_goes_away_after_previews(true);
        let command = move_workspace::Command {
            id,
            parent: None,
            etag: Etag::default(),
            request: None,
        };
        let there = memory::operator_there();
        let cut_off = move_workspace::run(&world.tenancy, &memory::operator(), &there, command).await;
        assert!(cut_off.is_err());
        let begun = world.unfinished_moves().remove(0);
        let accounts = Accounts {
            source: system().account(begun.account),
            target: system().account(begun.target),
        };
        for _ in 0..2 {
            give_up(&world.tenancy, accounts, &begun).await.unwrap();
        }
        let kept = world.kept_places(id);
        assert_eq!((kept[0].version, kept[0].closing), (2, false));
        assert_eq!((world.events().len(), world.unfinished_moves().len()), (1, 0));
        // A call that was still under way finds nothing to commit.
        let late = apply(&world.tenancy, accounts, &begun).await;
        assert!(matches!(late, Err(FinishError::Raced)));
        assert_eq!(world.kept_places(id).len(), 1);
    }
}
