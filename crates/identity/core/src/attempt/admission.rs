//! How many sign-ins are let in: of each client network, and in total.
//!
//! A sign-in costs a password hash, whether or not the address exists. Sign-ins of one network therefore take
//! turns, in the order of their arrival: a network that sends thousands waits for itself, and others find the
//! hashing pool free. Nothing here is stored; the limits of addresses are in the database.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bailiwick_types::{Clock, faults};
use governor::{
    NotUntil, Quota, RateLimiter,
    clock::Clock as RateClock,
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed, keyed::HashMapStateStore},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::ClientNetwork;

/// A rate with a burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// The lasting rate.
    pub per_second: u32,
    /// How many pass at once after a pause.
    pub burst: u32,
}

/// The limits of admission to one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdmissionLimits {
    /// The rate of one network.
    pub per_network: Rate,
    /// The rate of all networks.
    pub total: Rate,
    /// How many sign-ins of one network may be under way or wait.
    pub waiting_per_network: usize,
    /// How many sign-ins may be under way or wait.
    pub waiting: usize,
}

impl Default for AdmissionLimits {
    fn default() -> Self {
        Self {
            per_network: Rate {
                per_second: 100,
                burst: 2_000,
            },
            total: Rate {
                per_second: 1_000,
                burst: 10_000,
            },
            waiting_per_network: 1_024,
            waiting: 4_096,
        }
    }
}

faults! {
    /// Why a sign-in is not let in.
    #[derive(Clone, PartialEq, Eq)]
    AdmissionError;
    /// Too many wait already.
    Busy "too many sign-ins are waiting; retry" => ResourceExhausted Overloaded, retry 1000;
}

/// The time since an arbitrary start, as `governor` takes it.
struct Ticks(Arc<dyn Clock>);

impl RateClock for Ticks {
    type Instant = Duration;
    fn now(&self) -> Duration {
        self.0.boottime()
    }
}

type Limiter<K, S> = RateLimiter<K, S, Ticks, NoOpMiddleware<Duration>>;

/// Admits sign-ins.
pub struct Admission {
    limits: AdmissionLimits,
    /// How many sign-ins of one network are under way at once; the rest waits.
    at_once: usize,
    per_network: Limiter<ClientNetwork, HashMapStateStore<ClientNetwork>>,
    total: Limiter<NotKeyed, InMemoryState>,
    /// Of what costs no hash: it takes nothing of the sign-ins.
    passing_per_network: Limiter<ClientNetwork, HashMapStateStore<ClientNetwork>>,
    passing: Limiter<NotKeyed, InMemoryState>,
    waiting: Arc<Semaphore>,
    lanes: Mutex<HashMap<ClientNetwork, Arc<Lane>>>,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Admission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admission")
            .field("limits", &self.limits)
            .field("at_once", &self.at_once)
            .finish_non_exhaustive()
    }
}

/// The sign-ins of one network.
#[derive(Debug)]
struct Lane {
    /// In the order of arrival.
    turns: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

/// A sign-in that was let in; its place is free again when it is dropped.
#[derive(Debug)]
pub struct Admitted {
    network: ClientNetwork,
    _turn: OwnedSemaphorePermit,
    _waiting: [OwnedSemaphorePermit; 2],
    _lane: InLane,
}

impl Admitted {
    /// The network of the client.
    #[must_use]
    pub fn network(&self) -> ClientNetwork {
        self.network
    }
}

/// Keeps the lane of a network while anybody is in it.
#[derive(Debug)]
struct InLane {
    admission: Arc<Admission>,
    network: ClientNetwork,
    lane: Arc<Lane>,
}

impl Drop for InLane {
    fn drop(&mut self) {
        let mut lanes = self.admission.lanes();
        // This one and that of the map. Others are made while the map is locked.
        if Arc::strong_count(&self.lane) == 2 {
            lanes.remove(&self.network);
        }
    }
}

impl Admission {
    /// Admits by limits; at most `at_once` sign-ins of one network are under way at once.
    #[must_use]
    pub fn new(limits: AdmissionLimits, at_once: usize, clock: Arc<dyn Clock>) -> Arc<Self> {
        let ticks = || Ticks(Arc::clone(&clock));
        Arc::new(Self {
            at_once: at_once.max(1),
            per_network: RateLimiter::hashmap_with_clock(quota(limits.per_network), ticks()),
            total: RateLimiter::direct_with_clock(quota(limits.total), ticks()),
            passing_per_network: RateLimiter::hashmap_with_clock(quota(limits.per_network), ticks()),
            passing: RateLimiter::direct_with_clock(quota(limits.total), ticks()),
            waiting: places(limits.waiting),
            lanes: Mutex::default(),
            limits,
            clock,
        })
    }

    /// Waits for the turn of a sign-in. A caller that goes away gives its place up.
    ///
    /// # Errors
    /// Too many wait already.
    pub async fn enter(self: &Arc<Self>, network: ClientNetwork) -> Result<Admitted, AdmissionError> {
        let in_all = Arc::clone(&self.waiting)
            .try_acquire_owned()
            .map_err(|_| AdmissionError::Busy)?;
        let lane = self.lane(network);
        let in_lane = Arc::clone(&lane.lane.waiting)
            .try_acquire_owned()
            .map_err(|_| AdmissionError::Busy)?;
        let turn = Arc::clone(&lane.lane.turns)
            .acquire_owned()
            .await
            .map_err(|_| AdmissionError::Busy)?;
        // Paced after the turn is taken, so that the order stays the order of arrival.
        while let Err(early) = self.per_network.check_key(&network) {
            self.pause(&early).await;
        }
        while let Err(early) = self.total.check() {
            self.pause(&early).await;
        }
        Ok(Admitted {
            network,
            _turn: turn,
            _waiting: [in_all, in_lane],
            _lane: lane,
        })
    }

    /// Counts something that is refused rather than delayed, and costs no hash: wrong client credentials, and
    /// requests for mails. It has the rates of sign-ins for itself.
    ///
    /// # Errors
    /// The rate is exceeded.
    pub fn pass(&self, network: ClientNetwork) -> Result<(), AdmissionError> {
        let passes = self.passing_per_network.check_key(&network).is_ok() && self.passing.check().is_ok();
        if passes { Ok(()) } else { Err(AdmissionError::Busy) }
    }

    /// Forgets the rates of networks that have paused: the memory stays bounded by what came lately.
    pub fn forget_idle(&self) {
        for rates in [&self.per_network, &self.passing_per_network] {
            rates.retain_recent();
            rates.shrink_to_fit();
        }
    }

    async fn pause(&self, early: &NotUntil<Duration>) {
        let wait = early.wait_time_from(self.clock.boottime());
        tokio::time::sleep(wait.max(Duration::from_millis(1))).await;
    }

    fn lane(self: &Arc<Self>, network: ClientNetwork) -> InLane {
        let new = || {
            Arc::new(Lane {
                turns: places(self.at_once),
                waiting: places(self.limits.waiting_per_network),
            })
        };
        let lane = Arc::clone(self.lanes().entry(network).or_insert_with(new));
        InLane {
            admission: Arc::clone(self),
            network,
            lane,
        }
    }

    fn lanes(&self) -> std::sync::MutexGuard<'_, HashMap<ClientNetwork, Arc<Lane>>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn places(number: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(number.clamp(1, Semaphore::MAX_PERMITS)))
}

fn quota(rate: Rate) -> Quota {
    let at_least_one = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
    Quota::per_second(at_least_one(rate.per_second)).allow_burst(at_least_one(rate.burst))
}

#[cfg(test)]
mod tests {
    use bailiwick_testkit::ManualClock;
    use bailiwick_types::{Code, Fault as _};

    use super::*;

    fn network(n: u8) -> ClientNetwork {
        ClientNetwork::V4([10, 0, n])
    }
    fn admission(limits: AdmissionLimits, at_once: usize) -> (Arc<Admission>, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::default());
        (Admission::new(limits, at_once, clock.clone()), clock)
    }
    fn limits(waiting_per_network: usize, waiting: usize) -> AdmissionLimits {
        AdmissionLimits {
            waiting_per_network,
            waiting,
            ..AdmissionLimits::default()
        }
    }

    #[tokio::test]
    async fn a_network_waits_for_itself_alone_and_in_the_order_of_arrival() {
        let (admission, _) = admission(limits(300, 1_000), 1);
        let first = admission.enter(network(1)).await.unwrap();
        let (order, mut came) = tokio::sync::mpsc::unbounded_channel();
        for n in 0..20 {
            let (admission, order) = (Arc::clone(&admission), order.clone());
            let waits = admission.clone();
            let mut entering = Box::pin(async move { waits.enter(network(1)).await.unwrap() });
            // Polled once here: it is in the queue.
            assert!(futures_poll(&mut entering).await.is_none());
            tokio::spawn(async move {
                let _place = entering.await;
                order.send(n).unwrap();
            });
        }
        admission.enter(network(2)).await.unwrap();
        drop(first);
        for n in 0..20 {
            assert_eq!(came.recv().await, Some(n));
        }
    }

    /// Polls a future once.
    async fn futures_poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
        std::future::poll_fn(|cx| {
            let polled = std::pin::Pin::new(&mut *future).poll(cx);
            std::task::Poll::Ready(match polled {
                std::task::Poll::Ready(output) => Some(output),
                std::task::Poll::Pending => None,
            })
        })
        .await
    }

    #[tokio::test]
    async fn more_than_may_wait_are_refused_of_the_network_that_sends_them_alone() {
        let (admission, _) = admission(limits(2, 3), 2);
        let _held = [
            admission.enter(network(1)).await.unwrap(),
            admission.enter(network(1)).await.unwrap(),
        ];
        let refused = admission.enter(network(1)).await.unwrap_err();
        assert_eq!(refused.code(), Code::ResourceExhausted);
        assert!(refused.retry_after().is_some());
        let _other = admission.enter(network(2)).await.unwrap();
        let full = admission.enter(network(3)).await;
        assert!(matches!(full, Err(AdmissionError::Busy)), "in total: {full:?}");
    }

    #[tokio::test]
    async fn a_caller_that_goes_away_gives_up_its_place() {
        let (admission, _) = admission(limits(2, 2), 1);
        let held = admission.enter(network(1)).await.unwrap();
        let mut gone = Box::pin(admission.enter(network(1)));
        assert!(futures_poll(&mut gone).await.is_none());
        drop(gone);
        drop(held);
        let again = admission.enter(network(1)).await.unwrap();
        drop(again);
        assert!(
            admission.lanes().is_empty(),
            "a network without sign-ins is forgotten"
        );
    }

    #[tokio::test]
    async fn a_rate_returns_with_the_time_and_idle_networks_are_forgotten() {
        let rate = Rate {
            per_second: 1,
            burst: 2,
        };
        let one = AdmissionLimits {
            per_network: rate,
            ..AdmissionLimits::default()
        };
        let (admission, clock) = admission(one, 1);
        for _ in 0..2 {
            admission.pass(network(1)).unwrap();
        }
        assert_eq!(admission.pass(network(1)), Err(AdmissionError::Busy));
        admission.pass(network(2)).unwrap();
        clock.advance(Duration::from_secs(1));
        admission.pass(network(1)).unwrap();
        assert_eq!(admission.passing_per_network.len(), 2);
        admission.enter(network(1)).await.unwrap();
        assert_eq!(admission.per_network.len(), 1);
        clock.advance(Duration::from_secs(10));
        admission.forget_idle();
        assert!(admission.per_network.is_empty() && admission.passing_per_network.is_empty());
    }

    #[tokio::test]
    async fn what_costs_no_hash_takes_no_sign_in_of_its_network_or_of_others() {
        let rate = Rate {
            per_second: 1,
            burst: 2,
        };
        let few = AdmissionLimits {
            per_network: rate,
            total: rate,
            ..AdmissionLimits::default()
        };
        let (admission, _) = admission(few, 4);
        while admission.pass(network(1)).is_ok() {}
        for network in [network(1), network(2)] {
            let mut entering = Box::pin(admission.enter(network));
            let entered = futures_poll(&mut entering).await;
            assert!(matches!(entered, Some(Ok(_))), "{entered:?}");
        }
    }

    #[tokio::test]
    async fn a_sign_in_beyond_the_rate_waits_instead_of_being_refused() {
        let one = AdmissionLimits {
            total: Rate {
                per_second: 100,
                burst: 1,
            },
            ..AdmissionLimits::default()
        };
        let (admission, clock) = admission(one, 1);
        admission.enter(network(1)).await.unwrap();
        let mut second = Box::pin(admission.enter(network(2)));
        assert!(futures_poll(&mut second).await.is_none());
        clock.advance(Duration::from_secs(1));
        second.await.unwrap();
    }
}
