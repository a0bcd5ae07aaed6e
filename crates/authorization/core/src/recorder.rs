//! The unit of work of a change, as operations see it: reads pass through, and a write that can give somebody
//! something is noted, so that the driver can compare what a change adds with what its giver holds.
//!
//! There is no other way to write: the port itself is behind a shared reference.

use std::ops::Deref;

use bailiwick_policy::{CustomRole, LevelOverlay};
use bailiwick_types::{GroupId, Level, ScopeRoot, StoreError, Subject, Timestamp, Token, UserId};
use uuid::Uuid;

use crate::{
    Change, Unit,
    approval::Approval,
    binding::Binding,
    grant::Grant,
    group::Group,
    invitation::Invitation,
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
        }
    }
    /// What was added since this was asked last.
    pub(crate) fn take_added(&mut self) -> Vec<Source> {
        std::mem::take(&mut self.added)
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
        let after = after.clone();
        self.added.push(Source::Binding { before, after });
        Ok(())
    }
    pub(crate) async fn put_grant(&mut self, grant: &Grant) -> Result<(), StoreError> {
        self.unit.put_grant(grant).await?;
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
            let member = subject.clone();
            self.added.push(Source::InGroup { group: id, member });
        }
        Ok(())
    }
    pub(crate) async fn put_member(&mut self, member: &Member) -> Result<(), StoreError> {
        let before = self.unit.member(member.user).await?;
        self.unit.put_member(member).await?;
        let after = *member;
        self.added.push(Source::Member { before, after });
        Ok(())
    }
    pub(crate) async fn put_invitation(&mut self, invitation: &Invitation) -> Result<(), StoreError> {
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
        if let Some(before) = before {
            let after = after.clone();
            self.added.push(Source::Resource(Box::new((before, after))));
        }
        Ok(())
    }

    pass! {
        put_approval(approval: &Approval) -> ();
        put_group(group: &Group) -> ();
        put_quota(subject: &Subject, of: &str, limit: Option<u64>) -> ();
        put_ending(user: UserId, at: Timestamp) -> ();
        keep_answer(root: &ScopeRoot, request_id: &str, answer: &Answered, now: Timestamp) -> ();
        remove_binding(binding: &Binding) -> ();
        remove_grant(grant: &Grant) -> ();
        remove_grants(subject: &Subject, scopes: &[Uuid]) -> ();
        remove_group(id: GroupId) -> ();
        remove_member(user: UserId) -> ();
        remove_resource(name: &Name) -> Vec<Subject>;
        remove_role(name: &str) -> ();
        // The author of a role holds what it adds: see `sources`.
        put_role(role: &CustomRole) -> ();
        put_overlay(role: &str, level: Level, overlay: &LevelOverlay) -> ();
    }
}
