//! The address of the client that a call comes from.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use http::HeaderMap;

use crate::Network;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The address of the client of a request over HTTP, where it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub Option<IpAddr>);

/// The proxies whose `X-Forwarded-For` is believed.
#[derive(Debug, Clone)]
pub(crate) struct TrustedProxies(Arc<[Network]>);

impl TrustedProxies {
    pub(crate) fn new(networks: &[Network]) -> Self {
        Self(networks.into())
    }

    /// The nearest address that is not a trusted proxy: the other end of the connection, or what trusted
    /// proxies say that they had the request from. What such a client says about others is not read.
    pub(crate) fn client(&self, peer: Option<SocketAddr>, headers: &HeaderMap) -> Option<IpAddr> {
        let mut client = peer?.ip().to_canonical();
        if !self.trusts(client) {
            return Some(client);
        }
        let lines: Vec<_> = headers.get_all(FORWARDED_FOR).iter().collect();
        let entries = lines
            .iter()
            .rev()
            .flat_map(|line| line.as_bytes().rsplit(|b| *b == b','));
        for entry in entries {
            // A proxy that writes something else is taken for the client.
            let Some(address) = parse(entry) else { break };
            client = address;
            if !self.trusts(client) {
                break;
            }
        }
        Some(client)
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }
}

/// An address, some proxies add the port.
fn parse(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?.trim();
    let address = text
        .parse::<IpAddr>()
        .or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()));
    Some(address.ok()?.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(trusted: &[&str], peer: &str, lines: &[&str]) -> String {
        let networks: Vec<Network> = trusted.iter().map(|network| network.parse().unwrap()).collect();
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, line.parse().unwrap());
        }
        let peer: IpAddr = peer.parse().unwrap();
        let client = TrustedProxies::new(&networks).client(Some((peer, 1).into()), &headers);
        client.unwrap().to_string()
    }

    #[test]
    fn the_header_of_a_peer_that_is_no_proxy_changes_nothing() {
        assert_eq!(client(&[], "192.0.2.1", &["203.0.113.9"]), "192.0.2.1");
        assert_eq!(
            client(&["10.0.0.0/8"], "192.0.2.1", &["203.0.113.9"]),
            "192.0.2.1"
        );
        assert_eq!(
            client(&["10.0.0.0/8"], "::ffff:192.0.2.1", &["10.0.0.1"]),
            "192.0.2.1"
        );
    }

    #[test]
    fn a_trusted_proxy_names_its_client_and_the_client_cannot_forge_another() {
        let proxies = ["10.0.0.0/8"];
        let of = |lines: &[&str]| client(&proxies, "10.0.0.1", lines);
        assert_eq!(of(&["203.0.113.9"]), "203.0.113.9");
        assert_eq!(of(&["198.51.100.1, 203.0.113.9"]), "203.0.113.9");
        assert_eq!(of(&["198.51.100.1", "203.0.113.9"]), "203.0.113.9");
        assert_eq!(of(&["198.51.100.1, 203.0.113.9, 10.0.0.2"]), "203.0.113.9");
        assert_eq!(of(&["203.0.113.9:4711"]), "203.0.113.9");
        assert_eq!(of(&["[2001:db8::1]:4711"]), "2001:db8::1");
        assert_eq!(of(&["203.0.113.9, unknown"]), "10.0.0.1");
        assert_eq!(of(&[]), "10.0.0.1");
        assert_eq!(of(&["10.0.0.3, 10.0.0.2"]), "10.0.0.3");
    }
}
