//! The databases of the services.

use anyhow::{Context, Result, bail, ensure};
use bailiwick_rpc::Secret;
use bailiwick_sql::{Address, Db, DbConfig, Migrations};
use bailiwick_types::{Clock, Service};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::directory;
use crate::config::{self, Config, Database};

/// The migrations of a service.
pub(crate) fn migrations(service: Service) -> Migrations {
    match service {
        Service::Identity => bailiwick_identity_server::migrations(),
        Service::Tenancy => bailiwick_tenancy_server::migrations(),
        Service::Authorization => Migrations::new(service, bailiwick_authorization_server::migrations()),
    }
}

/// Whether a service uses the embedded default, a SQLite file that no other process migrates.
pub(crate) fn is_embedded(config: &Config, service: Service) -> bool {
    config.database.of(service).url.is_none()
}

/// What a connection is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Serving requests: only with a role that row-level security holds for, unless `insecure` is set.
    Serve,
    /// A command on the database.
    Command,
    /// Migrating: past a pooler, with the role that owns the schema.
    Migrate,
}

/// Connects to the database of a service. The data directory of an embedded one counts as used from then on.
pub(crate) async fn connect(
    config: &Config,
    service: Service,
    purpose: Purpose,
    clock: Arc<dyn Clock>,
) -> Result<Db> {
    if is_embedded(config, service) {
        directory::share(&config.data_dir()?)?;
    }
    let settings = settings(config, service, purpose)?;
    Db::connect(settings, service, clock)
        .await
        .with_context(|| format!("cannot connect to the database of {service}"))
}

/// Checks what can be checked of the settings of a database without connecting to it.
pub(crate) fn check(config: &Config, service: Service) -> Result<()> {
    let database = config.database.of(service);
    addresses(database, service).map(drop)
}

fn settings(config: &Config, service: Service, purpose: Purpose) -> Result<DbConfig> {
    let database = config.database.of(service);
    let (Some(address), direct) = addresses(database, service)? else {
        return Ok(limited(
            DbConfig::at(Address::File(file(config, service)?)),
            database,
        ));
    };
    let mut settings = limited(DbConfig::at(address), database);
    settings.unprotected = config.insecure || purpose != Purpose::Serve;
    settings.pooler = database.pooler;
    match (purpose, direct) {
        (Purpose::Migrate, Some(direct)) => {
            let (serves, migrates) = (settings.address.role()?, direct.role()?);
            settings.run_time_role = serves.filter(|role| migrates.as_ref() != Some(role));
            settings.address = direct;
            settings.pooler = false;
        }
        (Purpose::Migrate, None) if database.pooler => bail!(
            "`database.{service}.direct_url` is required to migrate: `url` leads to a pooler (`pooler = true`)"
        ),
        (_, direct) => settings.direct = direct,
    }
    Ok(settings)
}

fn limited(mut settings: DbConfig, database: &Database) -> DbConfig {
    settings.max_connections = database.max_connections;
    settings
}

/// The address to serve from, none for the embedded default, and the one past a pooler.
fn addresses(database: &Database, service: Service) -> Result<(Option<Address>, Option<Address>)> {
    let key = |name: &str| format!("`database.{service}.{name}`");
    let address = |name: &str, url: &Option<Secret>, password: Option<&Secret>| -> Result<Option<Address>> {
        let Some(url) = url else {
            let unused = password.is_none();
            ensure!(
                unused,
                "the password of {} has no URL that it belongs to",
                key(name)
            );
            return Ok(None);
        };
        let address = Address::Url {
            url: url.expose().to_owned().into(),
            password: password.map(|password| password.expose().to_owned().into()),
        };
        address.check().with_context(|| key(name))?;
        Ok(Some(address))
    };
    let served = address("url", &database.url, database.password.as_ref())?;
    let mut password = database.direct_password.as_ref();
    if let (Some(url), Some(direct), None) = (&served, &database.direct_url, password) {
        // One role has one password.
        let direct = Address::url(direct.expose());
        if direct.role().with_context(|| key("direct_url"))? == url.role()? && !direct.has_password() {
            password = database.password.as_ref();
        }
    }
    let direct = address("direct_url", &database.direct_url, password)?;
    if served.is_none() {
        ensure!(
            direct.is_none() && !database.pooler,
            "{} is required beside `pooler` and `direct_url`",
            key("url")
        );
    }
    Ok((served, direct))
}

/// Migrates the database of a service to the current schema.
pub(crate) async fn migrate(db: &Db, service: Service) -> Result<()> {
    db.migrate(&migrations(service))
        .await
        .with_context(|| format!("cannot migrate the database of {service}"))?;
    Ok(())
}

/// Brings an embedded database to the current schema; any other must have a supported one already, so that a
/// rollout and a migration never wait for each other.
pub(crate) async fn prepare(db: &Db, config: &Config, service: Service) -> Result<()> {
    if is_embedded(config, service) {
        migrate(db, service).await?;
    }
    db.check_schema(&migrations(service)).await.with_context(|| {
        format!("the schema of the {service} database is not supported: run `bailiwick migrate {service}`")
    })?;
    if db.notice_copy().await? {
        tracing::warn!(%service, "the database file was copied: beginning a new epoch");
    }
    Ok(())
}

/// The services with embedded databases; an error where there are none.
pub(crate) fn embedded(config: &Config) -> Result<Vec<Service>> {
    let mut services = config::services(&[]);
    services.retain(|service| is_embedded(config, *service));
    ensure!(
        !services.is_empty(),
        "no database is embedded: use the tools of PostgreSQL (`pg_dump`, `pg_restore`)"
    );
    Ok(services)
}

/// The name of the file of an embedded database.
pub(crate) fn file_name(service: Service) -> String {
    format!("{service}.db")
}

/// The file of an embedded database.
pub(crate) fn file(config: &Config, service: Service) -> Result<PathBuf> {
    Ok(config.data_dir()?.join(file_name(service)))
}

/// Connects to a file that is no database of a server.
pub(crate) async fn open_file(path: &Path, service: Service, clock: Arc<dyn Clock>) -> Result<Db> {
    let db = Db::connect(DbConfig::at(Address::File(path.to_owned())), service, clock).await;
    db.with_context(|| format!("cannot open `{}`", path.display()))
}

/// Refuses an embedded database without a file: connecting would create an empty one.
pub(crate) fn must_exist(config: &Config, service: Service) -> Result<()> {
    if is_embedded(config, service) {
        let file = file(config, service)?;
        ensure!(
            file.exists(),
            "there is no database of {service} at `{}`",
            file.display()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database(url: &str, password: Option<&str>) -> Database {
        Database {
            url: Some(Secret::new(url)),
            password: password.map(Secret::new),
            ..Database::default()
        }
    }
    fn refused(database: &Database) -> String {
        let refused = addresses(database, Service::Identity).map(drop);
        format!("{:#}", refused.unwrap_err())
    }

    #[test]
    fn a_setting_that_is_not_usable_is_named() {
        let text = refused(&database("postgres://u@h/d?sslmod=require", None));
        assert!(
            text.starts_with("`database.identity.url`: ") && text.contains("`sslmod`"),
            "{text}"
        );
        let text = refused(&database("postgres://u:x@h/d", Some("hunter2")));
        assert!(
            text.contains("contains a password") && !text.contains("hunter2"),
            "{text}"
        );
        let text = refused(&Database {
            password: Some(Secret::new("hunter2")),
            ..Database::default()
        });
        assert!(text.contains("has no URL"), "{text}");
        let text = refused(&Database {
            pooler: true,
            ..Database::default()
        });
        assert!(text.contains("`database.identity.url` is required"), "{text}");
    }

    #[test]
    fn a_migration_runs_past_the_pooler_and_knows_the_role_that_serves() {
        let mut config = Config::default();
        config.database.identity = Database {
            pooler: true,
            ..database("postgres://serves@pooler:6432/identity", Some("secret"))
        };
        let migrates = |config: &Config| settings(config, Service::Identity, Purpose::Migrate);
        let text = format!("{:#}", migrates(&config).unwrap_err());
        assert!(
            text.contains("`database.identity.direct_url` is required"),
            "{text}"
        );
        config.database.identity.direct_url = Some(Secret::new("postgres://owns@db/identity"));
        let direct = migrates(&config).unwrap();
        assert_eq!(direct.address.role().unwrap().as_deref(), Some("owns"));
        assert_eq!(direct.run_time_role.as_deref(), Some("serves"));
        assert!(!direct.pooler);
        let serves = settings(&config, Service::Identity, Purpose::Serve).unwrap();
        assert!(serves.pooler && !serves.unprotected && serves.direct.is_some());
    }
}
