//! The decision: a pure function of policy, places, sets, resource, request and instant.

mod assign;
mod explain;
mod holdings;
mod holds;
mod list;
mod nearest;
mod own;
mod plan;
mod standing;
mod walk;

use bailiwick_types::{ApprovalId, Level, Subject, Timestamp};

pub use assign::{could_assign, holds_role, may_assign, may_assign_itself};
pub use explain::{Explanation, NeededApproval, SeenCondition, Step, StepEffect, StepSource, explain};
pub use holdings::{Holding, HoldingSource, holdings};
pub use holds::{Claim, claims_of, holds, suite_holds};
pub use list::{HeldPermissions, permissions_held, scopes_held};
pub use own::within_own;
pub use plan::{
    AccountColumn, AccountColumnError, Alternative, Field, FieldName, Inexpressible, Plan, Predicate,
    SqlCondition, Table, Term, condition_text, plan, sql_condition,
};
pub(crate) use walk::{Candidate, Effect, Ground};

pub use crate::condition::Request;
use crate::{
    AccountPolicy, GrantBucket, OpenApproval, PermissionNo, PermissionSet, PlaceId, Places, Resource, RoleNo,
    TypeNo,
    product::ApprovalRule,
    resource::bound_values,
    set::{ApprovalTarget, is_over_at},
};

/// What a decision is about.
#[derive(Debug, Clone, Copy)]
pub enum Target<'a> {
    /// A scope.
    Scope(PlaceId),
    /// A resource, then its parents upwards as far as they are known. Never empty.
    Resource(&'a [&'a Resource]),
    /// A resource that is not known in the account.
    Absent,
}

/// For whom a decision is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Audience {
    /// For a product that asks about its subject: what is bound at the deployment never allows anything.
    #[default]
    Product,
    /// For the suite's own guard: the operator counts.
    Suite,
}

/// Everything that a decision is made from.
#[derive(Debug, Clone, Copy)]
pub struct DecisionInput<'a> {
    /// The account's policy.
    pub policy: &'a AccountPolicy,
    /// The account's tree.
    pub places: &'a Places,
    /// Whom it is about.
    pub subject: &'a Subject,
    /// Whether identity has disabled the user.
    pub disabled: bool,
    /// The subject's own set first, then those of all groups that it is in, whatever the number of steps.
    pub sets: &'a [&'a PermissionSet],
    /// Of sets that are split, the buckets of the target and its parents.
    pub buckets: &'a [&'a GrantBucket],
    /// What it is about.
    pub target: Target<'a>,
    /// What the caller says beside.
    pub request: Request<'a>,
    /// For whom it is made.
    pub audience: Audience,
    /// The instant.
    pub now: Timestamp,
}

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// No.
    Deny,
    /// Yes.
    Allow,
    /// Yes, once somebody has approved.
    NeedsApproval,
}

bailiwick_types::words! {
    /// Why an answer is as it is: a closed set.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub enum Reason {
        /// Allowed by a binding of a role.
        Role = "ROLE",
        /// Allowed by a default role.
        DefaultRole = "DEFAULT_ROLE",
        /// Allowed by a grant.
        Grant = "GRANT",
        /// Allowed by an approval of what a role or grant gives.
        Approved = "APPROVED",
        /// It is given once somebody approves.
        ApprovalRequired = "APPROVAL_REQUIRED",
        /// Nothing gives the permission on this target.
        NoEntry = "NO_ENTRY",
        /// What gives it has a condition that is not true.
        ConditionFalse = "CONDITION_FALSE",
        /// What gives it has a condition that cannot be decided.
        ConditionUndecided = "CONDITION_UNDECIDED",
        /// What gave it has expired.
        Expired = "EXPIRED",
        /// The target is not known in the account.
        ResourceUnknown = "RESOURCE_UNKNOWN",
        /// The scope in which the target lies is not known in the account.
        ScopeUnknown = "SCOPE_UNKNOWN",
        /// The product has no such permission any more.
        PermissionUnknown = "PERMISSION_UNKNOWN",
        /// The permission is not asked on targets of this type.
        NotApplicable = "NOT_APPLICABLE",
        /// The user is disabled.
        SubjectDisabled = "SUBJECT_DISABLED",
        /// The user is no member of the account.
        NotAMember = "NOT_A_MEMBER",
        /// The member is suspended.
        MemberSuspended = "MEMBER_SUSPENDED",
        /// The membership has expired.
        MembershipExpired = "MEMBERSHIP_EXPIRED",
        /// The account is suspended.
        AccountSuspended = "ACCOUNT_SUSPENDED",
        /// The account is restricted, and the permission is none that it keeps.
        AccountRestricted = "ACCOUNT_RESTRICTED",
        /// A scope on the way is suspended.
        ScopeSuspended = "SCOPE_SUSPENDED",
        /// A scope on the way is moving to another account.
        ScopeMoving = "SCOPE_MOVING",
        /// A scope on the way, or the account, is deleted.
        ScopeDeleted = "SCOPE_DELETED",
    }
}

/// What decided, or came nearest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// A binding.
    Binding {
        /// The index of the set in [`DecisionInput::sets`].
        set: u16,
        /// The role.
        role: RoleNo,
        /// Where it is bound.
        place: PlaceId,
        /// What that place is.
        level: Level,
        /// The index of the entry, where it has a condition or an approval rule of its own.
        entry: Option<u16>,
    },
    /// A default role, taken as bound at the account.
    DefaultRole {
        /// The role.
        role: RoleNo,
        /// The index of the entry, where it has a condition or an approval rule of its own.
        entry: Option<u16>,
    },
    /// A grant on a scope.
    ScopeGrant {
        /// The index of the set.
        set: u16,
        /// The scope.
        place: PlaceId,
    },
    /// A grant on a type in a scope.
    TypeGrant {
        /// The index of the set.
        set: u16,
        /// The scope.
        place: PlaceId,
        /// The type.
        of: TypeNo,
    },
    /// A grant on the target or on a resource above it.
    ResourceGrant {
        /// The index of the set, or of the bucket counted on from the sets.
        set: u16,
        /// 0 for the target, 1 for its parent, and so on.
        above: u16,
    },
}

/// A decision. It is never an error: what keeps one from being made comes before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Decision {
    /// The permission that it is about.
    pub permission: PermissionNo,
    /// The answer.
    pub outcome: Outcome,
    /// Why.
    pub reason: Reason,
    /// What decided, or came nearest.
    pub source: Option<Source>,
    /// The approval that allowed it.
    pub approval: Option<ApprovalId>,
}

impl Decision {
    fn deny(permission: PermissionNo, reason: Reason) -> Self {
        Self {
            permission,
            outcome: Outcome::Deny,
            reason,
            source: None,
            approval: None,
        }
    }

    /// Tells whether the answer is yes.
    #[must_use]
    pub fn is_allow(&self) -> bool {
        self.outcome == Outcome::Allow
    }

    /// The approval rule behind [`Reason::ApprovalRequired`] and [`Reason::Approved`].
    #[must_use]
    pub fn rule<'a>(&self, policy: &'a AccountPolicy) -> Option<&'a ApprovalRule> {
        if !matches!(self.reason, Reason::ApprovalRequired | Reason::Approved) {
            return None;
        }
        rule_of(policy, self.source?, self.permission)
    }
}

/// The approval rule that what comes from a source is under: the entry's own, or else the type's.
fn rule_of(policy: &AccountPolicy, source: Source, permission: PermissionNo) -> Option<&ApprovalRule> {
    let own = |role: RoleNo, level: Level, entry: Option<u16>| {
        policy
            .role(role)?
            .level(level)?
            .entries()
            .get(usize::from(entry?))?
            .own_rule()
    };
    let of_entry = match source {
        Source::Binding {
            role, level, entry, ..
        } => own(role, level, entry),
        Source::DefaultRole { role, entry } => own(role, Level::Account, entry),
        Source::ScopeGrant { .. } | Source::TypeGrant { .. } | Source::ResourceGrant { .. } => None,
    };
    of_entry.or_else(|| policy.type_rule(permission))
}

/// Decides whether the subject may do this, here, now.
///
/// Entries only add; the first that allows outright decides. Without one, an entry that asks for an approval
/// makes the answer depend on the subject's open approvals.
#[must_use]
pub fn decide(input: &DecisionInput<'_>, permission: PermissionNo) -> Decision {
    let ground = match Ground::find(input, permission) {
        Ok(ground) => ground,
        Err(reason) => return Decision::deny(permission, reason),
    };
    let mut nearest: Option<Candidate<'_>> = None;
    let mut allowed = None;
    let end = ground.walk(&mut |candidate| {
        if matches!(candidate.effect, Effect::Allow) {
            allowed = Some(candidate);
            return false;
        }
        if nearest
            .as_ref()
            .is_none_or(|other| other.effect.distance() > candidate.effect.distance())
        {
            nearest = Some(candidate);
        }
        true
    });
    if let Some(candidate) = allowed {
        return candidate.allow(permission);
    }
    let Some(candidate) = nearest else {
        return Decision::deny(permission, end.unwrap_or(Reason::NoEntry));
    };
    let (outcome, reason, approval) = match candidate.effect {
        Effect::Approval => match ground.approval(candidate.source, true) {
            Some(id) => (Outcome::Allow, Reason::Approved, Some(id)),
            None => (Outcome::NeedsApproval, Reason::ApprovalRequired, None),
        },
        Effect::Undecided => (Outcome::Deny, Reason::ConditionUndecided, None),
        Effect::False => (Outcome::Deny, Reason::ConditionFalse, None),
        Effect::Expired | Effect::Allow => (Outcome::Deny, Reason::Expired, None),
    };
    Decision {
        permission,
        outcome,
        reason,
        source: Some(candidate.source),
        approval,
    }
}

/// Whether an approval serves for the values that the rule binds, as they are stored now.
fn serves_values(approval: &OpenApproval, rule: Option<&ApprovalRule>, resource: Option<&Resource>) -> bool {
    let binds = rule.map_or(&[][..], |rule| &rule.binds);
    match &approval.bound {
        None => binds.is_empty(),
        Some(bound) => bound_values(binds.iter().map(|name| &**name), resource).as_deref() == Some(bound),
    }
}

impl Ground<'_> {
    /// An unexpired, unused request for this very thing: an approved one, or one that is waiting. One that
    /// is bound to stored values serves while they are as they were, under a rule that binds the same.
    fn approval(&self, source: Source, approved: bool) -> Option<ApprovalId> {
        let input = self.input;
        let rule = rule_of(input.policy, source, self.info.no);
        let resource = match input.target {
            Target::Resource([asked, ..]) => Some(*asked),
            _ => None,
        };
        let own = input.sets.first().filter(|set| set.subject() == input.subject)?;
        let same = |target: &ApprovalTarget| match (target, input.target) {
            (ApprovalTarget::Place(place), Target::Scope(asked)) => *place == asked,
            (ApprovalTarget::Resource(of, id), Target::Resource([asked, ..])) => {
                *of == asked.type_no && *id == asked.id
            }
            _ => false,
        };
        let found = own.approvals().iter().find(|approval| {
            approval.approved == approved
                && approval.permission == self.info.no
                && same(&approval.target)
                && approval
                    .digest
                    .as_deref()
                    .is_none_or(|digest| input.request.digest == Some(digest))
                && !is_over_at(approval.expires_at, input.now)
                && serves_values(approval, rule, resource)
        });
        found.map(|approval| approval.id)
    }
}
