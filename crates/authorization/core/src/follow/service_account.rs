//! A service account was made or changed.

use std::sync::Arc;

use bailiwick_types::{
    AccountId, IdGen, Scope, ScopeRoot, ServiceAccountId, SourceVersion, Subject, Timestamp,
};

use super::{Refusal, Way, bind, outlives};
use crate::{
    Change, Situation, Write,
    person::{OPERATOR, ServiceAccount},
};

/// Applies it: its role is bound at its scope while it may do anything. The transaction must hold that root.
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
    if let Some(before) = write.service_account(told.id).await? {
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
    put(write, ids, now, told).await
}

/// Disables a service account that a snapshot of the history `epoch` does not name. Whatever that history
/// tells of it later counts. The transaction must hold its root.
///
/// # Errors
/// See [`Refusal`].
pub async fn service_account_gone(
    write: &mut (impl Write + ?Sized),
    ids: &dyn IdGen,
    now: Timestamp,
    id: ServiceAccountId,
    epoch: &Arc<str>,
) -> Result<(), Refusal> {
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
        ..before
    };
    put(write, ids, now, gone).await
}

async fn put(
    write: &mut (impl Write + ?Sized),
    ids: &dyn IdGen,
    now: Timestamp,
    told: ServiceAccount,
) -> Result<(), Refusal> {
    write.put_service_account(&told).await?;
    let Some(role) = told.role.as_deref() else {
        return Ok(());
    };
    let subject = Subject::service(told.id);
    match &told.root {
        ScopeRoot::Account(account) => {
            in_account(write, ids, now, *account, (&subject, role), told.enabled).await
        }
        ScopeRoot::User(_) => Err(Refusal::Content(
            "a service account is not made for a user".to_owned(),
        )),
        root @ (ScopeRoot::Deployment | ScopeRoot::Product(_)) => {
            let known = match root {
                ScopeRoot::Deployment => matches!(role, OPERATOR | "service"),
                _ => role == "service",
            };
            if !known {
                return Err(Refusal::Content(format!("there is no role `{role}` at `{root}`")));
            }
            if write.set_root_binding(root, &subject, role, told.enabled).await? {
                write.emit(root.clone(), Change::Policy(None));
            }
            Ok(())
        }
    }
}

async fn in_account(
    write: &mut (impl Write + ?Sized),
    ids: &dyn IdGen,
    now: Timestamp,
    account: AccountId,
    (subject, role): (&Subject, &str),
    enabled: bool,
) -> Result<(), Refusal> {
    let scope = Scope::Account(account);
    let Some(situation) = Situation::load(write, [&scope]).await? else {
        return Err(Refusal::Content(
            "the account of the service account is not known".to_owned(),
        ));
    };
    let bound = write.bindings_on(subject, role, &scope).await?;
    match bound.is_empty() {
        false if !enabled => {
            for binding in &bound {
                write.remove_binding(binding).await?;
            }
            write.emit(ScopeRoot::Account(account), Change::Subject(subject.clone()));
        }
        true if enabled => {
            let fits = situation
                .role_at(role, scope.level())
                .is_some_and(|role| role.holders.is_none());
            if !fits {
                return Err(Refusal::Content(format!(
                    "role `{role}` cannot be given to a service account there"
                )));
            }
            bind(write, ids, account, (subject, role, &scope), now).await?;
        }
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use bailiwick_types::ServiceAccountId;
    use uuid::Uuid;

    use super::*;
    use crate::{
        binding::Reader as _,
        memory::{World, account, account_id, subject, version as version_of},
        person::Reader as _,
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
            .follow(async |write| service_account_gone(write, ids, now, id(), &epoch).await)
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
        let world = World::new().await;
        let product = ScopeRoot::Product("studio".parse().unwrap());
        let roots = [(ScopeRoot::Deployment, "operator"), (product, "service")];
        for (version, (root, role)) in (1..).zip(roots) {
            tell(&world, told(version, root.clone(), role)).await.unwrap();
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
    async fn a_role_that_a_service_account_cannot_have_is_refused() {
        let world = World::new().await;
        let product = ScopeRoot::Product("studio".parse().unwrap());
        for (wrong, text) in [
            (
                told(1, ScopeRoot::User(crate::memory::user(1)), "viewer"),
                "for a user",
            ),
            (told(1, ScopeRoot::Deployment, "viewer"), "no role `viewer`"),
            (told(1, product, "operator"), "no role `operator`"),
            (of_account(1, "pilot"), "`pilot` cannot be given"),
            (of_account(1, "owner"), "`owner` cannot be given"),
        ] {
            let refused = tell(&world, wrong).await;
            assert!(
                matches!(&refused, Err(Refusal::Content(why)) if why.contains(text)),
                "{refused:?}"
            );
        }
        assert_eq!(world.roles(1, &account()).await, [""; 0]);
        world.memory.lock().rows.account = None;
        let refused = tell(&world, of_account(1, "viewer")).await;
        assert!(
            matches!(&refused, Err(Refusal::Content(why)) if why.contains("is not known")),
            "{refused:?}"
        );
    }
}
