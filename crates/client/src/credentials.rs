//! Credentials of the caller.

use secrecy::SecretString;

/// How a client authenticates its caller.
#[derive(Debug, Clone, Default)]
pub enum Credentials {
    /// None: enough for `public` methods.
    #[default]
    None,
    /// An access token from elsewhere; it is not renewed.
    Bearer(SecretString),
    /// A user's password. The session is renewed, and started again after it has ended.
    Password {
        /// E-mail address.
        email: String,
        /// Password.
        password: SecretString,
        /// Id of the account to act in. Without it the token is good for `public` and `self` methods and for
        /// what the deployment's own roles allow.
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
