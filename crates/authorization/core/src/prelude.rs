//! What every operation needs.

pub(crate) use async_trait::async_trait;
pub(crate) use bailiwick_types::{Refused, Scope, StoreError, Subject, Timestamp, UserId, Violations};

pub(crate) use crate::{
    Change, Error, Precondition, Unknown, Work,
    operation::Operation,
    preview::{Points, Spot},
};
