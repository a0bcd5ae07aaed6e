//! Gives the single-holder role of a scope to a member whose holder is gone: an act of the operator, audited.

use bailiwick_types::{AccountId, Authorized, BindingId, Scope, Token, UserId};

use crate::{Ports, binding::Binding};
use crate::{
    Work,
    binding::transfer::{hand_over, see_holders},
    preview::{self, Effect},
};

const ACTION: &str = "bailiwick.authorization.v1.BindingService/RecoverOwnership";

/// What is asked.
#[derive(Debug, Clone)]
pub struct Command {
    /// The account.
    pub account: AccountId,
    /// The scope.
    pub scope: Scope,
    /// The new holder.
    pub to: UserId,
    /// Why.
    pub justification: String,
}

bailiwick_types::faults! {
    /// Why ownership is not recovered.
    Error: Invalid(bailiwick_types::Violations), Store(bailiwick_types::StoreError);
    /// The product has no such role at that level.
    UnknownRole "no role of this level has a single holder" => InvalidArgument UnknownRole;
    /// The caller is no operator.
    Denied "the caller may not do this here, or it does not exist" => PermissionDenied PermissionDenied;
    /// Account or scope are not known.
    NotFound(&'static str) "there is no such {0}" => NotFound NotFound;
    /// The new holder is no active member.
    NotAMember "the user is no active member of the account" => FailedPrecondition NotAMember;
    /// The new holder's membership ends by itself.
    HolderRule "a member whose membership ends by itself cannot hold this role" => FailedPrecondition HolderRule;
}

/// Recovers.
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
    if !by.is_operator() {
        return Err(Error::Denied);
    }
    let work = Work::open(ports, by, command.account, [&command.scope]).await?;
    let work = work.ok_or(Error::NotFound("account"))?;
    let role = work
        .situation
        .single_holder_role(command.scope.level())
        .ok_or(Error::UnknownRole)?;
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
    let audit = work
        .audit(ACTION, command.scope.to_string())
        .with("role", role)
        .with("to", &binding.subject);
    let mut audit = audit.with("justification", &command.justification);
    if let Some(before) = before {
        audit = audit.with("from", before);
    }
    work.emit(audit);
    Ok(binding)
}
