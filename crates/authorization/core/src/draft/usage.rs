//! How much the account would have.

use async_trait::async_trait;
use bailiwick_types::{StoreError, Subject, Timestamp};

use super::{Draft, base};
use crate::{
    approval, invitation,
    limit::{Counted, Reader, Used},
};

impl Draft {
    /// Which changed rows the snapshot has, by what they are.
    async fn changed_of_base(&self) -> Result<Used, StoreError> {
        let (Some(base), rows) = (&self.base, &self.rows) else {
            return Ok(Used::new());
        };
        let mut had = Used::new();
        let mut count = |of, is: bool| *had.entry(of).or_default() += u64::from(is);
        for member in rows.members.changed() {
            count(Counted::Members, base.member(member.user).await?.is_some());
        }
        for group in rows.groups.changed() {
            count(Counted::Groups, base.group(group.id).await?.is_some());
        }
        for (group, member) in rows.memberships.changed() {
            let groups = base.groups_of(member).await?;
            count(Counted::GroupMembers, groups.iter().any(|of| of.uuid() == *group));
        }
        for binding in rows.bindings.changed() {
            let (subject, role, scope) = (&binding.subject, &binding.role, &binding.scope);
            let bound = base.bindings_on(subject, role, scope).await?;
            count(Counted::Bindings, bound.iter().any(|of| of.id == binding.id));
        }
        for grant in rows.grants.changed() {
            count(Counted::Grants, base.grant(grant.id).await?.is_some());
        }
        let changed: Vec<_> = rows.resources.changed().map(|one| &one.name).collect();
        let had_resources = self.of_base(&changed).await?.len() as u64;
        *had.entry(Counted::Resources).or_default() += had_resources;
        Ok(had)
    }
}

#[async_trait]
impl Reader for Draft {
    async fn used(&self) -> Result<Used, StoreError> {
        let mut used: Used = base!(self.used());
        for (of, had) in self.changed_of_base().await? {
            let used = used.entry(of).or_default();
            *used = used.saturating_sub(had);
        }
        let rows = &self.rows;
        for (of, put) in [
            (Counted::Members, rows.members.rows().count()),
            (Counted::Groups, rows.groups.rows().count()),
            (Counted::GroupMembers, rows.memberships.rows().count()),
            (Counted::Bindings, rows.bindings.rows().count()),
            (Counted::Grants, rows.grants.rows().count()),
            (Counted::Resources, rows.resources.rows().count()),
        ] {
            *used.entry(of).or_default() += put as u64;
        }
        Ok(used)
    }
    async fn open_invitations(
        &self,
        creator: Option<&Subject>,
        now: Timestamp,
        enough: u64,
    ) -> Result<u64, StoreError> {
        let rows = &self.rows.invitations;
        let open = |of: &invitation::Invitation| {
            of.state_at(now) == invitation::State::Pending
                && creator.is_none_or(|creator| of.creator == *creator)
        };
        let mut count: u64 = base!(self.open_invitations(creator, now, rows.widen(enough)));
        if let Some(base) = &self.base {
            for changed in rows.changed() {
                let before = base.invitation(changed.id).await?;
                count -= u64::from(before.is_some_and(|before| open(&before)));
            }
        }
        Ok(count + rows.rows().filter(|of| open(of)).count() as u64)
    }
    async fn pending_approvals(&self, requester: Option<&Subject>, enough: u64) -> Result<u64, StoreError> {
        let rows = &self.rows.approvals;
        let pending = |of: &approval::Approval| {
            of.state == approval::State::Pending
                && requester.is_none_or(|requester| of.requester == *requester)
        };
        let mut count: u64 = base!(self.pending_approvals(requester, rows.widen(enough)));
        if let Some(base) = &self.base {
            for changed in rows.changed() {
                let before = base.approval(changed.id).await?;
                count -= u64::from(before.is_some_and(|before| pending(&before)));
            }
        }
        Ok(count + rows.rows().filter(|of| pending(of)).count() as u64)
    }
}
