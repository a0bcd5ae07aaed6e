//! The port to authorization.

use async_trait::async_trait;
use bailiwick_types::{
    AccountId, Code, Email, Fault, FieldViolation, Reason, Refused, Scope, ServiceAccountId, Subject, Token,
    UserId, Violations, did_you_mean, faults,
};

faults! {
    /// Why authorization gave no answer.
    #[derive(Clone)]
    PeerError;
    /// It cannot be reached, or failed; the adapter logs the details.
    Unavailable "authorization is temporarily unavailable" => Unavailable DependencyUnavailable, retry 500;
}

/// Answers questions about memberships.
#[async_trait]
pub trait Members: Send + Sync + 'static {
    /// Whether the user is an active member of an active account, at least as fresh as the token.
    async fn is_active(&self, account: AccountId, user: UserId, token: &Token) -> Result<bool, PeerError>;
}

faults! {
    /// Why authorization does not close a user.
    #[derive(Clone)]
    CloseError: Peer(PeerError);
    /// A rule forbids it: the user is the last holder of a role that must have one. The text is
    /// authorization's.
    Refused(String) "{0}" => FailedPrecondition HolderRule;
}

/// Takes access away before the change that does so.
#[async_trait]
pub trait Closer: Send + Sync + 'static {
    /// Denies everything to a user from now on, as the user's change with this version will.
    async fn close_user(&self, user: UserId, version: u64) -> Result<(), CloseError>;
    /// The same for a user that is deleted, and erases what accounts have of it and of its address. Repeated
    /// calls do no harm.
    async fn delete_user(&self, user: UserId, version: u64, address: &Email) -> Result<(), CloseError>;
    /// The same for a service account. No rule forbids it: service accounts hold no role that must be held.
    async fn close_service_account(&self, id: ServiceAccountId, version: u64) -> Result<(), PeerError>;
    /// Takes the operator's role from a user from now on, as the user's next change after this version will.
    async fn close_operator(&self, user: UserId, version: u64) -> Result<(), CloseError>;
}

/// A role that service accounts cannot have on a scope.
#[derive(Debug, Clone, thiserror::Error)]
#[error("there is no role `{role}` for service accounts on `{scope}`")]
pub struct UnknownRole {
    role: String,
    scope: Scope,
    violations: Violations,
}

impl UnknownRole {
    /// Names the role, and those that there are.
    #[must_use]
    pub fn new(role: &str, scope: &Scope, available: &[String]) -> Self {
        let names: Vec<String> = available.iter().map(|name| format!("`{name}`")).collect();
        let names = match &names[..] {
            [] => "none".to_owned(),
            names => names.join(", "),
        };
        let hint = did_you_mean(role, available.iter().map(String::as_str));
        let rule =
            format!("no service account on `{scope}` can have role `{role}`; available: {names}{hint}");
        Self {
            role: role.to_owned(),
            scope: scope.clone(),
            violations: Violations::of("role", rule),
        }
    }
}

impl Fault for UnknownRole {
    fn code(&self) -> Code {
        Code::InvalidArgument
    }
    fn reason(&self) -> Reason {
        Reason::UnknownRole
    }
    fn violations(&self) -> &[FieldViolation] {
        self.violations.as_slice()
    }
}

faults! {
    /// Why a service account is not made with a role.
    #[derive(Clone)]
    RoleError: Peer(PeerError), Unknown(UnknownRole), Refused(Refused);
    /// The scope is not in use. The text is authorization's.
    NotActive(String) "{0}" => FailedPrecondition NotActive;
}

/// A service account that somebody wants to make.
#[derive(Debug, Clone, Copy)]
pub struct ServiceRole<'a> {
    /// Who makes it.
    pub maker: &'a Subject,
    /// Whether a role of the deployment may serve the maker.
    pub operator_allowed: bool,
    /// Its scope.
    pub scope: &'a Scope,
    /// Its role there.
    pub role: Option<&'a str>,
}

/// Answers questions about the roles of service accounts.
#[async_trait]
pub trait ServiceRoles: Send + Sync + 'static {
    /// Refuses a role that service accounts cannot have on the scope, and a maker that may not give it there;
    /// as fresh as the token.
    async fn ensure(&self, asked: ServiceRole<'_>, token: &Token) -> Result<(), RoleError>;
}
