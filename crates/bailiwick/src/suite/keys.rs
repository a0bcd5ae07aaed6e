//! Secrets of a process: what its services know each other by, what authenticates consistency tokens and
//! values of the shared cache, and what signing keys are stored under.

use anyhow::{Result, ensure};
use bailiwick_rpc::{IntegrityConfig, MacKeys, Purpose, Secret};
use bailiwick_tenancy_server::AuditSecrets;
use bailiwick_types::Service;
use secrecy::SecretString;

use super::databases;
use crate::config::{Config, secret_file};

/// The file in the data directory with the secret that a lone process makes.
const SECRET_FILE: &str = "integrity.secret";

/// Refuses to store the keys that sign access tokens in plain text: the database of a server has more readers
/// and more copies than the data directory of this process.
pub(crate) fn sealed(config: &Config) -> Result<()> {
    let open = !databases::is_embedded(config, Service::Identity)
        && config.identity.key_encryption_secret.is_empty();
    ensure!(
        !open || config.insecure,
        "`identity.key_encryption_secret` is required with a database server (at least 32 characters): without it the \
         keys that sign access tokens are stored in plain text; `--insecure` starts all the same"
    );
    Ok(())
}

/// The secrets that waiting mails are sealed under: that of the signing keys, or where there is none that
/// of the deployment. Those that may have been used before still open them.
pub(crate) fn mail_secrets(config: &Config, integrity: &IntegrityConfig) -> Vec<SecretString> {
    let all = [
        Some(&config.identity.key_encryption_secret),
        integrity.secret.as_ref(),
        integrity.previous_secret.as_ref(),
    ];
    let given = all.into_iter().flatten().filter(|secret| !secret.is_empty());
    given.map(|secret| SecretString::from(secret.expose())).collect()
}

/// The secrets of the audit log: its heads and exports are signed, and the keys of persons are sealed, with
/// keys derived from the secret of the deployment, which all processes of tenancy share.
pub(crate) fn audit_secrets(integrity: &IntegrityConfig) -> Result<AuditSecrets> {
    let all = [integrity.secret.as_ref(), integrity.previous_secret.as_ref()];
    let given = all.into_iter().flatten().filter(|secret| !secret.is_empty());
    Ok(AuditSecrets {
        keys: MacKeys::derive(integrity, Purpose::AuditLog)?,
        sealing: given.map(|secret| SecretString::from(secret.expose())).collect(),
    })
}

/// The keys that verify an export of the audit log; none where no secret is configured or made yet.
pub(crate) fn audit_keys(config: &Config) -> Result<Option<MacKeys>> {
    let mut integrity = config.integrity.clone();
    if integrity.secret.as_ref().is_none_or(Secret::is_empty) {
        let made = config.data_dir()?.join(SECRET_FILE);
        let Ok(secret) = std::fs::read_to_string(made) else {
            return Ok(None);
        };
        integrity.secret = Some(Secret::new(secret.trim_end()));
    }
    Ok(Some(MacKeys::derive(&integrity, Purpose::AuditLog)?))
}

/// Whether no other process belongs to the deployment: all services run here, on embedded databases.
fn is_alone(config: &Config, here: &[Service]) -> bool {
    let embedded = |service: &Service| here.contains(service) && databases::is_embedded(config, *service);
    Service::ALL.iter().all(embedded)
}

/// The secrets that authenticate what leaves the suite and comes back: those that are configured, or one that
/// is created in the data directory where no other process needs it.
pub(crate) fn integrity(config: &Config, here: &[Service]) -> Result<IntegrityConfig> {
    let mut integrity = config.integrity.clone();
    if integrity.secret.as_ref().is_none_or(Secret::is_empty) {
        ensure!(
            is_alone(config, here),
            "`integrity.secret` is required (at least 32 characters, the same in all processes of all services): \
             it authenticates consistency tokens and the values in Redis"
        );
        let path = config.data_dir()?.join(SECRET_FILE);
        let secret = secret_file(&path, || super::random_text(48))?;
        integrity.secret = Some(Secret::new(secret));
    }
    Ok(integrity)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_process_that_is_not_alone_needs_the_secret_that_the_others_have() {
        let directory = tempfile::tempdir().unwrap();
        let mut config = Config {
            data_dir: Some(directory.path().to_owned()),
            ..Config::default()
        };
        let made = integrity(&config, &Service::ALL).unwrap().secret.unwrap();
        assert_eq!(made.expose().len(), 48);
        let again = integrity(&config, &Service::ALL).unwrap().secret.unwrap();
        assert_eq!(made.expose(), again.expose(), "it is kept");
        let file = directory.path().join("integrity.secret");
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        let refused = |config: &Config, here: &[Service]| integrity(config, here).unwrap_err().to_string();
        let text = refused(&config, &[Service::Tenancy]);
        assert!(text.contains("`integrity.secret` is required"), "{text}");
        config.database.tenancy.url = Some(Secret::new("postgres://u@h/d"));
        let text = refused(&config, &Service::ALL);
        assert!(text.contains("`integrity.secret` is required"), "{text}");
        config.integrity.secret = Some(Secret::new("s".repeat(32)));
        assert!(integrity(&config, &[Service::Tenancy]).is_ok());
    }
}
