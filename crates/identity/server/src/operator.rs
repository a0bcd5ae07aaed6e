//! The first operator, made by a command on the database.

use std::{
    fs::OpenOptions,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use bailiwick_identity_core::{
    email::{Email, EmailError},
    password::{CostError, Password, PasswordError, Passwords},
    secret::random_password,
    use_case::create_operator,
};
use bailiwick_sql::Db;
use bailiwick_types::{Clock, IdGen, Rng, Token, UserId};
use secrecy::{ExposeSecret, SecretString};

use crate::{PasswordHashing, store::SqlStore};

/// Where the operator's password comes from.
#[derive(Debug, Clone)]
pub enum SecretSource {
    /// It was given.
    Given(SecretString),
    /// It is made, and written to a new file that its owner alone can read.
    File(PathBuf),
}

/// The operator that was made.
#[derive(Debug, Clone)]
pub struct Operator {
    /// Its id.
    pub user: UserId,
    /// The write.
    pub token: Token,
}

/// Why there is no operator.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// The address.
    #[error("the e-mail address {0}")]
    Email(#[from] EmailError),
    /// The password.
    #[error("the password {0}")]
    Password(#[from] PasswordError),
    /// The hashing parameters.
    #[error("password hashing {0}")]
    Cost(#[from] CostError),
    /// The file.
    #[error("the file `{}` cannot be written: {error}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// There is one already, or the database failed.
    #[error(transparent)]
    Refused(#[from] create_operator::Error),
}

/// Makes the first operator of a deployment: refused where there ever was one. The password is never logged; a file is
/// made with mode 0600, must not exist before, and is removed again where there is no operator.
///
/// # Errors
/// There is an operator already, the address or password is none, or the file or the database failed.
pub async fn create(
    db: &Db,
    hashing: &PasswordHashing,
    ids: &dyn IdGen,
    rng: Arc<dyn Rng>,
    email: &str,
    secret: &SecretSource,
) -> Result<Operator, OperatorError> {
    let email: Email = email.parse()?;
    let (password, file) = match secret {
        SecretSource::Given(password) => (password.clone(), None),
        SecretSource::File(path) => (random_password(&*rng), Some(path.as_path())),
    };
    let checked = Password::parse(password)?;
    let passwords = Passwords::new(hashing.cost()?, 1, rng)?;
    let store = SqlStore::new(db.clone());
    // Written before the operator is made: a password that nobody knows would lock the deployment for good.
    if let Some(path) = file {
        write(path, checked.secret()).map_err(|error| OperatorError::File {
            path: path.to_owned(),
            error,
        })?;
    }
    let clock: &dyn Clock = db.clock();
    let made = create_operator::run(&store, &passwords, clock, ids, &email, &checked).await;
    match made {
        Ok((user, token)) => Ok(Operator { user: user.id, token }),
        Err(error) => {
            if let Some(path) = file {
                // The file holds the password of nobody; that it stays is no harm.
                let _ = std::fs::remove_file(path);
            }
            Err(error.into())
        }
    }
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
