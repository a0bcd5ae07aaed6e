//! The configuration of the binary: one schema for all services.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use bailiwick_authorization_server::AuthorizationConfig;
use bailiwick_identity_server::IdentityConfig;
use bailiwick_rpc::{AuthConfig, Loader, PeerConfig, Secret, ServerConfig, TelemetryConfig};
use bailiwick_tenancy_server::TenancyConfig;
use bailiwick_types::Service;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cli::Configured;

/// Where embedded data lies when nothing says otherwise.
const DATA_DIR: &str = "bailiwick-data";

/// The configuration of `bailiwick`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Directory of the embedded defaults: a SQLite file for each service that has no database of its own in `database`, and the internal key
    /// where none is given. `./bailiwick-data` where absent.
    pub(crate) data_dir: Option<PathBuf>,
    /// How the process listens.
    pub(crate) server: ServerConfig,
    /// Logs, traces and metrics.
    pub(crate) telemetry: TelemetryConfig,
    /// What the services know each other by.
    pub(crate) internal: Internal,
    /// Which access tokens are taken.
    pub(crate) auth: AuthConfig,
    /// Where the services that run elsewhere are.
    pub(crate) peers: Peers,
    /// Where the data of each service lies.
    pub(crate) database: Databases,
    /// Identity.
    pub(crate) identity: IdentityConfig,
    /// Tenancy.
    pub(crate) tenancy: TenancyConfig,
    /// Authorization.
    pub(crate) authorization: AuthorizationConfig,
}

/// A database each.
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
    /// That of a service.
    pub(crate) fn of(&self, service: Service) -> &Database {
        match service {
            Service::Identity => &self.identity,
            Service::Tenancy => &self.tenancy,
            Service::Authorization => &self.authorization,
        }
    }
}

/// What the services know each other by.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Internal {
    /// A secret of at least 32 characters that all processes of a deployment share. Where absent it is made in the data
    /// directory, which serves a single process.
    pub(crate) key: Option<Secret>,
}

/// Where the services that run elsewhere are: `http://HOST:PORT` or `https://HOST:PORT`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Peers {
    /// Identity.
    pub(crate) identity: Option<String>,
    /// Tenancy.
    pub(crate) tenancy: Option<String>,
    /// Authorization.
    pub(crate) authorization: Option<String>,
    /// How they are called.
    pub(crate) connection: PeerConfig,
}

/// A database.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Database {
    /// `postgres://USER@HOST/DATABASE` or `sqlite:///PATH`; a SQLite file in the data directory where absent.
    pub(crate) url: Option<Secret>,
    /// The password, where it does not stand in the URL.
    pub(crate) password: Option<Secret>,
    /// Connections that are held at most.
    pub(crate) max_connections: u32,
}

impl Default for Database {
    fn default() -> Self {
        Self {
            url: None,
            password: None,
            max_connections: 10,
        }
    }
}

impl Config {
    /// Reads file, environment and flags.
    pub(crate) fn load(configured: &Configured, more: &[(&str, String)]) -> Result<Self> {
        let mut loader = Loader::new()
            .file(configured.config.as_deref())
            .environment(std::env::vars());
        for (key, value) in more {
            loader = loader.set(key, value);
        }
        let mut config: Self = loader.load()?;
        if let Some(directory) = &configured.data_dir {
            config.data_dir = Some(directory.clone());
        }
        Ok(config)
    }
    /// The directory of the embedded defaults, made where it is missing, for this user alone.
    pub(crate) fn data_dir(&self) -> Result<PathBuf> {
        let directory = self.data_dir.clone().unwrap_or_else(|| DATA_DIR.into());
        if !directory.exists() {
            use std::os::unix::fs::DirBuilderExt;
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&directory)
                .with_context(|| format!("cannot make the data directory `{}`", directory.display()))?;
        }
        directory
            .canonicalize()
            .with_context(|| format!("cannot use the data directory `{}`", directory.display()))
    }
}

/// Makes a secret file of mode 0600, or reads the one that is there.
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
        .with_context(|| format!("cannot make `{}`", path.display()))?;
    writeln!(file, "{secret}").with_context(|| format!("cannot write `{}`", path.display()))?;
    file.sync_all()?;
    Ok(secret)
}
