//! Tenancy's domain: accounts, instances, workspaces and settings, what may be done with them, and the ports through
//! which that reaches a store and the authorization service.
//!
//! The crate depends on `bailiwick-types` alone: no transport, no database, no cache.
//!
//! ```
//! use bailiwick_tenancy_core::Title;
//! assert!(Title::try_from("Grand Hotel".to_owned()).is_ok());
//! assert!(Title::try_from(String::new()).is_err());
//! ```

pub mod account;
pub mod closing;
mod etag;
pub mod event;
pub mod listing;
pub mod peer;
pub mod place;
pub mod product;
pub mod request;
pub mod settings;
mod state;
pub mod store;
mod title;

pub use etag::{Etag, EtagError};
pub use event::Event;
pub use state::State;
pub use title::{Title, TitleError, fold};
