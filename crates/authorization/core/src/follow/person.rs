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

/// Applies it. The transaction must hold the deployment and `accounts`, which are all accounts that have the
/// user.
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
        // Adding the user to an account locks its row first: after this write, no other account can follow.
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

/// Deletes a user that identity no longer names. The transaction must hold the deployment and the accounts.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        memory::{World, account_id, subject, user},
        person::{Reader as _, Writer as _},
    };

    fn told(version: u64, state: PersonState) -> PersonTold {
        PersonTold {
            user: user(1),
            version,
            state,
            email: "ann@example.com".to_owned(),
            email_verified: true,
            operator: true,
        }
    }

    async fn tell(world: &World, told: PersonTold, accounts: &[AccountId]) -> Result<(), Refusal> {
        world
            .follow(async |write| person_changed(write, accounts, told).await)
            .await
    }

    async fn person(world: &World) -> Person {
        world.read().person(user(1)).await.unwrap().unwrap()
    }

    async fn operates(world: &World) -> bool {
        let bound = world
            .read()
            .has_root_binding(&ScopeRoot::Deployment, &subject(1), "operator")
            .await;
        bound.unwrap()
    }

    #[tokio::test]
    async fn an_operator_operates_while_it_is_active() {
        let world = World::new().await;
        tell(&world, told(1, PersonState::Active), &[]).await.unwrap();
        assert_eq!(
            (person(&world).await.email, operates(&world).await),
            ("ann@example.com".to_owned(), true)
        );
        tell(&world, told(2, PersonState::Disabled), &[]).await.unwrap();
        assert!(!operates(&world).await);
        assert_eq!(world.told(), [Change::Policy(None), Change::Policy(None)]);
        tell(&world, told(1, PersonState::Active), &[]).await.unwrap();
        assert_eq!(
            person(&world).await.state,
            PersonState::Disabled,
            "what is older changes nothing"
        );
    }

    #[tokio::test]
    async fn a_user_that_was_closed_stays_closed_until_a_newer_version() {
        let world = World::new().await;
        world.person(1).await;
        let closed = Person {
            state: PersonState::Disabled,
            closed_version: Some(4),
            ..person(&world).await
        };
        world.put(async |write| write.put_person(&closed).await).await;
        tell(&world, told(3, PersonState::Active), &[]).await.unwrap();
        let kept = person(&world).await;
        assert_eq!(
            (kept.state, kept.closed_version),
            (PersonState::Disabled, Some(4))
        );
        assert!(!operates(&world).await);
        tell(&world, told(4, PersonState::Active), &[]).await.unwrap();
        assert_eq!(
            (person(&world).await.state, operates(&world).await),
            (PersonState::Active, true)
        );
    }

    #[tokio::test]
    async fn a_new_state_is_told_in_every_account_of_the_user() {
        let world = World::new().await;
        world.member(1, "editor").await;
        let refused = tell(&world, told(2, PersonState::Disabled), &[]).await;
        assert!(
            matches!(refused, Err(Refusal::Conflict)),
            "its account is not held"
        );
        assert_eq!(person(&world).await.version, 1);
        tell(&world, told(2, PersonState::Disabled), &[account_id()])
            .await
            .unwrap();
        let last = (ScopeRoot::Account(account_id()), Change::Subject(subject(1)));
        assert_eq!(world.memory.lock().changes, [last]);
    }

    #[tokio::test]
    async fn a_user_that_identity_no_longer_names_is_deleted() {
        let world = World::new().await;
        let gone = async || {
            let accounts = [account_id()];
            world
                .follow(async |write| person_gone(write, &accounts, user(1)).await)
                .await
        };
        gone().await.unwrap();
        assert_eq!(world.read().person(user(1)).await.unwrap(), None);
        world.member(1, "editor").await;
        gone().await.unwrap();
        let kept = person(&world).await;
        assert_eq!((kept.state, kept.version), (PersonState::Deleted, 2));
        assert!(world.told().contains(&Change::Subject(subject(1))));
    }
}
