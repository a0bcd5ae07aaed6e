//! Load shedding: more calls than the limit are refused at once rather than made to wait.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Counts calls under way.
#[derive(Debug)]
pub(crate) struct Shed {
    limit: usize,
    under_way: AtomicUsize,
}

/// A place among the calls under way, given back when dropped.
#[derive(Debug)]
pub(crate) struct Place(Arc<Shed>);

impl Shed {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit,
            under_way: AtomicUsize::new(0),
        })
    }
    /// A place, where one is free.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<Place> {
        let place = Place(Arc::clone(self));
        let before = self.under_way.fetch_add(1, Ordering::Relaxed);
        (before < self.limit).then_some(place)
    }
    pub(crate) fn under_way(&self) -> usize {
        self.under_way.load(Ordering::Relaxed)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_its_call_ended_and_a_refused_call_takes_none() {
        let shed = Shed::new(1);
        let first = shed.enter().unwrap();
        assert!(shed.enter().is_none());
        assert_eq!(shed.under_way(), 1);
        drop(first);
        assert!(shed.enter().is_some());
        assert_eq!(shed.under_way(), 0);
    }
}
