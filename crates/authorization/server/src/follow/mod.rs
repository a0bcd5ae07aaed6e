//! Follows the feeds of tenancy and identity.

mod compare;
mod identity;
mod read;
mod tenancy;

use std::sync::Arc;

use bailiwick_authorization_core::{StoreError, follow::Refusal};
use bailiwick_sql::{Cause, Error, follow::ApplyError};
use bailiwick_types::{Clock, IdGen, System};

pub(crate) use identity::IdentitySink;
pub(crate) use tenancy::TenancySink;

use crate::store::Products;

/// What both sinks work with.
#[derive(Clone)]
pub(crate) struct Tools {
    pub(crate) products: Arc<Products>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn IdGen>,
    pub(crate) system: System,
}

fn refused(refusal: Refusal) -> ApplyError {
    match refusal {
        Refusal::Content(reason) => ApplyError::Content(reason),
        Refusal::Conflict => {
            ApplyError::Store(Error::Conflict(Cause::text("the user got into another account")))
        }
        Refusal::Store(error) => failed(error),
    }
}

fn failed(error: StoreError) -> ApplyError {
    let of_sql = error
        .cause()
        .and_then(|cause| cause.downcast_ref::<Error>())
        .cloned();
    ApplyError::Store(of_sql.unwrap_or_else(|| Error::Internal(Cause::new(error))))
}

/// What an event names must be readable.
fn content(what: &str, error: impl std::fmt::Display) -> ApplyError {
    ApplyError::Content(format!("{what}: {error}"))
}
