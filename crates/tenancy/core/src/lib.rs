//! Tenancy's domain: accounts, instances, workspaces and settings, their use cases, and the ports to a store
//! and to the authorization service.
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
#[cfg(test)]
mod memory;
pub mod peer;
pub mod place;
mod precondition;
pub mod product;
pub mod request;
pub mod settings;
mod state;
pub mod store;
mod title;

use std::{fmt, sync::Arc};

use bailiwick_types::{Clock, IdGen};

pub use etag::Etag;
pub use event::Event;
pub use precondition::Precondition;
pub use state::State;
pub use title::{Title, TitleError, fold};

/// The ports of the use cases.
#[derive(Clone)]
pub struct Tenancy {
    /// Its store.
    pub store: Arc<dyn store::Store>,
    /// The authorization service.
    pub authorization: Arc<dyn peer::Authorization>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn IdGen>,
}

impl fmt::Debug for Tenancy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tenancy")
    }
}
