//! A user was made or changed.

use bailiwick_types::{AccountId, ScopeRoot, Subject, UserId};

use super::Refusal;
use crate::{
    Change, Write,
    person::{Person, PersonState},
};

/// A user as identity tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonTold {
    /// Its id.
    pub user: UserId,
    /// Identity's version of it.
    pub version: u64,
    /// Its state.
    pub state: PersonState,
    /// Its e-mail address.
    pub email: String,
    /// Whether the address was proved.
    pub email_verified: bool,
    /// Whether it was made as an operator.
    pub operator: bool,
}

/// Applies it. The transaction must hold the deployment and the accounts, which are all in which the user is.
///
/// # Errors
/// See [`Refusal`].
pub async fn person_changed(
    write: &mut (impl Write + ?Sized),
    accounts: &[AccountId],
    told: PersonTold,
) -> Result<(), Refusal> {
    let before = write
        .person(told.user)
        .await?
        .unwrap_or_else(|| Person::unknown(told.user));
    if before.version >= told.version {
        return Ok(());
    }
    let (state, closed_version) = match before.closed_version {
        Some(version) if version > told.version => (before.state, Some(version)),
        _ => (told.state, None),
    };
    let person = Person {
        user: told.user,
        state,
        version: told.version,
        closed_version,
        email: told.email,
        email_verified: told.email_verified,
        operator: told.operator,
    };
    write.put_person(&person).await?;
    let subject = Subject::user(told.user);
    let operates = person.operator && state == PersonState::Active;
    if write
        .set_root_binding(&ScopeRoot::Deployment, &subject, "operator", operates)
        .await?
    {
        write.emit(ScopeRoot::Deployment, Change::Policy(None));
    }
    if before.state != state {
        // Whoever lets the user into an account locks its row first: after that write, no other account can come.
        if write
            .accounts_of(&subject)
            .await?
            .iter()
            .any(|account| !accounts.contains(account))
        {
            return Err(Refusal::Conflict);
        }
        for account in accounts {
            write.emit(ScopeRoot::Account(*account), Change::Subject(subject.clone()));
        }
    }
    Ok(())
}

/// A user is gone whom identity no longer names. The transaction must hold the deployment and the accounts.
///
/// # Errors
/// See [`Refusal`].
pub async fn person_gone(
    write: &mut (impl Write + ?Sized),
    accounts: &[AccountId],
    user: UserId,
) -> Result<(), Refusal> {
    let Some(person) = write.person(user).await? else {
        return Ok(());
    };
    let told = PersonTold {
        user,
        version: person.version + 1,
        state: PersonState::Deleted,
        email: person.email,
        email_verified: false,
        operator: false,
    };
    person_changed(write, accounts, told).await
}
