//! The databases of the services.

use anyhow::{Context, Result, bail, ensure};
use bailiwick_rpc::Secret;
use bailiwick_sql::{Db, DbConfig, Migrations};
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

/// Connects to the database of a service. The data directory of an embedded one counts as used from then on.
pub(crate) async fn connect(config: &Config, service: Service, clock: Arc<dyn Clock>) -> Result<Db> {
    let database = config.database.of(service);
    if is_embedded(config, service) {
        directory::share(&config.data_dir()?)?;
    }
    let mut settings = DbConfig::new(url(config, service, database)?);
    settings.max_connections = database.max_connections;
    Db::connect(settings, service, clock)
        .await
        .with_context(|| format!("cannot connect to the database of {service}"))
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
    })
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
    let db = Db::connect(DbConfig::new(file_url(path)?), service, clock).await;
    db.with_context(|| format!("cannot open `{}`", path.display()))
}

fn file_url(path: &Path) -> Result<String> {
    let text = path
        .to_str()
        .with_context(|| format!("the path `{}` is not UTF-8", path.display()))?;
    Ok(format!("sqlite://{text}"))
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

fn url(config: &Config, service: Service, database: &Database) -> Result<String> {
    let Some(url) = &database.url else {
        return file_url(&file(config, service)?);
    };
    with_password(url, database.password.as_ref())
        .with_context(|| format!("`database.{service}.url` is not usable"))
}

fn with_password(url: &Secret, password: Option<&Secret>) -> Result<String> {
    let Some(password) = password else {
        return Ok(url.expose().to_owned());
    };
    // The error of a failed parse could repeat the secret.
    let Ok(mut parsed) = url::Url::parse(url.expose()) else {
        bail!("it is not a URL")
    };
    if parsed.password().is_some() {
        bail!("it contains a password although `password` is set");
    }
    if parsed.set_password(Some(password.expose())).is_err() {
        bail!("this kind of URL cannot contain a password");
    }
    Ok(parsed.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_separate_password_is_put_into_the_url() {
        let url = Secret::new("postgres://bailiwick@db:5432/identity");
        let came = with_password(&url, Some(&Secret::new("p@ss/word"))).unwrap();
        assert_eq!(came, "postgres://bailiwick:p%40ss%2Fword@db:5432/identity");
        assert!(with_password(&Secret::new("postgres://u:x@db/i"), Some(&Secret::new("y"))).is_err());
    }
}
