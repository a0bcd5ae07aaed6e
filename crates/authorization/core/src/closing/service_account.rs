//! Denies everything to a service account from now on, before identity makes the change of that version.

use bailiwick_types::{
    AllAccounts, Authorized, ScopeRoot, ServiceAccountId, SourceVersion, StoreError, Subject, System, Token,
    faults, method::authorization::CloseServiceAccount,
};

use super::RECONCILE;
use crate::{Audit, Ports, follow::keep_service_account, person::ServiceAccount};

/// What is asked.
#[derive(Debug, Clone)]
pub struct Close {
    /// The service account.
    pub id: ServiceAccountId,
    /// The version that it will have.
    pub version: SourceVersion,
}

faults! {
    /// Why a service account is not closed.
    Error: Store(StoreError);
}

/// Closes a service account. One that has the version already stays as it is.
///
/// # Errors
/// The store fails.
pub async fn close(
    ports: &Ports,
    by: &Authorized<CloseServiceAccount>,
    close: Close,
) -> Result<Token, Error> {
    let all = by
        .all_accounts()
        .ok_or_else(|| StoreError::internal("a service account is closed by a call that names no account"))?;
    let entry = Audit::of(by, Subject::service(close.id));
    end(ports, all, entry, close).await
}

/// Like [`close`], for a command that finishes a change of identity.
///
/// # Errors
/// The store fails.
pub async fn close_unasked(ports: &Ports, by: &System, close: Close) -> Result<Token, Error> {
    let entry = Audit::new(None, RECONCILE, Subject::service(close.id).to_string());
    end(ports, by.all_accounts(), entry, close).await
}

async fn end(ports: &Ports, all: AllAccounts, entry: Audit, close: Close) -> Result<Token, Error> {
    let read = ports.store.read_all(all).await?;
    let mut root = read.service_account(close.id).await?.map(|known| known.root);
    drop(read);
    loop {
        let mut roots = vec![ScopeRoot::Deployment];
        roots.extend(root.take().filter(|root| *root != ScopeRoot::Deployment));
        let mut unit = ports.store.write_all(all, &roots).await?;
        let known = unit.service_account(close.id).await?;
        let before = known.unwrap_or_else(|| ServiceAccount::unknown(close.id));
        if !roots.contains(&before.root) {
            // It became known meanwhile; its root never changes.
            root = Some(before.root);
            continue;
        }
        let is_closed = |closed: &SourceVersion| closed.covers(&close.version);
        if is_closed(&before.version) || before.closed_version.as_ref().is_some_and(is_closed) {
            return Ok(unit.commit().await?);
        }
        let closed = ServiceAccount {
            enabled: false,
            closed_version: Some(close.version.clone()),
            ..before.clone()
        };
        if let ScopeRoot::Account(account) = &closed.root {
            unit.select(all.account(*account));
        }
        keep_service_account(&mut *unit, Some(&before), &closed).await?;
        let entry = entry.with("version", &close.version);
        unit.emit(ScopeRoot::Deployment, entry.into());
        return Ok(unit.commit().await?);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        Change,
        binding::Reader as _,
        memory::{World, account, account_id, subject, version as version_of},
        person::{Reader as _, Writer as _},
    };

    fn id() -> ServiceAccountId {
        ServiceAccountId::from_uuid(Uuid::from_u128(7))
    }

    async fn close_it(world: &World, version: SourceVersion) {
        let of = Close { id: id(), version };
        close(&world.ports, &world.by_suite(), of).await.unwrap();
    }

    async fn known(world: &World, root: ScopeRoot, role: &str) {
        let account = ServiceAccount {
            version: version_of(1),
            root: root.clone(),
            role: Some(role.to_owned()),
            creator: Some(subject(1)),
            ..ServiceAccount::unknown(id())
        };
        world
            .put(async |write| {
                write.put_service_account(&account).await?;
                match &root {
                    ScopeRoot::Account(_) => Ok(()),
                    root => {
                        let subject = Subject::service(id());
                        write
                            .set_root_binding(root, &subject, role, true)
                            .await
                            .map(|_| ())
                    }
                }
            })
            .await;
    }

    async fn stored(world: &World) -> ServiceAccount {
        world.read().service_account(id()).await.unwrap().unwrap()
    }

    fn facts(world: &World) -> usize {
        let fact = (ScopeRoot::Deployment, Change::Fact(Subject::service(id())));
        let changes = world.memory.lock().changes.clone();
        changes.iter().filter(|change| **change == fact).count()
    }

    #[tokio::test]
    async fn a_service_account_is_closed_everywhere_before_identity_disables_it() {
        let world = World::new().await;
        known(&world, ScopeRoot::Deployment, "operator").await;
        close_it(&world, version_of(2)).await;
        let closed = stored(&world).await;
        assert_eq!(
            (closed.enabled, closed.version, closed.closed_version),
            (false, version_of(1), Some(version_of(2))),
            "the version is identity's to count up"
        );
        let subject = Subject::service(id());
        let root = ScopeRoot::Deployment;
        let operates = world.read().has_root_binding(&root, &subject, "operator").await;
        assert!(!operates.unwrap());
        assert_eq!(facts(&world), 1);
        let changes = world.memory.lock().changes.clone();
        assert!(changes.contains(&(root, Change::Policy(None))), "{changes:?}");
        let Some((_, Change::Audited(entry))) = changes.last() else {
            panic!("{changes:?}")
        };
        assert_eq!(
            (&*entry.target, &*entry.details["version"]),
            (subject.as_str(), "2")
        );
    }

    #[tokio::test]
    async fn the_role_that_it_was_made_with_in_an_account_ends_too() {
        let world = World::new().await;
        known(&world, ScopeRoot::Account(account_id()), "viewer").await;
        world.bind(&Subject::service(id()), "viewer", &account()).await;
        close_it(&world, version_of(2)).await;
        let bound = world.read().bindings_of(&Subject::service(id())).await.unwrap();
        assert!(bound.is_empty(), "{bound:?}");
    }

    #[tokio::test]
    async fn a_version_that_is_known_or_closed_changes_nothing() {
        let world = World::new().await;
        known(&world, ScopeRoot::Deployment, "service").await;
        close_it(&world, version_of(1)).await;
        assert!(stored(&world).await.enabled);
        close_it(&world, version_of(3)).await;
        let told = world.told().len();
        close_it(&world, version_of(3)).await;
        close_it(&world, version_of(2)).await;
        assert_eq!(world.told().len(), told);
    }

    #[tokio::test]
    async fn a_restored_identity_closes_although_its_versions_are_lower() {
        let world = World::new().await;
        known(&world, ScopeRoot::Deployment, "service").await;
        close_it(&world, SourceVersion::new("restored", 1)).await;
        assert!(!stored(&world).await.enabled);
    }

    #[tokio::test]
    async fn one_that_identity_has_not_told_of_yet_is_closed_too() {
        let world = World::new().await;
        close_it(&world, version_of(2)).await;
        let closed = stored(&world).await;
        assert!(!closed.enabled && !closed.was_told());
        assert_eq!(facts(&world), 1);
    }

    #[tokio::test]
    async fn a_command_closes_as_a_call_does() {
        let world = World::new().await;
        known(&world, ScopeRoot::Deployment, "service").await;
        let close = Close {
            id: id(),
            version: version_of(2),
        };
        let by = bailiwick_testkit::witness::system();
        close_unasked(&world.ports, &by, close).await.unwrap();
        let closed = world.read().service_account(id()).await.unwrap().unwrap();
        assert_eq!(
            (closed.enabled, closed.closed_version),
            (false, Some(version_of(2)))
        );
    }
}
