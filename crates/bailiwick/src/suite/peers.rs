//! Channels between the services.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use anyhow::{Context, Result};
use bailiwick_rpc::{Certificates, ClientFactory, Dependency, Peer};
use bailiwick_types::Service;

use crate::config::Config;

/// A channel from each service of this process to each other service. Those in this process are called over
/// its own internal listener, so that no call bypasses the layers.
pub(crate) struct Peers(BTreeMap<(Service, Service), Peer>);

impl Peers {
    /// Creates the channels; they connect at the first call. Each service calls with credentials of its own.
    pub(crate) fn new(
        config: &Config,
        here: &[Service],
        (own, certificates): (SocketAddr, Option<&Arc<Certificates>>),
        factory: impl Fn(Service) -> ClientFactory,
    ) -> Result<Self> {
        let mut peers = BTreeMap::new();
        for to in Service::ALL {
            let given = match to {
                Service::Identity => &config.peers.identity,
                Service::Tenancy => &config.peers.tenancy,
                Service::Authorization => &config.peers.authorization,
            };
            let dependency = Arc::new(Dependency::new(to.as_str()));
            for from in here.iter().copied().filter(|from| *from != to) {
                let factory = factory(from);
                let peer = match given {
                    _ if here.contains(&to) => {
                        factory.own(to, &loopback(own, certificates.is_some()), certificates)
                    }
                    Some(address) => factory.peer(to, address),
                    None => anyhow::bail!("`peers.{to}` is required: {to} does not run in this process"),
                };
                let peer = peer.with_context(|| format!("`peers.{to}`"))?;
                peers.insert((from, to), peer.watched_by(Arc::clone(&dependency)));
            }
        }
        Ok(Self(peers))
    }
    /// The channel from a service of this process to another service.
    pub(crate) fn between(&self, from: Service, to: Service) -> Result<Peer> {
        let peer = self.0.get(&(from, to)).cloned();
        peer.with_context(|| format!("{from} does not call {to} in this process"))
    }
    /// All channels, with the services that call and are called.
    pub(crate) fn all(&self) -> impl Iterator<Item = (Service, Service, Peer)> + '_ {
        self.0.iter().map(|((from, to), peer)| (*from, *to, peer.clone()))
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
