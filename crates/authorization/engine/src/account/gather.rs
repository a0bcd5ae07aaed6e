//! Makes an answer from parts that are all valid at one watermark.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use bailiwick_types::AccountId;

use super::{
    Replica,
    changes::Verdict,
    consistency::{Consistency, Demand},
    entry::{Account, State},
    ready::Ready,
};
use crate::{
    ReplicaError, Watermark,
    parts::{Origin, Part, PartKey, PartRef},
};

/// Rounds that read only the missing parts; later ones read all parts in one snapshot.
const PATCHING: usize = 3;
/// Rounds after which no consistent view can be read.
const ROUNDS: usize = 24;

/// The parts that a request has read itself; they are validated like all others.
#[derive(Debug, Default)]
pub(crate) struct LocalParts {
    pub(crate) parts: HashMap<PartKey, Part>,
    /// Keys that the shared cache was asked for already.
    pub(crate) asked: HashSet<PartKey>,
    /// Whether only parts count that were read in the primary.
    pub(crate) primary_only: bool,
}

/// The parts that an answer lacks.
#[derive(Debug, Default)]
pub(crate) struct MissingParts {
    /// To read: not known, or changed since they were read.
    pub(crate) read: Vec<PartKey>,
    /// To revalidate: read before the base, so that only the primary knows whether they changed since.
    pub(crate) revalidate: Vec<PartKey>,
    /// To type again: valid, but typed by the schema of another policy.
    pub(crate) retype: Vec<PartKey>,
    /// The latest point after the watermark at which a part was read.
    pub(crate) ahead: Option<Watermark>,
    /// All parts that were looked up.
    pub(crate) all: Vec<PartKey>,
}

/// An account at one watermark, as an answer sees it.
#[derive(Debug)]
pub(crate) struct AccountView<'r> {
    pub(crate) ready: &'r Ready,
    local: Option<&'r LocalParts>,
    missing: MissingParts,
}

impl<'r> AccountView<'r> {
    pub(crate) fn new(ready: &'r Ready, local: Option<&'r LocalParts>) -> Self {
        Self {
            ready,
            local,
            missing: MissingParts::default(),
        }
    }

    /// Returns whether the watermark covers a read of something that is not a part; notes it as missing where
    /// not.
    pub(crate) fn covers(&mut self, read_at: &Watermark) -> bool {
        let covers = self.ready.watermark().covers(read_at);
        if !covers {
            let ahead = self.missing.ahead.unwrap_or_default();
            self.missing.ahead = Some(ahead.join(read_at));
        }
        covers
    }

    /// The parts that an answer lacks that could not be made.
    pub(crate) fn into_missing(self) -> MissingParts {
        self.missing
    }

    /// A part that is valid at the watermark; notes it as missing where there is none.
    #[inline]
    pub(crate) fn part(&mut self, key: PartRef<'_>) -> Option<&'r Part> {
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
        let kept = self.ready.parts.get(key);
        let primary_only = self.local.is_some_and(|local| local.primary_only);
        self.missing.all.push(owned.clone());
        let mut before = false;
        let counts = |part: &&Part| !primary_only || part.origin == Origin::Primary;
        for part in own.into_iter().chain(kept).filter(counts) {
            match self.ready.test(key, part) {
                Verdict::Valid => return Some(part),
                Verdict::Ahead => {
                    let ahead = self.missing.ahead.unwrap_or_default();
                    self.missing.ahead = Some(ahead.join(&part.read_at));
                    return None;
                }
                Verdict::Untyped => {
                    self.missing.retype.push(owned);
                    return None;
                }
                Verdict::Before => before = true,
                Verdict::Stale => {}
            }
        }
        if before {
            self.missing.revalidate.push(owned);
        } else {
            self.missing.read.push(owned);
        }
        None
    }
}

/// What a round does next.
enum Next {
    Fetch(MissingParts),
    Load,
    Again,
    Refresh,
}

impl Replica {
    /// Makes an answer without waiting, where all its parts are in L1.
    #[inline]
    pub(crate) fn answer_now<T>(
        &self,
        id: AccountId,
        answer: &impl Fn(&mut AccountView<'_>) -> Option<T>,
    ) -> Option<(T, Watermark)> {
        let accounts = self.accounts.pin();
        let account = accounts.get(&id)?;
        let state = account.read();
        let ready = state.ready()?;
        if self.is_stale(ready.read_at) {
            return None;
        }
        let mut view = AccountView::new(ready, None);
        let made = answer(&mut view)?;
        account.touch(self.step.load(std::sync::atomic::Ordering::Relaxed));
        Some((made, ready.watermark()))
    }

    /// Makes an answer at one watermark, reading the parts that it lacks. `answer` is called repeatedly and
    /// returns `None` while a part is missing.
    ///
    /// # Errors
    /// The account is not known, the primary does not answer, what is known is too old, or time ran out.
    pub(crate) async fn answer<T>(
        &self,
        demand: &Demand<'_>,
        answer: &(impl Fn(&mut AccountView<'_>) -> Option<T> + Sync),
    ) -> Result<(T, Watermark), ReplicaError>
    where
        T: Send,
    {
        if matches!(demand.consistency, Consistency::MinimizeLatency)
            && let Some(made) = self.answer_now(demand.account, answer)
        {
            return Ok(made);
        }
        // Boxed: the future of an answer that needs no read stays small.
        Box::pin(self.answer_from(demand, LocalParts::default(), answer)).await
    }

    /// The same, with parts that the request has read already.
    pub(crate) async fn answer_from<T>(
        &self,
        demand: &Demand<'_>,
        mut local: LocalParts,
        answer: &(impl Fn(&mut AccountView<'_>) -> Option<T> + Sync),
    ) -> Result<(T, Watermark), ReplicaError>
    where
        T: Send,
    {
        let until = demand.until;
        local.primary_only = demand.consistency.primary_only();
        let mut floor: Option<Watermark> = None;
        let mut waited_for_account = false;
        let mut entered: Option<Arc<Account>> = None;
        for round in 0..ROUNDS {
            let account = self.enter(demand.account);
            // It was dropped and is known anew: what was read for it before may be of another history.
            if entered
                .replace(Arc::clone(&account))
                .is_some_and(|before| !Arc::ptr_eq(&before, &account))
            {
                local = LocalParts {
                    primary_only: local.primary_only,
                    ..LocalParts::default()
                };
            }
            let loaded = !matches!(*account.read(), State::Loading(_));
            if loaded && floor.is_none() {
                // What the request asks for is settled once: the watermark only grows from here on.
                floor = self.settle(&account, demand).await?;
                if floor.is_none() {
                    continue;
                }
            }
            let next = match &*account.read() {
                State::Loading(_) => Next::Load,
                State::Gone => Next::Again,
                State::Ready(ready) if floor.is_none_or(|floor| !ready.watermark().covers(&floor)) => {
                    // It was dropped and read again meanwhile, from a primary that was restored to an earlier
                    // state.
                    floor = None;
                    Next::Again
                }
                State::Ready(ready) if self.is_stale(ready.read_at) => Next::Refresh,
                State::Ready(ready) => {
                    let mut view = AccountView::new(ready, Some(&local));
                    if let Some(made) = answer(&mut view) {
                        account.touch(self.step.load(std::sync::atomic::Ordering::Relaxed));
                        return Ok((made, ready.watermark()));
                    }
                    Next::Fetch(view.missing)
                }
            };
            match next {
                Next::Load => match self.load(&account, until).await {
                    // The request's token may say that tenancy has it: then it is on its way here.
                    Err(ReplicaError::UnknownAccount) if !waited_for_account => {
                        waited_for_account = true;
                        self.until_created(demand).await?;
                    }
                    loaded => loaded?,
                },
                Next::Again => {
                    local.parts.clear();
                    local.asked.clear();
                }
                Next::Refresh => self.wait_for_fresh(until).await?,
                Next::Fetch(missing) if round < PATCHING => {
                    self.fetch(&account, missing, &mut local, until).await?;
                }
                Next::Fetch(missing) => self.fetch_all(&account, missing.all, &mut local, until).await?,
            }
        }
        Err(ReplicaError::Inconsistent)
    }
}
