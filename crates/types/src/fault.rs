//! Faults: the one way in which a use case says no.

use std::{error::Error, fmt, time::Duration};

/// The gRPC codes that a use case may answer with (<https://grpc.io/docs/guides/status-codes/>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// The request breaks a rule of its shape, or does not fit the manifest.
    InvalidArgument,
    /// No credentials, false ones, or a step-up is missing.
    Unauthenticated,
    /// The caller may not do this (or may not know whether it could be done).
    PermissionDenied,
    /// It does not exist.
    NotFound,
    /// It exists already.
    AlreadyExists,
    /// The state of the world forbids it; the same request may pass later.
    FailedPrecondition,
    /// A quota, a seat limit or a rate limit is used up.
    ResourceExhausted,
    /// A concurrent change won; try again.
    Aborted,
    /// The service cannot answer now; try again.
    Unavailable,
    /// The deadline ran out.
    DeadlineExceeded,
    /// The method is not implemented.
    Unimplemented,
    /// A fault of ours; what it was is in the log alone.
    Internal,
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident $text:literal;)*) => {
        /// Why, in one word that programs can act on: `google.rpc.ErrorInfo.reason`. Each stands in
        /// `bailiwick.common.v1.ErrorReason` with an example.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Reason { $($(#[$doc])* $name,)* }
        impl Reason {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];
            /// The word.
            #[must_use]
            pub fn as_str(self) -> &'static str { match self { $(Self::$name => $text,)* } }
        }
    };
}

reasons! {
    /// A field breaks its rule.
    InvalidField "INVALID_FIELD";
    /// A manifest does not fit.
    InvalidManifest "INVALID_MANIFEST";
    /// The permission is not one of the product.
    UnknownPermission "UNKNOWN_PERMISSION";
    /// The role is not one of the product or account, or cannot be bound at that level.
    UnknownRole "UNKNOWN_ROLE";
    /// The page token is not one of this list.
    InvalidPageToken "INVALID_PAGE_TOKEN";
    /// The consistency token cannot be read.
    InvalidToken "INVALID_TOKEN";
    /// The call carries no credentials.
    CredentialsMissing "CREDENTIALS_MISSING";
    /// The credentials are false, expired or revoked.
    CredentialsInvalid "CREDENTIALS_INVALID";
    /// The method needs a Reauthenticate, valid five minutes and used once.
    StepUpRequired "STEP_UP_REQUIRED";
    /// The caller may not do this here, or it does not exist.
    PermissionDenied "PERMISSION_DENIED";
    /// What is named does not exist.
    NotFound "NOT_FOUND";
    /// It exists already.
    AlreadyExists "ALREADY_EXISTS";
    /// The request id was used for another request.
    RequestIdReused "REQUEST_ID_REUSED";
    /// The etag is not the present one.
    EtagMismatch "ETAG_MISMATCH";
    /// The change would break a rule about the holders of a role.
    HolderRule "HOLDER_RULE";
    /// A role that is never handed out, only transferred.
    OwnershipIsTransferred "OWNERSHIP_IS_TRANSFERRED";
    /// The user is no active member of the account.
    NotAMember "NOT_A_MEMBER";
    /// The e-mail's domain is not among the account's allowed ones.
    DomainNotAllowed "DOMAIN_NOT_ALLOWED";
    /// The invitation is used, revoked or expired.
    InvitationNotPending "INVITATION_NOT_PENDING";
    /// It is suspended, moving or deleted.
    NotActive "NOT_ACTIVE";
    /// There are still things in it.
    NotEmpty "NOT_EMPTY";
    /// The request was decided already.
    AlreadyDecided "ALREADY_DECIDED";
    /// No approval is there to use.
    NoApproval "NO_APPROVAL";
    /// What is asked for is allowed already.
    AlreadyAllowed "ALREADY_ALLOWED";
    /// All seats are taken.
    NoFreeSeat "NO_FREE_SEAT";
    /// The quota is used up.
    QuotaExhausted "QUOTA_EXHAUSTED";
    /// Too many calls at once.
    Overloaded "OVERLOADED";
    /// A concurrent change won.
    Conflict "CONFLICT";
    /// A consistency token asks for more than could be reached in time.
    NotYetVisible "NOT_YET_VISIBLE";
    /// Authorization data exceeds the staleness bound.
    TooStale "TOO_STALE";
    /// A peer, the database or the cache does not answer.
    DependencyUnavailable "DEPENDENCY_UNAVAILABLE";
    /// The deadline ran out.
    DeadlineExceeded "DEADLINE_EXCEEDED";
    /// The method is not implemented.
    Unimplemented "UNIMPLEMENTED";
    /// A cursor of the feed is of another epoch, ahead of the head or older than retention.
    CursorRefused "CURSOR_REFUSED";
    /// A fault of ours.
    Internal "INTERNAL";
    /// A plan cannot be said in the form that was asked for.
    NotExpressible "NOT_EXPRESSIBLE";
    /// What is above something would come below it.
    Cycle "CYCLE";
    /// A message or an answer is larger than one call carries.
    TooMany "TOO_MANY";
    /// A role that would be removed is still bound.
    RoleInUse "ROLE_IN_USE";
    /// The account has as much of something as it may have.
    LimitReached "LIMIT_REACHED";
}

/// A field that breaks a rule: its path in the request, and the rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldViolation {
    /// Path of the field, as in the proto: `account.title`, `items[3].permission`.
    pub field: String,
    /// The rule, as in "must not be empty".
    pub rule: String,
}

/// All violations of a request at once.
#[derive(Debug, Clone, PartialEq, Eq, Default, thiserror::Error)]
pub struct Violations(Vec<FieldViolation>);

impl Violations {
    /// Starts with none.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
    /// One violation.
    #[must_use]
    pub fn of(field: impl Into<String>, rule: impl Into<String>) -> Self {
        let mut all = Self::new();
        all.add(field, rule);
        all
    }
    /// Adds one.
    pub fn add(&mut self, field: impl Into<String>, rule: impl Into<String>) {
        self.0.push(FieldViolation {
            field: field.into(),
            rule: rule.into(),
        });
    }
    /// Keeps the value of a parse, or notes its error for the field.
    pub fn take<T, E: fmt::Display>(&mut self, field: &str, parsed: Result<T, E>) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(error) => {
                self.add(field, error.to_string());
                None
            }
        }
    }
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// The violations in the order they were found.
    #[must_use]
    pub fn as_slice(&self) -> &[FieldViolation] {
        &self.0
    }
    /// Fails where there is one.
    ///
    /// # Errors
    /// Itself, where not empty.
    pub fn check(self) -> Result<(), Self> {
        if self.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, violation) in self.0.iter().enumerate() {
            let gap = if n == 0 { "" } else { "; " };
            write!(f, "{gap}`{}` {}", violation.field, violation.rule)?;
        }
        Ok(())
    }
}

impl Fault for Violations {
    fn code(&self) -> Code {
        Code::InvalidArgument
    }
    fn reason(&self) -> Reason {
        Reason::InvalidField
    }
    fn violations(&self) -> &[FieldViolation] {
        &self.0
    }
}

/// Shows an error with its causes, in one line: for the log.
#[derive(Debug)]
pub struct Chain<'a>(pub &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

/// What every error of a use case can say. The error's `Display` is the message for the caller, except under
/// [`Code::Internal`], where it goes to the log alone.
pub trait Fault: std::error::Error + Send + Sync + 'static {
    /// The gRPC code.
    fn code(&self) -> Code;
    /// Why.
    fn reason(&self) -> Reason;
    /// Facts that a program may want: names as in `ErrorInfo.metadata`.
    fn metadata(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
    /// The fields that break rules.
    fn violations(&self) -> &[FieldViolation] {
        &[]
    }
    /// After which time a retry can help.
    fn retry_after(&self) -> Option<Duration> {
        None
    }
}

/// The name in the metadata of a refusal between the services that is final: what was asked never happens
/// afterwards. Other refusals, such as one of the guard, may come to an end.
pub const FINAL: &str = "final";

/// Declares the error of a use case: an enum with its messages, codes and reasons.
///
/// After the name come the variants that wrap another fault (which then says everything), then the variants
/// of its own: message, code, reason, and where it has some the named fields that go into the metadata and
/// the time after which a retry can help.
///
/// ```
/// use bailiwick_types::{Fault, Violations, faults};
/// faults! {
///     /// Why a role is not assigned.
///     Error: Invalid(Violations);
///     /// There is no such role.
///     UnknownRole(String) "there is no role `{0}`" => InvalidArgument UnknownRole;
///     /// The account is suspended.
///     NotActive { scope: String } "`{scope}` is suspended" => FailedPrecondition NotActive [scope];
///     /// Another change won.
///     Raced "a concurrent change won" => Aborted Conflict, retry 20;
/// }
/// assert_eq!(Error::UnknownRole("boss".into()).to_string(), "there is no role `boss`");
/// assert_eq!(Error::from(Violations::of("a", "must not be empty")).violations().len(), 1);
/// ```
#[macro_export]
macro_rules! faults {
    (
        $(#[$doc:meta])* $name:ident $(: $($inner:ident($inner_type:ty)),+)?;
        $($(#[$vdoc:meta])* $variant:ident $(($field:ty))? $({ $($part:ident: $part_type:ty),+ $(,)? })?
            $text:literal
            => $code:ident $reason:ident $([$($meta:ident),+])? $(, retry $retry:literal)?;)*
    ) => {
        $(#[$doc])*
        #[derive(Debug, thiserror::Error)]
        pub enum $name {
            $($(
                /// What it wraps says why.
                #[error(transparent)]
                $inner(#[from] $inner_type),
            )+)?
            $($(#[$vdoc])* #[error($text)] $variant $(($field))? $({
                $(
                    /// Part of the message.
                    $part: $part_type
                ),+
            })?,)*
        }
        impl $crate::Fault for $name {
            fn code(&self) -> $crate::Code {
                match self {
                    $($(Self::$inner(inner) => $crate::Fault::code(inner),)+)?
                    $(Self::$variant { .. } => $crate::Code::$code,)*
                }
            }
            fn reason(&self) -> $crate::Reason {
                match self {
                    $($(Self::$inner(inner) => $crate::Fault::reason(inner),)+)?
                    $(Self::$variant { .. } => $crate::Reason::$reason,)*
                }
            }
            fn metadata(&self) -> Vec<(&'static str, String)> {
                #![allow(unreachable_patterns, reason = "every variant may have metadata")]
                match self {
                    $($(Self::$inner(inner) => $crate::Fault::metadata(inner),)+)?
                    $($(Self::$variant { $($meta),+, .. } => {
                        vec![$((stringify!($meta), $meta.to_string())),+]
                    })?)*
                    _ => Vec::new(),
                }
            }
            fn violations(&self) -> &[$crate::FieldViolation] {
                #![allow(unreachable_patterns, reason = "every variant may wrap a fault")]
                match self {
                    $($(Self::$inner(inner) => $crate::Fault::violations(inner),)+)?
                    _ => &[],
                }
            }
            fn retry_after(&self) -> Option<std::time::Duration> {
                #![allow(unreachable_patterns, reason = "every variant may have a time")]
                match self {
                    $($(Self::$inner(inner) => $crate::Fault::retry_after(inner),)+)?
                    $($(Self::$variant { .. } => Some(std::time::Duration::from_millis($retry)),)?)*
                    _ => None,
                }
            }
        }
    };
}

faults! {
    /// Why a call may not do what it asks for, in the words that every use case shares.
    #[derive(Clone)]
    Refused;
    /// The caller may not do this, or may not know whether it could be done: the words are the same
    /// (AIP-211).
    Denied "the caller may not do this here, or it does not exist" => PermissionDenied PermissionDenied;
    /// What is named does not exist; told only to callers that may know.
    NotFound(&'static str) "there is no such {0}" => NotFound NotFound;
}
