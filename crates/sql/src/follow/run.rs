//! The loop of a follower.

use std::{sync::Arc, time::Duration};

use bailiwick_types::{Rng, Service};
use tokio::time::sleep;

use super::{
    ApplyError, Event, Events, FeedSink, FeedSource, Lag, SourceError, applied,
    cursor::{self, State},
    lag::Gauge,
    refused,
    snapshot::{Outcome, Reading},
};
use crate::{Cursor, Db, Error, WriteTx, error::Cause};

/// How often an event is tried that fails for a reason that is neither content nor the database being away.
const ODD_ATTEMPTS: u32 = 3;

/// After so many failures in a row it is told that a feed cannot be followed.
const WORTH_TELLING: u32 = 3;

/// How often in a row following may fail before a command gives up.
const CATCH_UP_ATTEMPTS: u32 = 5;

/// Events that are applied in one transaction, where none of them is refused.
const TOGETHER: usize = 32;

/// How a follower works.
#[derive(Clone)]
pub struct FollowerConfig {
    /// The service that is followed.
    pub source: Service,
    /// Events read at once.
    pub batch: u32,
    /// How long a read may wait for the next event.
    pub wait: Duration,
    /// The pause after the first failure; it doubles with each further one.
    pub backoff: Duration,
    /// The longest pause.
    pub max_backoff: Duration,
    /// For jitter and for the ids of snapshot runs.
    pub rng: Arc<dyn Rng>,
}

impl FollowerConfig {
    /// Defaults.
    #[must_use]
    pub fn new(source: Service, rng: Arc<dyn Rng>) -> Self {
        Self {
            source,
            batch: 200,
            wait: Duration::from_secs(20),
            backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(10),
            rng,
        }
    }
}

bailiwick_types::debug_fields!(FollowerConfig { source });

/// Follows the feed of one service into one database. Several replicas may do so at once: each event is
/// applied by one.
pub struct Follower {
    config: FollowerConfig,
    db: Db,
    source: Arc<dyn FeedSource>,
    sink: Arc<dyn FeedSink>,
    gauge: Gauge,
}

/// Why a round did not succeed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error("{}", .0.detail())]
    Store(#[from] Error),
    #[error("{0}")]
    Sink(String),
}

impl Failure {
    /// What failed, in a word.
    fn word(&self) -> &'static str {
        match self {
            Self::Source(_) => "source",
            Self::Store(error) => error.word(),
            Self::Sink(_) => "content",
        }
    }
    fn into_error(self) -> Error {
        match self {
            Self::Source(SourceError::Refused(why)) => why.into(),
            Self::Source(SourceError::Unavailable(text)) => Error::Unavailable(Cause::said(text)),
            Self::Store(error) => error,
            Self::Sink(text) => Error::Internal(Cause::said(text)),
        }
    }
    pub(super) fn of_sink(error: ApplyError) -> Self {
        match error {
            ApplyError::Content(reason) => Self::Sink(reason),
            ApplyError::Store(error) => Self::Store(error),
        }
    }
}

/// The reason where content is to blame: what a constraint refuses, and what contradicts stored data,
/// will never pass.
pub(super) fn content_of(error: ApplyError) -> Result<String, Failure> {
    match error {
        ApplyError::Content(reason) => Ok(reason),
        ApplyError::Store(error @ (Error::Constraint(_) | Error::Corrupt(_) | Error::RootNotHeld(_))) => {
            Ok(error.detail())
        }
        ApplyError::Store(error) => Err(Failure::Store(error)),
    }
}

/// What became of an event.
enum Applied {
    Here,
    Refused,
    /// Another replica was there first.
    Elsewhere,
}

impl Follower {
    /// A follower that is not running yet.
    #[must_use]
    pub fn new(config: FollowerConfig, db: Db, source: Arc<dyn FeedSource>, sink: Arc<dyn FeedSink>) -> Self {
        Self {
            config,
            db,
            source,
            sink,
            gauge: Gauge::default(),
        }
    }
    /// How far behind it is.
    #[must_use]
    pub fn lag(&self) -> Lag {
        self.gauge.get()
    }
    /// Follows for ever; dropping the future ends it at any point without harm.
    pub async fn run(&self) {
        let mut failures = 0_u32;
        let name = format!("{}_feed_of_{}", self.db.service(), self.config.source);
        loop {
            match self.round().await {
                Ok(()) => {
                    failures = 0;
                    self.db.watch().answered(&name);
                    self.gauge.set(|lag| lag.errors = 0);
                }
                Err(error) => {
                    failures = failures.saturating_add(1);
                    self.gauge.set(|lag| lag.errors += 1);
                    // A stream that ends now and then is no trouble: its server was replaced, or
                    // this process drains.
                    if failures >= WORTH_TELLING {
                        self.db.watch().failed(&name, error.word(), &error);
                    }
                    sleep(self.pause(failures)).await;
                }
            }
        }
    }
    /// Follows until everything that the source has committed by now is applied, by this process or another
    /// one: for a command, which ends.
    ///
    /// # Errors
    /// The database or the source fails again and again.
    pub async fn catch_up(&self) -> Result<(), Error> {
        let mut target: Option<Cursor> = None;
        let mut failures = 0;
        loop {
            match self.step(&mut target).await {
                Ok(true) => return Ok(()),
                Ok(false) => failures = 0,
                Err(failure) if failures < CATCH_UP_ATTEMPTS => {
                    failures += 1;
                    tracing::debug!(source = %self.config.source, error = %failure, "cannot follow yet; retrying");
                    sleep(self.pause(failures)).await;
                }
                Err(failure) => return Err(failure.into_error()),
            }
        }
    }
    /// Whether the target is reached; otherwise one round was done.
    async fn step(&self, target: &mut Option<Cursor>) -> Result<bool, Failure> {
        let state = cursor::load(&self.db, self.config.source)
            .await?
            .unwrap_or_else(State::none);
        // Read after the cursor: one that is ahead of it is of a history that was set back.
        let head = self.source.head().await?;
        let target = match target {
            Some(target) if target.epoch == head.epoch => target,
            _ => target.insert(head.clone()),
        };
        let at = &state.cursor;
        let is_there = at.epoch == head.epoch && (target.position..=head.position).contains(&at.position);
        if is_there && state.counts() {
            return Ok(true);
        }
        self.round().await?;
        Ok(false)
    }
    /// One round: what is there is read and applied, or a snapshot is read where the cursor is refused.
    async fn round(&self) -> Result<(), Failure> {
        let state = cursor::load(&self.db, self.config.source)
            .await?
            .unwrap_or_else(State::none);
        if state.snapshot {
            return self.snapshot(&state.cursor).await;
        }
        self.gauge.set(|lag| lag.position = state.cursor.position);
        match self
            .source
            .read(&state.cursor, self.config.batch, self.config.wait)
            .await
        {
            Ok(events) => {
                let now = self.db.clock().boottime();
                self.gauge.set(|lag| {
                    lag.head = events.head;
                    lag.last_contact = Some(now);
                });
                self.apply_all(state.cursor, events).await
            }
            Err(SourceError::Refused(why)) => {
                tracing::info!(source = %self.config.source, why = %why, "following the feed from a snapshot");
                self.snapshot(&state.cursor).await
            }
            Err(error) => Err(error.into()),
        }
    }
    async fn apply_all(&self, mut at: Cursor, events: Events) -> Result<(), Failure> {
        for part in events.events.chunks(TOGETHER) {
            self.gauge
                .set(|lag| lag.waiting_since = part.first().map(|event| event.created_at));
            // Many in one transaction where that works: a follower that is far behind is as fast as its disk.
            // One by one where it does not, so that only what does not fit is refused.
            let together = if part.len() > 1 {
                self.try_apply(&at, part).await.ok()
            } else {
                None
            };
            match together {
                Some(Applied::Elsewhere) => return Ok(()),
                Some(_) => part.iter().for_each(|event| self.done(&mut at, event, false)),
                None => {
                    for event in part {
                        match self.apply(&at, event).await? {
                            Applied::Elsewhere => return Ok(()),
                            Applied::Here => self.done(&mut at, event, false),
                            Applied::Refused => self.done(&mut at, event, true),
                        }
                    }
                }
            }
        }
        if events.upto > at.position {
            let tx = self.db.begin_write(&[]).await?;
            if cursor::advance(tx.conn(), self.config.source, &at, events.upto).await? {
                tx.commit().await?;
                self.gauge.set(|lag| lag.position = events.upto);
            }
        }
        self.gauge.set(|lag| lag.waiting_since = None);
        Ok(())
    }
    fn done(&self, at: &mut Cursor, event: &Event, refused: bool) {
        at.position = event.position;
        self.gauge.set(|lag| {
            lag.position = event.position;
            *(if refused {
                &mut lag.refused
            } else {
                &mut lag.applied
            }) += 1;
        });
        self.db
            .tell_applied(self.config.source, &event.root, event.revision);
    }
    async fn apply(&self, at: &Cursor, event: &Event) -> Result<Applied, Failure> {
        let mut attempt = 0;
        let reason = loop {
            attempt += 1;
            match self.try_apply(at, std::slice::from_ref(event)).await {
                Ok(applied) => return Ok(applied),
                // The database is there and refuses: it may be a passing fault, but it must not stop the
                // feed for ever.
                Err(ApplyError::Store(error @ Error::Internal(_))) if attempt >= ODD_ATTEMPTS => {
                    break error.detail();
                }
                Err(ApplyError::Store(Error::Internal(_) | Error::Conflict(_))) if attempt < ODD_ATTEMPTS => {
                    sleep(self.pause(attempt)).await;
                }
                Err(error) => break content_of(error)?,
            }
        };
        tracing::warn!(source = %self.config.source, position = event.position, reason, "rejected an event");
        let tx = self.db.begin_write(&[]).await?;
        if !self.advance(&tx, at, event).await? {
            return Ok(Applied::Elsewhere);
        }
        let at_event = (&*event.root.to_string(), event.position, event.revision);
        refused::record(
            &tx,
            self.config.source,
            &at.epoch,
            at_event,
            &refused::redacted(&*self.sink, &event.changes),
            &reason,
        )
        .await?;
        tx.commit().await?;
        Ok(Applied::Refused)
    }
    async fn try_apply(&self, at: &Cursor, events: &[Event]) -> Result<Applied, ApplyError> {
        let mut roots = Vec::new();
        for event in events {
            roots.extend(self.sink.roots(&self.db, event).await?);
        }
        let mut tx = self.db.begin_write_across(&roots).await?;
        let mut at = at.clone();
        for event in events {
            // First of all: it waits for a replica that is at the same event, and then there is nothing
            // left to do.
            if !self.advance(&tx, &at, event).await? {
                return Ok(Applied::Elsewhere);
            }
            self.sink.apply(&mut tx, &at.epoch, event).await?;
            at.position = event.position;
        }
        tx.commit().await?;
        Ok(Applied::Here)
    }
    async fn advance(&self, tx: &WriteTx, at: &Cursor, event: &Event) -> Result<bool, Error> {
        let source = self.config.source;
        if !cursor::advance(tx.conn(), source, at, event.position).await? {
            return Ok(false);
        }
        applied::raise(tx.conn(), source, &event.root, event.revision).await?;
        Ok(true)
    }
    async fn snapshot(&self, refused: &Cursor) -> Result<(), Failure> {
        let reading = Reading {
            db: &self.db,
            service: self.config.source,
            source: &*self.source,
            sink: &*self.sink,
        };
        self.gauge.set(|lag| lag.snapshot = true);
        let outcome = reading.read(refused, self.run_id()).await;
        self.gauge.set(|lag| lag.snapshot = false);
        match outcome? {
            Outcome::Done(refused) => self.gauge.set(|lag| lag.refused += refused),
            Outcome::Elsewhere => sleep(self.pause(1)).await,
        }
        Ok(())
    }
    fn run_id(&self) -> String {
        let mut bytes = [0; 16];
        self.config.rng.fill(&mut bytes);
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
    /// Between half of the pause and all of it, so that replicas do not come back together.
    fn pause(&self, failures: u32) -> Duration {
        let doubled = self
            .config
            .backoff
            .saturating_mul(1 << failures.saturating_sub(1).min(16));
        let pause = doubled.min(self.config.max_backoff);
        let mut byte = [0];
        self.config.rng.fill(&mut byte);
        pause / 2 + pause.mul_f64(f64::from(byte[0]) / 510.0)
    }
}
