//! What the service tells the others, in the transaction that makes the change.

use bailiwick_types::{SessionId, Subject, UserId};

use crate::{service_account::ServiceAccount, user::User};

/// One change for the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A user was made or changed.
    User(User),
    /// A service account was made or changed.
    ServiceAccount(ServiceAccount),
    /// A session ended before its time.
    SessionRevoked {
        /// The session.
        session: SessionId,
        /// Whose it was.
        user: UserId,
    },
    /// What was done, for the audit log.
    Audited {
        /// Who did it, `TYPE:ID`; empty for the suite itself.
        actor: String,
        /// The method.
        action: &'static str,
        /// What it was done to.
        target: String,
    },
}

impl Change {
    /// An entry for the audit log.
    #[must_use]
    pub fn audited(actor: Option<&Subject>, action: &'static str, target: impl Into<String>) -> Self {
        Self::Audited {
            actor: actor.map(Subject::to_string).unwrap_or_default(),
            action,
            target: target.into(),
        }
    }
}
