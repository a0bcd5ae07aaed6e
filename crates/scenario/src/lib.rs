//! Runs scenario files: sets up what a file gives, then compares the answer of each step with the expected
//! one.
//!
//! A scenario uses the public gRPC API alone: this crate depends on the client and the generated code, and on
//! `bailiwick-policy` for the YAML reader of manifests, but on no server. `docs/scenarios.md` describes the
//! format. Each verb is a file in `verbs/`, listed in `verbs/mod.rs`.
//!
//! ```
//! use bailiwick_scenario::Scenario;
//!
//! let text = "
//! product: one-question
//! given: {accounts: {hotel: {title: Grand Hotel}}, users: {ada: {member_of: [hotel]}}}
//! steps:
//!   - {chek: {user: ada, permission: score.compare, on: \"account:hotel\"}, expect: allow}
//! ";
//! let unusable = Scenario::parse("hotel.yaml", text).unwrap_err();
//! assert_eq!(unusable.to_string(), "hotel.yaml:5:6: unknown verb `chek`; did you mean `check`?");
//! ```

mod actors;
mod answer;
mod fault;
mod names;
mod read;
mod report;
mod run;
mod scenario;
mod suite;
mod verbs;
mod world;

pub use bailiwick_policy::manifest::yaml::Position;

pub use crate::{
    fault::{Fault, Unusable},
    report::{Failure, Report, Unsupported},
    run::{Options, Runner},
    scenario::Scenario,
    suite::{ClockRefused, Manifest, Suite},
    world::World,
};
