//! Takes all of a member's access in the account away until it is reactivated, and gives it back.

use bailiwick_policy::MemberState;
use bailiwick_types::{AccountId, Authorized, Scope, Subject, Token, UserId};

use crate::{Ports, holders, member::Member};
use crate::{
    Work,
    preview::{self, Effect, Seen},
    sources::may_assign_all,
};

const SUSPEND: &str = "bailiwick.authorization.v1.MemberService/SuspendMember";
const REACTIVATE: &str = "bailiwick.authorization.v1.MemberService/ReactivateMember";

/// What is asked.
#[derive(Debug, Clone)]
pub struct Command {
    /// The account.
    pub account: AccountId,
    /// The user.
    pub user: UserId,
    /// Suspend, or reactivate.
    pub suspend: bool,
}

bailiwick_types::faults! {
    /// Why a member is not suspended or reactivated.
    Error: Invalid(bailiwick_types::Violations), Store(bailiwick_types::StoreError);
    /// The caller has no `user.suspend`, or could not give what the member has.
    Denied "the caller may not do this here, or it does not exist" => PermissionDenied PermissionDenied;
    /// Account or member are not known.
    NotFound(&'static str) "there is no such {0}" => NotFound NotFound;
    /// Nobody would hold the role any more.
    HolderRule(String) "somebody active must hold role `{0}`" => FailedPrecondition HolderRule;
}

/// Suspends or reactivates. A member that is so already is left as it is.
///
/// # Errors
/// See [`Error`].
pub async fn execute(ports: &Ports, by: &Authorized, command: Command) -> Result<(Member, Token), Error> {
    let mut work = open(ports, by, &command).await?;
    let member = apply(&mut work, &command).await?;
    Ok((member, work.commit().await?))
}

/// Tells who would lose or get back what; nothing is changed.
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
    let Some(work) = work else {
        return Err(if by.is_operator() {
            Error::NotFound("account")
        } else {
            Error::Denied
        });
    };
    let account = Scope::Account(command.account);
    if !work
        .situation
        .allows(&work.actor, "user.suspend", &account, work.now)
    {
        return Err(Error::Denied);
    }
    Ok(work)
}

async fn apply(work: &mut Work, command: &Command) -> Result<Member, Error> {
    let member = work
        .unit
        .member(command.user)
        .await?
        .ok_or(Error::NotFound("member"))?;
    let state = if command.suspend {
        MemberState::Suspended
    } else {
        MemberState::Active
    };
    let subject = Subject::user(command.user);
    let bindings = work.unit.bindings_of(&subject).await?;
    work.look_at(bindings.iter().map(|binding| &binding.scope))
        .await?;
    if command.suspend && member.state == MemberState::Active {
        let broken = holders::first_broken(&*work.unit, &work.situation, &bindings, work.now).await?;
        if let Some(binding) = broken {
            return Err(Error::HolderRule(binding.role.clone()));
        }
    }
    if !may_assign_all(work, &bindings) {
        return Err(Error::Denied);
    }
    if member.state == state {
        return Ok(member);
    }
    let member = Member { state, ..member };
    work.unit.put_member(&member).await?;
    work.subject_changed(&subject);
    let audit = work.audit(
        if command.suspend { SUSPEND } else { REACTIVATE },
        subject.to_string(),
    );
    work.emit(audit);
    Ok(member)
}
