//! The store against what its ports promise.

mod keys;
mod sessions;
mod upkeep;
mod users;
