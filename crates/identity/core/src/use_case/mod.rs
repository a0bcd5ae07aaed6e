//! What can be done: one module a use case, each with its command and its error.

pub mod batch_get_users;
pub mod consume_step_up;
pub mod create_operator;
pub mod create_service_account;
pub mod create_user;
pub mod disable_service_account;
pub mod disable_user;
pub mod enable_user;
pub mod get_jwks;
pub mod get_service_account;
pub mod get_user;
pub mod issue_token;
pub mod list_service_accounts;
pub mod list_users;
pub mod reauthenticate;
pub mod refresh;
pub mod sign_in;
pub mod sign_out;
pub mod upkeep;

mod tokens;

pub use tokens::Tokens;
