//! Denies everything in a scope from now on, before its owner makes the change of that version.

use bailiwick_policy::PlaceState;
use bailiwick_types::{AccountId, Authorized, Scope, ScopeRoot, StoreError, Token};

use crate::{Audit, Change, PlaceSeen, Ports, account::EarlyClosure};

const ACTION: &str = "bailiwick.authorization.v1.AccessService/CloseScope";

/// What is asked.
#[derive(Debug, Clone)]
pub struct Command {
    /// The account.
    pub account: AccountId,
    /// The scope in it.
    pub scope: Scope,
    /// The version that it will have.
    pub version: u64,
    /// What it will be then.
    pub state: PlaceState,
}

bailiwick_types::faults! {
    /// Why a scope is not closed.
    Error: Invalid(bailiwick_types::Violations), Store(bailiwick_types::StoreError);
}

/// Closes. A scope that has that version already is left as it is.
///
/// # Errors
/// See [`Error`].
pub async fn execute(ports: &Ports, by: &Authorized, command: Command) -> Result<Token, Error> {
    let all = by
        .all_accounts()
        .ok_or_else(|| StoreError::internal("closing needs no account"))?;
    let root = ScopeRoot::Account(command.account);
    let mut unit = ports.store.write_all(all, std::slice::from_ref(&root)).await?;
    unit.select(all.account(command.account));
    let id = command.scope.uuid().unwrap_or_else(|| command.account.uuid());
    let account = unit.account().await?;
    let place = unit
        .places(&[id])
        .await?
        .into_iter()
        .find(|place| place.scope == command.scope);
    let seen = match (command.scope == Scope::Account(command.account), account, place) {
        (true, Some(mut account), _) => {
            if account.version >= command.version || account.closed_version >= Some(command.version) {
                return Ok(unit.commit().await?);
            }
            account.state = command.state;
            account.closed_version = Some(command.version);
            unit.put_account(&account).await?;
            Some(account_seen(&account))
        }
        (false, Some(_), Some(mut place)) => {
            if place.version >= command.version || place.closed_version >= Some(command.version) {
                return Ok(unit.commit().await?);
            }
            place.state = command.state;
            place.closed_version = Some(command.version);
            unit.put_place(&place).await?;
            Some(place_seen(&place))
        }
        _ => None,
    };
    match seen {
        Some(seen) => {
            unit.emit(root.clone(), Change::Place(seen));
            unit.emit(root.clone(), Change::Policy(Some(command.account)));
        }
        None => {
            let closure = EarlyClosure {
                version: command.version,
                state: command.state,
            };
            let before = unit.early_closure(id).await?;
            if before.is_none_or(|before| before.version < command.version) {
                unit.put_early_closure(id, Some(closure)).await?;
            }
        }
    }
    let audit = Audit::new(by.subject().cloned(), ACTION, command.scope.to_string());
    unit.emit(root, audit.with("version", command.version).into());
    Ok(unit.commit().await?)
}

/// What the world is told of an account.
#[must_use]
pub fn account_change(account: &crate::account::Account) -> Change {
    Change::Place(account_seen(account))
}

/// What the world is told of a place.
#[must_use]
pub fn place_change(place: &crate::account::Place) -> Change {
    Change::Place(place_seen(place))
}

pub(crate) fn account_seen(account: &crate::account::Account) -> PlaceSeen {
    PlaceSeen {
        scope: Scope::Account(account.id),
        parent: None,
        state: account.state,
        title: account.title.clone(),
        edition: None,
    }
}

pub(crate) fn place_seen(place: &crate::account::Place) -> PlaceSeen {
    PlaceSeen {
        scope: place.scope.clone(),
        parent: Some(place.parent.clone()),
        state: place.state,
        title: place.title.clone(),
        edition: place.edition.clone(),
    }
}
