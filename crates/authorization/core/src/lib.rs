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
pub mod batch;
pub mod binding;
mod change;
pub mod closing;
mod draft;
mod error;
pub mod export;
pub mod follow;
pub mod grant;
pub mod group;
pub mod invitation;
pub mod member;
#[cfg(test)]
mod memory;
pub mod operation;
pub mod person;
pub mod preview;
pub mod product;
pub mod quota;
pub mod request;
pub mod resource;
pub mod role;
mod situation;
mod sources;
mod store;
mod work;
/// Transitional names.
#[doc(hidden)]
pub mod use_case {
    pub use crate::grant::create as create_grant;
    pub use crate::grant::delete as delete_grant;
    pub use crate::group::change as change_group;
    pub use crate::group::create as create_group;
    pub use crate::invitation::accept as accept_invitation;
    pub use crate::invitation::batch_create as batch_create_invitations;
    pub use crate::invitation::create as create_invitation;
    pub use crate::invitation::resend as resend_invitation;
    pub use crate::invitation::revoke as revoke_invitation;
    pub use crate::member::batch_remove as batch_remove_members;
    pub use crate::member::create as create_member;
    pub use crate::member::delete as delete_member;
    pub use crate::member::look_up as look_up_member;
    pub use crate::member::remove as remove_member;
    pub use crate::member::suspend as suspend_member;
    pub use crate::member::update as update_member;
    pub use crate::resource::register as register_resource;
    pub use crate::resource::relocate as move_resource;
    pub use crate::resource::transfer as transfer_resource;
    pub use crate::resource::unregister as unregister_resource;
    pub use crate::resource::update as update_resource;
    pub use crate::role::change as change_role;
    pub use crate::role::create as create_role;
    pub use crate::role::delete as delete_role;
    pub use crate::{batch, preview};
}

pub use aim::{Aim, On};
pub use bailiwick_types::StoreError;
pub use binding::holders;
pub use change::{Audit, Change, PlaceSeen};
pub use error::{Precondition, Unknown};
pub use member::seat;
pub use person::email_key;
pub use situation::{Actor, Extent, Reader as SituationReader, Situation, Standing, SubjectRows};
pub use store::{Ports, Read, Selects, Store, Unit, Write};
pub use work::Work;
