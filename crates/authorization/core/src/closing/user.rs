//! Denies everything to a user from now on, before identity makes the change of that version.

use bailiwick_types::{
    AccountId, AllAccounts, Authorized, EmailKey, ScopeRoot, SourceVersion, StoreError, Subject, System,
    Token, UserId, faults, method::authorization::CloseUser,
};

use super::{RECONCILE, operator};
use crate::{
    Audit, Change, Ports, Precondition, Read, Situation, Unit, holders,
    invitation::State,
    person::{OPERATOR, Person, PersonState},
};

/// What is asked.
#[derive(Debug, Clone)]
pub struct Close {
    /// The user.
    pub user: UserId,
    /// The version that it will have.
    pub version: SourceVersion,
    /// Of a user that is deleted: its address. What accounts have of the user goes, and what names the
    /// address.
    pub deletes: Option<EmailKey>,
}

faults! {
    /// Why a user is not closed.
    Error: Precondition(Precondition), Store(StoreError);
    /// The user gets into accounts faster than they can be locked.
    Conflict "the user is being added to other accounts: try again" => Aborted Conflict;
}

/// How often the accounts are looked up again because the user was added to another one meanwhile.
const ATTEMPTS: usize = 5;

/// Closes a user. One that has the version already stays as it is.
///
/// # Errors
/// See [`Error`].
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
/// See [`Error`].
pub async fn close_unasked(ports: &Ports, by: &System, close: Close) -> Result<Token, Error> {
    let entry = Audit::new(None, RECONCILE, Subject::user(close.user).to_string());
    end(ports, by.all_accounts(), entry, close).await
}

async fn end(ports: &Ports, all: AllAccounts, entry: Audit, close: Close) -> Result<Token, Error> {
    let subject = Subject::user(close.user);
    for _ in 0..ATTEMPTS {
        let read = ports.store.read_all(all).await?;
        let accounts = accounts_of(&*read, &subject, &close).await?;
        drop(read);
        let mut roots: Vec<ScopeRoot> = accounts.iter().copied().map(ScopeRoot::Account).collect();
        roots.push(ScopeRoot::Deployment);
        let mut unit = ports.store.write_all(all, &roots).await?;
        let person = unit
            .person(close.user)
            .await?
            .unwrap_or_else(|| Person::unknown(close.user));
        let is_closed = |closed: &SourceVersion| closed.covers(&close.version);
        let is_closed = is_closed(&person.version) || person.closed_version.as_ref().is_some_and(is_closed);
        // What only closed it has erased nothing.
        if is_closed && (close.deletes.is_none() || person.state == PersonState::Deleted) {
            return Ok(unit.commit().await?);
        }
        let now = ports.clock.now();
        let closed = match close.deletes {
            None => Person {
                state: PersonState::Disabled,
                closed_version: Some(close.version.clone()),
                ..person.clone()
            },
            Some(_) => Person {
                closed_version: Some(close.version.clone()),
                ..person.clone().erased()
            },
        };
        unit.put_person(&closed).await?;
        // Adding the user to an account locks its row first: after this write, no other account can follow.
        let present = accounts_of(&*unit, &subject, &close).await?;
        if present.iter().any(|account| !accounts.contains(account)) {
            continue;
        }
        // The rules are asked as if the user still counted.
        unit.put_person(&person).await?;
        operator::may_go(&*unit, &subject, now).await?;
        for account in &accounts {
            unit.select(all.account(*account));
            let bindings = unit.bindings_of(&subject).await?;
            let scopes = bindings.iter().map(|binding| &binding.scope);
            let Some(situation) = Situation::load(&*unit, scopes).await? else {
                continue;
            };
            if let Some(binding) = holders::first_broken(&*unit, &situation, &bindings, now).await? {
                let role = binding.role.clone();
                return Err(Precondition::HolderRule { role }.into());
            }
        }
        unit.put_person(&closed).await?;
        if unit
            .set_root_binding(&ScopeRoot::Deployment, &subject, OPERATOR, false)
            .await?
        {
            unit.emit(ScopeRoot::Deployment, Change::Policy(None));
        }
        if !person.state.is_closed() {
            unit.emit(ScopeRoot::Deployment, Change::Fact(subject.clone()));
        }
        for account in accounts {
            if let Some(address) = &close.deletes {
                unit.select(all.account(account));
                erase(&mut *unit, account, &close, address).await?;
            }
            unit.emit(ScopeRoot::Account(account), Change::Subject(subject.clone()));
        }
        let entry = entry.with("version", &close.version);
        unit.emit(ScopeRoot::Deployment, entry.into());
        return Ok(unit.commit().await?);
    }
    Err(Error::Conflict)
}

/// The accounts that the change reaches.
async fn accounts_of(
    read: &(impl Read + ?Sized),
    subject: &Subject,
    close: &Close,
) -> Result<Vec<AccountId>, StoreError> {
    match &close.deletes {
        Some(address) => read.accounts_naming(subject, address).await,
        None => read.accounts_of(subject).await,
    }
}

/// Erases what the account has of a deleted user.
async fn erase(
    unit: &mut (dyn Unit + Send + Sync),
    account: AccountId,
    close: &Close,
    address: &EmailKey,
) -> Result<(), StoreError> {
    unit.remove_member(close.user).await?;
    for mut invitation in unit.forget_invited(address).await? {
        if invitation.state == State::Pending {
            invitation.end(State::Revoked);
            let (id, version) = (invitation.id, invitation.version);
            let erased = Change::InvitationErased { account, id, version };
            unit.emit(ScopeRoot::Account(account), erased);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        memory::{World, account_id, subject, user, version as version_of},
        person::{Reader as _, Writer as _},
    };

    async fn close_user(ports: &Ports, world: &World, n: u128, version: u64) -> Result<Token, Error> {
        let (user, version) = (user(n), version_of(version));
        close(
            ports,
            &world.by_suite(),
            Close {
                user,
                version,
                deletes: None,
            },
        )
        .await
    }

    async fn person(world: &World, n: u128) -> Person {
        world.read().person(user(n)).await.unwrap().unwrap()
    }

    #[tokio::test]
    async fn a_user_is_closed_everywhere_before_identity_disables_it() {
        let world = World::new().await;
        world.member(1, "editor").await;
        let root = ScopeRoot::Deployment;
        let operator = subject(1);
        world
            .put(async |write| {
                // Another one stays.
                for who in [&operator, &subject(2)] {
                    write.set_root_binding(&root, who, OPERATOR, true).await?;
                }
                Ok(())
            })
            .await;
        close_user(&world.ports, &world, 1, 2).await.unwrap();
        let closed = person(&world, 1).await;
        assert_eq!(
            (closed.state, closed.closed_version),
            (PersonState::Disabled, Some(version_of(2)))
        );
        assert_eq!(
            closed.version,
            version_of(1),
            "the version is identity's to count up"
        );
        let operates = world.read().has_root_binding(&root, &operator, "operator").await;
        assert!(!operates.unwrap());
        let changes = world.memory.lock().changes.clone();
        let of_account = (ScopeRoot::Account(account_id()), Change::Subject(subject(1)));
        assert!(changes.contains(&of_account), "{changes:?}");
        for told in [Change::Policy(None), Change::Fact(subject(1))] {
            assert!(changes.contains(&(root.clone(), told)), "{changes:?}");
        }
        let Some((_, Change::Audited(entry))) = changes.last() else {
            panic!("{changes:?}")
        };
        assert_eq!(
            (&*entry.target, &*entry.details["version"]),
            (subject(1).as_str(), "2")
        );
    }

    #[tokio::test]
    async fn a_version_that_is_known_or_closed_changes_nothing() {
        let world = World::new().await;
        world.member(1, "editor").await;
        close_user(&world.ports, &world, 1, 1).await.unwrap();
        assert_eq!(person(&world, 1).await.state, PersonState::Active);
        close_user(&world.ports, &world, 1, 3).await.unwrap();
        let told = world.told().len();
        close_user(&world.ports, &world, 1, 3).await.unwrap();
        assert_eq!(world.told().len(), told);
    }

    #[tokio::test]
    async fn a_restored_identity_closes_although_its_versions_are_lower() {
        let world = World::new().await;
        world.member(1, "editor").await;
        let version = SourceVersion::new("restored", 1);
        let user = user(1);
        close(
            &world.ports,
            &world.by_suite(),
            Close {
                user,
                version,
                deletes: None,
            },
        )
        .await
        .unwrap();
        assert_eq!(person(&world, 1).await.state, PersonState::Disabled);
    }

    #[tokio::test]
    async fn a_user_that_identity_has_not_told_of_yet_is_closed_too() {
        let world = World::new().await;
        close_user(&world.ports, &world, 1, 1).await.unwrap();
        assert_eq!(person(&world, 1).await.state, PersonState::Disabled);
        assert!(world.told().contains(&Change::Fact(subject(1))));
    }

    #[tokio::test]
    async fn a_holder_that_is_needed_is_not_closed() {
        for role in ["owner", "admin"] {
            let world = World::new().await;
            world.member(1, role).await;
            let refused = close_user(&world.ports, &world, 1, 2).await;
            assert!(matches!(
                refused,
                Err(Error::Precondition(Precondition::HolderRule { .. }))
            ));
            assert_eq!(person(&world, 1).await.state, PersonState::Active);
            world.member(2, role).await;
            let closed = close_user(&world.ports, &world, 1, 2).await;
            assert_eq!(
                closed.is_ok(),
                role == "admin",
                "a single holder is transferred instead"
            );
        }
    }

    #[tokio::test]
    async fn a_user_that_gets_into_another_account_all_the_time_is_closed_later() {
        let world = World::new().await;
        let lagging = world.lagging();
        world.member(1, "editor").await;
        let refused = close_user(&lagging, &world, 1, 2).await;
        assert!(matches!(refused, Err(Error::Conflict)));
        assert_eq!(person(&world, 1).await.state, PersonState::Active);
    }

    fn address(n: u128) -> EmailKey {
        let email: bailiwick_types::Email = format!("{n}@example.com").parse().unwrap();
        email.key()
    }

    async fn delete_user(world: &World, n: u128, version: u64) -> Result<Token, Error> {
        let close = Close {
            user: user(n),
            version: version_of(version),
            deletes: Some(address(n)),
        };
        close_by(world, close).await
    }

    async fn close_by(world: &World, of: Close) -> Result<Token, Error> {
        close(&world.ports, &world.by_suite(), of).await
    }

    async fn invite(world: &World, n: u128, email: &str) {
        let invitation = crate::invitation::Invitation {
            id: bailiwick_types::InvitationId::from_uuid(uuid::Uuid::from_u128(n)),
            account: account_id(),
            email: email.parse().unwrap(),
            kind: bailiwick_policy::manifest::MemberKind::Agent,
            roles: vec!["viewer".to_owned()],
            generation: 0,
            scope: crate::memory::account(),
            state: State::Pending,
            expires_at: world.now().plus(std::time::Duration::from_hours(1)),
            created_at: world.now(),
            creator: subject(9),
            version: 1,
        };
        world
            .put(async |write| crate::invitation::Writer::put_invitation(write, &invitation).await)
            .await;
    }

    #[tokio::test]
    async fn nothing_but_its_id_is_left_of_a_deleted_user() {
        use crate::{grant::Reader as _, invitation::Reader as _};
        let world = World::new().await;
        world.member(1, "editor").await;
        world
            .grant(
                &subject(1),
                &["folder.edit"],
                crate::grant::About::Scope(crate::memory::account()),
            )
            .await;
        let group = world.group(&[subject(1), subject(2)]).await;
        invite(&world, 5, "1@EXAMPLE.com").await;
        invite(&world, 6, "2@example.com").await;
        delete_user(&world, 1, 2).await.unwrap();
        let gone = person(&world, 1).await;
        assert_eq!((gone.state, gone.email.as_str()), (PersonState::Deleted, ""));
        assert_eq!(gone.closed_version, Some(version_of(2)));
        assert_eq!(world.membership(1).await, None);
        assert!(world.roles(1, &crate::memory::account()).await.is_empty());
        assert_eq!(world.read().count_grants(&subject(1)).await.unwrap(), 0);
        let groups = crate::group::Reader::groups_of(&*world.read(), &subject(1))
            .await
            .unwrap();
        assert_eq!(groups, []);
        let groups = crate::group::Reader::groups_of(&*world.read(), &subject(2))
            .await
            .unwrap();
        assert_eq!(groups, [group], "of others everything stays");
        let left = world.read().invitations(None, None, 10).await.unwrap();
        assert_eq!(left.len(), 1);
        let told = world.told();
        assert!(told.contains(&Change::Subject(subject(1))), "{told:?}");
        let erased = |change: &Change| matches!(change, Change::InvitationErased { version: 2, .. });
        assert_eq!(told.iter().filter(|change| erased(change)).count(), 1);
        let count = told.len();
        delete_user(&world, 1, 2).await.unwrap();
        assert_eq!(world.told().len(), count, "once more changes nothing");
    }

    #[tokio::test]
    async fn a_user_that_was_closed_before_is_erased_all_the_same() {
        let world = World::new().await;
        world.member(1, "editor").await;
        close_user(&world.ports, &world, 1, 3).await.unwrap();
        delete_user(&world, 1, 3).await.unwrap();
        assert_eq!(person(&world, 1).await.state, PersonState::Deleted);
        assert_eq!(world.membership(1).await, None);
    }

    #[tokio::test]
    async fn a_holder_that_is_needed_is_not_deleted() {
        let world = World::new().await;
        world.member(1, "admin").await;
        let refused = delete_user(&world, 1, 2).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::HolderRule { .. }))
        ));
        assert!(world.membership(1).await.is_some());
        assert_eq!(person(&world, 1).await.state, PersonState::Active);
    }

    #[tokio::test]
    async fn a_command_closes_by_the_same_rules_as_a_call() {
        let world = World::new().await;
        world.member(1, "owner").await;
        world.member(2, "editor").await;
        let by = bailiwick_testkit::witness::system();
        let close = |n| Close {
            user: user(n),
            version: version_of(2),
            deletes: None,
        };
        let refused = close_unasked(&world.ports, &by, close(1)).await;
        assert!(
            matches!(refused, Err(Error::Precondition(Precondition::HolderRule { .. }))),
            "{refused:?}"
        );
        close_unasked(&world.ports, &by, close(2)).await.unwrap();
        assert_eq!(person(&world, 2).await.state, PersonState::Disabled);
    }
}
