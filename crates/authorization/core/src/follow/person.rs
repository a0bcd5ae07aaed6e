//! A user was made or changed.

use std::sync::Arc;

use bailiwick_types::{AccountId, ScopeRoot, SourceVersion, Subject, UserId};

use super::{Refusal, Way, outlives};
use crate::{
    Change, Write,
    person::{OPERATOR, Person, PersonState},
};

/// A user as identity tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonTold {
    /// Its id.
    pub user: UserId,
    /// Identity's version of it.
    pub version: SourceVersion,
    /// How it is told.
    pub way: Way,
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
    if before.version.covers(&told.version) {
        return Ok(());
    }
    let (state, closed_version) = match before.closed_version.clone() {
        Some(version) if outlives(&version, &told.version, told.way) => (before.state, Some(version)),
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
    // Older events that name the address of a deleted user may still be on their way.
    let person = match person.state {
        PersonState::Deleted => person.erased(),
        _ => person,
    };
    put(write, accounts, &before, person).await
}

/// Deletes a user that a snapshot of the history `epoch` does not name. The transaction must hold the
/// deployment and `accounts`, which are all accounts that have the user. Whatever that history tells of it
/// later counts.
///
/// # Errors
/// See [`Refusal`].
pub async fn person_gone(
    write: &mut (impl Write + ?Sized),
    accounts: &[AccountId],
    user: UserId,
    epoch: &Arc<str>,
) -> Result<(), Refusal> {
    let Some(before) = write.person(user).await? else {
        return Ok(());
    };
    let start = SourceVersion::new(Arc::clone(epoch), 0);
    let person = Person {
        version: before.version.clone().at_least(&start),
        closed_version: before
            .closed_version
            .clone()
            .filter(|of| of.shares_history(&start)),
        ..before.clone().erased()
    };
    put(write, accounts, &before, person).await
}

async fn put(
    write: &mut (impl Write + ?Sized),
    accounts: &[AccountId],
    before: &Person,
    person: Person,
) -> Result<(), Refusal> {
    write.put_person(&person).await?;
    let subject = Subject::user(person.user);
    let operates = person.operator && person.state == PersonState::Active;
    if write
        .set_root_binding(&ScopeRoot::Deployment, &subject, OPERATOR, operates)
        .await?
    {
        write.emit(ScopeRoot::Deployment, Change::Policy(None));
    }
    if before.state.is_closed() != person.state.is_closed() {
        write.emit(ScopeRoot::Deployment, Change::Fact(subject.clone()));
    }
    if before.state != person.state {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        memory::{EPOCH, World, account_id, subject, user, version as version_of},
        person::{Reader as _, Writer as _},
    };

    fn told(version: u64, state: PersonState) -> PersonTold {
        PersonTold {
            user: user(1),
            version: version_of(version),
            way: Way::Event,
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
        let told_of = [
            Change::Policy(None),
            Change::Policy(None),
            Change::Fact(subject(1)),
        ];
        assert_eq!(world.told(), told_of);
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
            closed_version: Some(version_of(4)),
            ..person(&world).await
        };
        world.put(async |write| write.put_person(&closed).await).await;
        tell(&world, told(3, PersonState::Active), &[]).await.unwrap();
        let kept = person(&world).await;
        assert_eq!(
            (kept.state, kept.closed_version),
            (PersonState::Disabled, Some(version_of(4)))
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
        assert_eq!(person(&world).await.version, version_of(1));
        tell(&world, told(2, PersonState::Disabled), &[account_id()])
            .await
            .unwrap();
        let of_account = (ScopeRoot::Account(account_id()), Change::Subject(subject(1)));
        let fact = (ScopeRoot::Deployment, Change::Fact(subject(1)));
        assert_eq!(world.memory.lock().changes, [fact, of_account]);
    }

    #[tokio::test]
    async fn a_user_without_an_account_is_told_of_when_it_is_closed_and_opened_and_not_else() {
        let world = World::new().await;
        let facts = |world: &World| {
            let changes = world.memory.lock().changes.clone();
            let fact = (ScopeRoot::Deployment, Change::Fact(subject(1)));
            changes.iter().filter(|change| **change == fact).count()
        };
        for (version, state, count) in [
            (1, PersonState::Active, 0),
            (2, PersonState::Disabled, 1),
            (3, PersonState::Deleted, 1),
            (4, PersonState::Active, 2),
            (5, PersonState::Active, 2),
        ] {
            let plain = PersonTold {
                operator: false,
                ..told(version, state)
            };
            tell(&world, plain, &[]).await.unwrap();
            assert_eq!(facts(&world), count, "version {version}");
        }
    }

    #[tokio::test]
    async fn an_older_event_brings_the_address_of_a_deleted_user_not_back() {
        let world = World::new().await;
        world.person(1).await;
        let deleted = Person {
            closed_version: Some(version_of(9)),
            ..person(&world).await.erased()
        };
        world.put(async |write| write.put_person(&deleted).await).await;
        tell(&world, told(8, PersonState::Active), &[]).await.unwrap();
        let kept = person(&world).await;
        assert_eq!((kept.state, kept.email.as_str()), (PersonState::Deleted, ""));
        assert!(!operates(&world).await);
    }

    #[tokio::test]
    async fn a_user_that_identity_no_longer_names_is_deleted() {
        let world = World::new().await;
        let gone = async |epoch: &str| {
            let (accounts, epoch) = ([account_id()], epoch.into());
            world
                .follow(async |write| person_gone(write, &accounts, user(1), &epoch).await)
                .await
        };
        gone(EPOCH).await.unwrap();
        assert_eq!(world.read().person(user(1)).await.unwrap(), None);
        world.member(1, "editor").await;
        gone(EPOCH).await.unwrap();
        let kept = person(&world).await;
        assert_eq!((kept.state, kept.version), (PersonState::Deleted, version_of(1)));
        assert!(world.told().contains(&Change::Subject(subject(1))));
        gone("restored").await.unwrap();
        let back = PersonTold {
            version: SourceVersion::new("restored", 1),
            ..told(1, PersonState::Active)
        };
        tell(&world, back, &[account_id()]).await.unwrap();
        assert_eq!(person(&world).await.state, PersonState::Active);
    }

    #[tokio::test]
    async fn what_a_restored_identity_tells_counts_although_its_versions_are_lower() {
        let world = World::new().await;
        tell(&world, told(7, PersonState::Active), &[]).await.unwrap();
        for (way, number, state) in [
            (Way::Snapshot, 5, PersonState::Active),
            (Way::Event, 6, PersonState::Disabled),
            (Way::Event, 5, PersonState::Active),
        ] {
            let restored = PersonTold {
                version: SourceVersion::new("restored", number),
                way,
                ..told(0, state)
            };
            tell(&world, restored, &[]).await.unwrap();
        }
        let kept = person(&world).await;
        assert_eq!(kept.state, PersonState::Disabled);
        assert_eq!(kept.version, SourceVersion::new("restored", 6));
    }

    #[tokio::test]
    async fn a_closure_ends_with_its_version_or_with_the_snapshot_of_another_history() {
        let of = |epoch: &str, number| SourceVersion::new(epoch, number);
        for (closed, told_at, way, state) in [
            (of(EPOCH, 9), of(EPOCH, 8), Way::Snapshot, PersonState::Disabled),
            (of(EPOCH, 9), of(EPOCH, 9), Way::Event, PersonState::Active),
            // It may be of a history that the follower has not reached yet.
            (of("restored", 2), of(EPOCH, 9), Way::Event, PersonState::Disabled),
            (
                of(EPOCH, 9),
                of("restored", 2),
                Way::Snapshot,
                PersonState::Active,
            ),
            (
                of("restored", 3),
                of("restored", 2),
                Way::Snapshot,
                PersonState::Disabled,
            ),
        ] {
            let world = World::new().await;
            world.person(1).await;
            let before = Person {
                state: PersonState::Disabled,
                closed_version: Some(closed.clone()),
                ..person(&world).await
            };
            world.put(async |write| write.put_person(&before).await).await;
            let told = PersonTold {
                version: told_at.clone(),
                way,
                ..told(0, PersonState::Active)
            };
            tell(&world, told, &[]).await.unwrap();
            assert_eq!(
                person(&world).await.state,
                state,
                "{closed:?} {told_at:?} {way:?}"
            );
        }
    }
}
