//! Whether the caller may give or take access that comes from bindings and from entries of roles.

use bailiwick_policy::{
    Claim, PlaceId, Role, Target, claims_of,
    manifest::{EntryDecl, RoleLevelDecl},
};
use bailiwick_types::Level;

use crate::binding::Binding;
use crate::prelude::*;

/// Whether the caller could assign, and so revoke, the role of each of the bindings on its scope. The scopes
/// must be in view ([`Work::look_at`]): one that is not counts as deleted. There, and with a role that the
/// manifest no longer has, a binding gives nothing.
pub(crate) fn may_assign_all(work: &Work, bindings: &[Binding]) -> bool {
    bindings.iter().all(|binding| {
        let role = work.situation.role_at(&binding.role, binding.scope.level());
        role.is_none_or(|role| {
            work.situation.state(&binding.scope).is_none() || work.may_assign(role, &binding.scope)
        })
    })
}

/// Whether the caller holds these entries at each of these levels, and so may add them to a role.
pub(crate) fn may_add_entries(work: &Work, levels: &[Level], entries: &[EntryDecl]) -> bool {
    let decl = RoleLevelDecl {
        permissions: entries.to_vec(),
        assigns: Vec::new(),
    };
    levels.iter().all(|level| {
        claims_of(work.situation.policy.product(), *level, &decl)
            .is_ok_and(|claims| claims.iter().all(|claim| holds_in_account(work, claim)))
    })
}

/// Whether the caller may remove these permissions and patterns from a role at each of these levels: it holds
/// them, without an approval where the role needs none. The operator may remove anything.
pub(crate) fn may_remove_entries(work: &Work, role: &Role, levels: &[Level], patterns: &[String]) -> bool {
    let product = work.situation.policy.product();
    let holds = |level: Level, text: &String| {
        // What the manifest no longer has gives nothing.
        product.pattern(text).is_none_or(|pattern| {
            let removed = product.matched(pattern, level);
            let waived = role.level(level).is_some_and(|at| {
                at.entries().iter().any(|entry| {
                    (entry.waives() || entry.own_rule().is_some()) && entry.bits.intersects(&removed)
                })
            });
            let claim = Claim {
                waived,
                ..Claim::pattern(pattern, level)
            };
            holds_in_account(work, &claim)
        })
    };
    let holds_all = |level: &Level| patterns.iter().all(|text| holds(*level, text));
    work.actor.is_operator() || levels.iter().all(holds_all)
}

/// Whether the caller may give away in the whole account what is claimed.
pub(crate) fn holds_in_account(work: &Work, claim: &Claim) -> bool {
    let target = Target::Scope(PlaceId::from(work.account()));
    work.situation.may_give(&work.actor, claim, target, work.now)
}

#[cfg(test)]
mod tests {
    use bailiwick_policy::PlaceState;
    use bailiwick_types::{Authorized, method::authorization::AssignRole};

    use super::*;
    use crate::memory::{World, account, subject, workspace};

    fn entries(permissions: &[&str]) -> Vec<EntryDecl> {
        permissions.iter().map(|text| EntryDecl::plain(*text)).collect()
    }

    fn texts(permissions: &[&str]) -> Vec<String> {
        permissions.iter().map(|text| (*text).to_owned()).collect()
    }

    #[tokio::test]
    async fn bindings_are_taken_where_each_role_could_be_assigned_on_its_scope() {
        let world = World::new().await;
        world.member(1, "manager").await;
        world.member(2, "").await;
        let viewer = world.bind(&subject(2), "viewer", &workspace()).await;
        let editor = world.bind(&subject(2), "editor", &workspace()).await;
        let gone = world.bind(&subject(2), "pilot", &account()).await;
        let mut work = world.work(&world.by(1)).await;
        work.look_at([&workspace()]).await.unwrap();
        assert!(may_assign_all(&work, &[viewer.clone(), gone.clone()]));
        assert!(!may_assign_all(&work, &[viewer, gone, editor.clone()]));
        world.workspace_is(PlaceState::Deleted).await;
        let mut work = world.work(&world.by(1)).await;
        work.look_at([&workspace()]).await.unwrap();
        assert!(may_assign_all(&work, &[editor]));
    }

    #[tokio::test]
    async fn entries_are_added_by_callers_that_hold_all_of_them_in_the_account() {
        let world = World::new().await;
        world.member(1, "editor").await;
        world.member(2, "").await;
        world.bind(&subject(2), "editor", &workspace()).await;
        let both = [Level::Account, Level::Workspace];
        let work = world.work(&world.by(1)).await;
        assert!(may_add_entries(
            &work,
            &both,
            &entries(&["folder.*", "project.edit"])
        ));
        for more in ["project.*", "project.approve_distribution", "*", "rocket.fly"] {
            assert!(
                !may_add_entries(&work, &both, &entries(&["project.edit", more])),
                "{more}"
            );
        }
        let work = world.work(&world.by(2)).await;
        assert!(!may_add_entries(
            &work,
            &[Level::Workspace],
            &entries(&["folder.view"])
        ));
    }

    #[tokio::test]
    async fn entries_are_removed_by_callers_that_hold_them_and_the_pattern_that_names_them() {
        let world = World::new().await;
        world.member(1, "editor").await;
        world.member(2, "admin").await;
        world.member(3, "printer").await;
        let remove = async |by: &Authorized<AssignRole>, role: &str, text: &str| {
            let work = world.work(by).await;
            let role = work.situation.role_at(role, Level::Account).unwrap();
            may_remove_entries(&work, role, &[Level::Account], &texts(&["folder.view", text]))
        };
        let (editor, admin, printer) = (world.by(1), world.by(2), world.by(3));
        assert!(remove(&editor, "viewer", "project.view").await);
        // A pattern is more than the permission that it would take.
        for text in ["project.*", "user.view"] {
            assert!(!remove(&editor, "viewer", text).await, "{text}");
            assert!(remove(&admin, "viewer", text).await, "{text}");
        }
        // What the manifest no longer has gives nothing.
        assert!(remove(&editor, "viewer", "rocket.fly").await);
        assert!(remove(&world.by_operator(), "viewer", "project.*").await);
        // What takes an approval is not held.
        assert!(!remove(&editor, "editor", "project.distribute").await);
        assert!(remove(&admin, "editor", "project.distribute").await);
        // Where a role is excused from approvals, so must the caller be.
        world.bind(&subject(3), "viewer", &account()).await;
        assert!(remove(&printer, "printer", "page.publish").await);
        assert!(!remove(&printer, "admin", "page.publish").await);
        assert!(remove(&admin, "admin", "page.publish").await);
    }
}
