//! Creates an operator and resets the password of one, by commands on the database.

use std::{
    fs::OpenOptions,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

pub use bailiwick_identity_core::operator::reset::Options as ResetOptions;
use bailiwick_identity_core::{
    operator,
    password::{CostError, Password, PasswordError, Passwords, Rules, Shares},
    secret::random_password,
};
use bailiwick_sql::Db;
use bailiwick_types::{Clock, Email, EmailError, IdGen, Rng, Token, UserId};
use secrecy::{ExposeSecret, SecretString};

use crate::{ConfigError, IdentityConfig, store::SqlStore};

/// The source of the operator's password.
#[derive(Debug, Clone)]
pub enum SecretSource {
    /// A given password.
    Given(SecretString),
    /// A generated password, written to a new file that only its owner can read.
    File(PathBuf),
}

/// An operator that was created.
#[derive(Debug, Clone)]
pub struct Operator {
    /// Its id.
    pub user: UserId,
    /// The write.
    pub token: Token,
}

/// An operator with a new password.
#[derive(Debug, Clone)]
pub struct Reset {
    /// Its id.
    pub user: UserId,
    /// The number of sessions that were ended.
    pub ended: usize,
    /// Whether it was enabled.
    pub enabled: bool,
    /// The write.
    pub token: Token,
}

/// Why the operator is not created, or has no new password.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// The address is invalid.
    #[error("the e-mail address {0}")]
    Email(#[from] EmailError),
    /// The password is invalid.
    #[error("the password {0}")]
    Password(#[from] PasswordError),
    /// The hashing parameters are invalid.
    #[error("password hashing {0}")]
    Cost(#[from] CostError),
    /// The rules of passwords are invalid.
    #[error("identity: {0}")]
    Config(#[from] ConfigError),
    /// The file cannot be written.
    #[error("cannot write `{}`: {error}", path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// The error.
        error: std::io::Error,
    },
    /// There is an active operator, or the database failed.
    #[error(transparent)]
    Create(#[from] operator::create::Error),
    /// The user is unknown, no operator or disabled, or the database failed.
    #[error(transparent)]
    Reset(#[from] operator::reset::Error),
}

/// The password of an operator, and the file that it was written to.
struct NewPassword {
    password: Password,
    file: Option<PathBuf>,
}

impl NewPassword {
    /// Takes it from its source. A generated one is in its file before it counts: an unknown password would
    /// lock the deployment.
    fn take(secret: &SecretSource, rng: &dyn Rng) -> Result<Self, OperatorError> {
        let (password, file) = match secret {
            SecretSource::Given(password) => (password.clone(), None),
            SecretSource::File(path) => (random_password(rng), Some(path.clone())),
        };
        let password = Password::parse(password)?;
        if let Some(path) = &file {
            write(path, password.secret()).map_err(|error| OperatorError::File {
                path: path.clone(),
                error,
            })?;
        }
        Ok(Self { password, file })
    }
    /// Ends the act: a file that stayed after a refusal would hold the password of no user.
    fn done<T, E>(self, result: Result<T, E>) -> Result<T, E> {
        if let (Err(_), Some(path)) = (&result, &self.file) {
            let _ = std::fs::remove_file(path);
        }
        result
    }
}

/// Creates an operator of a deployment; refused if an active user is one. The password is never logged. A
/// file is created with mode 0600, must not exist, and is removed if the operator is not created.
///
/// # Errors
/// See [`OperatorError`].
pub async fn create(
    db: &Db,
    config: &IdentityConfig,
    ids: &dyn IdGen,
    rng: Arc<dyn Rng>,
    email: &str,
    secret: &SecretSource,
) -> Result<Operator, OperatorError> {
    let email: Email = email.parse()?;
    let new = NewPassword::take(secret, &*rng)?;
    let made = async {
        let cost = config.password_hashing.cost()?;
        let passwords = Passwords::new(cost, Shares::default(), rules(config)?, rng)?;
        let store = SqlStore::new(db.clone());
        let clock: &dyn Clock = db.clock();
        let made = operator::create(&store, &passwords, clock, ids, &email, &new.password).await?;
        Ok::<_, OperatorError>((made.0.id, made.1))
    };
    let made = made.await;
    let (user, token) = new.done(made)?;
    Ok(Operator { user, token })
}

/// Gives an operator a new password and ends its sessions. The password is treated as by [`create`].
///
/// # Errors
/// See [`OperatorError`].
pub async fn reset(
    db: &Db,
    config: &IdentityConfig,
    rng: Arc<dyn Rng>,
    email: &str,
    secret: &SecretSource,
    options: ResetOptions,
) -> Result<Reset, OperatorError> {
    let email: Email = email.parse()?;
    let new = NewPassword::take(secret, &*rng)?;
    let done = async {
        let cost = config.password_hashing.cost()?;
        let passwords = Passwords::new(cost, Shares::default(), rules(config)?, rng)?;
        let store = SqlStore::new(db.clone());
        let clock: &dyn Clock = db.clock();
        let done = operator::reset(&store, &passwords, clock, &email, &new.password, options).await?;
        Ok::<_, OperatorError>(done)
    };
    let done = done.await;
    let done = new.done(done)?;
    Ok(Reset {
        user: done.user.id,
        ended: done.ended.len(),
        enabled: done.enabled,
        token: done.token,
    })
}

fn rules(config: &IdentityConfig) -> Result<Rules, ConfigError> {
    config.passwords.check()?;
    Ok(config.passwords.rules(&config.mail.product)?)
}

fn write(path: &Path, password: &SecretString) -> std::io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(password.expose_secret().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}
