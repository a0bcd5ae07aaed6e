//! The identity service: users, credentials, sessions, tokens and service accounts.
//!
//! gRPC and HTTP in front of the use cases of `bailiwick-identity-core`, their store on SQLite and
//! PostgreSQL, and the wiring of both. `grpc/` and `store/` do not import each other.
//!
//! ```no_run
//! # use bailiwick_identity_server::{BuildError, Deps};
//! # async fn example(deps: Deps) -> Result<(), BuildError> {
//! let service = bailiwick_identity_server::build(deps).await?;
//! let keys = service.key_source();     // for the authenticator of this process
//! let step_up = service.step_up();     // for its guard
//! # Ok(())
//! # }
//! ```

mod api_keys;
mod blocklist;
mod config;
mod ended;
mod events;
mod grpc;
mod http;
mod keys;
mod mail;
mod migrations;
pub mod operator;
mod passwords;
mod peer;
pub mod reconcile;
mod store;
mod wiring;
mod work;

pub use api_keys::{ApiKeyConfig, ApiKeyConfigError};
pub use config::{ConfigError, IdentityConfig, PasswordHashing, SignInAdmission, SignInAttempts};
pub use mail::{MailConfig, MailConfigError, MailLimits, SmtpConfig, SmtpTls};
pub use migrations::migrations;
pub use passwords::{PasswordConfig, PasswordConfigError, PepperConfig};
pub use peer::Authorization;
pub use store::{Snapshot, Sql, SqlStore};
pub use wiring::{BuildError, Deps, IdentityService, build};
