//! What every handler needs.

pub(super) use bailiwick_proto::tenancy::v1 as pb;
pub(super) use bailiwick_rpc::{Call, Fields, IntoStatus, Target, token};
pub(super) use tonic::Status;

pub(super) use super::{Api, answer};
