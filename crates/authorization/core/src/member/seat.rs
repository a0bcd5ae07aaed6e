//! Seats that end with the billing cycle.

use time::{Date, Month, OffsetDateTime};

use crate::prelude::*;
use crate::{Read, account::Account};

/// The seats of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seats {
    /// How many there are; none is no limit.
    pub limit: Option<u64>,
    /// How many members take.
    pub used: u64,
    /// How many end with the billing cycle.
    pub ending: u64,
}

impl Seats {
    /// Whether one more can be taken.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.limit.is_some_and(|limit| self.used + self.ending >= limit)
    }
}

/// Reads endings of seats.
#[async_trait]
pub trait Reader: Send + Sync {
    /// When seats end or have ended since the limit was set.
    async fn endings(&self) -> Result<Vec<Timestamp>, StoreError>;
}

/// Writes endings of seats.
#[async_trait]
pub trait Writer: Send + Sync {
    /// Lets the seat of a member end at an instant.
    async fn put_ending(&mut self, user: UserId, at: Timestamp) -> Result<(), StoreError>;
    /// Forgets the seats that have ended: another limit was set.
    async fn forget_endings(&mut self, until: Timestamp) -> Result<(), StoreError>;
}

/// Counts the seats of an account.
///
/// # Errors
/// The store fails.
pub async fn count(
    read: &(impl Read + ?Sized),
    account: &Account,
    now: Timestamp,
) -> Result<Seats, StoreError> {
    let used = read.seats_taken().await?;
    let endings = read.endings().await?;
    let ended = endings.iter().filter(|at| **at <= now).count() as u64;
    let ending = endings.len() as u64 - ended;
    let limit = (account.seats > 0).then(|| u64::from(account.seats).saturating_sub(ended));
    Ok(Seats { limit, used, ending })
}

/// The end of the billing cycle that `now` lies in: cycles are months from the anchor. A day that a month
/// does not have is its last one.
#[must_use]
pub fn cycle_end(anchor: Timestamp, now: Timestamp) -> Timestamp {
    let start = anchor.to_datetime();
    let (mut year, mut month) = (start.year(), start.month());
    let mut at = start;
    while Timestamp::from(at) <= now {
        if month == Month::December {
            year += 1;
        }
        month = month.next();
        let Some(next) = on_day(year, month, start) else {
            return now;
        };
        at = next;
    }
    Timestamp::from(at)
}

fn on_day(year: i32, month: Month, start: OffsetDateTime) -> Option<OffsetDateTime> {
    let day = start.day().min(month.length(year));
    Some(start.replace_date(Date::from_calendar_date(year, month, day).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cycle_ends_on_the_anchors_day_of_the_month_or_its_last_day() {
        let at = |text: &str| Timestamp::parse(text).unwrap();
        let anchor = at("2026-01-31T09:00:00Z");
        assert_eq!(
            cycle_end(anchor, at("2026-02-01T00:00:00Z")),
            at("2026-02-28T09:00:00Z")
        );
        assert_eq!(
            cycle_end(anchor, at("2026-02-28T09:00:00Z")),
            at("2026-03-31T09:00:00Z")
        );
        assert_eq!(
            cycle_end(anchor, at("2026-12-31T10:00:00Z")),
            at("2027-01-31T09:00:00Z")
        );
        assert_eq!(cycle_end(anchor, anchor), at("2026-02-28T09:00:00Z"));
        assert_eq!(cycle_end(anchor, at("2026-01-01T00:00:00Z")), anchor);
    }
}
