//! Mails to users. A mail is written in the unit of work of what it is about, and sent afterwards.
//!
//! The row of a mail holds its recipient and its secret sealed, and is removed once the mail was sent. A mail
//! is sent at least once: a process that ends between sending and removing sends it again, with the same
//! `Message-ID`. Replicas claim a mail for some minutes, so that they do not send it at the same time.

pub mod deliver;
mod seal;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bailiwick_types::{AccountId, Email, EmailKey, StoreError, Timestamp, faults};
use secrecy::SecretString;
use tokio::sync::Notify;
use uuid::Uuid;

pub use seal::MailSeal;
use seal::Sealed;

use crate::{
    Identity,
    attempt::{self, Limit, Throttled},
    display_name::DisplayName,
    one_time::{OneTimeSecret, Purpose},
    secret::{Digest, SecretKind},
    store::Write,
    user::User,
};

/// What a mail says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Brings the secret of a first password.
    Activation,
    /// Brings the secret of a new password.
    PasswordReset,
    /// Brings the secret that proves an address.
    Verification,
    /// Tells that the password was changed.
    PasswordChanged,
    /// Tells that a session was ended, because one of its refresh tokens was used twice.
    RefreshTokenReused,
    /// Tells that a recovery code was used.
    RecoveryCodeUsed,
}

bailiwick_types::codes!(Kind {
    Activation = 1,
    PasswordReset = 2,
    Verification = 3,
    PasswordChanged = 4,
    RefreshTokenReused = 5,
    RecoveryCodeUsed = 6,
});

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 6] = [
        Self::Activation,
        Self::PasswordReset,
        Self::Verification,
        Self::PasswordChanged,
        Self::RefreshTokenReused,
        Self::RecoveryCodeUsed,
    ];
    /// The name of the kind: of its templates, in logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Activation => "activation",
            Self::PasswordReset => "password_reset",
            Self::Verification => "verification",
            Self::PasswordChanged => "password_changed",
            Self::RefreshTokenReused => "refresh_token_reused",
            Self::RecoveryCodeUsed => "recovery_code_used",
        }
    }
    /// What its secret serves for, where it brings one.
    #[must_use]
    pub const fn purpose(self) -> Option<Purpose> {
        match self {
            Self::Activation => Some(Purpose::Activation),
            Self::PasswordReset => Some(Purpose::PasswordReset),
            Self::Verification => Some(Purpose::Verification),
            Self::PasswordChanged | Self::RefreshTokenReused | Self::RecoveryCodeUsed => None,
        }
    }
    /// How long it is tried to send it. A secret must serve for some time after its arrival.
    const fn tried_for(self) -> Duration {
        match self {
            Self::Activation => Duration::from_hours(72),
            Self::PasswordReset | Self::Verification => Duration::from_mins(45),
            Self::PasswordChanged | Self::RefreshTokenReused | Self::RecoveryCodeUsed => {
                Duration::from_hours(24)
            }
        }
    }
}

/// A mail that waits.
#[derive(Debug, Clone)]
pub struct Mail {
    /// Id; the `Message-ID` is made of it.
    pub id: Uuid,
    /// What it says.
    pub kind: Kind,
    /// Recipient and secret, sealed.
    pub sealed: SecretString,
    /// The [key](attempt::address_key) of the recipient; none of a mail that an older program wrote.
    pub recipient: Option<Digest>,
    /// Whether its secret is stored. That of a mail for an address which may be nobody's is stored before the
    /// mail is sent for the first time.
    pub ready: bool,
    /// When it was written.
    pub created: Timestamp,
    /// When it is to be sent. A claim moves it.
    pub due: Timestamp,
    /// When it is tried for the last time.
    pub last_try: Timestamp,
    /// How often it was claimed.
    pub attempts: u32,
}

/// A mail to be sent.
#[derive(Debug, Clone)]
pub struct Letter {
    /// The id of the mail.
    pub id: Uuid,
    /// What it says.
    pub kind: Kind,
    /// The recipient.
    pub to: Email,
    /// The recipient's name.
    pub name: DisplayName,
    /// The secret that it brings.
    pub secret: Option<SecretString>,
    /// When the secret expires.
    pub expires: Option<Timestamp>,
    /// When the mail was written.
    pub created: Timestamp,
}

/// Why a mail was not sent. No variant reveals anything of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Another try may help.
    #[error("{0}")]
    Temporary(String),
    /// The recipient is refused for good, or the configuration is wrong.
    #[error("{0}")]
    Permanent(String),
}

/// Sends mails.
#[async_trait]
pub trait Mailer: Send + Sync + 'static {
    /// Sends a mail, in less than a minute. A repeated call sends the same message.
    async fn send(&self, letter: &Letter) -> Result<(), SendError>;
    /// Removes what it keeps of the mails to an address, if it keeps any.
    ///
    /// # Errors
    /// Something may be left.
    async fn erase(&self, _to: &Email) -> Result<(), SendError> {
        Ok(())
    }
}

/// Reads mails.
#[async_trait]
pub trait Reader {
    /// At most `limit` mails that are due, oldest first.
    async fn due_mails(&self, now: Timestamp, limit: u64) -> Result<Vec<Mail>, StoreError>;
}

/// Writes mails.
#[async_trait]
pub trait Writer {
    /// Adds a mail.
    async fn insert_mail(&mut self, mail: &Mail) -> Result<(), StoreError>;
    /// Counts an attempt at a due mail and makes it due again at an instant; whether it was due, with as many
    /// attempts as are known. One of two concurrent calls succeeds.
    async fn claim_mail(&mut self, mail: &Mail, now: Timestamp, until: Timestamp)
    -> Result<bool, StoreError>;
    /// Records that the secret of a mail is stored.
    async fn ready_mail(&mut self, id: Uuid) -> Result<(), StoreError>;
    /// Makes a mail due at an instant, unless it was claimed again.
    async fn postpone_mail(&mut self, mail: &Mail, due: Timestamp) -> Result<(), StoreError>;
    /// Removes a mail.
    async fn delete_mail(&mut self, id: Uuid) -> Result<(), StoreError>;
    /// Removes the mails to an address.
    async fn erase_mails(&mut self, to: &EmailKey) -> Result<(), StoreError>;
}

/// How many mails are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Of one kind to one address.
    pub recipient: Limit,
    /// Of one account, and of the deployment's own callers together.
    pub sender: Limit,
    /// Requests for mails without credentials from one client network.
    pub network: Limit,
    /// The time between two of one kind to one address.
    pub resend: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            recipient: Limit {
                most: 5,
                window: Duration::from_hours(1),
            },
            sender: Limit {
                most: 1_000,
                window: Duration::from_hours(1),
            },
            network: Limit {
                most: 100,
                window: Duration::from_hours(1),
            },
            resend: Duration::from_mins(1),
        }
    }
}

/// What mails are written with.
#[derive(Debug, Clone)]
pub struct Outbox {
    /// Seals what a row must not show.
    pub seal: MailSeal,
    /// How many are written.
    pub limits: Limits,
    /// Wakes the worker of this process.
    pub wake: Arc<Notify>,
}

impl Outbox {
    /// An outbox.
    #[must_use]
    pub fn new(seal: MailSeal, limits: Limits) -> Self {
        Self {
            seal,
            limits,
            wake: Arc::default(),
        }
    }
    /// Has the mails sent that were committed.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }
}

faults! {
    /// Why no mail is written.
    MailError: Throttled(Throttled), Store(StoreError);
    /// The cryptographic library failed.
    Seal "cannot seal a mail" => Internal Internal;
}

/// A counter of mails.
pub(crate) type Counter = (Digest, Limit);

/// The counters of a kind of mail to an address.
pub(crate) fn to_address(identity: &Identity, kind: Kind, address: &EmailKey) -> [Counter; 2] {
    let limits = &identity.outbox.limits;
    let counter = |name| Digest::of_parts(&["mail", name, kind.as_str(), address.as_str()]);
    let resend = Limit {
        most: 1,
        window: limits.resend,
    };
    [
        (counter("resend"), resend),
        (counter("recipient"), limits.recipient),
    ]
}

/// The counter of an account's mails, or of those of the deployment's own callers.
pub(crate) fn from_sender(identity: &Identity, account: Option<AccountId>) -> Counter {
    let account = account.map(|account| account.to_string()).unwrap_or_default();
    let counter = Digest::of_parts(&["mail", "sender", &account]);
    (counter, identity.outbox.limits.sender)
}

/// Takes a mail of every counter; which one has none left. The unit is to be dropped then.
pub(crate) async fn take(
    write: &mut dyn Write,
    counters: &[Counter],
    now: Timestamp,
) -> Result<Result<(), Digest>, StoreError> {
    for (counter, limit) in counters {
        if !write.take(counter, None, *limit, now).await? {
            return Ok(Err(*counter));
        }
    }
    Ok(Ok(()))
}

/// Writes a mail to a user that brings a new secret, which ends the one before, and is counted.
pub(crate) async fn with_secret(
    identity: &Identity,
    mut write: Box<dyn Write>,
    kind: Kind,
    purpose: Purpose,
    user: &User,
    sender: &[Counter],
) -> Result<Box<dyn Write>, MailError> {
    let now = identity.clock.now();
    let mut counters = to_address(identity, kind, &user.email.key()).to_vec();
    counters.extend_from_slice(sender);
    if let Err(counter) = take(&mut *write, &counters, now).await? {
        drop(write);
        return Err(attempt::throttled(identity, &counter).await?.into());
    }
    let secret = SecretKind::Mailed.generate(&*identity.rng);
    let stored = OneTimeSecret::new(&secret, user, purpose, now);
    write.put_one_time_secret(&stored).await?;
    let content = Sealed {
        to: user.email.clone(),
        user: Some(user.id),
        secret: Some(secret),
    };
    insert(identity, &mut *write, kind, &content).await?;
    Ok(write)
}

/// Writes a mail that tells a user something. Beyond the limit of its address none is written: what it tells
/// of happens all the same.
pub(crate) async fn notice(
    identity: &Identity,
    write: &mut dyn Write,
    kind: Kind,
    user: &User,
) -> Result<(), MailError> {
    let [_, recipient] = to_address(identity, kind, &user.email.key());
    if take(write, &[recipient], identity.clock.now()).await?.is_err() {
        return Ok(());
    }
    let content = Sealed {
        to: user.email.clone(),
        user: Some(user.id),
        secret: None,
    };
    insert(identity, write, kind, &content).await
}

/// Writes a mail with a secret to an address that may be nobody's: whose it is comes out when it is sent.
pub(crate) async fn to_whom_it_belongs(
    identity: &Identity,
    write: &mut dyn Write,
    kind: Kind,
    to: &Email,
) -> Result<(), MailError> {
    let content = Sealed {
        to: to.clone(),
        user: None,
        secret: Some(SecretKind::Mailed.generate(&*identity.rng)),
    };
    insert(identity, write, kind, &content).await
}

async fn insert(
    identity: &Identity,
    write: &mut dyn Write,
    kind: Kind,
    content: &Sealed,
) -> Result<(), MailError> {
    let (id, now) = (identity.ids.uuid(), identity.clock.now());
    let sealed = identity.outbox.seal.seal(id, kind, content, &*identity.rng);
    let mail = Mail {
        id,
        kind,
        sealed: sealed.ok_or(MailError::Seal)?,
        recipient: Some(attempt::address_key(&content.to.key())),
        ready: content.user.is_some(),
        created: now,
        due: now,
        last_try: now.plus(kind.tried_for()),
        attempts: 0,
    };
    Ok(write.insert_mail(&mail).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_that_a_row_can_name_is_among_all() {
        let named: Vec<Kind> = (0..=u8::MAX).filter_map(Kind::from_code).collect();
        assert_eq!(named, Kind::ALL);
    }
}
