//! Operators of the deployment: the users, and where it is configured the service accounts, that have the
//! operator's role. Authorization keeps the rule that at least one active user has it.

pub mod create;
pub mod grant;
pub mod reset;
pub mod revoke;

pub use create::create;
pub use grant::grant;
pub use reset::reset;
pub use revoke::revoke;

/// The name of the role.
pub const OPERATOR: &str = "operator";

/// Who may be an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Policy {
    /// Whether service accounts may: a program that is one is as powerful as the deployment's own people.
    pub service_accounts: bool,
}
