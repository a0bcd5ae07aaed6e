//! What every write in an account begins with: its row lock, the situation, and who acts.

use bailiwick_types::{AccountId, Authorized, Scope, ScopeRoot, Subject, Timestamp, Token, UserId};

use crate::{Actor, Audit, Change, Ports, Situation, StoreError, Unit, member::Member, person::PersonState};

/// A write in an account, under its row lock.
pub(crate) struct Work {
    pub(crate) unit: Box<dyn Unit + Send + Sync>,
    pub(crate) situation: Situation,
    pub(crate) actor: Actor,
    pub(crate) now: Timestamp,
}

impl Work {
    /// Takes the lock and looks around; nothing where the account is not known, deleted, or nobody calls.
    pub(crate) async fn open(
        ports: &Ports,
        by: &Authorized,
        account: AccountId,
        scopes: impl IntoIterator<Item = &Scope>,
    ) -> Result<Option<Self>, StoreError> {
        let Some(subject) = by.caller().subject() else {
            return Ok(None);
        };
        let Some(access) = by.writes(account) else {
            return Ok(None);
        };
        let Some(unit) = ports.store.write(access).await? else {
            return Ok(None);
        };
        let Some(situation) = Situation::load(&*unit, scopes).await? else {
            return Ok(None);
        };
        if situation.state(&Scope::Account(account)).is_none() {
            return Ok(None);
        }
        let actor = Actor::load(&*unit, &situation, by, subject).await?;
        Ok(Some(Self {
            unit,
            situation,
            actor,
            now: ports.clock.now(),
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
    pub(crate) fn root(&self) -> ScopeRoot {
        ScopeRoot::Account(self.account())
    }
    pub(crate) fn emit(&mut self, change: impl Into<Change>) {
        let root = self.root();
        self.unit.emit(root, change.into());
    }
    /// Notes that a subject's set changed.
    pub(crate) fn subject_changed(&mut self, subject: &Subject) {
        self.emit(Change::of_subject(subject));
    }
    /// An entry of the audit log by the actor.
    pub(crate) fn audit(&self, action: &'static str, target: impl Into<String>) -> Audit {
        Audit::new(Some(self.actor.subject.clone()), action, target)
    }
    /// The user's membership, where it counts now.
    pub(crate) async fn active_member(&self, user: UserId) -> Result<Option<Member>, StoreError> {
        let member = self
            .unit
            .member(user)
            .await?
            .filter(|member| member.is_active(self.now));
        let Some(member) = member else { return Ok(None) };
        let person = self.unit.person(user).await?;
        let active = person.is_none_or(|person| person.state == PersonState::Active);
        Ok(active.then_some(member))
    }
    pub(crate) async fn commit(self) -> Result<Token, StoreError> {
        self.unit.commit().await
    }
}
