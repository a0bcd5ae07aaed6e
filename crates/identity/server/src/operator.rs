//! Creates the first operator, by a command on the database.

use std::{
    fs::OpenOptions,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use bailiwick_identity_core::{
    password::{CostError, Password, PasswordError, Passwords, Shares},
    secret::random_password,
    user::create_operator,
};
use bailiwick_sql::Db;
use bailiwick_types::{Clock, Email, EmailError, IdGen, Rng, Token, UserId};
use secrecy::{ExposeSecret, SecretString};

use crate::{PasswordHashing, store::SqlStore};

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

/// Why the operator is not created.
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
    /// The file cannot be written.
    #[error("cannot write `{}`: {error}", path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// The error.
        error: std::io::Error,
    },
    /// There is an operator, or the database failed.
    #[error(transparent)]
    Refused(#[from] create_operator::Error),
}

/// Creates the first operator of a deployment; refused if there is one. The password is never logged. A file
/// is created with mode 0600, must not exist, and is removed if the operator is not created.
///
/// # Errors
/// See [`OperatorError`].
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
    let passwords = Passwords::new(hashing.cost()?, Shares::default(), rng)?;
    let store = SqlStore::new(db.clone());
    // Written before the operator is created: an unknown password would lock the deployment for good.
    if let Some(path) = file {
        write(path, checked.secret()).map_err(|error| OperatorError::File {
            path: path.to_owned(),
            error,
        })?;
    }
    let clock: &dyn Clock = db.clock();
    let made = create_operator(&store, &passwords, clock, ids, &email, &checked).await;
    match made {
        Ok((user, token)) => Ok(Operator { user: user.id, token }),
        Err(error) => {
            if let Some(path) = file {
                // A file that stays holds the password of no user.
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
