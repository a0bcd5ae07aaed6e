//! Ends a membership: its seat is free at once, or ends with the billing cycle.

use bailiwick_policy::manifest::MemberKind;
use bailiwick_types::{AccountId, Authorized, Token, UserId};

use crate::{Ports, seat};
use crate::{
    Work,
    member::remove::Error,
    preview::{self, Effect, Seen},
};

/// What is asked.
#[derive(Debug, Clone)]
pub struct Command {
    /// The account.
    pub account: AccountId,
    /// The user.
    pub user: UserId,
    /// Whether the seat ends with the billing cycle; else it is free at once.
    pub seat_ends: bool,
}

/// Ends it, by the rules of removing a member.
///
/// # Errors
/// See [`Error`].
pub async fn execute(ports: &Ports, by: &Authorized, command: Command) -> Result<Token, Error> {
    let mut work = crate::member::remove::prepare(ports, by, command.account, None).await?;
    apply(&mut work, &command).await?;
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
    let opened = crate::member::remove::prepare(ports, by, command.account, None).await;
    let mut work = opened.map_err(preview::Error::Change)?;
    let seen = Seen::everywhere(&work, [command.user]).await?;
    let made = apply(&mut work, &command).await;
    seen.after(&work, made).await
}

async fn apply(work: &mut Work, command: &Command) -> Result<(), Error> {
    let remove = crate::member::remove::Command {
        account: command.account,
        user: command.user,
        scope: None,
    };
    let member = work.unit.member(command.user).await?;
    let seated = member.is_some_and(|member| member.kind == MemberKind::Agent);
    crate::member::remove::finish(work, &remove).await?;
    if command.seat_ends && seated && work.situation.account.seats > 0 {
        let at = seat::cycle_end(work.situation.account.billing_anchor, work.now);
        work.unit.put_ending(command.user, at).await?;
    }
    Ok(())
}
