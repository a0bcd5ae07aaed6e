//! Gives a subject a role on a scope.

use bailiwick_policy::{PlaceState, Role, manifest::Holders};
use bailiwick_types::{AccountId, Authorized, BindingId, Scope, Subject, Timestamp, Token, Violations};
use serde_json::{Map, Value as Json};

use crate::{Ports, binding::Binding, holders};
use crate::{
    Work,
    preview::{self, Effect, Seen, Spot},
};

const ACTION: &str = "bailiwick.authorization.v1.BindingService/AssignRole";

/// What is asked.
#[derive(Debug, Clone)]
pub struct Command {
    /// The account.
    pub account: AccountId,
    /// Who gets the role.
    pub subject: Subject,
    /// The name of the role.
    pub role: String,
    /// Where.
    pub scope: Scope,
    /// Parameters of the role's conditions.
    pub parameters: Map<String, Json>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
}

bailiwick_types::faults! {
    /// Why a role is not assigned.
    Error: Invalid(bailiwick_types::Violations), Store(bailiwick_types::StoreError);
    /// The role is not one that can be bound there.
    UnknownRole(String) "there is no role `{0}` that can be bound at this level" => InvalidArgument UnknownRole;
    /// The caller could not give it, or the place is not known to it.
    Denied "the caller may not do this here, or it does not exist" => PermissionDenied PermissionDenied;
    /// Account, scope or group are not known.
    NotFound(&'static str) "there is no such {0}" => NotFound NotFound;
    /// The scope is suspended or moving.
    NotActive "the scope is suspended or moving" => FailedPrecondition NotActive;
    /// The role has a single holder.
    OwnershipIsTransferred(String) "role `{0}` is not assigned but transferred" => FailedPrecondition OwnershipIsTransferred;
    /// The user is no active member.
    NotAMember "the user is no active member of the account" => FailedPrecondition NotAMember;
    /// Only users may have the role, or its last holder would stop counting.
    HolderRule(String) "the rule about the holders of role `{0}` forbids it" => FailedPrecondition HolderRule;
}

/// Assigns. An identical binding is left as it is; one with other parameters or another end is replaced.
///
/// # Errors
/// See [`Error`].
pub async fn execute(ports: &Ports, by: &Authorized, command: Command) -> Result<(Binding, Token), Error> {
    let (work, binding) = make(ports, by, command).await?;
    Ok((binding, work.commit().await?))
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
    // Whoever may not is refused before anybody is looked at.
    let trial = make(ports, by, command.clone()).await;
    drop(trial.map_err(preview::Error::Change)?);
    let mut work = open(ports, by, &command).await.map_err(preview::Error::Change)?;
    let seen = Seen::at(&work, &command.subject, &[Spot::from(&command.scope)]).await?;
    let made = apply(ports, &mut work, command).await;
    seen.after(&work, made).await
}

/// Makes it, to be committed or not.
async fn make(ports: &Ports, by: &Authorized, command: Command) -> Result<(Work, Binding), Error> {
    let mut work = open(ports, by, &command).await?;
    let binding = apply(ports, &mut work, command).await?;
    Ok((work, binding))
}

async fn open(ports: &Ports, by: &Authorized, command: &Command) -> Result<Work, Error> {
    let work = Work::open(ports, by, command.account, [&command.scope]).await?;
    work.ok_or_else(|| unknown(by))
}

async fn apply(ports: &Ports, work: &mut Work, command: Command) -> Result<Binding, Error> {
    let role = fit(work, &command)?;
    let may = work
        .situation
        .may_assign(&work.actor, role.no, &command.scope, work.now);
    let present = work
        .unit
        .binding(&command.subject, &command.role, &command.scope)
        .await?;
    if !may && !is_single_holder(work, role, &command.scope).await? {
        return Err(Error::Denied);
    }
    match work.situation.state(&command.scope) {
        Some(PlaceState::Active) => {}
        Some(_) => return Err(Error::NotActive),
        None => return Err(Error::NotFound("scope")),
    }
    if matches!(role.holders, Some(Holders::Exactly(_))) {
        return Err(Error::OwnershipIsTransferred(command.role));
    }
    check_subject(work, &command.subject, role).await?;
    let binding = match present {
        Some(same) if same.parameters == command.parameters && same.expires_at == command.expires_at => {
            return Ok(same);
        }
        Some(old) => {
            let stops = command.expires_at.is_some() && old.expires_at.is_none();
            if stops && holders::breaks_rule(&*work.unit, &work.situation, role, &old, work.now).await? {
                return Err(Error::HolderRule(command.role));
            }
            Binding {
                parameters: command.parameters,
                expires_at: command.expires_at,
                ..old
            }
        }
        None => Binding {
            id: BindingId::generate(&*ports.ids),
            account: command.account,
            subject: command.subject,
            role: command.role,
            scope: command.scope,
            parameters: command.parameters,
            expires_at: command.expires_at,
            created_at: work.now,
            creator: Some(work.actor.subject.clone()),
        },
    };
    work.unit.put_binding(&binding).await?;
    work.subject_changed(&binding.subject);
    let audit = work.audit(ACTION, binding.scope.to_string());
    work.emit(
        audit
            .with("subject", &binding.subject)
            .with("role", &binding.role),
    );
    Ok(binding)
}

fn unknown(by: &Authorized) -> Error {
    if by.is_operator() {
        Error::NotFound("account")
    } else {
        Error::Denied
    }
}

fn fit<'w>(work: &'w Work, command: &Command) -> Result<&'w Role, Error> {
    let level = command.scope.level();
    let role = work.situation.role_at(&command.role, level);
    let role = role.ok_or_else(|| Error::UnknownRole(command.role.clone()))?;
    let mut faults = Violations::new();
    if command.expires_at.is_some_and(|at| at <= work.now) {
        faults.add("expire_time", "must lie in the future");
    }
    if let Some(at) = role.level(level)
        && let Err(wrong) = at.read_parameters(&command.parameters)
    {
        for fault in wrong {
            faults.add("parameters", fault.to_string());
        }
    }
    faults.check()?;
    Ok(role)
}

/// Whoever has a role that is only transferred learns that, where others learn nothing.
async fn is_single_holder(work: &Work, role: &Role, scope: &Scope) -> Result<bool, Error> {
    if !matches!(role.holders, Some(Holders::Exactly(_))) {
        return Ok(false);
    }
    Ok(work
        .unit
        .binding(&work.actor.subject, &role.name, scope)
        .await?
        .is_some())
}

async fn check_subject(work: &Work, subject: &Subject, role: &Role) -> Result<(), Error> {
    match subject.kind() {
        "user" if work.situation.needs_members() => {
            let Some(user) = subject.user_id() else {
                return Err(Error::NotAMember);
            };
            work.active_member(user).await?.ok_or(Error::NotAMember)?;
        }
        "user" => {}
        _ if role.holders.is_some() => return Err(Error::HolderRule(role.name.to_string())),
        "group" if !work.unit.group_exists(subject).await? => {
            return Err(Error::NotFound("group"));
        }
        _ => {}
    }
    Ok(())
}
