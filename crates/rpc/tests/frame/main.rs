//! The frame on real sockets.

mod support;

mod authentication;
mod deadline;
mod drain;
mod health;
mod http;
mod order;
mod panics;
mod peers;
mod shedding;
mod statuses;
mod streams;
mod tls;
