//! One follower: the present state, then changes, at the pace at which they are taken.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use bailiwick_proto::authorization::v1 as pb;
use bailiwick_rpc::IntoStatus;
use bailiwick_sql::{Cursor, Mark};
use bailiwick_types::{ProductName, ScopeRoot, Subject};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::{
    Kept, Kinds, Slot, Whole,
    event::Row,
    hub::{Found, Hub},
};
use crate::store::watch::Begin;

/// Events in one message.
const EVENTS: usize = 1_000;
/// An empty message is sent after so much idle time.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// How often the right is asked again where nothing says that it changed.
const PULSE: Duration = Duration::from_secs(5);
/// A stream ends so long before its deadline, so that going on is not an error.
const BEFORE_DEADLINE: Duration = Duration::from_millis(200);
/// How long the status of a stream that ends waits for its reader.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a follower may leave unread what was sent.
const STALLED: Duration = Duration::from_mins(1);

/// Asks whether the caller may still follow.
#[tonic::async_trait]
pub(crate) trait Right: Send + Sync + 'static {
    /// Asks; `now` where something happened that may have changed it, so that what is known here is too old.
    async fn ask(&self, now: bool) -> Result<(), Status>;
}

/// How a stream begins.
pub(crate) struct Start {
    pub(crate) hub: Arc<Hub>,
    pub(crate) slot: Slot,
    pub(crate) whole: Whole,
    /// The product of the account that is followed, or the one that is.
    pub(crate) product: ProductName,
    pub(crate) caller: Subject,
    pub(crate) kinds: Kinds,
    pub(crate) at: Mark,
    /// Where the present state goes on; none where it is not sent.
    pub(crate) present: Option<Option<Begin>>,
    pub(crate) right: Arc<dyn Right>,
    pub(crate) deadline: Option<Instant>,
    pub(crate) stop: CancellationToken,
}

/// Why a stream ends.
enum End {
    /// Nobody reads it any more, its deadline is near, or the server stops.
    Over,
    Failed(Status),
}

impl From<bailiwick_sql::Error> for End {
    fn from(error: bailiwick_sql::Error) -> Self {
        Self::Failed(error.into_status())
    }
}

/// A follower.
pub(crate) struct Watcher {
    hub: Arc<Hub>,
    root: ScopeRoot,
    whole: Whole,
    product: ProductName,
    caller: Subject,
    kinds: Kinds,
    at: Mark,
    present: Option<Option<Begin>>,
    right: Arc<dyn Right>,
    news: watch::Receiver<u64>,
    rows: VecDeque<Arc<Row>>,
    /// Events of the first row that were sent already.
    sent: usize,
}

impl Watcher {
    /// Sends what it follows to `out`, until it ends. An error is the last message.
    pub(crate) async fn run(start: Start, out: mpsc::Sender<Result<pb::WatchResponse, Status>>) {
        let pulse = pulse(Arc::clone(&start.right), start.deadline, start.stop);
        let root = start.whole.root();
        let watcher = Self {
            news: start.hub.news(),
            hub: start.hub,
            root,
            whole: start.whole,
            product: start.product,
            caller: start.caller,
            kinds: start.kinds,
            at: start.at,
            present: start.present,
            right: start.right,
            rows: VecDeque::new(),
            sent: 0,
        };
        let end = tokio::select! {
            biased;
            end = pulse => end,
            end = watcher.send(&out) => end,
        };
        // What ends takes no place, however slowly its last words are read.
        drop(start.slot);
        if let End::Failed(status) = end {
            let _ = out.send_timeout(Err(status), PATIENCE).await;
        }
    }

    async fn send(mut self, out: &mpsc::Sender<Result<pb::WatchResponse, Status>>) -> End {
        loop {
            // Nothing is read for somebody who has not taken what was read before.
            let room = match tokio::time::timeout(STALLED, out.reserve()).await {
                Ok(Ok(room)) => room,
                Ok(Err(_)) => return End::Over,
                Err(_) => {
                    let text = "nothing was read from the stream for a minute";
                    return End::Failed(Status::resource_exhausted(text));
                }
            };
            match self.next().await {
                Ok(message) => room.send(Ok(message)),
                Err(end) => return end,
            }
        }
    }

    fn message(&self, events: Vec<pb::ChangeEvent>) -> pb::WatchResponse {
        let present = self.present.clone().map(Option::unwrap_or_default);
        pb::WatchResponse {
            events,
            cursor: Kept::new(&self.at, present).encode(&self.root),
            snapshot: false,
            snapshot_complete: false,
        }
    }

    async fn next(&mut self) -> Result<pb::WatchResponse, End> {
        if let Some(from) = self.present.clone() {
            return self.next_page(from).await;
        }
        let until = Instant::now() + HEARTBEAT;
        let mut events = Vec::new();
        loop {
            if self.rows.is_empty() && !self.more().await? {
                if !events.is_empty() {
                    return Ok(self.message(events));
                }
                let left = until.saturating_duration_since(Instant::now());
                // The sender lives as long as the hub.
                if timeout(left, self.news.changed()).await.is_err() {
                    return Ok(self.message(events));
                }
            }
            while let Some(row) = self.rows.front().cloned() {
                if self.sent == 0 && self.touches(&row) {
                    self.right.ask(true).await.map_err(End::Failed)?;
                }
                if self.is_own(&row.root).await? {
                    let rest = row.events.iter().skip(self.sent);
                    let own = rest
                        .clone()
                        .filter(|(kinds, _)| self.kinds.overlaps(*kinds))
                        .map(|(_, event)| event.clone());
                    let room = EVENTS.saturating_sub(events.len());
                    let before = events.len();
                    events.extend(own.take(room));
                    if events.len() - before == room {
                        // The row may have more: its position counts once all of it was sent.
                        self.sent = self.upto(&row, room);
                        return Ok(self.message(events));
                    }
                }
                self.passed(&row);
            }
            if !events.is_empty() || Instant::now() >= until {
                return Ok(self.message(events));
            }
        }
    }
    /// How many events of a row are over once `taken` more of those that are followed were sent.
    fn upto(&self, row: &Row, taken: usize) -> usize {
        let rest = row.events.iter().enumerate().skip(self.sent);
        let own = rest.filter(|(_, (kinds, _))| self.kinds.overlaps(*kinds));
        own.take(taken).last().map_or(self.sent, |(n, _)| n + 1)
    }
    fn passed(&mut self, row: &Row) {
        self.at = Mark {
            cursor: Cursor {
                epoch: Arc::clone(&self.at.cursor.epoch),
                position: row.position,
            },
            stamp: Some(row.stamp),
        };
        self.sent = 0;
        self.rows.pop_front();
    }
    /// Gets further rows; tells whether there were any.
    async fn more(&mut self) -> Result<bool, End> {
        self.news.mark_unchanged();
        let rows = match self.hub.after(&self.at) {
            Found::Rows(rows) => rows,
            Found::Elsewhere => self.hub.read(&self.at).await?,
        };
        self.rows = rows.into();
        Ok(!self.rows.is_empty())
    }
    async fn is_own(&self, root: &ScopeRoot) -> Result<bool, End> {
        match &self.whole {
            Whole::Account(_) => Ok(*root == self.root),
            Whole::Product(name) => Ok(self.hub.is_of(root, name).await?),
        }
    }
    /// Whether a row may have changed what the caller may follow.
    fn touches(&self, row: &Row) -> bool {
        let counts = match &row.root {
            ScopeRoot::Deployment => true,
            ScopeRoot::Product(name) => *name == self.product,
            root => *root == self.root,
        };
        counts && row.touched.touches(self.caller.as_str())
    }
    async fn next_page(&mut self, from: Option<Begin>) -> Result<pb::WatchResponse, End> {
        // What is read by its right is asked for at each page.
        self.right.ask(false).await.map_err(End::Failed)?;
        let turn = self.hub.turn().await;
        let page = self
            .hub
            .present()
            .page(&self.whole, self.kinds, from.as_ref())
            .await?;
        drop(turn);
        let is_last = page.next.is_none();
        self.present = page.next.map(Some);
        Ok(pb::WatchResponse {
            snapshot: true,
            snapshot_complete: is_last,
            ..self.message(page.events)
        })
    }
}

/// Ends when the right does, shortly before the deadline, or with the server.
async fn pulse(right: Arc<dyn Right>, deadline: Option<Instant>, stop: CancellationToken) -> End {
    let asking = async {
        loop {
            tokio::time::sleep(PULSE).await;
            if let Err(status) = right.ask(false).await {
                return End::Failed(status);
            }
        }
    };
    let deadline = async {
        match deadline {
            Some(at) => {
                let left = at.saturating_duration_since(Instant::now());
                tokio::time::sleep(left.saturating_sub(BEFORE_DEADLINE)).await;
            }
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = stop.cancelled() => End::Over,
        () = deadline => End::Over,
        end = asking => end,
    }
}
