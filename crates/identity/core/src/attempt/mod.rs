//! Attempts at a secret: counted before the secret is looked at, given back when it was right.
//!
//! The order is the same for every sign-in, whatever exists: [`Admission`] lets it in, the counters take it,
//! one hash is computed. A caller that is refused by a counter learns nothing about its password, and a
//! thousand guesses at once are counted one by one. The counters are rows that all replicas share.
//!
//! | counter | of | refuses |
//! | --- | --- | --- |
//! | network | e-mail address and client network | guesses from one place |
//! | address | e-mail address | guesses from many places |
//! | failures | user; only a sign-in resets it | passwords from unknown devices, as if they were wrong |
//! | device | known device | guesses with a stolen device token; nothing else counts there |
//! | code, device | known device, as long as its token serves | wrong codes with a stolen device token |
//! | session | session | guesses at `Reauthenticate` |
//! | code, network | user and client network | wrong codes of the second factor from one place |
//! | code | user | wrong codes of the second factor from many places |
//! | client | client id and client network | wrong client secrets |

mod admission;
mod client;
mod failures;
mod guess;
mod network;

use std::time::Duration;

use async_trait::async_trait;
use bailiwick_types::{Code, EmailKey, Fault, Reason, StoreError, Timestamp, UserId, faults};

pub use admission::{Admission, AdmissionError, AdmissionLimits, Admitted, Rate};
pub(crate) use client::wrong_client;
pub use failures::Failures;
pub(crate) use guess::{Attempt, Guesser, guess, throttled};
pub use network::{ClientNetwork, ClientNetworkError};

use crate::{password::PasswordsError, secret::Digest};

/// A number in a window of time that begins with the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// The largest number.
    pub most: u32,
    /// The length of the window.
    pub window: Duration,
}

/// The limits of attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttle {
    /// Of one address from one network, of a known device, of a session, and of a client from one network.
    pub near: Limit,
    /// Of one address from all networks, without a known device.
    pub address: Limit,
    /// After how many failures in succession from unknown devices these need more than the password.
    pub lock_after: u32,
}

impl Default for Throttle {
    fn default() -> Self {
        Self {
            near: Limit {
                most: 10,
                window: Duration::from_mins(15),
            },
            address: Limit {
                most: 30,
                window: Duration::from_hours(1),
            },
            lock_after: 100,
        }
    }
}

/// Error for an attempt beyond a limit. Whether its secret was right has not been looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many attempts; retry later")]
pub struct Throttled {
    /// When the window ends.
    pub wait: Duration,
}

impl Fault for Throttled {
    fn code(&self) -> Code {
        Code::ResourceExhausted
    }
    fn reason(&self) -> Reason {
        Reason::Overloaded
    }
    fn retry_after(&self) -> Option<Duration> {
        Some(self.wait)
    }
}

faults! {
    /// Why a password was not verified.
    AttemptError: Throttled(Throttled), Passwords(PasswordsError), Store(StoreError);
}

/// The key of an address. Users now and then enter a password where the address belongs: it is not stored.
#[must_use]
pub fn address_key(email: &EmailKey) -> Digest {
    Digest::of_parts(&["address", email.as_str()])
}

/// What is known about the attempts at an address from unknown devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressAttempts {
    /// When the window of the counter ends.
    pub ends: Timestamp,
    /// Failures in succession, those under way included.
    pub failures: u32,
    /// When the address was recorded as locked.
    pub locked: Option<Timestamp>,
}

/// Reads counters.
#[async_trait]
pub trait Reader {
    /// When the window of a counter ends, or ended.
    async fn counter_end(&self, counter: &Digest) -> Result<Option<Timestamp>, StoreError>;
    /// The attempts at an address.
    async fn address_attempts(&self, address: &Digest) -> Result<Option<AddressAttempts>, StoreError>;
}

/// Counts. Every change of a counter is one statement: concurrent units count one after the other.
#[async_trait]
pub trait Writer {
    /// Takes an attempt of a counter, of those of an address where it is one; whether one was left. One that
    /// comes after the window begins a new one.
    async fn take(
        &mut self,
        counter: &Digest,
        address: Option<&Digest>,
        limit: Limit,
        now: Timestamp,
    ) -> Result<bool, StoreError>;
    /// Gives an attempt of a counter back.
    async fn give_back(&mut self, counter: &Digest) -> Result<(), StoreError>;
    /// Takes an attempt at an address, of the user that has it; whether one was left.
    async fn take_of_address(
        &mut self,
        address: &Digest,
        user: Option<UserId>,
        limit: Limit,
        now: Timestamp,
    ) -> Result<bool, StoreError>;
    /// Counts a failure of an address as long as there are fewer than `most`; whether there were.
    async fn count_failure(&mut self, address: &Digest, most: u32) -> Result<bool, StoreError>;
    /// Gives an attempt at an address back. `succeeded` ends the succession of failures, otherwise one of
    /// them is given back too.
    async fn give_back_of_address(&mut self, address: &Digest, succeeded: bool) -> Result<(), StoreError>;
    /// Records that an address has at least `most` failures; whether that is new.
    async fn lock_address(&mut self, address: &Digest, most: u32, now: Timestamp)
    -> Result<bool, StoreError>;
    /// Forgets the attempts at an address from all networks, and that it was locked.
    async fn clear_failures(&mut self, email: &EmailKey) -> Result<(), StoreError>;
    /// Removes at most `limit` counters of each kind whose window has ended; the larger of their numbers. The
    /// failures of users stay.
    async fn purge_counters(&mut self, now: Timestamp, limit: u64) -> Result<u64, StoreError>;
}
