//! Changes when a membership ends by itself.

use bailiwick_types::{AccountId, Authorized, Subject, Timestamp, Token, UserId};

use super::{
    Work,
    preview::{self, Effect, Seen},
};
use crate::{Ports, holders, member::Member};

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

faults! {
    /// Why a member is not changed.
    Error;
    /// Account or member are not known.
    NotFound(&'static str) "there is no such {0}" => NotFound NotFound;
    /// Nobody would hold the role any more.
    HolderRule(String) "somebody without an end must hold role `{0}`" => FailedPrecondition HolderRule;
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
    let member = work
        .unit
        .member(command.user)
        .await?
        .ok_or(Error::NotFound("member"))?;
    if member.expires_at == command.expires_at {
        return Ok(member);
    }
    let subject = Subject::user(command.user);
    if command.expires_at.is_some() {
        let bindings = work.unit.bindings_of(&subject).await?;
        work.look_at(bindings.iter().map(|binding| &binding.scope))
            .await?;
        let broken = holders::first_broken(&*work.unit, &work.situation, &bindings, work.now).await?;
        if let Some(binding) = broken {
            return Err(Error::HolderRule(binding.role.clone()));
        }
    }
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
