//! Rules about the holders of a role. They are asked under the account's row lock, so that they hold in any
//! race.

use std::collections::{BTreeMap, BTreeSet};

use bailiwick_policy::{
    Role,
    manifest::{Holders, deployment},
};
use bailiwick_types::ScopeRoot;

use crate::prelude::*;
use crate::{
    Read, Situation,
    binding::{Binding, Holder},
    person::PersonState,
};

/// Whether somebody counts as a holder: an active member without an end, whose binding has no end either.
#[must_use]
pub fn counts(holder: &Holder, needs_members: bool, now: Timestamp) -> bool {
    let belongs = match &holder.member {
        Some(member) => member.is_active(now) && member.expires_at.is_none(),
        None => !needs_members,
    };
    belongs && holder.expires_at.is_none() && holder.state == PersonState::Active
}

/// Whether a rule is broken when users no longer count as holders, all of them at once.
#[must_use]
pub fn breaks(
    rule: Holders,
    holders: &[Holder],
    leaving: &BTreeSet<Subject>,
    needs_members: bool,
    now: Timestamp,
) -> bool {
    let is_leaving = |holder: &&Holder| leaving.contains(&Subject::user(holder.user));
    let counting: Vec<&Holder> = holders
        .iter()
        .filter(|holder| counts(holder, needs_members, now))
        .collect();
    match rule {
        // It is transferred or recovered, never lost.
        Holders::Exactly(_) => holders.iter().any(|holder| is_leaving(&holder)),
        Holders::AtLeast(least) => {
            let leaves = counting.iter().filter(|holder| is_leaving(holder)).count();
            leaves > 0 && counting.len() - leaves < usize::try_from(least).unwrap_or(usize::MAX)
        }
    }
}

/// Whether a role's rule is broken when a subject loses it on the binding's scope, or stops counting there.
///
/// # Errors
/// The store fails.
pub async fn breaks_rule(
    read: &(impl Read + ?Sized),
    situation: &Situation,
    role: &Role,
    binding: &Binding,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let leaving = BTreeSet::from([binding.subject.clone()]);
    is_broken(read, situation, role, (&binding.scope, &leaving), now).await
}

async fn is_broken(
    read: &(impl Read + ?Sized),
    situation: &Situation,
    role: &Role,
    (scope, leaving): (&Scope, &BTreeSet<Subject>),
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Some(rule) = role.holders else {
        return Ok(false);
    };
    // What is deleted needs nobody.
    if situation.state(scope).is_none() {
        return Ok(false);
    }
    let holders = read.holders(&role.name, scope).await?;
    Ok(breaks(rule, &holders, leaving, situation.needs_members(), now))
}

/// Whether the rule of a role of the deployment is broken when a user no longer counts as a holder. The unit
/// must hold the deployment.
///
/// # Errors
/// The store fails.
pub async fn breaks_deployment_rule(
    read: &(impl Read + ?Sized),
    role: &str,
    subject: &Subject,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let declared = deployment().roles.remove(role);
    let Some(rule) = declared.and_then(|role| role.holders) else {
        return Ok(false);
    };
    let holders = read.root_holders(&ScopeRoot::Deployment, role).await?;
    // The deployment has no members.
    Ok(breaks(
        rule,
        &holders,
        &BTreeSet::from([subject.clone()]),
        false,
        now,
    ))
}

/// The first role whose rule is broken when all of these bindings stop counting, those of several users at
/// once.
///
/// # Errors
/// The store fails.
pub async fn first_broken<'b>(
    read: &(impl Read + ?Sized),
    situation: &Situation,
    bindings: impl IntoIterator<Item = &'b Binding>,
    now: Timestamp,
) -> Result<Option<&'b Binding>, StoreError> {
    let mut leaving: BTreeMap<(&str, String), (&'b Binding, BTreeSet<Subject>)> = BTreeMap::new();
    for binding in bindings {
        let key = (binding.role.as_str(), binding.scope.to_string());
        let (_, users) = leaving.entry(key).or_insert((binding, BTreeSet::new()));
        users.insert(binding.subject.clone());
    }
    for (binding, users) in leaving.into_values() {
        let Some(role) = situation.role_at(&binding.role, binding.scope.level()) else {
            continue;
        };
        if is_broken(read, situation, role, (&binding.scope, &users), now).await? {
            return Ok(Some(binding));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::member::Member;
    use bailiwick_policy::{MemberState, manifest::MemberKind};
    use bailiwick_types::{AccountId, UserId};
    use uuid::Uuid;

    fn holder(n: u128) -> Holder {
        let user = UserId::from_uuid(Uuid::from_u128(n));
        let account = AccountId::from_uuid(Uuid::from_u128(9));
        let member = Member::new(account, user, MemberKind::Agent, Timestamp(0));
        Holder {
            user,
            expires_at: None,
            member: Some(member),
            state: PersonState::Active,
        }
    }

    fn leaving(n: u128) -> BTreeSet<Subject> {
        [Subject::user(holder(n).user)].into()
    }

    #[test]
    fn the_last_one_that_counts_may_not_leave() {
        let rule = Holders::AtLeast(1);
        assert!(breaks(rule, &[holder(1)], &leaving(1), true, Timestamp(5)));
        assert!(!breaks(
            rule,
            &[holder(1), holder(2)],
            &leaving(1),
            true,
            Timestamp(5)
        ));
        assert!(!breaks(rule, &[], &leaving(1), true, Timestamp(5)));
    }

    #[test]
    fn two_who_could_leave_one_by_one_may_not_leave_together() {
        let rule = Holders::AtLeast(1);
        let both: BTreeSet<Subject> = leaving(1).into_iter().chain(leaving(2)).collect();
        assert!(breaks(rule, &[holder(1), holder(2)], &both, true, Timestamp(5)));
        let three = [holder(1), holder(2), holder(3)];
        assert!(!breaks(rule, &three, &both, true, Timestamp(5)));
    }

    #[test]
    fn who_is_suspended_disabled_or_ends_does_not_count() {
        let rule = Holders::AtLeast(1);
        let mut suspended = holder(2);
        suspended.member.as_mut().unwrap().state = MemberState::Suspended;
        let mut ending = holder(3);
        ending.member.as_mut().unwrap().expires_at = Some(Timestamp(100));
        let mut bound_for_a_time = holder(4);
        bound_for_a_time.expires_at = Some(Timestamp(100));
        let mut disabled = holder(5);
        disabled.state = PersonState::Disabled;
        let mut stranger = holder(6);
        stranger.member = None;
        let all = [holder(1), suspended, ending, bound_for_a_time, disabled, stranger];
        assert!(breaks(rule, &all, &leaving(1), true, Timestamp(5)));
        // Who does not count may go.
        assert!(!breaks(rule, &all, &leaving(2), true, Timestamp(5)));
        assert!(!breaks(rule, &all, &leaving(1), false, Timestamp(5)));
    }

    #[test]
    fn a_single_holder_never_leaves() {
        let rule = Holders::Exactly(1);
        assert!(breaks(rule, &[holder(1)], &leaving(1), true, Timestamp(5)));
        assert!(!breaks(rule, &[holder(1)], &leaving(2), true, Timestamp(5)));
    }
}
