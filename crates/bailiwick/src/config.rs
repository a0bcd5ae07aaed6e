//! The configuration of the binary: one schema for all services.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use bailiwick_authorization_server::AuthorizationConfig;
use bailiwick_identity_server::IdentityConfig;
use bailiwick_rpc::{
    AuthConfig, IntegrityConfig, InternalConfig, Loader, PeerConfig, Secret, ServerConfig, TelemetryConfig,
};
use bailiwick_tenancy_server::TenancyConfig;
use bailiwick_types::Service;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Default directory of embedded data.
const DATA_DIR: &str = "bailiwick-data";

/// The configuration of `bailiwick`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Directory of the embedded defaults: a SQLite file for each service without a URL in `database`, and
    /// `integrity.secret` if none is given. Default: `./bailiwick-data`.
    pub(crate) data_dir: Option<PathBuf>,
    /// Whether to start although a protection is missing; what is missing is logged.
    pub(crate) insecure: bool,
    /// Listeners of the process.
    pub(crate) server: ServerConfig,
    /// Logs, traces and metrics.
    pub(crate) telemetry: TelemetryConfig,
    /// Keys by which the services know each other.
    pub(crate) internal: InternalConfig,
    /// What authenticates consistency tokens and the values in Redis.
    pub(crate) integrity: IntegrityConfig,
    /// Which access tokens are accepted.
    pub(crate) auth: AuthConfig,
    /// Addresses of the services that run in other processes.
    pub(crate) peers: Peers,
    /// The database of each service.
    pub(crate) database: Databases,
    /// Identity.
    pub(crate) identity: IdentityConfig,
    /// Tenancy.
    pub(crate) tenancy: TenancyConfig,
    /// Authorization.
    pub(crate) authorization: AuthorizationConfig,
}

/// A database for each service.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Databases {
    /// Identity's.
    pub(crate) identity: Database,
    /// Tenancy's.
    pub(crate) tenancy: Database,
    /// Authorization's.
    pub(crate) authorization: Database,
}

impl Databases {
    /// The database of a service.
    pub(crate) fn of(&self, service: Service) -> &Database {
        match service {
            Service::Identity => &self.identity,
            Service::Tenancy => &self.tenancy,
            Service::Authorization => &self.authorization,
        }
    }
}

/// Addresses of the services that run in other processes: `http://HOST:PORT` or `https://HOST:PORT` of their
/// `server.internal_listen`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Peers {
    /// Identity.
    pub(crate) identity: Option<String>,
    /// Tenancy.
    pub(crate) tenancy: Option<String>,
    /// Authorization.
    pub(crate) authorization: Option<String>,
    /// Settings of the connections.
    pub(crate) connection: PeerConfig,
}

/// A database.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Database {
    /// `postgres://USER@HOST/DATABASE?sslmode=verify-full` or `sqlite:///PATH`; a SQLite file in the data
    /// directory if absent. Unknown parameters are refused.
    pub(crate) url: Option<Secret>,
    /// The password, if the URL does not contain it.
    pub(crate) password: Option<Secret>,
    /// Whether `url` leads to a pooler that gives each transaction another session, such as PgBouncer in
    /// transaction mode.
    pub(crate) pooler: bool,
    /// The URL of the PostgreSQL server itself, for migrations and notices; required to migrate if `pooler`
    /// is set. Its role may be another one, that owns the schema: `bailiwick migrate` gives the role of `url`
    /// the rights on rows. Default: `url`.
    pub(crate) direct_url: Option<Secret>,
    /// The password of `direct_url`, if it does not contain it; `password` if both URLs have the same role.
    pub(crate) direct_password: Option<Secret>,
    /// Maximum number of connections.
    pub(crate) max_connections: u32,
}

impl Default for Database {
    fn default() -> Self {
        Self {
            url: None,
            password: None,
            pooler: false,
            direct_url: None,
            direct_password: None,
            max_connections: 10,
        }
    }
}

/// Where the configuration comes from.
#[derive(clap::Args, Debug)]
pub(crate) struct Source {
    /// Configuration file (TOML); see `bailiwick config schema`. Variables `BAILIWICK__SECTION__KEY` override
    /// it.
    #[arg(long, short, value_name = "FILE", env = "BAILIWICK_CONFIG")]
    config: Option<PathBuf>,
    /// Directory of the embedded defaults: SQLite files and keys [default: ./bailiwick-data].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// Reads the name of a service on the command line.
pub(crate) fn service() -> impl TypedValueParser<Value = Service> {
    PossibleValuesParser::new(Service::ALL.map(Service::as_str))
        .try_map(|name| Service::named(&name).ok_or("unknown service"))
}

/// The named services, or all three if none is named, in the order in which they depend on each other.
pub(crate) fn services(named: &[Service]) -> Vec<Service> {
    let wanted = |service: &Service| named.is_empty() || named.contains(service);
    Service::ALL.into_iter().filter(wanted).collect()
}

impl Config {
    /// Reads file, environment and flags.
    pub(crate) fn load(source: &Source, flags: &[(&str, String)]) -> Result<Self> {
        let mut loader = Loader::new()
            .file(source.config.as_deref())
            .environment(std::env::vars_os());
        for (key, value) in flags {
            loader = loader.set(key, value);
        }
        let mut config: Self = loader.load()?;
        if let Some(directory) = &source.data_dir {
            config.data_dir = Some(directory.clone());
        }
        Ok(config)
    }
    /// The directory of the embedded defaults; created, for this user only, if it does not exist.
    pub(crate) fn data_dir(&self) -> Result<PathBuf> {
        let directory = self.data_dir.clone().unwrap_or_else(|| DATA_DIR.into());
        if !directory.exists() {
            use std::os::unix::fs::DirBuilderExt;
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&directory)
                .with_context(|| format!("cannot create the data directory `{}`", directory.display()))?;
        }
        directory
            .canonicalize()
            .with_context(|| format!("cannot use the data directory `{}`", directory.display()))
    }
}

/// Reads a secret file, or creates it with mode 0600.
pub(crate) fn secret_file(path: &Path, make: impl FnOnce() -> String) -> Result<String> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    if let Ok(text) = std::fs::read_to_string(path) {
        return Ok(text.trim_end().to_owned());
    }
    let secret = make();
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot create `{}`", path.display()))?;
    writeln!(file, "{secret}").with_context(|| format!("cannot write `{}`", path.display()))?;
    file.sync_all()?;
    Ok(secret)
}
