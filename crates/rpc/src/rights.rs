//! What the guard asks of others: rights of authorization, step-ups of identity.

use std::time::Duration;

use async_trait::async_trait;
use bailiwick_types::{AccountId, Code, Fault, Reason, SessionId, Subject};

/// Whether a role of the deployment (or of the product) may be what allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OperatorAllowed {
    /// Only what the caller has in the account counts: a user's token for that account.
    No,
    /// Both count: a service account.
    Yes,
    /// Only roles of the deployment count: a user's token for no account, or a method for operators.
    Only,
}

/// What the caller may do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Held {
    /// One for each target asked, in that order.
    pub allowed: Vec<bool>,
    /// Whether a role of the deployment was what allowed.
    pub operator: bool,
}

/// Why rights could not be told. An error is never a decision.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RightsError {
    /// Whoever knows them does not answer now.
    #[error("rights cannot be told now")]
    Unavailable,
    /// The deadline ran out while asking.
    #[error("the deadline ran out while asking for rights")]
    DeadlineExceeded,
    /// The account has no such permission, or the target is no target: the question does not fit the manifest.
    #[error("permission `{0}` is not one of the product")]
    UnknownPermission(String),
    /// A fault of ours.
    #[error("{0}")]
    Internal(String),
}

impl Fault for RightsError {
    fn code(&self) -> Code {
        match self {
            Self::Unavailable => Code::Unavailable,
            Self::DeadlineExceeded => Code::DeadlineExceeded,
            Self::UnknownPermission(_) => Code::InvalidArgument,
            Self::Internal(_) => Code::Internal,
        }
    }
    fn reason(&self) -> Reason {
        match self {
            Self::Unavailable => Reason::DependencyUnavailable,
            Self::DeadlineExceeded => Reason::DeadlineExceeded,
            Self::UnknownPermission(_) => Reason::UnknownPermission,
            Self::Internal(_) => Reason::Internal,
        }
    }
    fn retry_after(&self) -> Option<Duration> {
        matches!(self, Self::Unavailable).then_some(RETRY)
    }
}

/// After which time a call that failed for want of a peer is worth another try.
pub(crate) const RETRY: Duration = Duration::from_millis(250);

/// Tells what a caller may do in the suite, fully consistent.
#[async_trait]
pub trait Rights: Send + Sync + 'static {
    /// Whether `subject` has `permission` on each of `targets` (`deployment`, `account:ID`, `instance:ID`,
    /// `workspace:ID` or `TYPE:ID`) in `account`; without account, by a role of the deployment alone.
    ///
    /// # Errors
    /// They cannot be told.
    async fn held(
        &self,
        subject: &Subject,
        account: Option<AccountId>,
        permission: &str,
        targets: &[String],
        operator: OperatorAllowed,
    ) -> Result<Held, RightsError>;
}

/// Why a step-up was not used up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StepUpError {
    /// The session has no Reauthenticate of the last five minutes that was not used yet.
    #[error("this asks for a Reauthenticate of the last five minutes that was not used yet")]
    Required,
    /// Identity does not answer now.
    #[error("step-ups cannot be looked up now")]
    Unavailable,
    /// The deadline ran out while asking.
    #[error("the deadline ran out while asking for the step-up")]
    DeadlineExceeded,
    /// A fault of ours.
    #[error("{0}")]
    Internal(String),
}

impl Fault for StepUpError {
    fn code(&self) -> Code {
        match self {
            Self::Required => Code::Unauthenticated,
            Self::Unavailable => Code::Unavailable,
            Self::DeadlineExceeded => Code::DeadlineExceeded,
            Self::Internal(_) => Code::Internal,
        }
    }
    fn reason(&self) -> Reason {
        match self {
            Self::Required => Reason::StepUpRequired,
            Self::Unavailable => Reason::DependencyUnavailable,
            Self::DeadlineExceeded => Reason::DeadlineExceeded,
            Self::Internal(_) => Reason::Internal,
        }
    }
    fn retry_after(&self) -> Option<Duration> {
        matches!(self, Self::Unavailable).then_some(RETRY)
    }
}

/// Uses up step-ups.
#[async_trait]
pub trait StepUp: Send + Sync + 'static {
    /// Uses up the session's Reauthenticate.
    ///
    /// # Errors
    /// There is none, or it cannot be told.
    async fn consume(&self, session: SessionId) -> Result<(), StepUpError>;
}
