//! The changes that the service publishes, in the transaction that makes them.

use bailiwick_types::{AccountId, ApiKeyId, Authorized, Method, SessionId, Subject, UserId};

use crate::{service_account::ServiceAccount, user::User};

/// The audit action of a sign-in, also of one that was finished with a second factor.
pub const SIGNED_IN: &str = "session.begin";

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
    /// An API key was revoked, or ends earlier than before.
    ApiKeyEnded {
        /// The key.
        key: ApiKeyId,
        /// Its maker.
        user: UserId,
    },
    /// An entry of the audit log.
    Audited {
        /// The acting subject, `TYPE:ID`; empty for the suite itself.
        actor: String,
        /// The method.
        action: &'static str,
        /// What it was done to, `TYPE:ID`.
        target: String,
        /// The account in whose log it belongs: that of the caller's token; none for the deployment's.
        account: Option<AccountId>,
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
            account: by.caller().account(),
        }
    }
    /// The audit entry of a sign-in: who signed in, with which session.
    #[must_use]
    pub fn signed_in(user: UserId, session: SessionId, account: Option<AccountId>) -> Self {
        Self::Audited {
            actor: Subject::user(user).to_string(),
            action: SIGNED_IN,
            target: format!("session:{session}"),
            account,
        }
    }
    /// The audit entry of something that the suite does by itself.
    #[must_use]
    pub fn by_the_suite(action: &'static str, target: impl Into<String>) -> Self {
        Self::Audited {
            actor: String::new(),
            action,
            target: target.into(),
            account: None,
        }
    }
}
