//! The administrative half of authorization: products, members, invitations, bindings and resources, with the rules about
//! who may give what to whom.
//!
//! The crate depends on `bailiwick-types` and `bailiwick-policy` and on no transport, database or cache. A use case is one
//! file in [`use_case`]; what it needs from outside are the ports in the modules beside it, gathered in [`Ports`].
//!
//! ```
//! use bailiwick_authorization_core::email_key;
//! assert_eq!(email_key(" Ann@Example.com "), "ann@example.com");
//! ```

pub mod account;
mod aim;
pub mod approval;
pub mod binding;
mod change;
pub mod follow;
pub mod grant;
pub mod group;
pub mod holders;
pub mod invitation;
pub mod member;
pub mod person;
pub mod product;
pub mod request;
pub mod resource;
pub mod role;
pub mod seat;
mod situation;
mod store;
pub mod use_case;

pub use aim::{Aim, On};
pub use bailiwick_types::StoreError;
pub use change::{Audit, Change, PlaceSeen};
pub use person::email_key;
pub use situation::{Actor, Reader as StandingReader, Situation, Standing};
pub use store::{Ports, Read, Selects, Store, Unit, Write};
