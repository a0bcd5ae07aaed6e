//! Hands the single-holder role of a scope to another member.

use bailiwick_policy::Role;
use bailiwick_types::{AccountId, Authorized, BindingId, Level, Scope, Subject, Timestamp, Token, UserId};
use serde_json::Map;

use crate::{Actor, Ports, Read, Situation, StoreError, binding::Binding};
use crate::{
    Work,
    preview::{self, Effect, Points, Seen, Spot},
};

const ACTION: &str = "bailiwick.authorization.v1.BindingService/TransferOwnership";

/// What is asked.
#[derive(Debug, Clone)]
pub struct Command {
    /// The account.
    pub account: AccountId,
    /// The scope whose holder changes.
    pub scope: Scope,
    /// The new holder.
    pub to: UserId,
}

bailiwick_types::faults! {
    /// Why ownership is not transferred.
    Error: Invalid(bailiwick_types::Violations), Store(bailiwick_types::StoreError);
    /// The product has no such role at that level.
    UnknownRole "no role of this level has a single holder" => InvalidArgument UnknownRole;
    /// The caller does not hold it, or the place is not known to it.
    Denied "the caller may not do this here, or it does not exist" => PermissionDenied PermissionDenied;
    /// Account or scope are not known.
    NotFound(&'static str) "there is no such {0}" => NotFound NotFound;
    /// The new holder is no active member.
    NotAMember "the user is no active member of the account" => FailedPrecondition NotAMember;
    /// The new holder's membership ends by itself.
    HolderRule "a member whose membership ends by itself cannot hold this role" => FailedPrecondition HolderRule;
}

/// Whether the caller may transfer at all: asked before the step-up is used, and again when it is done.
///
/// # Errors
/// See [`Error`].
pub async fn check_right(
    ports: &Ports,
    by: &Authorized,
    account: AccountId,
    scope: &Scope,
) -> Result<(), Error> {
    let Some(subject) = by.caller().subject() else {
        return Err(Error::Denied);
    };
    let access = by.reads(account).ok_or(Error::Denied)?;
    let read = ports.store.read(access).await?;
    let Some(situation) = Situation::load(&*read, [scope]).await? else {
        return Err(unknown(by));
    };
    let actor = Actor::load(&*read, &situation, by, subject).await?;
    may_transfer(&*read, &situation, &actor, scope, ports.clock.now())
        .await
        .map(|_| ())
}

/// Transfers.
///
/// # Errors
/// See [`Error`].
pub async fn execute(ports: &Ports, by: &Authorized, command: Command) -> Result<(Binding, Token), Error> {
    let (mut work, role) = open(ports, by, &command).await?;
    let binding = apply(ports, &mut work, (&command, &role)).await?;
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
    let opened = open(ports, by, &command).await;
    let (mut work, role) = opened.map_err(preview::Error::Change)?;
    let seen = see_holders(&work, (&role, &command.scope), command.to).await?;
    let made = apply(ports, &mut work, (&command, &role)).await;
    seen.after(&work, made).await
}

async fn open(ports: &Ports, by: &Authorized, command: &Command) -> Result<(Work, String), Error> {
    let work = Work::open(ports, by, command.account, [&command.scope]).await?;
    let work = work.ok_or_else(|| unknown(by))?;
    let role = may_transfer(
        &*work.unit,
        &work.situation,
        &work.actor,
        &command.scope,
        work.now,
    )
    .await?;
    let role = role.name.to_string();
    Ok((work, role))
}

async fn apply(ports: &Ports, work: &mut Work, (command, role): (&Command, &str)) -> Result<Binding, Error> {
    if work.situation.state(&command.scope).is_none() {
        return Err(Error::NotFound("scope"));
    }
    let member = work.active_member(command.to).await?.ok_or(Error::NotAMember)?;
    if member.expires_at.is_some() {
        return Err(Error::HolderRule);
    }
    let id = BindingId::generate(&*ports.ids);
    let (binding, before) = hand_over(work, id, role, &command.scope, command.to).await?;
    let mut audit = work
        .audit(ACTION, command.scope.to_string())
        .with("role", role)
        .with("to", &binding.subject);
    if let Some(before) = before {
        audit = audit.with("from", before);
    }
    work.emit(audit);
    Ok(binding)
}

/// Looks at what those who have the role have on the scope, and whoever would have it.
pub(crate) async fn see_holders(
    work: &Work,
    (role, scope): (&str, &Scope),
    to: UserId,
) -> Result<Seen, StoreError> {
    let holders = work.unit.holders(role, scope).await?;
    let users = holders.iter().map(|holder| holder.user).chain([to]);
    let mut points = Points::default();
    for user in users {
        let subject = Subject::user(user);
        points.add(&*work.unit, &subject, &[Spot::from(scope)]).await?;
    }
    Seen::before(work, points).await
}

/// Takes the role from whoever has it on the scope and gives it to the user.
pub(crate) async fn hand_over(
    work: &mut Work,
    id: BindingId,
    role: &str,
    scope: &Scope,
    to: UserId,
) -> Result<(Binding, Option<Subject>), StoreError> {
    let account = work.account();
    let to = Subject::user(to);
    let mut before = None;
    for holder in work.unit.holders(role, scope).await? {
        let subject = Subject::user(holder.user);
        let Some(old) = work.unit.binding(&subject, role, scope).await? else {
            continue;
        };
        if subject == to && old.expires_at.is_none() {
            return Ok((old, None));
        }
        work.unit.remove_binding(old.id).await?;
        work.subject_changed(&subject);
        before = Some(subject);
    }
    let binding = Binding {
        id,
        account,
        subject: to,
        role: role.to_owned(),
        scope: scope.clone(),
        parameters: Map::new(),
        expires_at: None,
        created_at: work.now,
        creator: Some(work.actor.subject.clone()),
    };
    work.unit.put_binding(&binding).await?;
    work.subject_changed(&binding.subject);
    Ok((binding, before))
}

async fn may_transfer<'s>(
    read: &(impl Read + ?Sized),
    situation: &'s Situation,
    actor: &Actor,
    scope: &Scope,
    now: Timestamp,
) -> Result<&'s Role, Error> {
    let role = situation
        .single_holder_role(scope.level())
        .ok_or(Error::UnknownRole)?;
    let permission = match scope.level() {
        Level::Workspace => "workspace.transfer",
        _ => "account.transfer",
    };
    if situation.allows(actor, permission, scope, now) {
        return Ok(role);
    }
    // Nothing is left to whoever is suspended or disabled, holder or not.
    let standing = actor.standing.as_ref().is_some_and(|standing| !standing.disabled);
    let own = read.binding(&actor.subject, &role.name, scope).await?;
    let active = match actor.subject.user_id() {
        Some(user) => read
            .member(user)
            .await?
            .is_some_and(|member| member.is_active(now)),
        None => false,
    };
    let open = situation.state(scope) == Some(bailiwick_policy::PlaceState::Active);
    if standing && own.is_some() && active && open {
        Ok(role)
    } else {
        Err(Error::Denied)
    }
}

fn unknown(by: &Authorized) -> Error {
    if by.is_operator() {
        Error::NotFound("account")
    } else {
        Error::Denied
    }
}
