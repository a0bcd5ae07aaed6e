//! Rows, private to the store.

#![expect(unreachable_pub, reason = "the derive makes its types public")]

pub(super) mod account;
pub(super) mod closing;
pub(super) mod place;
pub(super) mod product;
pub(super) mod request;
pub(super) mod settings;
