//! The witness that a call was authorized. Use cases take one; only the guard of the frame makes one.

use crate::{AccountId, ScopeRoot, SessionId, Subject, Timestamp};

/// How a caller proved who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallerKind {
    /// Nobody: the call carried no credentials.
    Anonymous,
    /// A user's access token.
    User,
    /// A service account's access token.
    Service,
    /// One of the suite's own services.
    Internal,
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// How it proved itself.
    pub kind: CallerKind,
    /// Who it is; absent for anonymous callers. Credentials that somebody made for programs of theirs (API keys) have no subject
    /// of their own: who calls with one is its maker.
    pub subject: Option<Subject>,
    /// The account that a user's token is bound to.
    pub account: Option<AccountId>,
    /// The session of a user's token.
    pub session: Option<SessionId>,
    /// Until when the credentials hold.
    pub expires: Option<Timestamp>,
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
        }
    }
}

/// Proof that the guard let a call pass, with what it let pass.
#[derive(Debug, Clone)]
pub struct Authorized {
    caller: Caller,
    account: Option<AccountId>,
    permission: Option<&'static str>,
    /// Whether the right came from the deployment's own roles and not from the account.
    operator: bool,
}

/// What the guard alone holds. Making one anywhere but in the guard is refused by the lint configuration.
#[derive(Debug)]
pub struct GuardSeal(());

impl GuardSeal {
    /// Makes the seal.
    #[must_use]
    pub fn of_the_guard() -> Self {
        Self(())
    }
}

impl Authorized {
    /// Makes the witness of a call that passed.
    #[must_use]
    pub fn new(
        _: &GuardSeal,
        caller: Caller,
        account: Option<AccountId>,
        permission: Option<&'static str>,
        operator: bool,
    ) -> Self {
        Self {
            caller,
            account,
            permission,
            operator,
        }
    }
    /// Who called.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }
    /// The account in which the call was allowed.
    #[must_use]
    pub fn account(&self) -> Option<AccountId> {
        self.account
    }
    /// The permission that was asked.
    #[must_use]
    pub fn permission(&self) -> Option<&'static str> {
        self.permission
    }
    /// Whether the caller acts by a role of the deployment.
    #[must_use]
    pub fn is_operator(&self) -> bool {
        self.operator
    }
    /// The root whose revision a write under this witness counts up.
    #[must_use]
    pub fn root(&self) -> ScopeRoot {
        self.account.map_or(ScopeRoot::Deployment, ScopeRoot::Account)
    }
}
