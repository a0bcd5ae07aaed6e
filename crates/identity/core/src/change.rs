//! The changes that the service publishes, in the transaction that makes them.

use bailiwick_types::{Authorized, Method, SessionId, UserId};

use crate::{service_account::ServiceAccount, user::User};

/// One change for the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A user was created or changed.
    User(User),
    /// A user was deleted: its id is all that is told of it.
    UserDeleted {
        /// The user.
        user: UserId,
        /// The revision of its root.
        version: u64,
    },
    /// A service account was created or changed.
    ServiceAccount(ServiceAccount),
    /// A session was ended before it expired.
    SessionRevoked {
        /// The session.
        session: SessionId,
        /// Its user.
        user: UserId,
    },
    /// An access token was revoked before it expired.
    TokenRevoked {
        /// Its id.
        token: String,
    },
    /// An entry of the audit log.
    Audited {
        /// The acting subject, `TYPE:ID`; empty for the suite itself.
        actor: String,
        /// The method.
        action: &'static str,
        /// What it was done to, `TYPE:ID`.
        target: String,
    },
}

impl Change {
    /// The audit entry of a call.
    #[must_use]
    pub fn by<M: Method>(by: &Authorized<M>, target: impl Into<String>) -> Self {
        let actor = by.subject().map(ToString::to_string).unwrap_or_default();
        Self::Audited {
            actor,
            action: by.action(),
            target: target.into(),
        }
    }
    /// The audit entry of something that the suite does by itself.
    #[must_use]
    pub fn by_the_suite(action: &'static str, target: impl Into<String>) -> Self {
        Self::Audited {
            actor: String::new(),
            action,
            target: target.into(),
        }
    }
}
