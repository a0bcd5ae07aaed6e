//! Takes the operator's role from a user, before identity makes the change of that version.

use bailiwick_types::{
    AllAccounts, Authorized, ScopeRoot, StoreError, Subject, System, Timestamp, Token,
    method::authorization::CloseUser,
};

use super::{
    RECONCILE,
    user::{Close, Error},
};
use crate::{
    Audit, Change, Ports, Precondition, Read, holders,
    person::{OPERATOR, Person},
};

/// Takes the role away; the user keeps everything else. Nothing older than the version gives it back:
/// identity makes one change of a user's access at a time, and tells all of the user with each.
///
/// # Errors
/// The user is the last operator.
pub async fn close(ports: &Ports, by: &Authorized<CloseUser>, close: Close) -> Result<Token, Error> {
    let all = by
        .all_accounts()
        .ok_or_else(|| StoreError::internal("a user is closed by a call that names no account"))?;
    let entry = Audit::of(by, Subject::user(close.user));
    end(ports, all, entry, close).await
}

/// Like [`close`], for a command that finishes a change of identity.
///
/// # Errors
/// The user is the last operator.
pub async fn close_unasked(ports: &Ports, by: &System, close: Close) -> Result<Token, Error> {
    let entry = Audit::new(None, RECONCILE, Subject::user(close.user).to_string());
    end(ports, by.all_accounts(), entry, close).await
}

async fn end(ports: &Ports, all: AllAccounts, entry: Audit, close: Close) -> Result<Token, Error> {
    let subject = Subject::user(close.user);
    let root = ScopeRoot::Deployment;
    let mut unit = ports.store.write_all(all, std::slice::from_ref(&root)).await?;
    let person = unit
        .person(close.user)
        .await?
        .unwrap_or_else(|| Person::unknown(close.user));
    // The intent is published with this version and may be replicated before this call: it does not mean that
    // the role is gone.
    let is_intent = person.version == close.version && person.operator;
    if person.version.covers(&close.version) && !is_intent {
        return Ok(unit.commit().await?);
    }
    may_go(&*unit, &subject, ports.clock.now()).await?;
    let closed = Person {
        version: close.version.clone(),
        operator: false,
        ..person
    };
    unit.put_person(&closed).await?;
    unit.set_root_binding(&root, &subject, OPERATOR, false).await?;
    unit.emit(root.clone(), Change::Policy(None));
    let entry = entry.with("version", &close.version).with("role", OPERATOR);
    unit.emit(root, entry.into());
    Ok(unit.commit().await?)
}

/// Whether the deployment can spare a user as its operator.
pub(super) async fn may_go(
    read: &(impl Read + ?Sized),
    subject: &Subject,
    now: Timestamp,
) -> Result<(), Error> {
    if holders::breaks_deployment_rule(read, OPERATOR, subject, now).await? {
        let role = OPERATOR.to_owned();
        return Err(Precondition::HolderRule { role }.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        closing::user,
        follow::{PersonTold, Way, person_changed},
        memory::{World, subject, user as id, version},
        person::{PersonState, Reader as _},
    };

    async fn tell(world: &World, n: u128, at: u64, operator: bool) {
        let told = PersonTold {
            user: id(n),
            version: version(at),
            way: Way::Event,
            state: PersonState::Active,
            email: format!("{n}@example.com"),
            email_verified: true,
            operator,
        };
        world
            .follow(async |write| person_changed(write, &[], told).await)
            .await
            .unwrap();
    }

    async fn operates(world: &World, n: u128) -> bool {
        let (read, subject) = (world.read(), subject(n));
        let bound = read.has_root_binding(&ScopeRoot::Deployment, &subject, OPERATOR);
        bound.await.unwrap()
    }

    fn of(n: u128, at: u64) -> Close {
        Close {
            user: id(n),
            version: version(at),
            deletes: None,
        }
    }

    fn is_rule(result: &Result<Token, Error>) -> bool {
        let Err(Error::Precondition(Precondition::HolderRule { role })) = result else {
            return false;
        };
        role == OPERATOR
    }

    #[tokio::test]
    async fn the_last_operator_is_neither_disabled_nor_loses_the_role() {
        let world = World::new().await;
        for n in [1, 2] {
            tell(&world, n, 1, true).await;
        }
        let (ports, by) = (&world.ports, world.by_suite());
        close(ports, &by, of(1, 2)).await.unwrap();
        assert!(!operates(&world, 1).await && operates(&world, 2).await);
        for refused in [
            close(ports, &by, of(2, 2)).await,
            user::close(ports, &by, of(2, 2)).await,
        ] {
            assert!(is_rule(&refused), "{refused:?}");
        }
        assert!(operates(&world, 2).await);
        // Who lost the role is an operator no more, and may be disabled.
        user::close(ports, &by, of(1, 3)).await.unwrap();
    }

    #[tokio::test]
    async fn an_intent_that_is_told_before_the_call_passes_no_rule() {
        let world = World::new().await;
        tell(&world, 1, 1, true).await;
        tell(&world, 2, 1, true).await;
        let (ports, by) = (&world.ports, world.by_suite());
        user::close(ports, &by, of(1, 2)).await.unwrap();
        tell(&world, 2, 2, true).await;
        let refused = close(ports, &by, of(2, 2)).await;
        assert!(is_rule(&refused), "{refused:?}");
        assert!(operates(&world, 2).await);
        // Once the change itself is known, a call that was repeated changes nothing.
        tell(&world, 1, 3, true).await;
        tell(&world, 2, 3, true).await;
        close(ports, &by, of(2, 2)).await.unwrap();
        assert!(operates(&world, 2).await);
    }

    #[tokio::test]
    async fn disabled_operators_and_service_accounts_count_for_nothing() {
        let world = World::new().await;
        for n in [1, 2] {
            tell(&world, n, 1, true).await;
        }
        let service = Subject::service(bailiwick_types::ServiceAccountId::from_uuid(
            uuid::Uuid::from_u128(7),
        ));
        world
            .put(async |write| {
                use crate::person::Writer;
                let root = ScopeRoot::Deployment;
                write
                    .set_root_binding(&root, &service, OPERATOR, true)
                    .await
                    .map(drop)
            })
            .await;
        let (ports, by) = (&world.ports, world.by_suite());
        user::close(ports, &by, of(1, 2)).await.unwrap();
        let refused = user::close(ports, &by, of(2, 2)).await;
        assert!(is_rule(&refused), "{refused:?}");
    }

    #[tokio::test]
    async fn nothing_that_was_said_before_gives_the_role_back() {
        let world = World::new().await;
        for n in [1, 2] {
            tell(&world, n, 1, true).await;
        }
        close(&world.ports, &world.by_suite(), of(1, 3)).await.unwrap();
        tell(&world, 1, 2, true).await;
        assert!(!operates(&world, 1).await);
        let person = world.read().person(id(1)).await.unwrap().unwrap();
        assert_eq!((person.state, person.operator), (PersonState::Active, false));
        // A repetition changes nothing; a later change of identity's counts.
        let told = world.told().len();
        close(&world.ports, &world.by_suite(), of(1, 3)).await.unwrap();
        assert_eq!(world.told().len(), told);
        tell(&world, 1, 5, true).await;
        assert!(operates(&world, 1).await);
    }
}
