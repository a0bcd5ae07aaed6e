//! `bailiwick operator create`.

use std::sync::Arc;

use anyhow::Result;
use bailiwick_identity_server::operator::{self, SecretSource};
use bailiwick_types::{Service, SystemClock, SystemIds, SystemRng};
use secrecy::SecretString;
use serde::Serialize;

use crate::{
    cli::{OperatorCreate, Output},
    config::Config,
    output, secret,
    suite::databases,
};

/// Who was made.
#[derive(Serialize)]
struct Made {
    user: String,
    email: String,
    password_file: Option<String>,
}

/// Makes the first operator in identity's database.
pub(crate) async fn create(arguments: &OperatorCreate, how: Output) -> Result<()> {
    let config = Config::load(&arguments.configured, &[])?;
    let source = match (&arguments.password_file, &arguments.password_out) {
        (Some(file), _) => SecretSource::Given(secret::first_line(file)?),
        (None, Some(file)) => SecretSource::File(file.clone()),
        (None, None) => anyhow::bail!("give `--password-file` or `--password-out`"),
    };
    let made = Made {
        user: write(&config, &arguments.email, &source).await?,
        email: arguments.email.clone(),
        password_file: arguments.password_out.as_ref().map(|p| p.display().to_string()),
    };
    output::print(how, &made, |made| {
        let place = made
            .password_file
            .as_ref()
            .map(|f| format!("; the password is in `{f}`"))
            .unwrap_or_default();
        format!("operator {} ({}) made{place}", made.email, made.user)
    })
}

/// Makes the first operator with a given password, for suites of our own.
pub(crate) async fn make(config: &Config, email: &str, password: &SecretString) -> Result<String> {
    write(config, email, &SecretSource::Given(password.clone())).await
}

async fn write(config: &Config, email: &str, source: &SecretSource) -> Result<String> {
    let db = databases::connect(config, Service::Identity, Arc::new(SystemClock)).await?;
    if databases::is_embedded(config, Service::Identity) {
        databases::migrate(&db, Service::Identity).await?;
    }
    let hashing = &config.identity.password_hashing;
    let made = operator::create(&db, hashing, &SystemIds, Arc::new(SystemRng), email, source).await;
    db.close().await;
    Ok(made?.user.to_string())
}
