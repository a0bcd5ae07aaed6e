//! Invites several people with the same roles on a scope: all of them, or nobody.

use bailiwick_types::{AccountId, Authorized, Code, Reason, Scope, Token, Violations};

use crate::{
    Ports,
    invitation::{Invitation, domain_is_allowed},
    seat,
};
use crate::{
    Work,
    batch::{self, each},
    invitation::create::{fits, is_pending, make, may_invite},
};

const ACTION: &str = "bailiwick.authorization.v1.InvitationService/BatchCreateInvitations";

/// What is asked.
#[derive(Debug, Clone)]
pub struct Command {
    /// The account.
    pub account: AccountId,
    /// The e-mail addresses, each once.
    pub emails: Vec<String>,
    /// The names of the roles, at least one.
    pub roles: Vec<String>,
    /// Where they are given.
    pub scope: Scope,
    /// Only check it.
    pub validate_only: bool,
}

/// Why nobody is invited.
pub type Error = batch::Error<crate::invitation::create::Error>;

/// Invites. As many seats have to be free as people are invited.
///
/// # Errors
/// See [`crate::invitation::create::Error`]; what is wrong with addresses is told of every one of them, as `emails[N]`.
pub async fn execute(
    ports: &Ports,
    by: &Authorized,
    command: Command,
) -> Result<(Vec<Invitation>, Token), Error> {
    let work = Work::open(ports, by, command.account, [&command.scope]).await?;
    let Some(mut work) = work else {
        return Err(Error::One(if by.is_operator() {
            crate::invitation::create::Error::NotFound("account")
        } else {
            crate::invitation::create::Error::Denied
        }));
    };
    may_invite(&work, &command.roles, &command.scope).map_err(Error::One)?;
    fits(&work, &command.roles, &command.scope).map_err(Error::One)?;
    let outside = |email: &str| !domain_is_allowed(email, work.situation.policy.setting("allowed_domains"));
    let mut faults = Violations::new();
    for (n, email) in command.emails.iter().enumerate() {
        if outside(email) {
            faults.add(
                format!("emails[{n}]"),
                "must be in one of the account's allowed domains",
            );
        }
    }
    each(faults, (Code::FailedPrecondition, Reason::DomainNotAllowed))?;
    let mut faults = Violations::new();
    for (n, email) in command.emails.iter().enumerate() {
        if is_pending(&mut work, email, &command.scope).await? {
            faults.add(format!("emails[{n}]"), "must not be invited there already");
        }
    }
    each(faults, (Code::AlreadyExists, Reason::AlreadyExists))?;
    let mut faults = Violations::new();
    if let Some(free) = free_seats(&work).await? {
        for n in usize::try_from(free).unwrap_or(usize::MAX)..command.emails.len() {
            faults.add(
                format!("emails[{n}]"),
                format!("must have a seat, and {free} are free"),
            );
        }
    }
    each(faults, (Code::ResourceExhausted, Reason::NoFreeSeat))?;
    let mut made = Vec::with_capacity(command.emails.len());
    for email in &command.emails {
        made.push(make(ports, &mut work, ACTION, (email, &command.roles, &command.scope)).await?);
    }
    if command.validate_only {
        return Ok((made, Token::default()));
    }
    Ok((made, work.commit().await?))
}

async fn free_seats(work: &Work) -> Result<Option<u64>, Error> {
    let account = &work.situation.account;
    if account.seats == 0 {
        return Ok(None);
    }
    let seats = seat::count(&*work.unit, account, work.now).await?;
    Ok(seats
        .limit
        .map(|limit| limit.saturating_sub(seats.used + seats.ending)))
}
