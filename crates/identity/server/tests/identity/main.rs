//! The service on real sockets and both engines, and its store against what its ports promise.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod support;

mod api_keys;
mod authentication;
mod deleting;
mod disabling;
mod feed;
mod http;
mod limits;
mod mails;
mod operator;
mod peers;
mod rotation;
mod schema;
mod second_factors;
mod secrets;
mod service_accounts;
mod sessions;
mod store;
mod users;
