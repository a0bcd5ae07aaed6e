//! At most one fill per key at a time.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use tokio::sync::watch;

use crate::parts::PartKey;

/// The keys of an account that are being filled.
#[derive(Debug, Default)]
pub(crate) struct Flights(Mutex<HashMap<PartKey, watch::Receiver<()>>>);

/// Keys that one request fills. Dropping it, also when the request is cancelled, wakes the requests that wait
/// for them.
#[derive(Debug)]
pub(crate) struct Flight<'a> {
    flights: &'a Flights,
    pub(crate) keys: Vec<PartKey>,
    _done: watch::Sender<()>,
}

impl Flights {
    /// Claims the keys that no other request is filling; returns what to wait for as to the others.
    pub(crate) fn begin(&self, keys: Vec<PartKey>) -> (Flight<'_>, Vec<watch::Receiver<()>>) {
        let (done, landed) = watch::channel(());
        let mut flying = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut mine, mut others) = (Vec::new(), Vec::new());
        for key in keys {
            if let Some(other) = flying.get(&key) {
                others.push(other.clone());
            } else {
                flying.insert(key.clone(), landed.clone());
                mine.push(key);
            }
        }
        (
            Flight {
                flights: self,
                keys: mine,
                _done: done,
            },
            others,
        )
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let mut flying = self.flights.0.lock().unwrap_or_else(PoisonError::into_inner);
        for key in &self.keys {
            flying.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_key_is_filled_by_one_and_the_others_wait_for_it() {
        let flights = Flights::default();
        let key = PartKey::Group(1);
        let (first, none) = flights.begin(vec![key.clone()]);
        assert!(none.is_empty());
        let (second, mut others) = flights.begin(vec![key.clone(), PartKey::Group(2)]);
        assert_eq!(second.keys, [PartKey::Group(2)]);
        drop(first);
        // The sender is gone: waiting ends.
        assert!(others[0].changed().await.is_err());
        let (third, _) = flights.begin(vec![key.clone()]);
        assert_eq!(third.keys, [key]);
    }
}
