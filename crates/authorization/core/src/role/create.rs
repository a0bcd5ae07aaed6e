//! Defines a role of the account: nobody gives more than it holds.

use std::sync::Arc;

use bailiwick_policy::{
    AccountPolicy, CustomRole, PlaceId, Role, RoleNo, Target, could_assign, holds_role, manifest::RoleDecl,
};
use bailiwick_types::{AccountId, Authorized, Scope, ScopeRoot, Token, Violations};

use crate::Work;
use crate::{Actor, Change, Ports, Situation};

const ACTION: &str = "bailiwick.authorization.v1.RoleService/CreateRole";

/// What is asked.
#[derive(Debug, Clone)]
pub struct Command {
    /// The account.
    pub account: AccountId,
    /// The name of the role.
    pub name: String,
    /// What it has.
    pub decl: RoleDecl,
}

bailiwick_types::faults! {
    /// Why a role is not defined.
    Error: Invalid(bailiwick_types::Violations), Store(bailiwick_types::StoreError);
    /// The caller has no `role.define`, or does not hold what the role gives.
    Denied "the caller may not do this here, or it does not exist" => PermissionDenied PermissionDenied;
    /// The account is not known.
    NotFound(&'static str) "there is no such {0}" => NotFound NotFound;
    /// There is a role of that name.
    AlreadyExists "there is a role of this name already" => AlreadyExists AlreadyExists;
}

/// Defines it.
///
/// # Errors
/// See [`Error`].
pub async fn execute(
    ports: &Ports,
    by: &Authorized,
    command: Command,
) -> Result<(Arc<AccountPolicy>, Token), Error> {
    let work = Work::open(ports, by, command.account, []).await?;
    let Some(mut work) = work else {
        return Err(if by.is_operator() {
            Error::NotFound("account")
        } else {
            Error::Denied
        });
    };
    let policy = Arc::clone(&work.situation.policy);
    let taken = policy.role_no(&command.name).is_some();
    if !taken {
        let mut faults = Violations::new();
        for fault in policy.check_role(&command.name, &command.decl) {
            faults.add(format!("role.{}", fault.path), fault.message);
        }
        faults.check()?;
    }
    // Revisions are never used twice, so neither are the numbers made of them.
    let revision = work.unit.next_revision(&ScopeRoot::Account(command.account))?;
    let number = RoleNo::FIRST_CUSTOM
        .0
        .saturating_add(u32::try_from(revision).unwrap_or(u32::MAX));
    let role = CustomRole {
        no: RoleNo(number),
        name: command.name,
        decl: command.decl,
    };
    let mut custom = custom_roles(&policy);
    custom.push(role.clone());
    let next = Arc::new(with(&policy, custom, &work));
    let probe = work.situation.with_policy(Arc::clone(&next));
    let compiled = next.role(role.no).filter(|_| !taken);
    let holds = compiled.is_none_or(|compiled| {
        holds_all(&probe, &work.actor, compiled, work.now)
            && may_include(&probe, &work.actor, &role.decl.includes, work.now)
    });
    let account = Scope::Account(command.account);
    if !work
        .situation
        .allows(&work.actor, "role.define", &account, work.now)
        || !holds
    {
        return Err(Error::Denied);
    }
    if taken {
        return Err(Error::AlreadyExists);
    }
    work.unit.put_role(&role).await?;
    work.emit(Change::Policy(Some(command.account)));
    let audit = work.audit(ACTION, account.to_string()).with("role", &role.name);
    work.emit(audit);
    Ok((next, work.commit().await?))
}

/// The roles that the account has defined.
pub(crate) fn custom_roles(policy: &AccountPolicy) -> Vec<CustomRole> {
    policy
        .roles()
        .filter_map(|role| policy.custom_role(role.no).cloned())
        .collect()
}

fn with(policy: &AccountPolicy, custom: Vec<CustomRole>, work: &Work) -> AccountPolicy {
    let overlays = policy
        .roles()
        .filter_map(|role| policy.overlay(role.no).cloned())
        .collect();
    let settings = work.situation.account.settings.clone();
    AccountPolicy::compile(Arc::clone(policy.product()), custom, overlays, settings)
}

/// What a role includes it goes on including when that changes: only who could assign the one may build on it.
fn may_include(
    situation: &Situation,
    actor: &Actor,
    includes: &[String],
    now: bailiwick_types::Timestamp,
) -> bool {
    let account = Scope::Account(situation.account.id);
    let target = Target::Scope(PlaceId::from(&account));
    let could = |name: &String| {
        let (Some(no), Some(standing)) = (situation.policy.role_no(name), &actor.standing) else {
            return false;
        };
        let plain = situation.plain_request();
        situation.ask_about(&actor.subject, standing, target, plain, now, |input| {
            could_assign(input, no)
        })
    };
    actor.is_operator() || includes.iter().all(could)
}

fn holds_all(situation: &Situation, actor: &Actor, role: &Role, now: bailiwick_types::Timestamp) -> bool {
    let account = Scope::Account(situation.account.id);
    let target = Target::Scope(PlaceId::from(&account));
    role.levels().all(|(level, at)| match &actor.standing {
        Some(standing) => situation.ask_about(
            &actor.subject,
            standing,
            target,
            situation.plain_request(),
            now,
            |input| holds_role(input, role, level),
        ),
        None => at.entries().iter().all(|entry| {
            situation.may_give(
                actor,
                &bailiwick_policy::Claim::pattern(entry.pattern, level),
                target,
                now,
            )
        }),
    })
}
