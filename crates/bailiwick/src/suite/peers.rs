//! Channels between the services.

use std::{net::SocketAddr, sync::Arc};

use anyhow::{Context, Result};
use bailiwick_rpc::{Certificates, ClientFactory, Peer};
use bailiwick_types::Service;

use crate::config::Config;

/// A channel to each service. Those in this process are called over its own listener, so that no call
/// bypasses the layers.
pub(crate) struct Peers {
    identity: Peer,
    tenancy: Peer,
    authorization: Peer,
}

impl Peers {
    /// Creates the channels; they connect at the first call.
    pub(crate) fn new(
        config: &Config,
        here: &[Service],
        (own, certificates): (SocketAddr, Option<&Arc<Certificates>>),
        factory: &ClientFactory,
    ) -> Result<Self> {
        let peer = |service: Service| -> Result<Peer> {
            let given = match service {
                Service::Identity => &config.peers.identity,
                Service::Tenancy => &config.peers.tenancy,
                Service::Authorization => &config.peers.authorization,
            };
            let peer = match given {
                _ if here.contains(&service) => {
                    factory.own(&loopback(own, certificates.is_some()), certificates)
                }
                Some(address) => factory.peer(address),
                None => {
                    anyhow::bail!("`peers.{service}` is required: {service} does not run in this process")
                }
            };
            let peer = peer.with_context(|| format!("`peers.{service}`"))?;
            Ok(peer.named(service.as_str()))
        };
        Ok(Self {
            identity: peer(Service::Identity)?,
            tenancy: peer(Service::Tenancy)?,
            authorization: peer(Service::Authorization)?,
        })
    }
    /// The channel to a service.
    pub(crate) fn to(&self, service: Service) -> Peer {
        match service {
            Service::Identity => self.identity.clone(),
            Service::Tenancy => self.tenancy.clone(),
            Service::Authorization => self.authorization.clone(),
        }
    }
}

/// The URL at which this process reaches itself: loopback if it listens on all addresses.
fn loopback(own: SocketAddr, tls: bool) -> String {
    let scheme = if tls { "https" } else { "http" };
    let host = match own {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => "127.0.0.1".to_owned(),
        SocketAddr::V4(v4) => v4.ip().to_string(),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => "[::1]".to_owned(),
        SocketAddr::V6(v6) => format!("[{}]", v6.ip()),
    };
    format!("{scheme}://{host}:{}", own.port())
}

#[cfg(test)]
mod tests {
    use super::loopback;

    #[test]
    fn a_listener_on_all_addresses_is_reached_by_loopback() {
        assert_eq!(
            loopback("0.0.0.0:7600".parse().unwrap(), false),
            "http://127.0.0.1:7600"
        );
        assert_eq!(loopback("[::]:7600".parse().unwrap(), true), "https://[::1]:7600");
        assert_eq!(
            loopback("10.0.0.7:1".parse().unwrap(), false),
            "http://10.0.0.7:1"
        );
    }
}
