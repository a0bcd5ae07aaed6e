//! Load shedding: calls beyond the limit are rejected at once instead of queued.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Counts calls in flight.
#[derive(Debug)]
pub(crate) struct Shed {
    limit: usize,
    in_flight: AtomicUsize,
}

/// The permit of a call in flight, released when dropped.
#[derive(Debug)]
pub(crate) struct Permit(Arc<Shed>);

impl Shed {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit,
            in_flight: AtomicUsize::new(0),
        })
    }
    /// A permit, if the limit allows one more.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<Permit> {
        let permit = Permit(Arc::clone(self));
        let before = self.in_flight.fetch_add(1, Ordering::Relaxed);
        (before < self.limit).then_some(permit)
    }
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permit_is_free_again_when_its_call_ended_and_a_rejected_call_takes_none() {
        let shed = Shed::new(1);
        let first = shed.enter().unwrap();
        assert!(shed.enter().is_none());
        assert_eq!(shed.in_flight(), 1);
        drop(first);
        assert!(shed.enter().is_some());
        assert_eq!(shed.in_flight(), 0);
    }
}
