//! Changes when a membership ends by itself.

use bailiwick_policy::manifest::MemberKind;
use bailiwick_types::{AccountId, Authorized, Scope, Subject, Timestamp, Token, UserId, Violations};

use crate::{Ports, holders, member::Member, person::behind, seat};
use crate::{
    Work,
    preview::{self, Effect, Seen},
    sources::may_assign_all,
};

const ACTION: &str = "bailiwick.authorization.v1.MemberService/UpdateMember";

/// What is asked.
#[derive(Debug, Clone)]
pub struct Command {
    /// The account.
    pub account: AccountId,
    /// The user.
    pub user: UserId,
    /// When the membership ends by itself; never where absent.
    pub expires_at: Option<Timestamp>,
}

bailiwick_types::faults! {
    /// Why a member is not changed.
    Error: Invalid(bailiwick_types::Violations), Store(bailiwick_types::StoreError);
    /// The caller would change its own membership, or may not suspend the member or assign its roles.
    Denied "the caller may not do this here, or it does not exist" => PermissionDenied PermissionDenied;
    /// Account or member are not known.
    NotFound(&'static str) "there is no such {0}" => NotFound NotFound;
    /// The role would have no holder whose membership does not expire.
    HolderRule(String) "role `{0}` needs a holder whose membership does not expire" => FailedPrecondition HolderRule;
    /// The membership has ended, and there are more members than seats.
    NoFreeSeat(u64) "all {0} seats are taken" => ResourceExhausted NoFreeSeat;
}

/// Changes it.
///
/// # Errors
/// See [`Error`].
pub async fn execute(ports: &Ports, by: &Authorized, command: Command) -> Result<(Member, Token), Error> {
    let mut work = open(ports, by, &command).await?;
    let member = apply(&mut work, &command).await?;
    Ok((member, work.commit().await?))
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
    let mut work = open(ports, by, &command).await.map_err(preview::Error::Change)?;
    let seen = Seen::everywhere(&work, [command.user]).await?;
    let made = apply(&mut work, &command).await;
    seen.after(&work, made).await
}

async fn open(ports: &Ports, by: &Authorized, command: &Command) -> Result<Work, Error> {
    let work = Work::open(ports, by, command.account, []).await?;
    work.ok_or(Error::NotFound("account"))
}

async fn apply(work: &mut Work, command: &Command) -> Result<Member, Error> {
    if command.expires_at.is_some_and(|at| at < work.now) {
        return Err(Violations::of("expire_time", "must not be in the past").into());
    }
    let member = work
        .unit
        .member(command.user)
        .await?
        .ok_or(Error::NotFound("member"))?;
    if member.expires_at == command.expires_at {
        return Ok(member);
    }
    let subject = Subject::user(command.user);
    permit(work, &member, command.expires_at).await?;
    let member = Member {
        expires_at: command.expires_at,
        ..member
    };
    work.unit.put_member(&member).await?;
    work.subject_changed(&subject);
    let until = command
        .expires_at
        .map_or_else(|| "never".to_owned(), |at| at.to_string());
    let audit = work.audit(ACTION, subject.to_string()).with("expires", until);
    work.emit(audit);
    Ok(member)
}

/// An earlier end requires the same rights as suspending the member. A later end requires the right to assign each of the
/// member's roles, and a seat if the membership has ended. A caller cannot change its own membership.
async fn permit(work: &mut Work, member: &Member, end: Option<Timestamp>) -> Result<(), Error> {
    let subject = Subject::user(member.user);
    let behind = behind(&*work.unit, &work.actor.subject).await?;
    if behind.is_none_or(|behind| behind == subject) {
        return Err(Error::Denied);
    }
    let shortens = end.is_some_and(|end| member.expires_at.is_none_or(|old| end < old));
    let account = Scope::Account(member.account);
    let suspends = || {
        work.situation
            .allows(&work.actor, "user.suspend", &account, work.now)
    };
    if shortens && !suspends() {
        return Err(Error::Denied);
    }
    let bindings = work.unit.bindings_of(&subject).await?;
    work.look_at(bindings.iter().map(|binding| &binding.scope))
        .await?;
    if shortens {
        let broken = holders::first_broken(&*work.unit, &work.situation, &bindings, work.now).await?;
        if let Some(binding) = broken {
            return Err(Error::HolderRule(binding.role.clone()));
        }
    }
    if !may_assign_all(work, &bindings) {
        return Err(Error::Denied);
    }
    let has_ended = member.expires_at.is_some_and(|old| old <= work.now);
    if !shortens && has_ended && member.kind == MemberKind::Agent {
        let seats = seat::count(&*work.unit, &work.situation.account, work.now).await?;
        // The seat of a membership that has ended still counts as taken.
        if let Some(limit) = seats.limit.filter(|limit| seats.used + seats.ending > *limit) {
            return Err(Error::NoFreeSeat(limit));
        }
    }
    Ok(())
}
