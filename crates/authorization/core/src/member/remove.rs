//! Ends a membership with everything that comes with it, or removes a user from a scope and what is below it.

use bailiwick_types::{AccountId, Authorized, Scope, Subject, Token, UserId};
use uuid::Uuid;

use crate::{Ports, binding::Binding, holders};
use crate::{
    Work,
    preview::{self, Effect, Seen},
    sources::may_assign_all,
};

const ACTION: &str = "bailiwick.authorization.v1.MemberService/RemoveMember";

/// What is asked.
#[derive(Debug, Clone)]
pub struct Command {
    /// The account.
    pub account: AccountId,
    /// The user.
    pub user: UserId,
    /// The scope to remove the user from; none ends the membership.
    pub scope: Option<Scope>,
}

bailiwick_types::faults! {
    /// Why a member is not removed.
    Error: Invalid(bailiwick_types::Violations), Store(bailiwick_types::StoreError);
    /// The caller has no `user.remove` there, or could not take what the member has.
    Denied "the caller may not do this here, or it does not exist" => PermissionDenied PermissionDenied;
    /// Account, scope or member are not known.
    NotFound(&'static str) "there is no such {0}" => NotFound NotFound;
    /// Nobody would hold the role any more.
    HolderRule(String) "somebody must hold role `{0}`" => FailedPrecondition HolderRule;
}

/// Removes: first `user.remove`, then the holder rules, then the right to take each role.
///
/// # Errors
/// See [`Error`].
pub async fn execute(ports: &Ports, by: &Authorized, command: Command) -> Result<Token, Error> {
    let mut work = prepare(ports, by, command.account, command.scope.as_ref()).await?;
    finish(&mut work, &command).await?;
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
    let scope = command.scope.as_ref();
    let opened = prepare(ports, by, command.account, scope).await;
    let mut work = opened.map_err(preview::Error::Change)?;
    let seen = Seen::everywhere(&work, [command.user]).await?;
    let made = finish(&mut work, &command).await;
    seen.after(&work, made).await
}

/// Asks for `user.remove` and brings the scope into view.
pub(crate) async fn prepare(
    ports: &Ports,
    by: &Authorized,
    account: AccountId,
    scope: Option<&Scope>,
) -> Result<Work, Error> {
    let at = scope.cloned().unwrap_or(Scope::Account(account));
    let work = Work::open(ports, by, account, [&at]).await?;
    let Some(work) = work else {
        return Err(if by.is_operator() {
            Error::NotFound("account")
        } else {
            Error::Denied
        });
    };
    if !work.situation.allows(&work.actor, "user.remove", &at, work.now) {
        return Err(Error::Denied);
    }
    if work.situation.state(&at).is_none() {
        return Err(Error::NotFound("scope"));
    }
    Ok(work)
}

/// Asks the rules about holders, then the right to take each role, and removes.
pub(crate) async fn finish(work: &mut Work, command: &Command) -> Result<(), Error> {
    let at = command.scope.clone().unwrap_or(Scope::Account(command.account));
    let subject = Subject::user(command.user);
    let mut bindings = work.unit.bindings_of(&subject).await?;
    let member = work.unit.member(command.user).await?;
    let within: Vec<Uuid> = match &command.scope {
        None => Vec::new(),
        Some(scope) => {
            let below = work.unit.places_below(scope).await?;
            scope
                .uuid()
                .into_iter()
                .chain(below.iter().filter_map(|place| place.scope.uuid()))
                .collect()
        }
    };
    if command.scope.is_some() {
        bindings.retain(|binding| binding.scope.uuid().is_some_and(|id| within.contains(&id)));
    }
    if member.is_none() && bindings.is_empty() {
        return Err(Error::NotFound("member"));
    }
    work.look_at(bindings.iter().map(|binding| &binding.scope))
        .await?;
    let broken = holders::first_broken(&*work.unit, &work.situation, &bindings, work.now).await?;
    if let Some(binding) = broken {
        return Err(Error::HolderRule(binding.role.clone()));
    }
    if !may_assign_all(work, &bindings) {
        return Err(Error::Denied);
    }
    remove(work, command, &subject, &bindings, &within).await?;
    work.subject_changed(&subject);
    let audit = work.audit(ACTION, subject.to_string()).with("scope", &at);
    work.emit(
        audit.with(
            "roles",
            bindings
                .iter()
                .map(|b| b.role.as_str())
                .collect::<Vec<_>>()
                .join(","),
        ),
    );
    Ok(())
}

async fn remove(
    work: &mut Work,
    command: &Command,
    subject: &Subject,
    bindings: &[Binding],
    within: &[Uuid],
) -> Result<(), Error> {
    if command.scope.is_none() {
        work.unit.remove_member(command.user).await?;
        return Ok(());
    }
    for binding in bindings {
        work.unit.remove_binding(binding).await?;
    }
    work.unit.remove_grants(subject, within).await?;
    Ok(())
}
