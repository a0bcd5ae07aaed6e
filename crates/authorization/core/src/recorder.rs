//! The unit of work of a change, as operations see it: reads pass through, and a write that can give somebody
//! something is noted, so that the driver can compare what a change adds with what its giver holds. So is how
//! much it adds, for the limits of the account.
//!
//! There is no other way to write: the port itself is behind a shared reference.

use std::ops::Deref;

use bailiwick_policy::{CustomRole, LevelOverlay, OwnSize};
use bailiwick_types::{GroupId, Level, ScopeRoot, StoreError, Subject, Timestamp, Token, UserId};
use uuid::Uuid;

use crate::{
    Change, Unit,
    approval::{self, Approval},
    binding::Binding,
    grant::Grant,
    group::Group,
    invitation::{self, Invitation},
    limit::{Counted, Growth},
    member::Member,
    request::Answered,
    resource::{Name, Resource},
};

/// Something that a change adds and that somebody may have permissions from.
#[derive(Debug)]
pub(crate) enum Source {
    /// A binding, and those that it replaces.
    Binding { before: Vec<Binding>, after: Binding },
    /// A grant that is new or reaches further.
    Grant(Grant),
    /// A member of a group that was not in it.
    InGroup { group: GroupId, member: Subject },
    /// A membership, and what it replaces.
    Member { before: Option<Member>, after: Member },
    /// An invitation.
    Invitation(Invitation),
    /// A resource that conditions look at: as it was, and as it is now.
    Resource(Box<(Resource, Resource)>),
}

/// A unit of work that notes what is added.
pub(crate) struct Recorder {
    unit: Box<dyn Unit + Send + Sync>,
    added: Vec<Source>,
    growth: Growth,
}

impl Deref for Recorder {
    type Target = dyn Unit + Send + Sync;
    fn deref(&self) -> &Self::Target {
        &*self.unit
    }
}

/// Writes that give nothing to anybody.
macro_rules! pass {
    ($($name:ident($($argument:ident: $of:ty),*) -> $made:ty;)*) => {
        $(pub(crate) async fn $name(&mut self, $($argument: $of),*) -> Result<$made, StoreError> {
            self.unit.$name($($argument),*).await
        })*
    };
}

impl Recorder {
    pub(crate) fn over(unit: Box<dyn Unit + Send + Sync>) -> Self {
        Self {
            unit,
            added: Vec::new(),
            growth: Growth::default(),
        }
    }
    /// What was added since this was asked last.
    pub(crate) fn take_added(&mut self) -> Vec<Source> {
        std::mem::take(&mut self.added)
    }
    /// How much was added so far.
    pub(crate) fn growth(&self) -> &Growth {
        &self.growth
    }
    pub(crate) fn emit(&mut self, root: ScopeRoot, change: Change) {
        self.unit.emit(root, change);
    }
    pub(crate) async fn commit(self) -> Result<Token, StoreError> {
        self.unit.commit().await
    }

    pub(crate) async fn put_binding(
        &mut self,
        before: Vec<Binding>,
        after: &Binding,
    ) -> Result<(), StoreError> {
        self.unit.put_binding(after).await?;
        let is_new = before.iter().all(|old| old.id != after.id);
        self.growth.add(Counted::Bindings, i64::from(is_new));
        let after = after.clone();
        self.added.push(Source::Binding { before, after });
        Ok(())
    }
    /// Writes a new grant.
    pub(crate) async fn put_grant(&mut self, grant: &Grant) -> Result<(), StoreError> {
        self.unit.put_grant(grant).await?;
        self.growth.add(Counted::Grants, 1);
        self.added.push(Source::Grant(grant.clone()));
        Ok(())
    }
    /// Writes a grant of something that its subject has by another grant already.
    pub(crate) async fn rewrite_grant(&mut self, grant: &Grant) -> Result<(), StoreError> {
        self.unit.put_grant(grant).await
    }
    pub(crate) async fn set_group_member(
        &mut self,
        id: GroupId,
        subject: &Subject,
        is_in: bool,
    ) -> Result<(), StoreError> {
        let is_new = is_in && !self.unit.groups_of(subject).await?.contains(&id);
        self.unit.set_group_member(id, subject, is_in).await?;
        if is_new {
            self.growth.add(Counted::GroupMembers, 1);
            let member = subject.clone();
            self.added.push(Source::InGroup { group: id, member });
        }
        Ok(())
    }
    pub(crate) async fn put_member(&mut self, member: &Member) -> Result<(), StoreError> {
        let before = self.unit.member(member.user).await?;
        self.unit.put_member(member).await?;
        self.growth.add(Counted::Members, i64::from(before.is_none()));
        let after = *member;
        self.added.push(Source::Member { before, after });
        Ok(())
    }
    pub(crate) async fn put_invitation(
        &mut self,
        invitation: &Invitation,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let is_open = |of: &Invitation| of.state_at(now) == invitation::State::Pending;
        if is_open(invitation) {
            // One that was open before, and is sent again, is none more.
            let was_open = invitation.version > 1
                && self
                    .unit
                    .invitation(invitation.id)
                    .await?
                    .as_ref()
                    .is_some_and(is_open);
            if !was_open {
                self.growth.invited(&invitation.creator);
            }
        }
        self.unit.put_invitation(invitation).await?;
        self.added.push(Source::Invitation(invitation.clone()));
        Ok(())
    }
    pub(crate) async fn put_resource(
        &mut self,
        before: Option<Resource>,
        after: &Resource,
    ) -> Result<(), StoreError> {
        self.unit.put_resource(after).await?;
        self.growth.add(Counted::Resources, i64::from(before.is_none()));
        if let Some(before) = before {
            let after = after.clone();
            self.added.push(Source::Resource(Box::new((before, after))));
        }
        Ok(())
    }

    pub(crate) async fn put_approval(&mut self, approval: &Approval) -> Result<(), StoreError> {
        self.unit.put_approval(approval).await?;
        if approval.state == approval::State::Pending {
            self.growth.requested(&approval.requester);
        }
        Ok(())
    }
    /// Writes a new group.
    pub(crate) async fn put_group(&mut self, group: &Group) -> Result<(), StoreError> {
        self.unit.put_group(group).await?;
        self.growth.add(Counted::Groups, 1);
        Ok(())
    }
    pub(crate) async fn remove_binding(&mut self, binding: &Binding) -> Result<(), StoreError> {
        self.unit.remove_binding(binding).await?;
        self.growth.add(Counted::Bindings, -1);
        Ok(())
    }
    pub(crate) async fn remove_grant(&mut self, grant: &Grant) -> Result<(), StoreError> {
        self.unit.remove_grant(grant).await?;
        self.growth.add(Counted::Grants, -1);
        Ok(())
    }
    /// Makes or replaces a role of the account. `sizes` are those of all its roles, before and after. The
    /// author of a role holds what it adds: see `sources`.
    pub(crate) async fn put_role(
        &mut self,
        role: &CustomRole,
        sizes: (OwnSize, OwnSize),
    ) -> Result<(), StoreError> {
        self.growth.roles(sizes.0, sizes.1);
        self.unit.put_role(role).await
    }
    /// The same for what the account changed about a role of the product.
    pub(crate) async fn put_overlay(
        &mut self,
        role: &str,
        level: Level,
        overlay: &LevelOverlay,
        sizes: (OwnSize, OwnSize),
    ) -> Result<(), StoreError> {
        self.growth.roles(sizes.0, sizes.1);
        self.unit.put_overlay(role, level, overlay).await
    }

    pass! {
        put_quota(subject: &Subject, of: &str, limit: Option<u64>) -> ();
        put_ending(user: UserId, at: Timestamp) -> ();
        keep_answer(root: &ScopeRoot, request_id: &str, answer: &Answered, now: Timestamp) -> ();
        remove_grants(subject: &Subject, scopes: &[Uuid]) -> ();
        remove_group(id: GroupId) -> ();
        remove_member(user: UserId) -> ();
        remove_resource(name: &Name) -> Vec<Subject>;
        remove_role(name: &str) -> ();
    }
}
