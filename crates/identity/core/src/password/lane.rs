//! The turns of a user: one that sends hundreds of passwords waits for itself, and finds others before it in
//! the bounded shares of the pool as often as they find it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bailiwick_types::UserId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::PasswordsError;

/// How many passwords of one user are under way at once.
const AT_ONCE: usize = 2;
/// How many of one user may be under way or wait.
const WAITING: usize = 256;

/// The lanes of the users that have passwords under way.
#[derive(Debug, Clone, Default)]
pub(super) struct Lanes(Arc<Mutex<HashMap<UserId, Arc<Lane>>>>);

#[derive(Debug)]
struct Lane {
    /// In the order of arrival.
    turns: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

/// A turn of a user; it ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    _permits: [OwnedSemaphorePermit; 2],
    _lane: InLane,
}

/// Keeps the lane of a user while anything is in it.
#[derive(Debug)]
struct InLane {
    lanes: Lanes,
    user: UserId,
    lane: Arc<Lane>,
}

impl Drop for InLane {
    fn drop(&mut self) {
        let mut lanes = self.lanes.all();
        // This one and that of the map. Others are made while the map is locked.
        if Arc::strong_count(&self.lane) == 2 {
            lanes.remove(&self.user);
        }
    }
}

impl Lanes {
    /// Waits for a turn. A caller that goes away gives its place up.
    pub(super) async fn enter(&self, user: UserId) -> Result<Turn, PasswordsError> {
        let new = || {
            Arc::new(Lane {
                turns: Arc::new(Semaphore::new(AT_ONCE)),
                waiting: Arc::new(Semaphore::new(WAITING)),
            })
        };
        let in_lane = InLane {
            lane: Arc::clone(self.all().entry(user).or_insert_with(new)),
            lanes: self.clone(),
            user,
        };
        let waiting = Arc::clone(&in_lane.lane.waiting).try_acquire_owned();
        let waiting = waiting.map_err(|_| PasswordsError::Overloaded)?;
        let turn = Arc::clone(&in_lane.lane.turns).acquire_owned().await;
        let turn = turn.map_err(|error| PasswordsError::Broken(error.to_string()))?;
        Ok(Turn {
            _permits: [turn, waiting],
            _lane: in_lane,
        })
    }

    fn all(&self) -> MutexGuard<'_, HashMap<UserId, Arc<Lane>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use bailiwick_types::{Code, Fault as _};
    use uuid::Uuid;

    use super::*;

    fn user(n: u128) -> UserId {
        UserId::from_uuid(Uuid::from_u128(n))
    }
    /// Polls an entrance once.
    async fn polled<F: Future + Unpin>(entering: &mut F) -> Option<F::Output> {
        tokio::select! {
            biased;
            entered = entering => Some(entered),
            () = std::future::ready(()) => None,
        }
    }

    #[tokio::test]
    async fn a_user_waits_for_itself_alone_and_is_forgotten_afterwards() {
        let lanes = Lanes::default();
        let mut turns = Vec::new();
        for n in [1, 1, 2] {
            turns.push(lanes.enter(user(n)).await.unwrap());
        }
        let mut third = Box::pin(lanes.enter(user(1)));
        assert!(polled(&mut third).await.is_none());
        turns.remove(0);
        let third = third.await.unwrap();
        drop((turns, third));
        assert!(lanes.all().is_empty());
    }

    #[tokio::test]
    async fn more_than_may_wait_are_refused_and_one_that_goes_away_gives_its_place_up() {
        let lanes = Lanes::default();
        let mut waiting = Vec::new();
        for _ in 0..WAITING {
            let mut entering = Box::pin(lanes.enter(user(1)));
            let entered = polled(&mut entering).await;
            waiting.push((entering, entered));
        }
        let refused = lanes.enter(user(1)).await.unwrap_err();
        assert_eq!(refused.code(), Code::ResourceExhausted);
        waiting.pop();
        let mut next = Box::pin(lanes.enter(user(1)));
        assert!(polled(&mut next).await.is_none());
        drop((waiting, next));
        assert!(lanes.all().is_empty());
    }
}
