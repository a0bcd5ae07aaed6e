//! The tenancy service: accounts, instances, workspaces and settings.
//!
//! gRPC in front of the use cases of `bailiwick-tenancy-core`, their store on SQLite and PostgreSQL, and the
//! wiring of both. `grpc/` and `store/` do not know each other.
//!
//! ```no_run
//! # fn example(deps: bailiwick_tenancy_server::Deps, guard: bailiwick_rpc::Guard) {
//! let service = bailiwick_tenancy_server::build(deps);
//! let services = service.services(guard);
//! # }
//! ```

mod audit;
mod config;
mod event;
mod follow;
mod grpc;
mod peer;
mod store;
mod wiring;
mod work;

pub use audit::{AuditConfig, AuditFollower, steps as audit_steps};
pub use config::TenancyConfig;
pub use follow::ProductSink;
pub use grpc::Api;
pub use peer::RemoteAuthorization;
pub use store::{
    SqlStore, TenancySnapshot,
    audit::{AuditSecrets, AuditStore, NewEntry, Step, Verified},
    migrations,
};
pub use wiring::{AuditDeps, AuditFeeds, Deps, TenancyService, build};
