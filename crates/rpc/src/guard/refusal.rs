//! Why a call may not pass.

use bailiwick_types::{Code, Fault, Reason};

/// Why a call may not pass.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the call carries no credentials")]
    CredentialsMissing,
    // The same words whether it exists or not.
    #[error("the caller may not do this here, or it does not exist")]
    Denied,
    #[error("method `{0}` declares nothing that the guard could ask")]
    Undeclared(&'static str),
}

impl Fault for Refusal {
    fn code(&self) -> Code {
        match self {
            Self::CredentialsMissing => Code::Unauthenticated,
            Self::Denied => Code::PermissionDenied,
            Self::Undeclared(_) => Code::Internal,
        }
    }
    fn reason(&self) -> Reason {
        match self {
            Self::CredentialsMissing => Reason::CredentialsMissing,
            Self::Denied => Reason::PermissionDenied,
            Self::Undeclared(_) => Reason::Internal,
        }
    }
}
