//! What every handler needs.

pub(super) use bailiwick_proto::authorization::v1 as pb;
pub(super) use bailiwick_rpc::{Call, Fields, IntoStatus, Target, page as pages};
pub(super) use tonic::Status;

pub(super) use super::{Api, convert, encoded, page, page_of, status, text};
