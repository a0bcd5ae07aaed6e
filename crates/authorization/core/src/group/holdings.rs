//! What the members of a group have through it: the bindings and grants of the group and of the groups above.

use std::collections::BTreeSet;

use bailiwick_types::GroupId;

use crate::prelude::*;
use crate::{
    grant::{
        Filter,
        giving::{aim, all, giver, may_give},
    },
    preview::{holders_of, spots_of},
    sources::may_assign_all,
};

/// Asks whether the actor may change the members of a group: it needs `group.edit`, and the right to give
/// everything that the group and the groups above it have. Returns these groups.
pub(super) async fn permit(work: &mut Work, group: GroupId) -> Result<BTreeSet<Subject>, Error> {
    work.require("group.edit", &work.account_scope())?;
    let known = work.unit.group(group).await?;
    known.ok_or(Refused::NotFound("group"))?;
    let holders = holders_of(&*work.unit, &Subject::group(group)).await?;
    for holder in &holders {
        if !may_give_all(work, holder).await? {
            return Err(Refused::Denied.into());
        }
    }
    Ok(holders)
}

async fn may_give_all(work: &mut Work, holder: &Subject) -> Result<bool, StoreError> {
    let bindings = work.unit.bindings_of(holder).await?;
    work.look_at(bindings.iter().map(|binding| &binding.scope))
        .await?;
    if !may_assign_all(work, &bindings) {
        return Ok(false);
    }
    for grant in all(&*work.unit, &Filter::of(holder)).await? {
        let aim = aim(work, &grant.about).await?;
        let patterns = grant.patterns(work.situation.policy.product());
        if !may_give(work, &giver(work, &work.actor, &aim).await?, &aim, &patterns) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Adds a member, or all members of a group, wherever these groups have something.
pub(super) async fn add_points(
    points: &mut Points,
    work: &Work,
    holders: &BTreeSet<Subject>,
    member: &Subject,
) -> Result<(), StoreError> {
    let spots = spots_of(&*work.unit, holders.iter().cloned()).await?;
    points.add(&*work.unit, member, &spots).await
}

#[cfg(test)]
mod tests {
    use bailiwick_types::{Fault, GrantId, Reason};
    use uuid::Uuid;

    use super::*;
    use crate::{
        grant::{About, Grant},
        group::{add_member::AddMember, delete::Delete, remove_member::RemoveMember},
        memory::{World, account, name, subject},
    };

    /// Previews every change of a group, and returns why each is refused.
    async fn refusals(world: &World, by: u128, group: GroupId) -> Vec<Option<Reason>> {
        let member = subject(3);
        let add = world
            .preview(
                by,
                AddMember {
                    group,
                    member: subject(4),
                },
            )
            .await;
        let remove = world.preview(by, RemoveMember { group, member }).await;
        let delete = world.preview(by, Delete { group }).await;
        vec![
            add.err().map(|error| error.reason()),
            remove.err().map(|error| error.reason()),
            delete.err().map(|error| error.reason()),
        ]
    }

    const DENIED: [Option<Reason>; 3] = [Some(Reason::PermissionDenied); 3];

    async fn world() -> World {
        let world = World::new().await;
        world.member(1, "manager").await;
        world.member(2, "editor").await;
        world.member(3, "").await;
        world.member(4, "").await;
        world
    }

    #[tokio::test]
    async fn only_callers_that_edit_groups_change_one_or_learn_that_it_does_not_exist() {
        let world = world().await;
        let group = world.group(&[subject(3)]).await;
        let none = GroupId::from_uuid(Uuid::from_u128(9));
        assert_eq!(refusals(&world, 1, group).await, [None; 3]);
        assert_eq!(refusals(&world, 1, none).await, [Some(Reason::NotFound); 3]);
        assert_eq!(refusals(&world, 2, group).await, DENIED);
        assert_eq!(refusals(&world, 2, none).await, DENIED);
    }

    #[tokio::test]
    async fn a_group_is_changed_by_callers_that_could_give_all_of_its_roles() {
        let world = world().await;
        let group = world.group(&[subject(3)]).await;
        world.bind(&Subject::group(group), "viewer", &account()).await;
        assert_eq!(refusals(&world, 1, group).await, [None; 3]);
        world.bind(&Subject::group(group), "editor", &account()).await;
        assert_eq!(refusals(&world, 1, group).await, DENIED);
    }

    #[tokio::test]
    async fn a_group_is_changed_by_callers_that_could_give_all_of_its_grants() {
        let world = world().await;
        let group = world.group(&[subject(3)]).await;
        world.resource("project:p", &account(), None).await;
        let on_project = || About::Resource(name("project:p"));
        world
            .grant(&Subject::group(group), &["project.view"], on_project())
            .await;
        assert_eq!(refusals(&world, 1, group).await, [None; 3]);
        world
            .grant(&Subject::group(group), &["project.edit"], on_project())
            .await;
        assert_eq!(refusals(&world, 1, group).await, DENIED);
    }

    #[tokio::test]
    async fn what_the_groups_above_have_counts_too() {
        let world = world().await;
        let group = world.group(&[subject(3)]).await;
        let middle = world.group(&[Subject::group(group)]).await;
        let top = world.group(&[Subject::group(middle)]).await;
        assert_eq!(refusals(&world, 1, group).await, [None; 3]);
        world.bind(&Subject::group(top), "editor", &account()).await;
        assert_eq!(refusals(&world, 1, group).await, DENIED);
    }

    #[tokio::test]
    async fn the_last_of_many_grants_counts_too() {
        let world = world().await;
        let group = world.group(&[subject(3)]).await;
        let first = world
            .grant(&Subject::group(group), &["project.view"], About::Scope(account()))
            .await;
        let grant = |n: u128, permission: &str| Grant {
            id: GrantId::from_uuid(Uuid::from_u128(n)),
            permissions: vec![permission.to_owned()],
            ..first.clone()
        };
        world
            .put(async |write| {
                for n in 0..1_000 {
                    crate::grant::Writer::put_grant(write, &grant(n, "project.view")).await?;
                }
                Ok(())
            })
            .await;
        assert_eq!(refusals(&world, 1, group).await, [None; 3]);
        let last = grant(u128::MAX, "project.edit");
        world
            .put(async |write| crate::grant::Writer::put_grant(write, &last).await)
            .await;
        assert_eq!(refusals(&world, 1, group).await, DENIED);
    }
}
