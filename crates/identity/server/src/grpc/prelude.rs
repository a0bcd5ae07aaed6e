//! What every handler needs.

pub(super) use bailiwick_proto::identity::v1 as pb;
pub(super) use bailiwick_rpc::{Call, Fields, IntoStatus, Target, token};
pub(super) use tonic::Status;
