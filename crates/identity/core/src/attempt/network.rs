//! The network that a client belongs to.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// What is counted as one client network: 256 addresses of IPv4, or the /64 that an IPv6 host is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum ClientNetwork {
    /// A /24.
    V4([u8; 3]),
    /// A /64.
    V6([u16; 4]),
    /// The client's address is unknown. All such clients count as one network.
    #[default]
    Unknown,
}

impl From<Option<IpAddr>> for ClientNetwork {
    fn from(address: Option<IpAddr>) -> Self {
        match address.map(|address| address.to_canonical()) {
            Some(IpAddr::V4(v4)) => {
                let [a, b, c, _] = v4.octets();
                Self::V4([a, b, c])
            }
            Some(IpAddr::V6(v6)) => {
                let [a, b, c, d, ..] = v6.segments();
                Self::V6([a, b, c, d])
            }
            None => Self::Unknown,
        }
    }
}

/// Error for a text that is no network of clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no /24 of IPv4 and no /64 of IPv6")]
pub struct ClientNetworkError;

impl FromStr for ClientNetwork {
    type Err = ClientNetworkError;
    /// Reads what `Display` writes.
    fn from_str(text: &str) -> Result<Self, ClientNetworkError> {
        let address = text.split_once('/').and_then(|(address, _)| address.parse().ok());
        let network = Self::from(address);
        if network.to_string() == text {
            Ok(network)
        } else {
            Err(ClientNetworkError)
        }
    }
}

impl fmt::Display for ClientNetwork {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::V4([a, b, c]) => write!(out, "{}/24", Ipv4Addr::new(a, b, c, 0)),
            Self::V6([a, b, c, d]) => write!(out, "{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)),
            Self::Unknown => out.write_str("unknown"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_belongs_to_its_network() {
        let of = |text: &str| ClientNetwork::from(Some(text.parse().unwrap())).to_string();
        assert_eq!(of("192.0.2.77"), "192.0.2.0/24");
        assert_eq!(of("::ffff:192.0.2.1"), "192.0.2.0/24");
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(ClientNetwork::from(None), ClientNetwork::Unknown);
        for text in ["192.0.2.0/24", "2001:db8:1:2::/64", "unknown"] {
            let read: ClientNetwork = text.parse().unwrap();
            assert_eq!(read.to_string(), text);
        }
        for odd in ["", "192.0.2.1/24", "192.0.2.0/16", "192.0.2.0", "x/24"] {
            assert_eq!(odd.parse::<ClientNetwork>(), Err(ClientNetworkError), "{odd}");
        }
    }
}
