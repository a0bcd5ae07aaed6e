//! What every handler needs.

pub(super) use bailiwick_proto::authorization::v1 as pb;
pub(super) use bailiwick_rpc::{Call, Fields, Paging, Target};
pub(super) use tonic::Status;

pub(super) use super::{Api, convert, encoded, is_live, status};
