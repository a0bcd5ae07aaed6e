//! The store against what its ports promise.

mod attempts;
mod devices;
mod keys;
mod mails;
mod second_factors;
mod sessions;
mod users;
