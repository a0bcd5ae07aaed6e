//! What the small numbers in columns mean.

use bailiwick_policy::{Level, MemberState, PlaceState, manifest::MemberKind};
use bailiwick_sql::Error;

/// Reads the state of an account or place.
pub(crate) fn place_state(code: i64, table: &'static str, row: &str) -> Result<PlaceState, Error> {
    match code {
        1 => Ok(PlaceState::Active),
        2 => Ok(PlaceState::Suspended),
        3 => Ok(PlaceState::Moving),
        4 => Ok(PlaceState::Deleted),
        _ => Err(Error::corrupt(table, "state", row, "is no state")),
    }
}

/// Reads a level.
pub(crate) fn level(code: i64, table: &'static str, row: &str) -> Result<Level, Error> {
    const ALL: [Level; 5] = [
        Level::Deployment,
        Level::Product,
        Level::Account,
        Level::Instance,
        Level::Workspace,
    ];
    ALL.into_iter()
        .find(|level| *level as i64 == code)
        .ok_or_else(|| Error::corrupt(table, "level", row, "is no level"))
}

/// Reads the kind of a member.
pub(crate) fn member_kind(code: i64, row: &str) -> Result<MemberKind, Error> {
    match code {
        1 => Ok(MemberKind::Agent),
        2 => Ok(MemberKind::Customer),
        _ => Err(Error::corrupt("member", "kind", row, "is no kind")),
    }
}

/// Reads the state of a member.
pub(crate) fn member_state(code: i64, row: &str) -> Result<MemberState, Error> {
    match code {
        1 => Ok(MemberState::Active),
        2 => Ok(MemberState::Suspended),
        _ => Err(Error::corrupt("member", "state", row, "is no state")),
    }
}

/// A user that may sign in.
pub(crate) const USER_ACTIVE: i64 = 1;
/// An approval that was given.
pub(crate) const APPROVED: i64 = 2;
