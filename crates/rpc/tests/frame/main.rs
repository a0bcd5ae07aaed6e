//! The frame on real sockets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;

mod api_keys;
mod authentication;
mod deadline;
mod drain;
mod health;
mod http;
mod order;
mod panics;
mod peers;
mod remote;
mod shedding;
mod silent;
mod statuses;
mod streams;
mod tls;
mod tokens;
