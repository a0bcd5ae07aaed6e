//! What one account may have at most. The numbers are configured; whether a change keeps to them is looked
//! at in its transaction, after everything else.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use bailiwick_policy::OwnSize;
use bailiwick_types::{Exhausted, Limit, StoreError, Subject, Timestamp};

use crate::{Error, Work};

bailiwick_types::limits! {
    /// What one account may have at most. A change that would exceed a limit is refused; an account that has
    /// more already, because a limit was lowered, keeps it.
    #[schemars(rename = "AccountLimits")]
    Limits {
        /// Members, suspended ones and customers among them.
        members = 2_000_000,
        /// Groups.
        groups = 100_000,
        /// Members of all groups.
        group_members = 10_000_000,
        /// Bindings of roles, ended ones among them.
        bindings = 20_000_000,
        /// Grants, ended ones among them.
        grants = 20_000_000,
        /// Registered resources.
        resources = 100_000_000,
        /// Roles that the account defined.
        roles = 1_000,
        /// Entries of all roles that the account defined or changed, with their exceptions and the roles that
        /// they assign. What a role includes counts in each role that includes it.
        role_entries = 50_000,
        /// Entries of one such role, at most 65,535.
        entries_per_role = 5_000,
        /// Operators and operands of the conditions of all such roles.
        condition_nodes = 100_000,
        /// Operators and operands of the conditions of one such role.
        condition_nodes_per_role = 10_000,
        /// Invitations that are open: not accepted, revoked or expired.
        open_invitations = 50_000,
        /// Open invitations of one inviter.
        open_invitations_per_inviter = 10_000,
        /// Pending requests for approval.
        pending_approvals = 50_000,
        /// Undecided requests for approval of one requester.
        pending_approvals_per_requester = 1_000,
    }
}

/// What a counter of an account counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Counted {
    /// Members.
    Members,
    /// Groups.
    Groups,
    /// Members of groups.
    GroupMembers,
    /// Bindings.
    Bindings,
    /// Grants.
    Grants,
    /// Resources.
    Resources,
}

bailiwick_types::codes!(Counted {
    Members = 1, Groups = 2, GroupMembers = 3, Bindings = 4, Grants = 5, Resources = 6
});

impl Counted {
    fn limit(self, limits: &Limits) -> Limit {
        match self {
            Self::Members => limits.members(),
            Self::Groups => limits.groups(),
            Self::GroupMembers => limits.group_members(),
            Self::Bindings => limits.bindings(),
            Self::Grants => limits.grants(),
            Self::Resources => limits.resources(),
        }
    }
}

/// How many an account has, by what they are; none where nothing is said.
pub type Used = BTreeMap<Counted, u64>;

/// Reads how much an account has, this change included.
#[async_trait]
pub trait Reader: Send + Sync {
    /// The counters. They are kept with the rows: nothing is counted here.
    async fn used(&self) -> Result<Used, StoreError>;
    /// How many invitations are open, of all inviters or of one; at most `enough` are counted.
    async fn open_invitations(
        &self,
        creator: Option<&Subject>,
        now: Timestamp,
        enough: u64,
    ) -> Result<u64, StoreError>;
    /// How many requests for approval are pending, of all requesters or of one; at most `enough` are counted.
    async fn pending_approvals(&self, requester: Option<&Subject>, enough: u64) -> Result<u64, StoreError>;
}

/// What a change adds to what the account has.
#[derive(Debug, Default)]
pub(crate) struct Growth {
    counted: BTreeMap<Counted, i64>,
    inviters: BTreeSet<Subject>,
    requesters: BTreeSet<Subject>,
    roles: Option<(OwnSize, OwnSize)>,
}

impl Growth {
    /// Notes rows that are new (positive) or gone.
    pub(crate) fn add(&mut self, of: Counted, rows: i64) {
        *self.counted.entry(of).or_default() += rows;
    }
    /// Notes an invitation that was not open before.
    pub(crate) fn invited(&mut self, creator: &Subject) {
        self.inviters.insert(creator.clone());
    }
    /// Notes a request for an approval.
    pub(crate) fn requested(&mut self, requester: &Subject) {
        self.requesters.insert(requester.clone());
    }
    /// Notes the size of the account's roles before and after.
    pub(crate) fn roles(&mut self, before: OwnSize, after: OwnSize) {
        self.roles = Some((before, after));
    }
}

/// Refuses a change by which the account comes to have more than it may. What a change leaves as it is, or
/// takes away, is never refused.
pub(crate) async fn check(work: &Work) -> Result<(), Error> {
    let (limits, growth) = (&work.limits, work.unit.growth());
    if let Some((before, after)) = growth.roles {
        check_roles(limits, &before, &after)?;
    }
    let grown: Vec<Counted> = growth
        .counted
        .iter()
        .filter(|(_, rows)| **rows > 0)
        .map(|(of, _)| *of)
        .collect();
    if !grown.is_empty() {
        let used = work.unit.used().await?;
        for of in grown {
            of.limit(limits)
                .check(used.get(&of).copied().unwrap_or_default())?;
        }
    }
    if !growth.inviters.is_empty() {
        let (all, each) = (limits.open_invitations(), limits.open_invitations_per_inviter());
        let open = async |of, limit: Limit| work.unit.open_invitations(of, work.now, limit.enough()).await;
        all.check(open(None, all).await?)?;
        for inviter in &growth.inviters {
            each.check(open(Some(inviter), each).await?)?;
        }
    }
    if !growth.requesters.is_empty() {
        let (all, each) = (
            limits.pending_approvals(),
            limits.pending_approvals_per_requester(),
        );
        let pending = async |of, limit: Limit| work.unit.pending_approvals(of, limit.enough()).await;
        all.check(pending(None, all).await?)?;
        for requester in &growth.requesters {
            each.check(pending(Some(requester), each).await?)?;
        }
    }
    Ok(())
}

/// Refuses more of these than an account may have.
pub(crate) async fn check_counted(
    read: &(impl crate::Read + ?Sized),
    limits: &Limits,
    all: &[Counted],
) -> Result<(), Error> {
    let used = read.used().await?;
    for of in all {
        of.limit(limits)
            .check(used.get(of).copied().unwrap_or_default())?;
    }
    Ok(())
}

/// A compiled role has no numbers for more entries: it would leave them out.
const MOST_ENTRIES: u64 = u16::MAX as u64;

fn check_roles(limits: &Limits, before: &OwnSize, after: &OwnSize) -> Result<(), Exhausted> {
    let mut per_role = limits.entries_per_role();
    per_role.value = per_role.value.min(MOST_ENTRIES);
    let sizes = [
        (limits.roles(), before.roles, after.roles),
        (per_role, before.most_entries, after.most_entries),
        (limits.role_entries(), before.entries, after.entries),
        (
            limits.condition_nodes_per_role(),
            before.most_nodes,
            after.most_nodes,
        ),
        (limits.condition_nodes(), before.nodes, after.nodes),
    ];
    for (limit, before, after) in sizes {
        if after > before {
            limit.check(after)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use bailiwick_types::{Fault, Reason};

    use super::*;
    use crate::{group::create::Create, memory::World, quota::set::Set};

    fn group() -> Create {
        Create {
            title: "Group".to_owned(),
            request_id: None,
        }
    }

    #[tokio::test]
    async fn one_more_than_the_limit_is_refused_by_its_name_and_value() {
        let mut world = World::new().await;
        world.ports.limits.groups = 1;
        world.member(1, "admin").await;
        world.run(1, group()).await.unwrap();
        let refused = world.run(1, group()).await.unwrap_err();
        assert_eq!(refused.reason(), Reason::LimitReached);
        let metadata = [("limit", "groups".to_owned()), ("value", "1".to_owned())];
        assert_eq!(refused.metadata(), metadata);
    }

    #[tokio::test]
    async fn what_adds_nothing_is_done_above_a_limit() {
        let mut world = World::new().await;
        world.member(1, "admin").await;
        world.ports.limits.members = 0;
        let quota = Set {
            user: crate::memory::user(1),
            of: "project".to_owned(),
            limit: Some(1),
        };
        world.run(1, quota).await.unwrap();
    }

    #[test]
    fn every_counter_has_the_limit_of_its_name() {
        let limits = Limits::default();
        let names: Vec<&str> = (1..=6)
            .filter_map(Counted::from_code)
            .map(|of| of.limit(&limits).name)
            .collect();
        let expected = [
            "members",
            "groups",
            "group_members",
            "bindings",
            "grants",
            "resources",
        ];
        assert_eq!(names, expected);
        assert_eq!(limits.all().len(), 15);
    }

    #[test]
    fn the_defaults_admit_a_very_large_account() {
        let limits = Limits::default();
        assert!(limits.members().check(1_000_000).is_ok());
        assert!(limits.bindings().check(10_000_000).is_ok());
    }
}
