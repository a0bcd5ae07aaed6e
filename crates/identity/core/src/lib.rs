//! Users, credentials, sessions, tokens and service accounts.
//!
//! A folder an aggregate: its domain and its ports in `mod.rs`, a file a use case. The crate has no
//! transport, database or cache crate in its tree; the server crate implements the ports ([`store`],
//! [`peer`]).
//!
//! ```
//! use bailiwick_identity_core::display_name::DisplayName;
//! assert!("Ada Lovelace".parse::<DisplayName>().is_ok());
//! assert!("two\nlines".parse::<DisplayName>().is_err());
//! ```

pub mod api_key;
pub mod attempt;
pub mod change;
pub mod device;
pub mod display_name;
#[cfg(test)]
mod fixture;
mod identity;
pub mod locale;
pub mod mail;
#[cfg(test)]
mod memory;
pub mod one_time;
pub mod operator;
pub mod password;
pub mod peer;
pub mod request;
pub mod second_factor;
pub mod secret;
pub mod service_account;
pub mod session;
#[cfg(test)]
mod sign_in_limits;
pub mod signing;
pub mod store;
pub mod token;
pub mod upkeep;
pub mod user;

pub use identity::Identity;
