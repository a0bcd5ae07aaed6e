//! Runs scenario files: what is given, then steps, each with what it must answer.
//!
//! A scenario goes through the public gRPC API and knows nothing of what is behind it: this crate depends on the client
//! and the generated code alone. The format is described in `docs/scenarios.md`.
//!
//! ```
//! use bailiwick_scenario::Scenario;
//!
//! let text = "
//! product: one-question
//! given:
//!   accounts: {hotel: {title: Grand Hotel}}
//!   users: {ada: {member_of: [hotel]}}
//!   roles: [{user: ada, role: admin, on: \"account:hotel\"}]
//! steps:
//!   - {chek: {user: ada, permission: score.compare, on: \"account:hotel\"}, expect: allow}
//! ";
//! let unusable = Scenario::parse("hotel.yaml", text).unwrap_err();
//! assert_eq!(unusable.to_string(), "hotel.yaml:8:6: unknown verb `chek`");
//! ```

mod actors;
mod fault;
mod model;
mod names;
mod parse;
mod report;
mod run;
mod suite;
mod world;
mod yaml;

pub use crate::{
    fault::{Fault, Position, Unusable},
    model::Scenario,
    report::{Failure, Report, Unsupported},
    run::{Options, Runner},
    suite::{ClockRefused, Manifest, Suite},
    world::World,
};
