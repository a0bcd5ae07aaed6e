//! The authorization service.

mod migrations;
mod store;

pub use migrations::migrations;
