//! How many connections each client address holds.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
};

use crate::Network;

/// Counts connections by address.
#[derive(Debug)]
pub(super) struct PerPeer {
    limit: usize,
    exempt: Vec<Network>,
    held: Mutex<HashMap<IpAddr, usize>>,
}

/// The place of one connection, released when dropped.
#[derive(Debug)]
pub(super) struct Place(Option<(Arc<PerPeer>, IpAddr)>);

impl PerPeer {
    /// At most `limit` connections an address; zero is no limit, and `exempt` addresses have none.
    pub(super) fn new(limit: usize, exempt: &[Network]) -> Arc<Self> {
        Arc::new(Self {
            limit,
            exempt: exempt.to_vec(),
            held: Mutex::new(HashMap::new()),
        })
    }

    /// A place, where the address has one left.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let address = address.to_canonical();
        if self.limit == 0 || self.exempt.iter().any(|network| network.contains(address)) {
            return Some(Place(None));
        }
        let key = key(address);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(key).or_default();
        if *count >= self.limit {
            return None;
        }
        *count += 1;
        Some(Place(Some((Arc::clone(self), key))))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((counts, key)) = self.0.take() else {
            return;
        };
        let mut held = counts.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&key) {
            *count -= 1;
            if *count == 0 {
                held.remove(&key);
            }
        }
    }
}

/// What is counted as one client: an IPv4 address, or the network of 64 bits that an IPv6 host is given.
fn key(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from(u128::from(v6) >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_so_many_places_and_gets_them_back() {
        let peers = PerPeer::new(2, &[]);
        let first = peers.enter(ip("10.0.0.1")).unwrap();
        let _second = peers.enter(ip("::ffff:10.0.0.1")).unwrap();
        assert!(peers.enter(ip("10.0.0.1")).is_none());
        assert!(peers.enter(ip("10.0.0.2")).is_some(), "another address");
        drop(first);
        assert!(peers.enter(ip("10.0.0.1")).is_some());
        assert_eq!(
            peers.held.lock().unwrap().len(),
            1,
            "an address without connections is forgotten"
        );
    }

    #[test]
    fn addresses_of_one_ipv6_network_count_together() {
        let peers = PerPeer::new(1, &[]);
        let _first = peers.enter(ip("2001:db8::1")).unwrap();
        assert!(peers.enter(ip("2001:db8::2")).is_none());
        assert!(peers.enter(ip("2001:db8:0:1::1")).is_some());
    }

    #[test]
    fn proxies_and_a_limit_of_zero_are_not_counted() {
        let peers = PerPeer::new(1, &["10.0.0.0/8".parse().unwrap()]);
        let _places: Vec<_> = (0..9).map(|_| peers.enter(ip("10.1.2.3")).unwrap()).collect();
        let free = PerPeer::new(0, &[]);
        let _places: Vec<_> = (0..9).map(|_| free.enter(ip("192.0.2.1")).unwrap()).collect();
    }
}
