//! Serves feeds.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use bailiwick_proto::events::v1::{self as pb, change_feed_service_server::ChangeFeedService};
use bailiwick_rpc::{Call, Guard, IntoStatus, Target};
use bailiwick_sql::{Cursor, Db, OutboxRow};
use bailiwick_types::{Method, Service, Violations, faults, method::events};
use futures_util::{StreamExt, stream, stream::BoxStream};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use crate::{SnapshotPage, SnapshotSource};

/// Rows read by one query.
const ROWS: u32 = 256;
/// The size in bytes at which a message is sent; one row may be larger.
const MESSAGE_BYTES: usize = 512 * 1024;
/// An empty message is sent after so much idle time.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// A stream ends so long before its deadline, so that resuming is not an error.
const BEFORE_DEADLINE: Duration = Duration::from_millis(200);

/// A feed to serve.
#[derive(Clone)]
pub struct Served {
    /// The database that the feed is in; its service names the feed.
    pub db: Db,
    /// Reads the state for new consumers.
    pub snapshot: Arc<dyn SnapshotSource>,
}

bailiwick_types::debug_fields!(Served { db });

/// Serves the feeds of the services in this process, to other services of the suite only.
#[derive(Debug, Clone)]
pub struct FeedServer {
    feeds: Arc<[Served]>,
    guard: Guard,
    stop: CancellationToken,
}

faults! {
    /// Why a feed is not served.
    FeedError;
    /// This process does not run the service.
    NotServed(String) "this process does not serve the feed of `{0}`" => NotFound NotFound;
}

impl FeedServer {
    /// Serves these feeds until `stop` is cancelled; open streams end then.
    #[must_use]
    pub fn new(feeds: Vec<Served>, guard: Guard, stop: CancellationToken) -> Self {
        Self {
            feeds: feeds.into(),
            guard,
            stop,
        }
    }
    async fn admit<M: Method, R>(
        &self,
        call: &Call<M, R>,
        service: &str,
    ) -> Result<(Served, Option<Instant>), Status> {
        if Service::named(service).is_none() {
            let rule = "must be `identity`, `tenancy` or `authorization`";
            return Err(Violations::of("service", rule).into_status());
        }
        self.guard.authorize(call, &Target::none()).await?;
        // A token for one service opens the feed of no other one.
        let audience = call.context.caller.audience();
        let served = self.feeds.iter().find(|feed| {
            let own = feed.db.service();
            own.as_str() == service && audience == Some(own)
        });
        let served = served.ok_or_else(|| FeedError::NotServed(service.to_owned()).into_status())?;
        let deadline = call
            .context
            .deadline
            .map(|at| at - BEFORE_DEADLINE.min(at.saturating_duration_since(Instant::now())));
        Ok((served.clone(), deadline))
    }
}

#[tonic::async_trait]
impl ChangeFeedService for FeedServer {
    type FollowStream = BoxStream<'static, Result<pb::FollowResponse, Status>>;
    type GetSnapshotStream = BoxStream<'static, Result<pb::GetSnapshotResponse, Status>>;

    async fn follow(
        &self,
        request: Request<pb::FollowRequest>,
    ) -> Result<Response<Self::FollowStream>, Status> {
        let call = Call::<events::Follow, _>::new(request)?;
        let (served, deadline) = self.admit(&call, &call.message.service).await?;
        let cursor = call.message.cursor.unwrap_or_default();
        let cursor = Cursor {
            epoch: cursor.epoch.into(),
            position: cursor.position,
        };
        let mut follow = Follow {
            db: served.db,
            cursor,
            head: 0,
            rows: VecDeque::new(),
            deadline,
            over: false,
        };
        // A rejected cursor fails the call itself, not a stream that has begun.
        follow.read().await?;
        let messages = stream::unfold(follow, |mut follow| async move {
            match follow.next().await {
                Ok(Some(message)) => Some((Ok(message), follow)),
                Ok(None) => None,
                Err(status) => {
                    follow.over = true;
                    Some((Err(status), follow))
                }
            }
        });
        Ok(Response::new(
            messages.take_until(self.stop.clone().cancelled_owned()).boxed(),
        ))
    }

    async fn get_snapshot(
        &self,
        request: Request<pb::GetSnapshotRequest>,
    ) -> Result<Response<Self::GetSnapshotStream>, Status> {
        let call = Call::<events::GetSnapshot, _>::new(request)?;
        let (served, _) = self.admit(&call, &call.message.service).await?;
        let ended = call.message.recently_ended;
        let pages = stream::unfold(Some(Snapshot::new(served, ended)), |snapshot| async move {
            let mut snapshot = snapshot?;
            match snapshot.next().await {
                Ok(page) => {
                    let rest = (!page.last).then_some(snapshot);
                    Some((Ok(page), rest))
                }
                Err(error) => Some((Err(error.into_status()), None)),
            }
        });
        // An interrupted snapshot is worthless: its consumer notices that the last page is missing and
        // restarts.
        Ok(Response::new(
            pages.take_until(self.stop.clone().cancelled_owned()).boxed(),
        ))
    }
}

/// One consumer of a feed: at most one query's rows are in memory, and rows are read on demand.
struct Follow {
    db: Db,
    cursor: Cursor,
    head: u64,
    rows: VecDeque<OutboxRow>,
    deadline: Option<Instant>,
    over: bool,
}

impl Follow {
    async fn read(&mut self) -> Result<(), Status> {
        let batch = self
            .db
            .feed()
            .read(&self.cursor, ROWS)
            .await
            .map_err(IntoStatus::into_status)?;
        self.head = batch.head;
        self.rows = batch.rows.into();
        Ok(())
    }
    async fn next(&mut self) -> Result<Option<pb::FollowResponse>, Status> {
        if self.over {
            return Ok(None);
        }
        if self.rows.is_empty() {
            let within = self
                .deadline
                .map(|at| at.saturating_duration_since(Instant::now()));
            let within = within.unwrap_or(HEARTBEAT).min(HEARTBEAT);
            if within.is_zero() {
                return Ok(None);
            }
            let feed = self.db.feed();
            feed.wait(self.cursor.position, within)
                .await
                .map_err(IntoStatus::into_status)?;
            self.read().await?;
        }
        let mut message = pb::FollowResponse {
            epoch: self.cursor.epoch.to_string(),
            events: Vec::new(),
            head: self.head,
        };
        let mut bytes = 0;
        while bytes < MESSAGE_BYTES
            && let Some(row) = self.rows.pop_front()
        {
            bytes += row.changes.iter().map(Vec::len).sum::<usize>();
            self.cursor.position = row.position.unwrap_or(self.cursor.position);
            message.events.push(event(row)?);
        }
        Ok(Some(message))
    }
}

fn event(row: OutboxRow) -> Result<pb::Event, Status> {
    let changes = row
        .changes
        .iter()
        .map(|bytes| crate::decode(bytes))
        .collect::<Result<_, _>>();
    let changes = changes.map_err(|error| {
        let at = format!("{} of {}", row.revision, row.root);
        bailiwick_sql::Error::corrupt("outbox", "payload", at, error).into_status()
    })?;
    Ok(pb::Event {
        position: row.position.unwrap_or_default(),
        root: row.root.to_string(),
        revision: row.revision,
        time: Some(prost_types::Timestamp {
            seconds: row.created_at.0.div_euclid(1_000_000),
            nanos: i32::try_from(row.created_at.0.rem_euclid(1_000_000) * 1_000).unwrap_or_default(),
        }),
        changes,
    })
}

/// A snapshot being sent: the position first, then the state, then the position from which it is valid.
struct Snapshot {
    served: Served,
    from: Option<String>,
    begun: bool,
    /// Only what ended recently.
    ended: bool,
}

impl Snapshot {
    fn new(served: Served, ended: bool) -> Self {
        Self {
            served,
            from: None,
            begun: false,
            ended,
        }
    }
    async fn next(&mut self) -> Result<pb::GetSnapshotResponse, bailiwick_sql::Error> {
        let feed = self.served.db.feed();
        if !self.begun {
            self.begun = true;
            // The first message has the position and no state: a single page could not carry both positions.
            return Ok(pb::GetSnapshotResponse {
                cursor: Some(cursor(&feed.settled_head().await?)),
                ..Default::default()
            });
        }
        let page = if self.ended {
            SnapshotPage {
                changes: self.served.snapshot.recently_ended().await?,
                ..SnapshotPage::default()
            }
        } else {
            self.served.snapshot.page(self.from.as_deref()).await?
        };
        let last = page.next.is_none();
        self.from = page.next;
        let changes = page.changes.into_iter();
        let revisions = page.revisions.into_iter();
        Ok(pb::GetSnapshotResponse {
            cursor: if last {
                Some(cursor(&feed.settled_head().await?))
            } else {
                None
            },
            changes: changes
                .map(|change| pb::Change { change: Some(change) })
                .collect(),
            revisions: revisions
                .map(|(root, revision)| pb::RootRevision {
                    root: root.to_string(),
                    revision,
                })
                .collect(),
            last,
        })
    }
}

fn cursor(cursor: &Cursor) -> pb::Cursor {
    pb::Cursor {
        epoch: cursor.epoch.to_string(),
        position: cursor.position,
    }
}
