//! Hands the single-holder role of a scope to another member.

use bailiwick_policy::PlaceState;
use bailiwick_types::{Level, method::authorization::TransferOwnership};

use crate::binding::Binding;
use crate::prelude::*;

/// What is asked.
#[derive(Debug, Clone)]
pub struct Transfer {
    /// The scope whose holder changes.
    pub scope: Scope,
    /// The new holder.
    pub to: UserId,
}

#[async_trait]
impl Operation for Transfer {
    type Method = TransferOwnership;
    type Output = Binding;
    /// The name of the role.
    type Plan = String;

    fn scopes(&self) -> Vec<Scope> {
        vec![self.scope.clone()]
    }

    async fn permit(&self, work: &mut Work) -> Result<String, Error> {
        let role = work.situation.single_holder_role(self.scope.level());
        let role = role.ok_or(Unknown::SingleHolderRole)?.name.to_string();
        let permission = match self.scope.level() {
            Level::Workspace => "workspace.transfer",
            _ => "account.transfer",
        };
        if work.require(permission, &self.scope).is_ok() || holds(work, &role, &self.scope).await? {
            return Ok(role);
        }
        Err(Refused::Denied.into())
    }

    async fn points(&self, role: &String, work: &mut Work, points: &mut Points) -> Result<(), StoreError> {
        add_holders(points, work, (role, &self.scope), self.to).await
    }

    async fn apply(self, role: String, work: &mut Work) -> Result<Binding, Error> {
        let (binding, entry) = hand_over(work, &role, &self.scope, self.to).await?;
        work.emit(entry);
        Ok(binding)
    }
}

/// Whether the actor holds the role itself. Nothing is left to whoever is suspended or disabled.
async fn holds(work: &Work, role: &str, scope: &Scope) -> Result<bool, StoreError> {
    let actor = &work.actor;
    let enabled = actor.standing.as_ref().is_some_and(|standing| !standing.disabled);
    let own = work.unit.bindings_on(&actor.subject, role, scope).await?;
    let Some(user) = actor.subject.user_id() else {
        return Ok(false);
    };
    let member = work.unit.member(user).await?;
    let active = member.is_some_and(|member| member.is_active(work.now));
    let open = work.situation.state(scope).is_some_and(PlaceState::is_open);
    Ok(enabled && !own.is_empty() && active && open)
}

/// Whoever has the role on the scope, and whoever would have it.
pub(super) async fn add_holders(
    points: &mut Points,
    work: &Work,
    (role, scope): (&str, &Scope),
    to: UserId,
) -> Result<(), StoreError> {
    let holders = work.unit.holders(role, scope).await?;
    for user in holders.iter().map(|holder| holder.user).chain([to]) {
        points
            .add(&*work.unit, &Subject::user(user), &[Spot::from(scope)])
            .await?;
    }
    Ok(())
}

/// Takes the role from whoever has it on the scope and gives it to the user. The entry for the audit log is
/// the caller's to emit.
pub(super) async fn hand_over(
    work: &mut Work,
    role: &str,
    scope: &Scope,
    to: UserId,
) -> Result<(Binding, crate::Audit), Error> {
    if work.situation.state(scope).is_none() {
        return Err(Refused::NotFound("scope").into());
    }
    let member = work.active_member(to).await?;
    if member
        .ok_or(Precondition::NotAMember { user: to })?
        .expires_at
        .is_some()
    {
        return Err(Precondition::HolderEnds.into());
    }
    let to = Subject::user(to);
    let mut entry = work.entry(scope).with("role", role).with("to", &to);
    for holder in work.unit.holders(role, scope).await? {
        let subject = Subject::user(holder.user);
        let all = work.unit.bindings_on(&subject, role, scope).await?;
        if subject == to
            && let Some(lasting) = all.iter().find(|binding| binding.expires_at.is_none())
        {
            return Ok((lasting.clone(), entry));
        }
        for old in &all {
            work.unit.remove_binding(old).await?;
        }
        work.subject_changed(&subject);
        entry = entry.with("from", subject);
    }
    let binding = work.new_binding(to, role.to_owned(), scope.clone());
    work.unit.put_binding(Vec::new(), &binding).await?;
    work.subject_changed(&binding.subject);
    Ok((binding, entry))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{World, account, user, workspace};

    fn transfer(n: u128) -> Transfer {
        Transfer {
            scope: account(),
            to: user(n),
        }
    }

    #[tokio::test]
    async fn the_holder_hands_over_and_keeps_nothing() {
        let world = World::new().await;
        world.member(1, "owner").await;
        world.member(2, "editor").await;
        let effects = world.preview(1, transfer(2)).await.unwrap();
        assert_eq!(effects.len(), 2, "{effects:?}");
        world.run(1, transfer(2)).await.unwrap();
        assert!(world.roles(1, &account()).await.is_empty());
        assert_eq!(world.roles(2, &account()).await, ["editor", "owner"]);
    }

    #[tokio::test]
    async fn whoever_does_not_hold_the_role_cannot_transfer_it() {
        let world = World::new().await;
        world.member(1, "owner").await;
        world.member(2, "manager").await;
        let refused = world.run(2, transfer(2)).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
        world.disable(1).await;
        let refused = world.run(1, transfer(2)).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
    }

    #[tokio::test]
    async fn the_new_holder_is_an_active_member_without_an_end() {
        let world = World::new().await;
        world.member(1, "owner").await;
        world.person(2).await;
        let refused = world.run(1, transfer(2)).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::NotAMember { .. }))
        ));
        world.member(3, "").await;
        let mut member = crate::member::Reader::member(&*world.read(), user(3))
            .await
            .unwrap()
            .unwrap();
        member.expires_at = Some(world.now().plus(std::time::Duration::from_mins(1)));
        world.put_member(member).await;
        let refused = world.run(1, transfer(3)).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::HolderEnds))
        ));
    }

    #[tokio::test]
    async fn a_deleted_scope_has_no_holder() {
        let world = World::new().await;
        world.member(2, "").await;
        world.workspace_is(PlaceState::Deleted).await;
        let gone = Transfer {
            scope: workspace(),
            ..transfer(2)
        };
        let refused = world.operate(gone).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::NotFound("scope")))));
    }
}
