//! Takes a role on a scope away.

use bailiwick_policy::manifest::Holders;
use bailiwick_types::{AccountId, Authorized, Scope, Subject, Token};

use crate::{Ports, holders};
use crate::{
    Work,
    preview::{self, Effect, Seen, Spot},
};

const ACTION: &str = "bailiwick.authorization.v1.BindingService/RevokeRole";

/// What is asked.
#[derive(Debug, Clone)]
pub struct Command {
    /// The account.
    pub account: AccountId,
    /// Who loses the role.
    pub subject: Subject,
    /// The name of the role.
    pub role: String,
    /// Where.
    pub scope: Scope,
}

bailiwick_types::faults! {
    /// Why a role is not revoked.
    Error: Invalid(bailiwick_types::Violations), Store(bailiwick_types::StoreError);
    /// The role is not one that can be bound there.
    UnknownRole(String) "there is no role `{0}` that can be bound at this level" => InvalidArgument UnknownRole;
    /// The caller could not give it, or the place is not known to it.
    Denied "the caller may not do this here, or it does not exist" => PermissionDenied PermissionDenied;
    /// Account or binding are not known.
    NotFound(&'static str) "there is no such {0}" => NotFound NotFound;
    /// The role has a single holder.
    OwnershipIsTransferred(String) "role `{0}` is not revoked but transferred" => FailedPrecondition OwnershipIsTransferred;
    /// Nobody would hold the role any more.
    HolderRule(String) "somebody must hold role `{0}`" => FailedPrecondition HolderRule;
}

/// Revokes.
///
/// # Errors
/// See [`Error`].
pub async fn execute(ports: &Ports, by: &Authorized, command: Command) -> Result<Token, Error> {
    let work = make(ports, by, command).await?;
    Ok(work.commit().await?)
}

/// Tells who would lose what; nothing is changed.
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
    let made = apply(&mut work, command).await;
    seen.after(&work, made).await
}

/// Makes it, to be committed or not.
async fn make(ports: &Ports, by: &Authorized, command: Command) -> Result<Work, Error> {
    let mut work = open(ports, by, &command).await?;
    apply(&mut work, command).await?;
    Ok(work)
}

async fn open(ports: &Ports, by: &Authorized, command: &Command) -> Result<Work, Error> {
    let work = Work::open(ports, by, command.account, [&command.scope]).await?;
    work.ok_or_else(|| {
        if by.is_operator() {
            Error::NotFound("account")
        } else {
            Error::Denied
        }
    })
}

async fn apply(work: &mut Work, command: Command) -> Result<(), Error> {
    let role = work.situation.role_at(&command.role, command.scope.level());
    let role = role.ok_or_else(|| Error::UnknownRole(command.role.clone()))?;
    let single = matches!(role.holders, Some(Holders::Exactly(_)));
    let mine = || {
        work.unit
            .binding(&work.actor.subject, &command.role, &command.scope)
    };
    let may = work
        .situation
        .may_assign(&work.actor, role.no, &command.scope, work.now);
    let owns = !may && single && mine().await?.is_some();
    if !(may || owns) {
        return Err(Error::Denied);
    }
    if single {
        return Err(Error::OwnershipIsTransferred(command.role));
    }
    let binding = work
        .unit
        .binding(&command.subject, &command.role, &command.scope)
        .await?;
    let binding = binding.ok_or(Error::NotFound("binding"))?;
    if holders::breaks_rule(&*work.unit, &work.situation, role, &binding, work.now).await? {
        return Err(Error::HolderRule(command.role));
    }
    work.unit.remove_binding(binding.id).await?;
    work.subject_changed(&binding.subject);
    let audit = work.audit(ACTION, binding.scope.to_string());
    work.emit(
        audit
            .with("subject", &binding.subject)
            .with("role", &binding.role),
    );
    Ok(())
}
