//! Who calls, and the capability to say so.

use std::sync::Arc;

use crate::{AccountId, KeyScope, Service, SessionId, Subject, Timestamp, UserId, witness::System};

/// How a caller proved who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallerKind {
    /// Nobody: the call carried no credentials.
    Anonymous,
    /// A user's access token.
    User,
    /// A service account's access token.
    Service,
    /// An API key: its maker, a user, as far as the key serves.
    Key,
    /// One of the suite's own services.
    Internal,
}

/// A caller whose credentials were verified: only a [`Verifier`] makes one with a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    kind: CallerKind,
    subject: Option<Subject>,
    account: Option<AccountId>,
    session: Option<SessionId>,
    expires: Option<Timestamp>,
    audience: Option<Service>,
    key: Option<Arc<KeyScope>>,
}

impl Caller {
    /// A caller without credentials.
    #[must_use]
    pub fn anonymous() -> Self {
        Self {
            kind: CallerKind::Anonymous,
            subject: None,
            account: None,
            session: None,
            expires: None,
            audience: None,
            key: None,
        }
    }
    /// How it proved itself.
    #[must_use]
    pub fn kind(&self) -> CallerKind {
        self.kind
    }
    /// Who it is; absent for anonymous callers. Credentials that somebody made for programs of theirs (API
    /// keys) have no subject of their own: the caller is their maker.
    #[must_use]
    pub fn subject(&self) -> Option<&Subject> {
        self.subject.as_ref()
    }
    /// Which of the suite's own services it is, where it is one.
    #[must_use]
    pub fn service(&self) -> Option<Service> {
        let subject = self.subject.as_ref();
        let subject = subject.filter(|_| self.kind == CallerKind::Internal)?;
        Service::named(subject.id()).filter(|_| subject.kind() == "service")
    }
    /// The service that the token of one of the suite's own services is for.
    #[must_use]
    pub fn audience(&self) -> Option<Service> {
        self.audience
    }
    /// What the key serves for, where the caller uses one.
    #[must_use]
    pub fn key(&self) -> Option<&KeyScope> {
        self.key.as_deref()
    }
    /// The account that the token or key is bound to.
    #[must_use]
    pub fn account(&self) -> Option<AccountId> {
        self.account
    }
    /// The session of a user's token.
    #[must_use]
    pub fn session(&self) -> Option<SessionId> {
        self.session
    }
    /// When the credentials expire.
    #[must_use]
    pub fn expires(&self) -> Option<Timestamp> {
        self.expires
    }
}

/// What credentials say, once they are verified.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// How the caller proved itself.
    pub kind: CallerKind,
    /// Who it is.
    pub subject: Subject,
    /// The account that the token is bound to.
    pub account: Option<AccountId>,
    /// The session of a user's token.
    pub session: Option<SessionId>,
    /// When they expire.
    pub expires: Option<Timestamp>,
    /// The service that they are for, where the caller is one of the suite's own services.
    pub audience: Option<Service>,
}

/// The right to call a caller verified. The authenticator of a process has it.
#[derive(Debug, Clone)]
pub struct Verifier(());

impl Verifier {
    /// The caller of credentials that were verified.
    #[must_use]
    pub fn caller(&self, verified: Credentials) -> Caller {
        let Credentials {
            kind,
            subject,
            account,
            session,
            expires,
            audience,
        } = verified;
        Caller {
            kind,
            subject: Some(subject),
            account,
            session,
            expires,
            audience,
            key: None,
        }
    }
    /// The caller of an API key that was verified: its maker, in the key's account.
    #[must_use]
    pub fn key_caller(&self, maker: UserId, scope: Arc<KeyScope>, expires: Timestamp) -> Caller {
        Caller {
            kind: CallerKind::Key,
            subject: Some(Subject::user(maker)),
            account: Some(scope.account),
            session: None,
            expires: Some(expires),
            audience: None,
            key: Some(scope),
        }
    }
}

/// The two sources of authority in a process: who may call a caller verified, and who acts for the suite
/// itself.
#[derive(Debug, Clone)]
pub struct Authority {
    /// For the authenticator.
    pub verifier: Verifier,
    /// For feeds and workers.
    pub system: System,
}

impl Authority {
    /// Makes the authority of a process. Wiring calls it once; `cargo xtask check` names its only caller.
    #[must_use]
    pub fn establish() -> Self {
        Self {
            verifier: Verifier(()),
            system: System::new(),
        }
    }
}
