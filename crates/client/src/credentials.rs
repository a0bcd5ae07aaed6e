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
        /// The token of this device, from [`Client::device_token`](crate::Client::device_token) of an earlier
        /// run. A client renews it by itself.
        device: Option<SecretString>,
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
            device: None,
        }
    }
    /// The same password at a device where the user has signed in before: guesses of others do not keep it
    /// out.
    #[must_use]
    pub fn at_device(mut self, token: SecretString) -> Self {
        if let Self::Password { device, .. } = &mut self {
            *device = Some(token);
        }
        self
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
