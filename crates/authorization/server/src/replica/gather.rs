//! Making an answer from parts that are all valid at one W.

use std::collections::{HashMap, HashSet};

use bailiwick_types::AccountId;
use tokio::time::Instant;

use super::{
    Replica, ReplicaError, Vector,
    account::State,
    changes::Verdict,
    consistency::{Consistency, Depends},
    ready::Ready,
};
use crate::cache::{Part, PartKey, PartRef};

/// After so many rounds all parts are read in one snapshot.
const PATCHING: usize = 3;
/// After so many rounds the data is found to change faster than it can be read.
const ROUNDS: usize = 24;

/// What a request has read by itself, tested like everything else before it is used.
#[derive(Debug, Default)]
pub(super) struct Local {
    pub(super) parts: HashMap<PartKey, Part>,
    /// Keys that the second cache was asked for already.
    pub(super) asked: HashSet<PartKey>,
}

/// What an answer still needs.
#[derive(Debug, Default)]
pub(super) struct Wants {
    /// Not known, or changed since it was read.
    pub(super) missing: Vec<PartKey>,
    /// Read before B: the primary knows whether it changed since.
    pub(super) before: Vec<PartKey>,
    /// The furthest point at which something was read that is ahead of W.
    pub(super) ahead: Option<Vector>,
    /// Everything that was looked at.
    pub(super) all: Vec<PartKey>,
}

/// An account at one W, as an answer looks at it.
#[derive(Debug)]
pub(crate) struct Look<'r> {
    pub(super) ready: &'r Ready,
    local: Option<&'r Local>,
    wants: Wants,
}

impl<'r> Look<'r> {
    pub(super) fn new(ready: &'r Ready, local: Option<&'r Local>) -> Self {
        Self {
            ready,
            local,
            wants: Wants::default(),
        }
    }

    /// Whether W has got to where something was read that is no part; where it has not, W has to move first.
    pub(super) fn covers(&mut self, read_at: &Vector) -> bool {
        let covers = self.ready.w().covers(read_at);
        if !covers {
            let ahead = self.wants.ahead.unwrap_or_default();
            self.wants.ahead = Some(ahead.join(read_at));
        }
        covers
    }

    /// What an answer that could not be made lacks.
    pub(super) fn into_wants(self) -> Wants {
        self.wants
    }

    /// A part that is valid at W. Where there is none the answer cannot be made yet; what it lacks is noted.
    #[inline]
    pub(super) fn part(&mut self, key: PartRef<'_>) -> Option<&'r Part> {
        if self.local.is_none()
            && let Some(part) = self.ready.parts.get(key)
            && self.ready.test(key, part) == Verdict::Valid
        {
            return Some(part);
        }
        self.part_slow(key)
    }

    #[cold]
    fn part_slow(&mut self, key: PartRef<'_>) -> Option<&'r Part> {
        let owned = key.owned();
        let own = self.local.and_then(|local| local.parts.get(&owned));
        let shared = self.ready.parts.get(key);
        self.wants.all.push(owned.clone());
        let mut before = false;
        for part in own.into_iter().chain(shared) {
            match self.ready.test(key, part) {
                Verdict::Valid => return Some(part),
                Verdict::Ahead => {
                    let ahead = self.wants.ahead.unwrap_or_default();
                    self.wants.ahead = Some(ahead.join(&part.read_at));
                    return None;
                }
                Verdict::Before => before = true,
                Verdict::Stale => {}
            }
        }
        if before {
            self.wants.before.push(owned);
        } else {
            self.wants.missing.push(owned);
        }
        None
    }
}

enum Next {
    Fetch(Wants),
    Load,
    Again,
    Refresh,
}

impl Replica {
    /// Makes an answer at once where everything is there: nothing is awaited and nothing of the slow way allocated.
    #[inline]
    pub(super) fn answer_now<T>(
        &self,
        id: AccountId,
        answer: &impl Fn(&mut Look<'_>) -> Option<T>,
    ) -> Option<(T, Vector)> {
        let accounts = self.accounts.pin();
        let account = accounts.get(&id)?;
        let state = account.read();
        let ready = state.ready()?;
        if self.is_stale(ready.read_at) {
            return None;
        }
        let mut look = Look::new(ready, None);
        let made = answer(&mut look)?;
        account.touch(self.step.load(std::sync::atomic::Ordering::Relaxed));
        Some((made, ready.w()))
    }

    /// Makes an answer at one W, reading what it lacks. `answer` is called again and again and returns `None` while
    /// something is missing.
    ///
    /// # Errors
    /// The account is not known, the primary does not answer, what is known is too old, or time ran out.
    pub(super) async fn answer<T>(
        &self,
        id: AccountId,
        consistency: &Consistency,
        depends: Depends<'_>,
        until: Instant,
        answer: &(impl Fn(&mut Look<'_>) -> Option<T> + Sync),
    ) -> Result<(T, Vector), ReplicaError>
    where
        T: Send,
    {
        if matches!(consistency, Consistency::MinimizeLatency)
            && let Some(made) = self.answer_now(id, answer)
        {
            return Ok(made);
        }
        self.answer_slowly(id, consistency, depends, until, answer).await
    }

    async fn answer_slowly<T>(
        &self,
        id: AccountId,
        consistency: &Consistency,
        depends: Depends<'_>,
        until: Instant,
        answer: &(impl Fn(&mut Look<'_>) -> Option<T> + Sync),
    ) -> Result<(T, Vector), ReplicaError>
    where
        T: Send,
    {
        self.answer_from(id, consistency, depends, until, Local::default(), answer)
            .await
    }

    /// The same, with parts that the request has read already; they are tested like all others.
    pub(super) async fn answer_from<T>(
        &self,
        id: AccountId,
        consistency: &Consistency,
        depends: Depends<'_>,
        until: Instant,
        mut local: Local,
        answer: &(impl Fn(&mut Look<'_>) -> Option<T> + Sync),
    ) -> Result<(T, Vector), ReplicaError>
    where
        T: Send,
    {
        let mut floor: Option<Vector> = None;
        let mut made_elsewhere = false;
        for round in 0..ROUNDS {
            let account = self.enter(id);
            let loaded = !matches!(*account.read(), State::Loading(_));
            if loaded && floor.is_none() {
                // What the request asks for is settled once: from then on W only grows.
                floor = self.settle(&account, consistency, depends, until).await?;
                if floor.is_none() {
                    continue;
                }
            }
            let next = match &*account.read() {
                State::Loading(_) => Next::Load,
                State::Gone => Next::Again,
                State::Ready(ready) if floor.is_none_or(|floor| !ready.w().covers(&floor)) => {
                    // It was dropped and read anew meanwhile, from a primary that was set back.
                    floor = None;
                    Next::Again
                }
                State::Ready(ready) if self.is_stale(ready.read_at) => Next::Refresh,
                State::Ready(ready) => {
                    let mut look = Look::new(ready, Some(&local));
                    if let Some(made) = answer(&mut look) {
                        account.touch(self.step.load(std::sync::atomic::Ordering::Relaxed));
                        return Ok((made, ready.w()));
                    }
                    Next::Fetch(look.wants)
                }
            };
            match next {
                Next::Load => match self.load(&account, until).await {
                    // It may be on its way from tenancy, as the request's token says.
                    Err(ReplicaError::UnknownAccount) if !made_elsewhere => {
                        made_elsewhere = true;
                        self.until_made(id, consistency, until).await?;
                    }
                    loaded => loaded?,
                },
                Next::Again => local = Local::default(),
                Next::Refresh => self.wait_for_fresh(until).await?,
                Next::Fetch(wants) if round < PATCHING => {
                    self.fetch(&account, wants, &mut local, until).await?
                }
                Next::Fetch(wants) => self.fetch_all(&account, wants.all, &mut local, until).await?,
            }
        }
        Err(ReplicaError::Restless)
    }
}
