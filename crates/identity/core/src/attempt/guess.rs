//! An attempt at the password of a user.

use bailiwick_types::{EmailKey, ScopeRoot, SessionId, StoreError, UserId};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use secrecy::SecretString;

use super::{AttemptError, ClientNetwork, Limit, Throttled, address_key};
use crate::{
    Identity,
    change::Change,
    password::{PasswordHash, Share},
    secret::Digest,
    store::Write,
};

/// The audit action of a lock.
const LOCK: &str = "sign_in.lock";

/// Who enters a password.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Guesser<'a> {
    /// Somebody at a device of which nothing is known.
    Stranger {
        /// The address that was entered.
        email: &'a EmailKey,
        /// The user that has it.
        user: Option<UserId>,
        /// The network of the device.
        network: ClientNetwork,
    },
    /// Somebody at a device at which the user has signed in before.
    Known(&'a Digest),
    /// Somebody who knows the password, at a device at which the user has signed in before, with a code.
    KnownCode(&'a Digest),
    /// Somebody who is signed in.
    SignedIn(SessionId),
    /// Somebody who knows the password, at a device of which nothing is known, with a code.
    Code {
        /// The user.
        user: UserId,
        /// The network of the device.
        network: ClientNetwork,
    },
}

/// An attempt that was taken.
#[derive(Debug)]
pub(crate) struct Attempt {
    counters: Vec<Digest>,
    address: Option<Address>,
    share: Share,
}

#[derive(Debug)]
struct Address {
    key: Digest,
    user: Option<UserId>,
    /// The password alone is refused.
    locked: bool,
    /// The failures have reached the limit, and nothing says so yet.
    unrecorded: bool,
}

/// Takes an attempt.
pub(crate) async fn guess(identity: &Identity, who: Guesser<'_>) -> Result<Attempt, AttemptError> {
    let throttle = &identity.throttle;
    match who {
        Guesser::Stranger { email, user, network } => {
            let near = Digest::of_parts(&["network", email.as_str(), &network.to_string()]);
            let address = address_key(email);
            let limits = [(near, throttle.near)];
            take(identity, Share::SignIn, &limits, Some((address, user))).await
        }
        Guesser::Known(device) => {
            let limits = [(*device, throttle.near)];
            take(identity, Share::KnownDevice, &limits, None).await
        }
        Guesser::KnownCode(device) => {
            // A million codes are few: the lock of strangers does not hold here, so the device has one of its
            // own.
            let codes = Digest::of_parts(&["code, device", &STANDARD_NO_PAD.encode(device.as_bytes())]);
            let most = Limit {
                most: throttle.lock_after,
                window: identity.lifetimes.device,
            };
            let limits = [(*device, throttle.near), (codes, most)];
            take(identity, Share::KnownDevice, &limits, None).await
        }
        Guesser::SignedIn(session) => {
            let session = session.to_string();
            let counter = |name| Digest::of_parts(&[name, &session]);
            let limits = [
                (counter("session"), throttle.near),
                (counter("session, slowly"), throttle.address),
            ];
            take(identity, Share::SignedIn, &limits, None).await
        }
        Guesser::Code { user, network } => {
            let user = user.to_string();
            let near = Digest::of_parts(&["code, network", &user, &network.to_string()]);
            let limits = [
                (near, throttle.near),
                (Digest::of_parts(&["code", &user]), throttle.address),
            ];
            take(identity, Share::SignIn, &limits, None).await
        }
    }
}

async fn take(
    identity: &Identity,
    share: Share,
    limits: &[(Digest, Limit)],
    address: Option<(Digest, Option<UserId>)>,
) -> Result<Attempt, AttemptError> {
    let (now, throttle) = (identity.clock.now(), &identity.throttle);
    // Dropped without a commit, the unit takes nothing of any counter.
    let mut write = identity.store.write(&[]).await?;
    for (counter, limit) in limits {
        let of = address.as_ref().map(|(key, _)| key);
        if !write.take(counter, of, *limit, now).await? {
            drop(write);
            return Err(throttled(identity, counter).await?.into());
        }
    }
    let address = match address {
        None => None,
        Some((key, user)) => {
            if !write.take_of_address(&key, user, throttle.address, now).await? {
                drop(write);
                let ends = identity.store.address_attempts(&key).await?;
                return Err(wait(identity, ends.map(|attempts| attempts.ends)).into());
            }
            let counted = write.count_failure(&key, throttle.lock_after).await?;
            let attempts = write.address_attempts(&key).await?;
            Some(Address {
                key,
                user,
                locked: !counted,
                unrecorded: attempts.is_some_and(|attempts| {
                    attempts.failures >= throttle.lock_after && attempts.locked.is_none()
                }),
            })
        }
    };
    write.commit().await?;
    Ok(Attempt {
        counters: limits.iter().map(|(counter, _)| *counter).collect(),
        address,
        share,
    })
}

/// The refusal by a counter.
pub(crate) async fn throttled(identity: &Identity, counter: &Digest) -> Result<Throttled, StoreError> {
    Ok(wait(identity, identity.store.counter_end(counter).await?))
}

fn wait(identity: &Identity, ends: Option<bailiwick_types::Timestamp>) -> Throttled {
    let now = identity.clock.now();
    let wait = ends.map(|ends| ends.since(now)).unwrap_or_default();
    Throttled {
        wait: wait.max(std::time::Duration::from_secs(1)),
    }
}

impl Attempt {
    /// Whether the password is right and may be used here. One hash is computed in every case. An error gives
    /// the attempt back: nothing was learned from it.
    pub(crate) async fn verify(
        &self,
        identity: &Identity,
        password: &SecretString,
        stored: Option<&PasswordHash>,
    ) -> Result<bool, AttemptError> {
        let stored = stored.filter(|_| !self.is_locked());
        match identity.passwords.verify(self.share, password, stored).await {
            Ok(right) => Ok(right),
            Err(error) => {
                self.cancel(identity).await?;
                Err(error.into())
            }
        }
    }

    /// The hash that takes the place of that of a verified password, where its cost or its pepper are not the
    /// present ones.
    pub(crate) async fn upgrade(
        &self,
        identity: &Identity,
        password: &SecretString,
        stored: Option<&PasswordHash>,
    ) -> Option<PasswordHash> {
        identity.passwords.upgrade(self.share, password, stored).await
    }

    /// Whether the password alone is refused, right or wrong.
    pub(crate) fn is_locked(&self) -> bool {
        self.address.as_ref().is_some_and(|address| address.locked)
    }

    /// Gives the attempt back: the password was right. Part of the unit that the success is written in.
    pub(crate) async fn succeed(&self, write: &mut dyn Write) -> Result<(), StoreError> {
        self.give_back(write, true).await
    }

    /// Gives the attempt back because it could not be answered.
    pub(crate) async fn cancel(&self, identity: &Identity) -> Result<(), StoreError> {
        let mut write = identity.store.write(&[]).await?;
        self.give_back(&mut *write, false).await?;
        write.commit().await?;
        Ok(())
    }

    async fn give_back(&self, write: &mut dyn Write, succeeded: bool) -> Result<(), StoreError> {
        for counter in &self.counters {
            write.give_back(counter).await?;
        }
        match &self.address {
            // A locked one has counted no failure.
            Some(address) if !address.locked => write.give_back_of_address(&address.key, succeeded).await,
            _ => Ok(()),
        }
    }

    /// Keeps the attempt: the password was wrong. The failure that locks an address is recorded and audited,
    /// once.
    pub(crate) async fn fail(&self, identity: &Identity) -> Result<(), StoreError> {
        let Some(Address {
            key,
            user: Some(user),
            unrecorded: true,
            ..
        }) = &self.address
        else {
            return Ok(());
        };
        let root = ScopeRoot::User(*user);
        let mut write = identity.store.write(std::slice::from_ref(&root)).await?;
        let most = identity.throttle.lock_after;
        if write.lock_address(key, most, identity.clock.now()).await? {
            write.emit(&root, Change::by_the_suite(LOCK, format!("user:{user}")))?;
            write.commit().await?;
        }
        Ok(())
    }
}
