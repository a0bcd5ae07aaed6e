//! Tenancy's domain: accounts, instances, workspaces and settings, their use cases, and the ports to a store
//! and to the authorization service.
//!
//! The crate depends on `bailiwick-types` alone: no transport, no database, no cache.
//!
//! ```
//! use bailiwick_tenancy_core::listing::{Order, OrderField};
//! let order: Order = "title desc".parse().unwrap();
//! assert_eq!((order.field, order.descending), (OrderField::Title, true));
//! ```

pub mod account;
pub mod audit;
pub mod closing;
mod etag;
pub mod event;
pub mod limit;
pub mod listing;
#[cfg(test)]
mod memory;
pub mod moving;
pub mod peer;
pub mod place;
mod precondition;
pub mod product;
pub mod request;
pub mod settings;
mod state;
pub mod store;

use std::sync::Arc;

use bailiwick_types::{Clock, IdGen};

pub use bailiwick_types::Title;
pub use etag::Etag;
pub use event::Event;
pub use limit::Limits;
pub use precondition::Precondition;
pub use state::State;

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
    /// How many places one account may have.
    pub limits: Limits,
}

bailiwick_types::debug_fields!(Tenancy {});
