//! A service account was made or changed.

use std::sync::Arc;

use bailiwick_types::{
    AccountId, IdGen, Scope, ScopeRoot, ServiceAccountId, SourceVersion, Subject, Timestamp,
};

use super::{FEED, Refusal, Way, bind, outlives};
use crate::{Audit, Change, Situation, StoreError, Write, person::ServiceAccount, service_role};

/// Applies it: its own role is bound at its scope when it becomes known or is enabled again, and ends when it
/// is disabled. What else happened to that role is not undone by a later event. A role that cannot be bound
/// there does not keep the rest from being known: the service account is a caller without that role. The
/// transaction must hold the deployment and the scope.
///
/// # Errors
/// See [`Refusal`].
pub async fn service_account_changed(
    write: &mut (impl Write + ?Sized),
    ids: &dyn IdGen,
    now: Timestamp,
    mut told: ServiceAccount,
    way: Way,
) -> Result<(), Refusal> {
    if matches!(told.root, ScopeRoot::User(_)) {
        return Err(Refusal::Content(
            "a service account is not made for a user".to_owned(),
        ));
    }
    let before = write.service_account(told.id).await?;
    if let Some(before) = before.clone() {
        // The creator never changes, and older programs do not publish it: it is kept from whichever version
        // has it.
        let news = before.creator.is_none() && told.creator.is_some();
        let creator = before.creator.clone().or(told.creator.take());
        if before.version.covers(&told.version) {
            if news {
                write
                    .put_service_account(&ServiceAccount { creator, ..before })
                    .await?;
            }
            return Ok(());
        }
        told.creator = creator;
        told.closed_version = before
            .closed_version
            .filter(|closed| outlives(closed, &told.version, way));
        told.enabled &= told.closed_version.is_none();
    }
    keep_service_account(write, before.as_ref(), &told).await?;
    if told.enabled && before.is_none_or(|before| !before.enabled || before.role != told.role) {
        bind_role(write, ids, now, told).await?;
    }
    Ok(())
}

/// Disables a service account that a snapshot of the history `epoch` does not name. Whatever that history
/// tells of it later counts. The transaction must hold the deployment and its root.
///
/// # Errors
/// The store fails.
pub async fn service_account_gone(
    write: &mut (impl Write + ?Sized),
    id: ServiceAccountId,
    epoch: &Arc<str>,
) -> Result<(), StoreError> {
    let Some(before) = write.service_account(id).await? else {
        return Ok(());
    };
    let start = SourceVersion::new(Arc::clone(epoch), 0);
    let gone = ServiceAccount {
        enabled: false,
        version: before.version.clone().at_least(&start),
        closed_version: before
            .closed_version
            .clone()
            .filter(|of| of.shares_history(&start)),
        ..before.clone()
    };
    keep_service_account(write, Some(&before), &gone).await
}

/// Stores a service account and tells of it where it was closed or opened. The own role of a closed one ends,
/// and so does one that another took the place of; everything else that it was given stays, and counts for
/// nothing until it is opened again.
pub(crate) async fn keep_service_account(
    write: &mut (impl Write + ?Sized),
    before: Option<&ServiceAccount>,
    after: &ServiceAccount,
) -> Result<(), StoreError> {
    write.put_service_account(after).await?;
    let subject = Subject::service(after.id);
    if before.is_none_or(|before| before.enabled) != after.enabled {
        write.emit(ScopeRoot::Deployment, Change::Fact(subject.clone()));
    }
    let replaced = before.filter(|before| before.role != after.role);
    let ended = match replaced {
        Some(before) => before.role.as_deref(),
        None => after.role.as_deref().filter(|_| !after.enabled),
    };
    let Some(role) = ended else { return Ok(()) };
    match &after.root {
        ScopeRoot::Account(account) => {
            let bound = write
                .bindings_on(&subject, role, &Scope::Account(*account))
                .await?;
            for binding in &bound {
                write.remove_binding(binding).await?;
            }
            if !bound.is_empty() {
                write.emit(after.root.clone(), Change::Subject(subject));
            }
        }
        root @ (ScopeRoot::Deployment | ScopeRoot::Product(_)) => {
            if write.set_root_binding(root, &subject, role, false).await? {
                write.emit(root.clone(), Change::Policy(None));
            }
        }
        ScopeRoot::User(_) => {}
    }
    Ok(())
}

async fn bind_role(
    write: &mut (impl Write + ?Sized),
    ids: &dyn IdGen,
    now: Timestamp,
    told: ServiceAccount,
) -> Result<(), Refusal> {
    let Some(role) = told.role.as_deref() else {
        return Ok(());
    };
    let subject = Subject::service(told.id);
    let root = &told.root;
    match root {
        ScopeRoot::Account(account) => {
            return bind_in_account(write, ids, now, *account, (&subject, role)).await;
        }
        ScopeRoot::Product(name) => {
            let product = write.product(name).await?;
            if product.is_some_and(|product| !service_role::of_product(&product).any(|of| of == role)) {
                unfit(write, root, &subject, role);
            }
        }
        _ if service_role::OF_DEPLOYMENT.contains(&role) => {}
        _ => {
            unfit(write, root, &subject, role);
            return Ok(());
        }
    }
    // At a product the name is bound as it is: it counts while the manifest has such a role of its services.
    if write.set_root_binding(root, &subject, role, true).await? {
        write.emit(root.clone(), Change::Policy(None));
    }
    Ok(())
}

/// Notes in the audit log that a service account does not get its role.
fn unfit(write: &mut (impl Write + ?Sized), root: &ScopeRoot, subject: &Subject, role: &str) {
    let audit = Audit::new(None, FEED, root.to_string())
        .with("subject", subject)
        .with("refused_role", role);
    write.emit(root.clone(), audit.into());
}

/// Binds the role of a service account of an account. Where the account is not known yet, it is bound once it
/// is: see [`bind_waiting`].
async fn bind_in_account(
    write: &mut (impl Write + ?Sized),
    ids: &dyn IdGen,
    now: Timestamp,
    account: AccountId,
    (subject, role): (&Subject, &str),
) -> Result<(), Refusal> {
    let scope = Scope::Account(account);
    let Some(situation) = Situation::load(write, [&scope]).await? else {
        return Ok(());
    };
    if !write.bindings_on(subject, role, &scope).await?.is_empty() {
        return Ok(());
    }
    if service_role::fits(&situation, role) {
        bind(write, ids, account, (subject, role, &scope), now).await?;
    } else {
        unfit(write, &ScopeRoot::Account(account), subject, role);
    }
    Ok(())
}

/// Binds the roles of the service accounts that were told before their account was.
pub(super) async fn bind_waiting(
    write: &mut (impl Write + ?Sized),
    ids: &dyn IdGen,
    now: Timestamp,
    account: AccountId,
) -> Result<(), Refusal> {
    for id in write.service_accounts_for(account).await? {
        let waiting = write.service_account(id).await?;
        if let Some(ServiceAccount {
            enabled: true,
            role: Some(role),
            ..
        }) = waiting
        {
            let subject = Subject::service(id);
            bind_in_account(write, ids, now, account, (&subject, &role)).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use bailiwick_types::ServiceAccountId;
    use uuid::Uuid;

    use super::*;
    use crate::{
        binding::{Reader as _, Writer as _},
        memory::{World, account_id, subject, version as version_of},
        person::{Reader as _, Writer as _},
    };

    fn id() -> ServiceAccountId {
        ServiceAccountId::from_uuid(Uuid::from_u128(7))
    }

    fn told(version: u64, root: ScopeRoot, role: &str) -> ServiceAccount {
        ServiceAccount {
            id: id(),
            version: version_of(version),
            closed_version: None,
            enabled: true,
            root,
            role: Some(role.to_owned()),
            creator: Some(subject(1)),
        }
    }

    fn of_account(version: u64, role: &str) -> ServiceAccount {
        told(version, ScopeRoot::Account(account_id()), role)
    }

    async fn tell(world: &World, told: ServiceAccount) -> Result<(), Refusal> {
        let (ids, now) = (&*world.ports.ids, world.now());
        world
            .follow(async |write| service_account_changed(write, ids, now, told, Way::Event).await)
            .await
    }

    async fn roles(world: &World) -> Vec<String> {
        let bound = world.read().bindings_of(&Subject::service(id())).await.unwrap();
        bound.into_iter().map(|binding| binding.role).collect()
    }

    #[tokio::test]
    async fn a_role_in_an_account_is_bound_while_the_service_account_is_enabled() {
        let world = World::new().await;
        tell(&world, of_account(1, "viewer")).await.unwrap();
        assert_eq!(roles(&world).await, ["viewer"]);
        let disabled = ServiceAccount {
            enabled: false,
            ..of_account(2, "viewer")
        };
        tell(&world, disabled).await.unwrap();
        assert!(roles(&world).await.is_empty());
        let told = world.told();
        let changed = Change::Subject(Subject::service(id()));
        assert_eq!(
            told.iter().filter(|change| **change == changed).count(),
            2,
            "{told:?}"
        );
        tell(&world, of_account(1, "viewer")).await.unwrap();
        assert!(roles(&world).await.is_empty(), "what is older changes nothing");
    }

    #[tokio::test]
    async fn a_role_that_was_revoked_stays_revoked_until_the_service_account_is_enabled_again() {
        let world = World::new().await;
        tell(&world, of_account(1, "viewer")).await.unwrap();
        let bound = world.read().bindings_of(&Subject::service(id())).await.unwrap();
        world
            .put(async |write| write.remove_binding(&bound[0]).await)
            .await;
        tell(&world, of_account(2, "viewer")).await.unwrap();
        assert!(roles(&world).await.is_empty(), "an event that enables nothing");
        let product = ScopeRoot::Product("studio".parse().unwrap());
        for (version, enabled) in [(3, false), (4, true)] {
            let told = ServiceAccount {
                enabled,
                ..of_account(version, "viewer")
            };
            tell(&world, told).await.unwrap();
        }
        assert_eq!(roles(&world).await, ["viewer"]);

        // The same at a root.
        let world = World::new().await;
        tell(&world, told(1, product.clone(), "service")).await.unwrap();
        let subject = Subject::service(id());
        world
            .put(async |write| {
                let revoked = write.set_root_binding(&product, &subject, "service", false).await;
                revoked.map(|_| ())
            })
            .await;
        tell(&world, told(2, product.clone(), "service")).await.unwrap();
        let bound = world.read().has_root_binding(&product, &subject, "service").await;
        assert!(!bound.unwrap());
    }

    #[tokio::test]
    async fn what_closes_a_service_account_is_told_once_and_never_refused() {
        let facts = |world: &World| {
            let fact = (ScopeRoot::Deployment, Change::Fact(Subject::service(id())));
            let changes = world.memory.lock().changes.clone();
            changes.iter().filter(|change| **change == fact).count()
        };
        // A role that it cannot have, and an account that is not known: it may have been given others.
        for root in [ScopeRoot::Deployment, ScopeRoot::Account(account_id())] {
            let world = World::new().await;
            world.memory.lock().rows.account = None;
            for (version, enabled, count) in [(1, false, 1), (2, false, 1)] {
                let told = ServiceAccount {
                    enabled,
                    ..told(version, root.clone(), "nonsense")
                };
                tell(&world, told).await.unwrap();
                assert_eq!(facts(&world), count, "{root} {version}");
            }
        }
        let world = World::new().await;
        tell(&world, of_account(1, "viewer")).await.unwrap();
        assert_eq!(facts(&world), 0, "a new one is open");
    }

    #[tokio::test]
    async fn a_service_account_that_was_closed_stays_closed_until_a_newer_version() {
        let world = World::new().await;
        let closed = ServiceAccount {
            enabled: false,
            closed_version: Some(version_of(3)),
            ..ServiceAccount::unknown(id())
        };
        world
            .put(async |write| write.put_service_account(&closed).await)
            .await;
        tell(&world, of_account(2, "viewer")).await.unwrap();
        let kept = world.read().service_account(id()).await.unwrap().unwrap();
        assert_eq!((kept.enabled, kept.creator), (false, Some(subject(1))));
        assert!(roles(&world).await.is_empty());
        tell(&world, of_account(4, "viewer")).await.unwrap();
        assert_eq!(roles(&world).await, ["viewer"]);
    }

    #[tokio::test]
    async fn a_service_account_of_a_restored_identity_is_what_its_snapshot_says() {
        let world = World::new().await;
        tell(&world, of_account(9, "viewer")).await.unwrap();
        let (ids, now) = (&*world.ports.ids, world.now());
        let restored = ServiceAccount {
            version: SourceVersion::new("restored", 2),
            enabled: false,
            ..of_account(0, "viewer")
        };
        let apply = async |told: ServiceAccount, way| {
            world
                .follow(async |write| service_account_changed(write, ids, now, told, way).await)
                .await
                .unwrap();
        };
        apply(restored.clone(), Way::Snapshot).await;
        assert!(roles(&world).await.is_empty());
        // A snapshot that does not name it disables it, until the history tells of it.
        let epoch = "again".into();
        world
            .follow(async |write| Ok(service_account_gone(write, id(), &epoch).await?))
            .await
            .unwrap();
        let back = ServiceAccount {
            version: SourceVersion::new("again", 1),
            enabled: true,
            ..restored
        };
        apply(back, Way::Event).await;
        assert_eq!(roles(&world).await, ["viewer"]);
    }

    #[tokio::test]
    async fn roles_of_the_deployment_and_of_a_product_are_bound_at_their_root() {
        let product = ScopeRoot::Product("studio".parse().unwrap());
        for (root, role) in [(ScopeRoot::Deployment, "operator"), (product, "service")] {
            let world = World::new().await;
            tell(&world, told(1, root.clone(), role)).await.unwrap();
            let subject = Subject::service(id());
            let bound = world.read().has_root_binding(&root, &subject, role).await;
            assert!(bound.unwrap(), "{role}");
            assert_eq!(
                world.memory.lock().changes.last(),
                Some(&(root, Change::Policy(None)))
            );
        }
    }

    #[tokio::test]
    async fn a_creator_that_is_told_late_is_kept_and_never_changes() {
        let world = World::new().await;
        let unknown = ServiceAccount {
            creator: None,
            ..of_account(2, "viewer")
        };
        tell(&world, unknown).await.unwrap();
        tell(&world, of_account(1, "viewer")).await.unwrap();
        let other = ServiceAccount {
            creator: Some(subject(2)),
            ..of_account(3, "viewer")
        };
        tell(&world, other).await.unwrap();
        let kept = world.read().service_account(id()).await.unwrap().unwrap();
        assert_eq!((kept.version, kept.creator), (version_of(3), Some(subject(1))));
    }

    #[tokio::test]
    async fn a_role_that_a_service_account_cannot_have_is_noted_and_not_bound() {
        for wrong in [
            told(1, ScopeRoot::Deployment, "service"),
            told(1, ScopeRoot::Deployment, "pilot"),
            of_account(1, "owner"),
            of_account(1, "pilot"),
        ] {
            let world = World::new().await;
            let (root, role) = (wrong.root.clone(), wrong.role.clone().unwrap());
            tell(&world, wrong).await.unwrap();
            let kept = world.read().service_account(id()).await.unwrap().unwrap();
            assert_eq!(kept.version, version_of(1), "it is known all the same");
            let subject = Subject::service(id());
            let at_root = world.read().has_root_binding(&root, &subject, &role).await;
            assert!(!at_root.unwrap() && roles(&world).await.is_empty(), "{role}");
            let last = world.memory.lock().changes.last().cloned();
            let Some((of, Change::Audited(audit))) = last else {
                panic!("{role}: {last:?}")
            };
            assert_eq!((of, &audit.details["refused_role"]), (root, &role));
        }
    }

    #[tokio::test]
    async fn a_service_account_is_not_made_for_a_user() {
        let world = World::new().await;
        let refused = tell(&world, told(1, ScopeRoot::User(crate::memory::user(1)), "viewer")).await;
        assert!(matches!(refused, Err(Refusal::Content(_))), "{refused:?}");
    }

    #[tokio::test]
    async fn one_that_is_told_before_its_account_gets_its_role_with_it() {
        let world = World::new().await;
        let account = world.memory.lock().rows.account.take().unwrap();
        tell(&world, of_account(1, "viewer")).await.unwrap();
        let off = ServiceAccount {
            id: ServiceAccountId::from_uuid(Uuid::from_u128(8)),
            enabled: false,
            ..of_account(1, "viewer")
        };
        tell(&world, off).await.unwrap();
        assert!(roles(&world).await.is_empty());
        world.memory.lock().rows.account = Some(account);
        let (ids, now) = (&*world.ports.ids, world.now());
        for _ in 0..2 {
            world
                .follow(async |write| bind_waiting(write, ids, now, account_id()).await)
                .await
                .unwrap();
        }
        assert_eq!(roles(&world).await, ["viewer"]);
        let other = Subject::service(ServiceAccountId::from_uuid(Uuid::from_u128(8)));
        assert!(world.read().bindings_of(&other).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_role_at_a_product_counts_from_when_the_manifest_has_it() {
        let world = World::new().await;
        let root: ScopeRoot = ScopeRoot::Product("studio".parse().unwrap());
        tell(&world, told(1, root, "backend")).await.unwrap();
        let standing = async || {
            let read = world.read();
            let situation = Situation::load(&*read, []).await.unwrap().unwrap();
            let subject = Subject::service(id());
            let standing = situation.standing(&*read, &subject).await.unwrap();
            let actor = crate::Actor {
                key: None,
                subject,
                standing: Some(standing),
            };
            let account = Scope::Account(account_id());
            ["account.view", "account.edit"].map(|name| situation.allows(&actor, name, &account, world.now()))
        };
        assert_eq!(standing().await, [false, false]);
        world.use_manifest(&format!(
            "{}services: {{backend: {{permissions: [account.view]}}}}\n",
            crate::memory::STUDIO
        ));
        assert_eq!(standing().await, [true, false]);
    }
}
