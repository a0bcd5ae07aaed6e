//! Typed configuration: a TOML file, the environment and flags, in that order; one schema; an unknown key is
//! refused.

mod duration;
mod load;
mod network;
mod schema;
mod secret;
mod server;
mod telemetry;

pub use duration::HumanDuration;
pub use load::{ConfigError, Loader, load};
pub use network::{Network, NetworkError};
pub use secret::Secret;
pub use server::{AccessLog, ServerConfig, TlsConfig};
pub use telemetry::{LogFormat, TelemetryConfig};
