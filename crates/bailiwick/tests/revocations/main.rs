//! What is taken away is refused by every process, and stays refused after restarts and restores.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod fleet;
mod keys;
mod sessions;
mod standing;
#[path = "../support/mod.rs"]
mod support;
