//! Adds permissions to a role or takes some away: of the account's own, or of the product's for this account alone.

use std::sync::Arc;

use bailiwick_policy::{AccountPolicy, CustomRole, Overlay, RoleNo, manifest::EntryDecl};
use bailiwick_types::{AccountId, Authorized, Level, Scope, Token, Violations};

use crate::{Change, Ports};
use crate::{
    Work,
    preview::{self, Effect, Points, Seen, Spot, kinds_with},
    role::create::custom_roles,
    sources::{may_add_entries, may_remove_entries},
};

const ACTION: &str = "bailiwick.authorization.v1.RoleService/ChangeRole";

/// What is asked.
#[derive(Debug, Clone)]
pub struct Command {
    /// The account.
    pub account: AccountId,
    /// The name of the role.
    pub role: String,
    /// The level whose entries change; all of the role's where absent.
    pub level: Option<Level>,
    /// Entries to add.
    pub add: Vec<EntryDecl>,
    /// Permissions and patterns to take away.
    pub remove: Vec<String>,
}

bailiwick_types::faults! {
    /// Why a role is not changed.
    Error: Invalid(bailiwick_types::Violations), Store(bailiwick_types::StoreError);
    /// There is no such role.
    UnknownRole(String) "there is no role `{0}`" => InvalidArgument UnknownRole;
    /// The caller has no `role.define`, or does not hold what is added or removed.
    Denied "the caller may not do this here, or it does not exist" => PermissionDenied PermissionDenied;
    /// The account is not known.
    NotFound(&'static str) "there is no such {0}" => NotFound NotFound;
}

/// What will be stored.
struct Plan {
    next: Arc<AccountPolicy>,
    custom: Option<CustomRole>,
    overlay: Option<Overlay>,
}

/// Changes it.
///
/// # Errors
/// See [`Error`].
pub async fn execute(
    ports: &Ports,
    by: &Authorized,
    command: Command,
) -> Result<(Arc<AccountPolicy>, Token), Error> {
    let (mut work, plan) = plan(ports, by, &command).await?;
    apply(&mut work, &command, &plan).await?;
    Ok((plan.next, work.commit().await?))
}

async fn apply(work: &mut Work, command: &Command, plan: &Plan) -> Result<(), Error> {
    if let Some(role) = &plan.custom {
        work.unit.put_role(role).await?;
    }
    for (level, overlay) in plan.overlay.iter().flat_map(|overlay| &overlay.levels) {
        work.unit.put_overlay(&command.role, *level, overlay).await?;
    }
    work.emit(Change::Policy(Some(command.account)));
    let audit = work
        .audit(ACTION, Scope::Account(command.account).to_string())
        .with("role", &command.role);
    let added: Vec<&str> = command
        .add
        .iter()
        .map(|entry| entry.permission.as_str())
        .collect();
    work.emit(
        audit
            .with("add", added.join(","))
            .with("remove", command.remove.join(",")),
    );
    Ok(())
}

/// Tells who would gain or lose what; nothing is changed.
///
/// # Errors
/// See [`Error`].
pub async fn preview(
    ports: &Ports,
    by: &Authorized,
    command: Command,
) -> Result<Vec<Effect>, preview::Error<Error>> {
    let (mut work, plan) = plan(ports, by, &command).await.map_err(preview::Error::Change)?;
    // Roles that include the changed one change with it.
    let changed: Vec<String> = work
        .situation
        .policy
        .roles()
        .filter(|role| {
            !plan
                .next
                .role(role.no)
                .is_some_and(|next| next.gives_the_same(role))
        })
        .map(|role| role.name.to_string())
        .collect();
    let bindings = work.unit.bindings_of_roles(&changed).await?;
    let mut points = Points::default();
    for binding in &bindings {
        let spots = [Spot::from(&binding.scope)];
        points.add(&*work.unit, &binding.subject, &spots).await?;
    }
    let kinds = kinds_with(&work.situation.policy, &changed);
    let account = [Spot::from(&Scope::Account(command.account))];
    points.add_members(&*work.unit, &kinds, &account).await?;
    let seen = Seen::before(&work, points).await?;
    let made = apply(&mut work, &command, &plan).await;
    seen.after(&work, made).await
}

async fn plan(ports: &Ports, by: &Authorized, command: &Command) -> Result<(Work, Plan), Error> {
    let work = Work::open(ports, by, command.account, []).await?;
    let Some(work) = work else {
        return Err(if by.is_operator() {
            Error::NotFound("account")
        } else {
            Error::Denied
        });
    };
    let policy = Arc::clone(&work.situation.policy);
    let unknown = || Error::UnknownRole(command.role.clone());
    let no = policy
        .role_no(&command.role)
        .filter(|no| *no > RoleNo::SERVICE)
        .ok_or_else(unknown)?;
    let mut faults = Violations::new();
    for fault in policy.check_change(no, command.level, &command.add, &command.remove) {
        faults.add(fault.path, fault.message);
    }
    if command.add.is_empty() && command.remove.is_empty() {
        faults.add("add", "must be given where `remove` is not");
    }
    faults.check()?;
    let role = policy.role(no).ok_or_else(unknown)?;
    let levels: Vec<Level> = match command.level {
        Some(level) => vec![level],
        None => role.levels().map(|(level, _)| level).collect(),
    };
    let account = Scope::Account(command.account);
    if !work
        .situation
        .allows(&work.actor, "role.define", &account, work.now)
        || !may_add_entries(&work, &levels, &command.add)
        || !may_remove_entries(&work, role, &levels, &command.remove)
    {
        return Err(Error::Denied);
    }
    let mut custom = custom_roles(&policy);
    let mut overlays: Vec<Overlay> = policy
        .roles()
        .filter_map(|role| policy.overlay(role.no).cloned())
        .collect();
    let (mut own, mut overlay) = (None, None);
    if no.is_custom() {
        for role in custom.iter_mut().filter(|role| role.no == no) {
            for level in &levels {
                role.decl.change(*level, &command.add, &command.remove);
            }
            own = Some(role.clone());
        }
    } else {
        let mut of = policy.overlay(no).cloned().unwrap_or(Overlay {
            role: no,
            levels: [].into(),
        });
        for level in levels {
            of.levels
                .entry(level)
                .or_default()
                .change(&command.add, &command.remove);
        }
        overlays.retain(|other| other.role != no);
        overlays.push(of.clone());
        overlay = Some(of);
    }
    let settings = work.situation.account.settings.clone();
    let next = AccountPolicy::compile(Arc::clone(policy.product()), custom, overlays, settings);
    Ok((
        work,
        Plan {
            next: Arc::new(next),
            custom: own,
            overlay,
        },
    ))
}
