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

/// The permit of a call in flight. It is released when its last clone is dropped: a task that outlives its
/// call, as a write does whose caller goes away, is still in flight.
#[derive(Debug, Clone)]
pub(crate) struct Permit(#[expect(dead_code, reason = "it is held, not read")] Arc<Place>);

#[derive(Debug)]
struct Place(Arc<Shed>);

impl Shed {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit,
            in_flight: AtomicUsize::new(0),
        })
    }
    /// A permit, if the limit allows one more.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<Permit> {
        let before = self.in_flight.fetch_add(1, Ordering::Relaxed);
        let place = Place(Arc::clone(self));
        (before < self.limit).then(|| Permit(Arc::new(place)))
    }
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }
}

impl Drop for Place {
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
        let of_its_task = first.clone();
        assert!(shed.enter().is_none());
        assert_eq!(shed.in_flight(), 1);
        drop(first);
        assert!(shed.enter().is_none(), "its task is still at work");
        drop(of_its_task);
        assert!(shed.enter().is_some());
        assert_eq!(shed.in_flight(), 0);
    }
}
