//! Ends a membership: its seat is free at once, or ends with the billing cycle.

use bailiwick_policy::manifest::MemberKind;
use bailiwick_types::{AccountId, Authorized, Token, UserId};

use super::remove_member;
use crate::{Ports, seat};

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
/// See [`remove_member::Error`].
pub async fn execute(
    ports: &Ports,
    by: &Authorized,
    command: Command,
) -> Result<Token, remove_member::Error> {
    let remove = remove_member::Command {
        account: command.account,
        user: command.user,
        scope: None,
    };
    let mut work = remove_member::prepare(ports, by, remove.account, None).await?;
    let member = work.unit.member(command.account, command.user).await?;
    let seated = member.is_some_and(|member| member.kind == MemberKind::Agent);
    remove_member::finish(&mut work, &remove).await?;
    if command.seat_ends && seated && work.situation.account.seats > 0 {
        let at = seat::cycle_end(work.situation.account.billing_anchor, work.now);
        work.unit.put_ending(command.account, command.user, at).await?;
    }
    Ok(work.commit().await?)
}
