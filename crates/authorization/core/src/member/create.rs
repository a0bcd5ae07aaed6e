//! Makes a user a member without an invitation: an act of the operator.

use bailiwick_policy::manifest::MemberKind;
use bailiwick_types::{AccountId, Authorized, Subject, Timestamp, Token, UserId, Violations};

use crate::{Ports, member::Member, person::PersonState};
use crate::{
    Work,
    preview::{self, Effect, Seen},
};

const ACTION: &str = "bailiwick.authorization.v1.MemberService/CreateMember";

/// What is asked.
#[derive(Debug, Clone)]
pub struct Command {
    /// The account.
    pub account: AccountId,
    /// The user.
    pub user: UserId,
    /// The kind of member.
    pub kind: MemberKind,
    /// When the membership ends by itself.
    pub expires_at: Option<Timestamp>,
}

bailiwick_types::faults! {
    /// Why a user is not made a member.
    Error: Invalid(bailiwick_types::Violations), Store(bailiwick_types::StoreError);
    /// Account or user are not known.
    NotFound(&'static str) "there is no such {0}" => NotFound NotFound;
    /// The user is disabled.
    NotActive "the user is disabled" => FailedPrecondition NotActive;
    /// The user is a member already, of another kind or with another end.
    AlreadyExists "the user is a member already" => AlreadyExists AlreadyExists;
    /// All seats are taken.
    NoFreeSeat(u64) "all {0} seats are taken" => ResourceExhausted NoFreeSeat;
}

/// Makes the member. A membership that is there already, with the same kind and end, is left as it is.
///
/// # Errors
/// See [`Error`].
pub async fn execute(ports: &Ports, by: &Authorized, command: Command) -> Result<(Member, Token), Error> {
    let mut work = open(ports, by, &command).await?;
    let member = apply(&mut work, &command).await?;
    Ok((member, work.commit().await?))
}

/// Tells who would gain what; nothing is changed.
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
    if command.expires_at.is_some_and(|at| at <= work.now) {
        return Err(Violations::of("expire_time", "must lie in the future").into());
    }
    let person = work
        .unit
        .person(command.user)
        .await?
        .filter(|person| person.version > 0);
    match person.ok_or(Error::NotFound("user"))?.state {
        PersonState::Active => {}
        PersonState::Disabled => return Err(Error::NotActive),
        PersonState::Deleted => return Err(Error::NotFound("user")),
    }
    if let Some(member) = work.unit.member(command.user).await? {
        let same = member.kind == command.kind && member.expires_at == command.expires_at;
        return if same {
            Ok(member)
        } else {
            Err(Error::AlreadyExists)
        };
    }
    if let Some(limit) = full(work, command.kind).await? {
        return Err(Error::NoFreeSeat(limit));
    }
    let member = Member {
        expires_at: command.expires_at,
        ..Member::new(command.account, command.user, command.kind, work.now)
    };
    work.unit.put_member(&member).await?;
    let subject = Subject::user(command.user);
    work.subject_changed(&subject);
    let audit = work
        .audit(ACTION, subject.to_string())
        .with("kind", command.kind.as_str());
    work.emit(audit);
    Ok(member)
}

/// The number of seats, where a member of this kind would need one and none is free.
pub(crate) async fn full(work: &Work, kind: MemberKind) -> Result<Option<u64>, crate::StoreError> {
    if work.situation.account.seats == 0 || kind != MemberKind::Agent {
        return Ok(None);
    }
    let seats = crate::seat::count(&*work.unit, &work.situation.account, work.now).await?;
    Ok(seats.limit.filter(|_| seats.is_full()))
}
