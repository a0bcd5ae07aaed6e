//! The gRPC services.

mod ask;
mod attributes;
pub mod decision;
pub mod query;
