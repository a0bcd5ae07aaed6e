//! What the guard asks of others: rights of authorization, step-ups of identity.

use async_trait::async_trait;

use crate::{AccountId, Declaration, Scope, SessionId, Subject};

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

faults! {
    /// Why rights are unknown. An error is never a decision.
    #[derive(Clone, PartialEq, Eq)]
    RightsError;
    /// Authorization does not answer now.
    Unavailable "permissions are temporarily unavailable" => Unavailable DependencyUnavailable, retry 250;
    /// The deadline passed while asking.
    DeadlineExceeded "the deadline passed while asking for permissions" => DeadlineExceeded DeadlineExceeded;
    /// The question does not fit the manifest.
    UnknownPermission(String) "permission `{0}` is not declared by the product"
        => InvalidArgument UnknownPermission;
    /// A fault of ours.
    Internal(String) "{0}" => Internal Internal;
}

/// Answers what a caller may do in the suite, fully consistent.
#[async_trait]
pub trait Rights: Send + Sync + 'static {
    /// Whether `subject` has `permission` on each of `targets` (`deployment`, `account:ID`, `instance:ID`,
    /// `workspace:ID` or `TYPE:ID`) in `account`; without account, by a role of the deployment alone.
    ///
    /// # Errors
    /// The rights are unknown.
    async fn held(
        &self,
        subject: &Subject,
        account: Option<AccountId>,
        permission: &str,
        targets: &[String],
        operator: OperatorAllowed,
    ) -> Result<Held, RightsError>;

    /// The same by what it has in the account alone, on targets in a place of it: what lies outside of
    /// `within` is not allowed. Nothing is, where that cannot be told.
    ///
    /// # Errors
    /// The rights are unknown.
    async fn held_within(
        &self,
        _subject: &Subject,
        _account: AccountId,
        _permission: &str,
        targets: &[String],
        _within: &Scope,
    ) -> Result<Held, RightsError> {
        Ok(Held {
            allowed: vec![false; targets.len()],
            operator: false,
        })
    }

    /// Whether nothing gives `subject` a right in `account`, nor a role of the deployment or of a product;
    /// without account, whether it has no role of the deployment. The answer costs the same whether the
    /// account exists or not. `false` where it is not known.
    ///
    /// # Errors
    /// The rights are unknown.
    async fn is_stranger(
        &self,
        _subject: &Subject,
        _account: Option<AccountId>,
    ) -> Result<bool, RightsError> {
        Ok(false)
    }
}

faults! {
    /// Why a step-up was not consumed.
    #[derive(Clone, PartialEq, Eq)]
    StepUpError;
    /// The session has no unused Reauthenticate of the last five minutes for the method.
    Required "step-up required: call Reauthenticate for this method (valid 5 minutes, single use)"
        => Unauthenticated StepUpRequired;
    /// The caller has no session in which it could prove itself again: a service account, or an API key.
    NoSession "step-up required: only a user can call this method, since service accounts and API keys have no session"
        => Unauthenticated StepUpRequired;
    /// Identity does not answer now.
    Unavailable "step-ups are temporarily unavailable" => Unavailable DependencyUnavailable, retry 250;
    /// The deadline passed while asking.
    DeadlineExceeded "the deadline passed while asking for the step-up" => DeadlineExceeded DeadlineExceeded;
    /// A fault of ours.
    Internal(String) "{0}" => Internal Internal;
}

/// SHA-256 of a request: by it a step-up knows a call that is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RequestDigest(pub [u8; 32]);

/// Consumes step-ups.
#[async_trait]
pub trait StepUp: Send + Sync + 'static {
    /// Consumes the session's Reauthenticate for a method. A call that is repeated soon consumes no other.
    ///
    /// # Errors
    /// There is none, or it is unknown whether there is.
    async fn consume(
        &self,
        session: SessionId,
        method: &'static Declaration,
        request: &RequestDigest,
    ) -> Result<(), StepUpError>;
}
