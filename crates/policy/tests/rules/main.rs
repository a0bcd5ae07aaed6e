//! The rules of decisions, delegation and account policies, one by one.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may break")]

mod approvals;
mod bindings;
mod delegation;
mod explanations;
mod grants;
mod lists;
mod names;
mod own_roles;
mod services;
mod stored;
mod versions;
mod world;

use world::*;
