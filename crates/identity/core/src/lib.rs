//! Who people are: users, credentials, sessions, tokens and service accounts.
//!
//! The domain, one file a use case, and the ports that they need. The crate has no transport, database or cache crate in
//! its tree; the server crate brings those.
//!
//! ```
//! use bailiwick_identity_core::email::Email;
//! let one: Email = "Ada@Example.com".parse().unwrap();
//! let same: Email = "ada@example.com".parse().unwrap();
//! assert_eq!(one.key(), same.key());
//! ```

pub mod change;
pub mod email;
mod fault;
mod identity;
pub mod password;
pub mod port;
pub mod request;
pub mod secret;
pub mod service_account;
pub mod session;
pub mod signing;
pub mod title;
pub mod use_case;
pub mod user;

pub use identity::{Identity, Throttle};
