//! The authorization service: who may do what, where.
//!
//! gRPC in front of the use cases of `bailiwick-authorization-core` and of the decision engine, their store
//! on SQLite and PostgreSQL, the shared cache in Redis, the followers of tenancy and identity, and the wiring
//! of all.
//!
//! ```no_run
//! # use bailiwick_authorization_server::{BuildError, Deps};
//! # use tokio_util::sync::CancellationToken;
//! # async fn example(deps: Deps, guard: bailiwick_rpc::Guard) -> Result<(), BuildError> {
//! let service = bailiwick_authorization_server::build(deps).await?;
//! let stop = CancellationToken::new();
//! let services = service.services(guard, stop.clone());
//! # Ok(()) }
//! ```

mod config;
mod decision_log;
mod export;
mod follow;
mod fresh;
pub mod grpc;
mod lists;
mod migrations;
#[doc(hidden)]
#[cfg(any(test, feature = "probe"))]
pub mod probe;
pub mod reconcile;
mod redis;
mod redis_url;
mod sealed;
mod store;
mod variants;
mod watch;
mod wiring;

pub use crate::export::ExportConfig;
pub use crate::redis::{RedisCache, RedisSettings};
pub use crate::redis_url::RedisSetupError;
pub use config::{AuthorizationConfig, RedisConfig};
pub use decision_log::{
    DecisionLog, DecisionLogConfig, DecisionLogError, LogTarget, PermissionPattern, Ratio,
};
pub use grpc::{decision::Decisions, query::Queries};
pub use lists::{Access, After, Lists, Person};
pub use migrations::{COUNTED, migrations};
pub use store::{
    AfterStray, Snapshot, SqlStore, Stray, Strays,
    engine::{SqlLists, SqlSource},
};
pub use watch::WatchConfig;
pub use wiring::{AuthorizationService, BuildError, Deps, build};
