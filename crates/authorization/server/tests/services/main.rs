//! The services that answer questions, as their callers see them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod callers;
mod decisions;
mod desk;
mod lists;
mod matrix;
mod plans;
mod resources;
#[path = "../support/mod.rs"]
mod support;
