//! A change of an account under way: the unit of work, the situation, and who acts.

use std::sync::Arc;

use bailiwick_policy::{DecisionInput, Role, Target, manifest::MemberKind, within_own};
use bailiwick_types::{
    AccountId, Authorized, BindingId, IdGen, Method, Refused, Scope, ScopeRoot, Subject, Timestamp, Token,
    UserId,
};
use serde_json::{Map, Value as Json};

use crate::{
    Actor, Audit, Change, Error, Limits, Ports, Precondition, Situation, StoreError, Unit,
    binding::Binding,
    member::{self, Member},
    recorder::Recorder,
    seat,
};

/// A change of an account under way.
pub struct Work {
    pub(crate) unit: Recorder,
    pub(crate) situation: Situation,
    pub(crate) actor: Actor,
    /// Who gives what the change adds, where that is not the actor.
    pub(crate) giver: Option<Actor>,
    pub(crate) now: Timestamp,
    pub(crate) ids: Arc<dyn IdGen>,
    pub(crate) limits: Limits,
    pub(crate) action: &'static str,
}

impl std::fmt::Debug for Work {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Work({})", self.action)
    }
}

impl Work {
    /// Looks around; nothing where the account is not known, deleted, or nobody calls.
    pub(crate) async fn begin<M: Method>(
        ports: &Ports,
        by: &Authorized<M>,
        unit: Box<dyn Unit + Send + Sync>,
        scopes: &[Scope],
    ) -> Result<Option<Self>, StoreError> {
        let Some(subject) = by.subject() else {
            return Ok(None);
        };
        let Some(situation) = Situation::load(&*unit, scopes).await? else {
            return Ok(None);
        };
        if situation.state(&Scope::Account(situation.account.id)).is_none() {
            return Ok(None);
        }
        let actor = Actor::load(&*unit, &situation, by, subject).await?;
        Ok(Some(Self {
            unit: Recorder::over(unit),
            situation,
            actor,
            giver: None,
            now: ports.clock.now(),
            ids: Arc::clone(&ports.ids),
            limits: ports.limits,
            action: by.action(),
        }))
    }
    /// Brings further places into view.
    pub(crate) async fn look_at(
        &mut self,
        scopes: impl IntoIterator<Item = &Scope>,
    ) -> Result<(), StoreError> {
        if let Some(wider) = Situation::load(&*self.unit, scopes).await? {
            self.situation = wider;
        }
        Ok(())
    }
    pub(crate) fn account(&self) -> AccountId {
        self.situation.account.id
    }
    /// The account as a scope.
    pub(crate) fn account_scope(&self) -> Scope {
        Scope::Account(self.account())
    }
    pub(crate) fn root(&self) -> ScopeRoot {
        ScopeRoot::Account(self.account())
    }
    /// The revision that this change gives the account.
    pub(crate) fn revision(&self) -> Result<u64, StoreError> {
        self.unit.next_revision(&self.root())
    }
    /// Refuses an actor that does not have a permission on a scope.
    pub(crate) fn require(&self, permission: &str, scope: &Scope) -> Result<(), Refused> {
        let allowed = self.situation.allows(&self.actor, permission, scope, self.now);
        if allowed { Ok(()) } else { Err(Refused::Denied) }
    }
    /// Whether the actor could assign a role on a scope, and so revoke it.
    pub(crate) fn may_assign(&self, role: &Role, scope: &Scope) -> bool {
        self.situation.may_assign(&self.actor, role.no, scope, self.now)
    }
    /// Whether the actor may give a role with these parameters on a scope, where its declarations bound
    /// them by the giver's own. The operator may give any.
    pub(crate) fn may_give_parameters(
        &self,
        role: &Role,
        scope: &Scope,
        parameters: &Map<String, Json>,
    ) -> bool {
        let Some(standing) = &self.actor.standing else {
            return true;
        };
        if self.actor.key.is_some() {
            return false;
        }
        let read = role.level(scope.level()).map(|at| at.read_parameters(parameters));
        let Some(Ok(values)) = read else {
            return false;
        };
        let (target, request) = (Target::Scope(scope.into()), self.situation.plain_request());
        let ask = |input: &DecisionInput<'_>| within_own(input, role.no, &values);
        self.situation
            .ask_about(&self.actor.subject, standing, target, request, self.now, ask)
    }
    /// Refuses a scope that is not there or not in use.
    pub(crate) fn ensure_active(&self, scope: &Scope) -> Result<(), Error> {
        match self.situation.state(scope) {
            Some(state) if state.is_open() => Ok(()),
            Some(_) => Err(Precondition::NotActive { scope: scope.clone() }.into()),
            None => Err(Refused::NotFound("scope").into()),
        }
    }
    pub(crate) fn emit(&mut self, change: impl Into<Change>) {
        let root = self.root();
        self.unit.emit(root, change.into());
    }
    /// Notes that a subject's set changed.
    pub(crate) fn subject_changed(&mut self, subject: &Subject) {
        self.emit(Change::of_subject(subject));
    }
    /// An entry of the audit log: the actor calls the method.
    pub(crate) fn entry(&self, target: impl ToString) -> Audit {
        Audit::new(Some(self.actor.subject.clone()), self.action, target.to_string())
    }
    /// The user's membership, where it counts now.
    pub(crate) async fn active_member(&self, user: UserId) -> Result<Option<Member>, StoreError> {
        member::active(&*self.unit, user, self.now).await
    }
    /// Refuses a user that is no active member, where users have to be members.
    pub(crate) async fn ensure_member(&self, user: UserId) -> Result<(), Error> {
        if self.situation.needs_members() && self.active_member(user).await?.is_none() {
            return Err(Precondition::NotAMember { user }.into());
        }
        Ok(())
    }
    /// Refuses a group that the account does not have; any other subject passes.
    pub(crate) async fn ensure_group(&self, subject: &Subject) -> Result<(), Error> {
        if subject.kind() == "group" && !self.unit.group_exists(subject).await? {
            return Err(Refused::NotFound("group").into());
        }
        Ok(())
    }
    /// Refuses a user that is no active member, where users have to be members, and a group that the account
    /// does not have; any other subject passes.
    pub(crate) async fn ensure_subject(&self, subject: &Subject) -> Result<(), Error> {
        match subject.user_id() {
            Some(user) => self.ensure_member(user).await,
            None if subject.kind() == "user" && self.situation.needs_members() => {
                let subject = subject.clone();
                Err(Precondition::NotAUser { subject }.into())
            }
            None => self.ensure_group(subject).await,
        }
    }
    /// Refuses another member of a kind that needs a seat, where none is free.
    pub(crate) async fn ensure_seat(&self, kind: MemberKind) -> Result<(), Error> {
        if kind != MemberKind::Agent || self.situation.account.seats == 0 {
            return Ok(());
        }
        let seats = seat::count(&*self.unit, &self.situation.account, self.now).await?;
        match seats.limit {
            Some(limit) if seats.is_full() => Err(Precondition::NoFreeSeat(limit).into()),
            _ => Ok(()),
        }
    }
    /// A new binding of the actor's making, without parameters and without an end.
    pub(crate) fn new_binding(&self, subject: Subject, role: String, scope: Scope) -> Binding {
        Binding {
            id: BindingId::generate(&*self.ids),
            account: self.account(),
            subject,
            role,
            scope,
            key: String::new(),
            parameters: Map::new(),
            expires_at: None,
            created_at: self.now,
            creator: Some(self.actor.subject.clone()),
        }
    }
    /// Tells that a binding was put or removed.
    pub(crate) fn binding_changed(&mut self, binding: &Binding) {
        self.subject_changed(&binding.subject);
        let entry = self.entry(&binding.scope).with("subject", &binding.subject);
        self.emit(entry.with("role", &binding.role));
    }
    pub(crate) async fn commit(self) -> Result<Token, StoreError> {
        self.unit.commit().await
    }
}

#[cfg(test)]
mod tests {
    use bailiwick_testkit::witness;
    use bailiwick_types::{ApiKeyId, KeyScope, Level, Target as On, method::authorization::UpdateMember};

    use super::*;
    use crate::memory::{World, account, account_id, user, workspace};

    /// A member with a role that may do and assign everything, by a key for a part of it.
    async fn by_key(world: &World) -> Work {
        world.member(1, "admin").await;
        let scope = KeyScope {
            key: ApiKeyId::generate(&*world.ports.ids),
            account: account_id(),
            place: account(),
            permissions: vec!["user.edit".parse().unwrap()],
            networks: Vec::new(),
        };
        let caller = witness::key(user(1), scope);
        let by = witness::authorized::<UpdateMember>(&caller, &On::account(account_id()), false);
        let scopes = [workspace()];
        let work = Work::begin(&world.ports, &by, world.read(), &scopes).await;
        work.unwrap().unwrap()
    }

    #[tokio::test]
    async fn a_key_serves_for_what_it_names_and_gives_nothing_that_its_maker_could() {
        let world = World::new().await;
        let mut work = by_key(&world).await;
        let role = work.situation.role_at("viewer", Level::Account).unwrap().clone();
        let gives = |work: &Work| {
            let parameters = Map::new();
            [
                work.may_assign(&role, &account()),
                work.situation
                    .may_assign_itself(&work.actor, &role, &account(), work.now),
                work.may_give_parameters(&role, &account(), &parameters),
            ]
        };
        work.require("user.edit", &account()).unwrap();
        work.require("user.edit", &workspace()).unwrap();
        assert!(matches!(
            work.require("user.remove", &account()),
            Err(Refused::Denied)
        ));
        assert_eq!(gives(&work), [false; 3]);
        // Without the key the same member may all of it.
        work.actor.key = None;
        work.require("user.remove", &account()).unwrap();
        assert_eq!(gives(&work), [true; 3]);
    }

    #[tokio::test]
    async fn a_key_for_a_place_serves_nowhere_else() {
        let world = World::new().await;
        let mut work = by_key(&world).await;
        work.actor.key.as_mut().unwrap().place = workspace();
        work.require("user.edit", &workspace()).unwrap();
        assert!(matches!(
            work.require("user.edit", &account()),
            Err(Refused::Denied)
        ));
    }
}
