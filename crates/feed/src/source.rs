//! Reads the feed of another service over gRPC.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bailiwick_proto::events::v1::{self as pb, change_feed_service_client::ChangeFeedServiceClient};
use bailiwick_rpc::{Peer, PeerError};
use bailiwick_sql::{
    Cursor, CursorRefused,
    follow::{Event, Events, FeedSource, Page, SourceError},
};
use bailiwick_types::{Reason, ScopeRoot, Service, Timestamp};
use prost::Message;
use tokio::{sync::Mutex, time::timeout};
use tonic::{Status, Streaming};

use crate::EndedSource;

/// One row of a feed may be larger than the default limit of a message.
const LARGEST_MESSAGE: usize = 64 * 1024 * 1024;
/// The deadline of a stream; the server ends it a little earlier and it is resumed.
const STREAM: Duration = Duration::from_mins(10);

/// The feed of a service, read over gRPC: one stream stays open while events are read in order, and is
/// resumed where it broke.
#[derive(Debug)]
pub struct GrpcFeedSource {
    service: Service,
    client: ChangeFeedServiceClient<Peer>,
    follow: Mutex<Option<Follow>>,
    snapshot: Mutex<Option<Snapshot>>,
}

#[derive(Debug)]
struct Follow {
    at: Cursor,
    head: u64,
    messages: Streaming<pb::FollowResponse>,
    /// Whether the stream has delivered a message: one that ends before means that the server is shutting
    /// down.
    alive: bool,
}

#[derive(Debug)]
struct Snapshot {
    next: u64,
    messages: Streaming<pb::GetSnapshotResponse>,
}

impl GrpcFeedSource {
    /// Reads the feed of `service` from a peer that serves it.
    #[must_use]
    pub fn new(service: Service, peer: Peer) -> Self {
        let client = ChangeFeedServiceClient::new(peer.with_deadline(STREAM));
        Self {
            service,
            client: client.max_decoding_message_size(LARGEST_MESSAGE),
            follow: Mutex::new(None),
            snapshot: Mutex::new(None),
        }
    }
    async fn open(&self, after: &Cursor) -> Result<Follow, SourceError> {
        let request = pb::FollowRequest {
            cursor: Some(pb::Cursor {
                epoch: after.epoch.to_string(),
                position: after.position,
            }),
            service: self.service.as_str().to_owned(),
        };
        let answer = self.client.clone().follow(request).await.map_err(source_error)?;
        Ok(Follow {
            at: after.clone(),
            head: after.position,
            messages: answer.into_inner(),
            alive: false,
        })
    }
    async fn open_snapshot(
        &self,
        recently_ended: bool,
    ) -> Result<(Cursor, Streaming<pb::GetSnapshotResponse>), SourceError> {
        let request = pb::GetSnapshotRequest {
            service: self.service.as_str().to_owned(),
            recently_ended,
        };
        let answer = self
            .client
            .clone()
            .get_snapshot(request)
            .await
            .map_err(source_error)?;
        let mut messages = answer.into_inner();
        let first = messages.message().await.map_err(source_error)?;
        let cursor = first
            .and_then(|first| first.cursor)
            .ok_or_else(|| odd("snapshot without position"))?;
        let cursor = Cursor {
            epoch: cursor.epoch.into(),
            position: cursor.position,
        };
        Ok((cursor, messages))
    }
}

#[async_trait]
impl FeedSource for GrpcFeedSource {
    async fn read(&self, after: &Cursor, _limit: u32, wait: Duration) -> Result<Events, SourceError> {
        let mut open = self.follow.lock().await;
        let mut follow = match open.take().filter(|follow| follow.at == *after) {
            Some(follow) => follow,
            None => self.open(after).await?,
        };
        let nothing = |follow: &Follow| Events {
            epoch: Arc::clone(&after.epoch),
            head: follow.head,
            upto: after.position,
            events: Vec::new(),
        };
        let message = match timeout(wait, follow.messages.message()).await {
            Err(_) => {
                let events = nothing(&follow);
                *open = Some(follow);
                return Ok(events);
            }
            Ok(message) => message.map_err(source_error)?,
        };
        let Some(message) = message else {
            return if follow.alive {
                Ok(nothing(&follow))
            } else {
                Err(odd("the stream ended before its first message"))
            };
        };
        let events = message
            .events
            .into_iter()
            .map(event)
            .collect::<Result<Vec<_>, _>>()?;
        follow.alive = true;
        follow.head = message.head;
        follow.at.position = events.last().map_or(after.position, |event| event.position);
        let events = Events {
            epoch: message.epoch.into(),
            head: message.head,
            upto: follow.at.position,
            events,
        };
        *open = Some(follow);
        Ok(events)
    }

    async fn head(&self) -> Result<Cursor, SourceError> {
        self.open_snapshot(false).await.map(|(cursor, _)| cursor)
    }

    async fn page(&self, from: Option<&str>) -> Result<Page, SourceError> {
        let mut open = self.snapshot.lock().await;
        let mut snapshot = match from {
            None => Snapshot {
                next: 0,
                messages: self.open_snapshot(false).await?.1,
            },
            // Pages come in a stream: only the next one can be read, and a broken stream restarts.
            Some(from) => open
                .take()
                .filter(|snapshot| snapshot.next.to_string() == from)
                .ok_or_else(|| odd("the snapshot is incomplete"))?,
        };
        let page = snapshot.messages.message().await.map_err(source_error)?;
        let page = page.ok_or_else(|| odd("the snapshot is incomplete"))?;
        let revisions = page
            .revisions
            .into_iter()
            .map(|at| Ok((root(&at.root)?, at.revision)));
        let revisions = revisions.collect::<Result<_, SourceError>>()?;
        let items = page.changes.iter().map(Message::encode_to_vec).collect();
        snapshot.next += 1;
        let next = (!page.last).then(|| snapshot.next.to_string());
        *open = (!page.last).then_some(snapshot);
        Ok(Page {
            items,
            revisions,
            next,
        })
    }
}

#[async_trait]
impl EndedSource for GrpcFeedSource {
    async fn recently_ended(&self) -> Result<(Cursor, Vec<Vec<u8>>), SourceError> {
        let (head, mut messages) = self.open_snapshot(true).await?;
        let mut ended = Vec::new();
        while let Some(page) = messages.message().await.map_err(source_error)? {
            ended.extend(page.changes.iter().map(Message::encode_to_vec));
            if page.last {
                return Ok((head, ended));
            }
        }
        Err(odd("the snapshot is incomplete"))
    }
    async fn events(&self, after: &Cursor, wait: Duration) -> Result<Events, SourceError> {
        self.read(after, 0, wait).await
    }
}

fn event(event: pb::Event) -> Result<Event, SourceError> {
    let time = event.time.unwrap_or_default();
    let micros = time
        .seconds
        .saturating_mul(1_000_000)
        .saturating_add(i64::from(time.nanos) / 1_000);
    Ok(Event {
        root: root(&event.root)?,
        revision: event.revision,
        position: event.position,
        created_at: Timestamp(micros),
        changes: event.changes.iter().map(Message::encode_to_vec).collect(),
    })
}

fn root(text: &str) -> Result<ScopeRoot, SourceError> {
    text.parse().map_err(|_| odd("a root is none"))
}

fn odd(what: &str) -> SourceError {
    SourceError::Unavailable(what.to_owned())
}

fn source_error(status: Status) -> SourceError {
    let text = status.message().to_owned();
    match PeerError::from(status) {
        PeerError::Refused {
            reason: Some(Reason::CursorRefused),
            ..
        } => {
            let known = [CursorRefused::AheadOfHead, CursorRefused::OlderThanRetention];
            let why = known.into_iter().find(|why| why.to_string() == text);
            SourceError::Refused(why.unwrap_or(CursorRefused::OtherEpoch))
        }
        error => SourceError::Unavailable(error.to_string()),
    }
}
