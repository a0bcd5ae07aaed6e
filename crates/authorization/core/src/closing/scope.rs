//! Denies everything in a scope from now on, before its owner makes the change of that version.

use bailiwick_policy::PlaceState;
use bailiwick_types::{
    AccountId, AllAccounts, Authorized, Scope, ScopeRoot, SourceVersion, StoreError, System, Token,
    method::authorization::CloseScope,
};

use super::RECONCILE;
use crate::{Audit, Change, Ports, account::EarlyClosure};

/// What is asked.
#[derive(Debug, Clone)]
pub struct Close {
    /// The account, which need not be known here yet.
    pub account: AccountId,
    /// The scope in it.
    pub scope: Scope,
    /// The version that it will have.
    pub version: SourceVersion,
    /// The state that it will have.
    pub state: PlaceState,
}

/// Closes a scope. One that has the version already stays as it is; one that is not known yet will be closed
/// from its beginning.
///
/// # Errors
/// The store fails.
pub async fn close(ports: &Ports, by: &Authorized<CloseScope>, close: Close) -> Result<Token, StoreError> {
    let all = by
        .all_accounts()
        .ok_or_else(|| StoreError::internal("a scope is closed by a call that names no account"))?;
    let entry = Audit::of(by, &close.scope);
    end(ports, all, entry, close).await
}

/// Like [`close`], for a command that finishes a change of tenancy.
///
/// # Errors
/// The store fails.
pub async fn close_unasked(ports: &Ports, by: &System, close: Close) -> Result<Token, StoreError> {
    let entry = Audit::new(None, RECONCILE, close.scope.to_string());
    end(ports, by.all_accounts(), entry, close).await
}

async fn end(ports: &Ports, all: AllAccounts, entry: Audit, close: Close) -> Result<Token, StoreError> {
    let root = ScopeRoot::Account(close.account);
    let mut unit = ports.store.write_all(all, std::slice::from_ref(&root)).await?;
    unit.select(all.account(close.account));
    let id = close.scope.uuid().unwrap_or_else(|| close.account.uuid());
    let is_closed = |version: &SourceVersion, closed: Option<&SourceVersion>| {
        version.covers(&close.version) || closed.is_some_and(|closed| closed.covers(&close.version))
    };
    let account = unit.account().await?;
    let places = unit.places(&[id]).await?;
    let place = places.into_iter().find(|place| place.scope == close.scope);
    let seen = match (close.scope == Scope::Account(close.account), account, place) {
        (true, Some(mut account), _) => {
            if is_closed(&account.version, account.closed_version.as_ref()) {
                return unit.commit().await;
            }
            account.state = close.state;
            account.closed_version = Some(close.version.clone());
            unit.put_account(&account).await?;
            Some(Change::from(&account))
        }
        (false, Some(_), Some(mut place)) => {
            if is_closed(&place.version, place.closed_version.as_ref()) {
                return unit.commit().await;
            }
            place.state = close.state;
            place.closed_version = Some(close.version.clone());
            unit.put_place(&place).await?;
            Some(Change::from(&place))
        }
        _ => None,
    };
    match seen {
        Some(seen) => {
            unit.emit(root.clone(), seen);
            unit.emit(root.clone(), Change::Policy(Some(close.account)));
        }
        None => {
            let before = unit.early_closure(id).await?;
            if !before.is_some_and(|before| before.version.covers(&close.version)) {
                let closure = EarlyClosure {
                    version: close.version.clone(),
                    state: close.state,
                };
                unit.put_early_closure(id, Some(closure)).await?;
            }
        }
    }
    unit.emit(root, entry.with("version", &close.version).into());
    unit.commit().await
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        account::{Place, Reader as _},
        memory::{World, account, account_id, version as version_of, workspace},
    };

    async fn close_in(world: &World, scope: Scope, version: u64, state: PlaceState) {
        close_at(world, scope, version_of(version), state).await;
    }

    async fn close_at(world: &World, scope: Scope, version: SourceVersion, state: PlaceState) {
        let command = Close {
            account: account_id(),
            scope,
            version,
            state,
        };
        close(&world.ports, &world.by_suite(), command).await.unwrap();
    }

    async fn place(world: &World) -> Place {
        let id = workspace().uuid().unwrap();
        world.read().places(&[id]).await.unwrap().remove(0)
    }

    #[tokio::test]
    async fn a_scope_is_closed_before_its_owner_changes_it() {
        let world = World::new().await;
        close_in(&world, workspace(), 2, PlaceState::Suspended).await;
        let closed = place(&world).await;
        assert_eq!(
            (closed.state, closed.closed_version.clone()),
            (PlaceState::Suspended, Some(version_of(2)))
        );
        assert_eq!(
            closed.version,
            version_of(1),
            "the version is the owner's to count up"
        );
        close_in(&world, account(), 2, PlaceState::Deleted).await;
        let of = world.read().account().await.unwrap().unwrap();
        assert_eq!(
            (of.state, of.closed_version.clone()),
            (PlaceState::Deleted, Some(version_of(2)))
        );
        let told = world.told();
        assert!(told.contains(&Change::from(&closed)) && told.contains(&Change::from(&of)));
        assert!(told.contains(&Change::Policy(Some(account_id()))), "{told:?}");
        let Some(Change::Audited(entry)) = told.last() else {
            panic!("{told:?}")
        };
        assert_eq!(
            (&*entry.target, &*entry.details["version"]),
            (&*account().to_string(), "2")
        );
    }

    #[tokio::test]
    async fn a_command_closes_as_a_call_does_and_is_told_apart_in_the_audit_log() {
        let world = World::new().await;
        let command = Close {
            account: account_id(),
            scope: workspace(),
            version: version_of(2),
            state: PlaceState::Deleted,
        };
        let by = bailiwick_testkit::witness::system();
        close_unasked(&world.ports, &by, command).await.unwrap();
        let closed = place(&world).await;
        assert_eq!(
            (closed.state, closed.closed_version),
            (PlaceState::Deleted, Some(version_of(2)))
        );
        let Some(Change::Audited(entry)) = world.told().pop() else {
            panic!("{:?}", world.told())
        };
        assert_eq!((entry.action, entry.actor), (RECONCILE, None));
    }

    #[tokio::test]
    async fn a_version_that_is_known_or_closed_changes_nothing() {
        let world = World::new().await;
        for scope in [account(), workspace()] {
            close_in(&world, scope, 1, PlaceState::Deleted).await;
        }
        assert_eq!(world.told(), []);
        for scope in [account(), workspace()] {
            close_in(&world, scope.clone(), 3, PlaceState::Suspended).await;
            let told = world.told().len();
            close_in(&world, scope, 3, PlaceState::Deleted).await;
            assert_eq!(world.told().len(), told);
        }
        assert_eq!(place(&world).await.state, PlaceState::Suspended);
    }

    #[tokio::test]
    async fn a_scope_that_is_not_known_yet_is_closed_from_its_beginning() {
        let world = World::new().await;
        let id = Uuid::from_u128(9);
        let scope = Scope::Workspace(bailiwick_types::WorkspaceId::from_uuid(id));
        for (version, state) in [(4, PlaceState::Suspended), (3, PlaceState::Deleted)] {
            close_in(&world, scope.clone(), version, state).await;
        }
        let state = PlaceState::Suspended;
        let early = world.read().early_closure(id).await.unwrap();
        let version = version_of(4);
        assert_eq!(early, Some(EarlyClosure { version, state }));
        world.memory.lock().rows.account = None;
        close_in(&world, account(), 2, state).await;
        let early = world.read().early_closure(account_id().uuid()).await.unwrap();
        let version = version_of(2);
        assert_eq!(early, Some(EarlyClosure { version, state }));
    }

    #[tokio::test]
    async fn a_restored_owner_closes_although_its_versions_are_lower() {
        let world = World::new().await;
        let restored = |number| SourceVersion::new("restored", number);
        world
            .change_account(|account| account.version = version_of(10))
            .await;
        close_at(&world, account(), restored(10), PlaceState::Suspended).await;
        let of = world.read().account().await.unwrap().unwrap();
        assert_eq!(
            (of.state, of.closed_version),
            (PlaceState::Suspended, Some(restored(10)))
        );
        let id = Uuid::from_u128(9);
        let scope = Scope::Workspace(bailiwick_types::WorkspaceId::from_uuid(id));
        close_in(&world, scope.clone(), 4, PlaceState::Suspended).await;
        close_at(&world, scope, restored(1), PlaceState::Suspended).await;
        let early = world.read().early_closure(id).await.unwrap().unwrap();
        assert_eq!(early.version, restored(1));
    }
}
