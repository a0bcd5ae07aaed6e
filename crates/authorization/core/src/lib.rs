//! The administrative half of authorization: products, members, invitations, bindings and resources, with the
//! rules about who may give what to whom.
//!
//! The crate depends on `bailiwick-types` and `bailiwick-policy` and on no transport, database or cache. A
//! change of an account is an [`operation`] in the folder of its aggregate; what it needs from outside are
//! the ports in the modules beside it, gathered in [`Ports`].
//!
//! ```
//! use bailiwick_authorization_core::person::{Person, PersonState};
//! let user = bailiwick_types::UserId::from_uuid(uuid::Uuid::nil());
//! assert_eq!(Person::unknown(user).state, PersonState::Active);
//! ```

pub mod account;
mod aim;
pub mod approval;
pub mod batch;
pub mod binding;
mod change;
pub mod closing;
pub mod compiling;
mod draft;
pub mod erasure;
mod error;
pub mod export;
pub mod follow;
mod gains;
pub mod grant;
pub mod group;
pub mod invitation;
pub mod limit;
pub mod member;
#[cfg(test)]
mod memory;
pub mod operation;
pub mod person;
mod prelude;
pub mod preview;
pub mod product;
pub mod quota;
mod recorder;
pub mod relocation;
pub mod request;
pub mod resource;
pub mod role;
pub mod service_role;
mod situation;
mod sources;
mod store;
mod work;

pub use aim::{Aim, On};
pub use bailiwick_types::StoreError;
pub use binding::holders;
pub use change::{Audit, Change, PlaceSeen};
pub use error::{Error, Precondition, Unknown};
pub use limit::Limits;
pub use member::seat;
pub use situation::{Actor, Extent, Reader as SituationReader, Situation, Standing, SubjectRows};
pub use store::{Ports, Read, Selects, Store, Unit, Write};
pub use work::Work;
