//! Addresses of the services.

use std::{path::PathBuf, time::Duration};

use tonic::{
    Code,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint},
};

use crate::Error;

/// The addresses of the three services, and which certificates to trust.
///
/// ```
/// use bailiwick_client::{Endpoints, Tls};
///
/// let local = Endpoints::one("http://127.0.0.1:7400");
/// let urls = ["https://identity:7400", "https://tenancy:7400", "https://authorization:7400"];
/// let cluster = Endpoints::each(urls[0], urls[1], urls[2])
///     .tls(Tls::Ca("/etc/bailiwick/ca.pem".into()));
/// # let _ = (local, cluster);
/// ```
#[derive(Debug, Clone)]
pub struct Endpoints {
    pub(crate) identity: String,
    pub(crate) tenancy: String,
    pub(crate) authorization: String,
    tls: Tls,
}

/// Which certificates are trusted at `https` addresses.
#[derive(Debug, Clone, Default)]
pub enum Tls {
    /// Those that the operating system trusts.
    #[default]
    System,
    /// Only those issued by the authorities in a PEM file.
    Ca(PathBuf),
}

impl Endpoints {
    /// All services at one address.
    #[must_use]
    pub fn one(address: impl Into<String>) -> Self {
        let address = address.into();
        Self::each(address.clone(), address.clone(), address)
    }
    /// An address for each service.
    #[must_use]
    pub fn each(
        identity: impl Into<String>,
        tenancy: impl Into<String>,
        authorization: impl Into<String>,
    ) -> Self {
        Self {
            identity: identity.into(),
            tenancy: tenancy.into(),
            authorization: authorization.into(),
            tls: Tls::default(),
        }
    }
    /// Sets which certificates are trusted.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }
    /// A channel to an address, with the same trust; it connects at its first call. For services that
    /// [`Client`](crate::Client) does not have.
    ///
    /// # Errors
    /// The address or the CA file is invalid.
    pub fn channel(&self, address: &str) -> Result<Channel, Error> {
        Ok(self.endpoint(address)?.connect_lazy())
    }
    pub(crate) fn endpoint(&self, address: &str) -> Result<Endpoint, Error> {
        let refused = |what: &dyn std::fmt::Display| {
            Error::local(Code::InvalidArgument, format!("endpoint `{address}`: {what}"))
        };
        let endpoint = Endpoint::from_shared(address.to_owned())
            .map_err(|e| refused(&e))?
            .user_agent(concat!("bailiwick-client/", env!("CARGO_PKG_VERSION")))
            .map_err(|e| refused(&e))?
            .connect_timeout(Duration::from_secs(5))
            .tcp_nodelay(true)
            .http2_keep_alive_interval(Duration::from_secs(20))
            .keep_alive_timeout(Duration::from_secs(10));
        match endpoint.uri().scheme_str() {
            Some("http") => Ok(endpoint),
            Some("https") => endpoint.tls_config(self.trust()?).map_err(|e| refused(&e)),
            _ => Err(refused(&"must begin with `http://` or `https://`")),
        }
    }
    fn trust(&self) -> Result<ClientTlsConfig, Error> {
        match &self.tls {
            Tls::System => Ok(ClientTlsConfig::new().with_native_roots()),
            Tls::Ca(path) => std::fs::read(path)
                .map(|pem| ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)))
                .map_err(|e| {
                    Error::local(
                        Code::InvalidArgument,
                        format!("cannot read CA certificates from `{}`: {e}", path.display()),
                    )
                }),
        }
    }
}

/// The connections to the three services; shared by services at one address.
#[derive(Debug, Clone)]
pub(crate) struct Channels {
    pub(crate) identity: Channel,
    pub(crate) tenancy: Channel,
    pub(crate) authorization: Channel,
}

impl Channels {
    /// Connections that are made at the first call.
    pub(crate) fn lazy(endpoints: &Endpoints) -> Result<Self, Error> {
        let identity = endpoints.endpoint(&endpoints.identity)?.connect_lazy();
        let tenancy = if endpoints.tenancy == endpoints.identity {
            identity.clone()
        } else {
            endpoints.endpoint(&endpoints.tenancy)?.connect_lazy()
        };
        let authorization = if endpoints.authorization == endpoints.identity {
            identity.clone()
        } else {
            endpoints.endpoint(&endpoints.authorization)?.connect_lazy()
        };
        Ok(Self {
            identity,
            tenancy,
            authorization,
        })
    }
    /// Connections that are made now.
    pub(crate) async fn connect(endpoints: &Endpoints) -> Result<Self, Error> {
        let identity = endpoints.endpoint(&endpoints.identity)?.connect().await?;
        let tenancy = if endpoints.tenancy == endpoints.identity {
            identity.clone()
        } else {
            endpoints.endpoint(&endpoints.tenancy)?.connect().await?
        };
        let authorization = if endpoints.authorization == endpoints.identity {
            identity.clone()
        } else {
            endpoints.endpoint(&endpoints.authorization)?.connect().await?
        };
        Ok(Self {
            identity,
            tenancy,
            authorization,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_scheme_is_refused_by_name() {
        let endpoints = Endpoints::one("localhost:7400");
        let error = endpoints.endpoint("localhost:7400").expect_err("no scheme");
        assert!(error.to_string().contains("localhost:7400"), "{error}");
    }

    #[test]
    fn a_missing_file_of_authorities_is_named() {
        let endpoints = Endpoints::one("https://localhost:7400").tls(Tls::Ca("/nowhere/ca.pem".into()));
        let error = endpoints.endpoint("https://localhost:7400").expect_err("no file");
        assert!(error.to_string().contains("/nowhere/ca.pem"), "{error}");
    }
}
