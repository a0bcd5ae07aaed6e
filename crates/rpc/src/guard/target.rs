//! What a call is about.

use bailiwick_types::{AccountId, Scope};

/// What a call is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Nothing below the product: the deployment, or the caller itself.
    None,
    /// An account.
    Account(AccountId),
    /// Something in an account.
    On {
        /// The account that the request names.
        account: AccountId,
        /// `account:ID`, `instance:ID`, `workspace:ID` or `TYPE:ID` of a resource.
        target: String,
    },
}

impl Target {
    /// A scope of an account.
    #[must_use]
    pub fn scope(account: AccountId, scope: &Scope) -> Self {
        Self::On {
            account,
            target: scope.to_string(),
        }
    }
    pub(super) fn account(&self) -> Option<AccountId> {
        match self {
            Self::None => None,
            Self::Account(account) | Self::On { account, .. } => Some(*account),
        }
    }
    pub(super) fn text(&self) -> String {
        match self {
            Self::None => Scope::Deployment.to_string(),
            Self::Account(account) => Scope::Account(*account).to_string(),
            Self::On { target, .. } => target.clone(),
        }
    }
}
