//! Who calls.

use secrecy::SecretString;

/// What a client proves its caller with.
#[derive(Debug, Clone, Default)]
pub enum Credentials {
    /// Nothing: for `public` methods.
    #[default]
    None,
    /// A token that was got elsewhere; it is not renewed.
    Bearer(SecretString),
    /// A user's password. The session is renewed, and begun anew when it has ended.
    Password {
        /// E-mail address.
        email: String,
        /// Password.
        password: SecretString,
        /// Id of the account to act in; none for a token that serves `public` and `self` methods, and what the
        /// deployment's own roles allow.
        account: Option<String>,
    },
    /// A service account. Its token is renewed.
    ClientCredentials {
        /// Id of the service account, `svc_…`.
        id: String,
        /// Its secret.
        secret: SecretString,
    },
}

impl Credentials {
    /// A user's password, for an account.
    #[must_use]
    pub fn password(email: impl Into<String>, password: SecretString, account: Option<String>) -> Self {
        Self::Password {
            email: email.into(),
            password,
            account,
        }
    }
    /// A service account.
    #[must_use]
    pub fn client(id: impl Into<String>, secret: SecretString) -> Self {
        Self::ClientCredentials {
            id: id.into(),
            secret,
        }
    }
}
