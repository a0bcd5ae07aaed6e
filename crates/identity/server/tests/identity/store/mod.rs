//! The store against what its ports promise.

mod attempts;
mod keys;
mod sessions;
mod users;
