//! What all use cases share.

use std::{sync::Arc, time::Duration};

use bailiwick_types::{Clock, IdGen, Rng, Timestamp};

use crate::{
    api_key::KeyPeppers,
    attempt::{Admission, Failures, Throttle},
    mail::{Mailer, Outbox},
    operator,
    password::Passwords,
    peer::{Closer, Members, ServiceRoles},
    session::Lifetimes,
    signing::{Issuer, Keys},
    store::Store,
};

/// The ports and the settings of the service. Use cases borrow it.
#[derive(Clone)]
pub struct Identity {
    /// The store.
    pub store: Arc<dyn Store>,
    /// Memberships, as authorization knows them.
    pub members: Arc<dyn Members>,
    /// Takes access away, in authorization.
    pub closer: Arc<dyn Closer>,
    /// The roles of service accounts, as authorization knows them.
    pub roles: Arc<dyn ServiceRoles>,
    /// Hashes passwords.
    pub passwords: Passwords,
    /// The signing keys.
    pub keys: Keys,
    /// What API keys are stored under.
    pub key_peppers: KeyPeppers,
    /// Issues access tokens.
    pub issuer: Issuer,
    /// Lifetimes of sessions and tokens.
    pub lifetimes: Lifetimes,
    /// Lets sign-ins in.
    pub admission: Arc<Admission>,
    /// The limits of attempts.
    pub throttle: Throttle,
    /// Takes note of sign-ins that failed.
    pub failures: Arc<dyn Failures>,
    /// Writes mails.
    pub outbox: Outbox,
    /// Sends mails.
    pub mailer: Arc<dyn Mailer>,
    /// Who may be an operator.
    pub operators: operator::Policy,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn IdGen>,
    /// New secrets.
    pub rng: Arc<dyn Rng>,
}

impl Identity {
    /// The instant that lies some time in the past.
    pub(crate) fn ago(&self, time: Duration) -> Timestamp {
        self.clock.now().minus(time)
    }
}

bailiwick_types::debug_fields!(Identity {
    issuer,
    lifetimes,
    throttle
});
