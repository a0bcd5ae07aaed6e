//! Feeds through a real socket and all layers: read on from a cursor, begin with a snapshot, end at drain,
//! for the suite's own services alone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use bailiwick_feed::{FeedServer, GrpcFeedSource, Served, SnapshotPage, SnapshotSource, change, encode};
use bailiwick_proto::events::v1::{
    self as pb, PolicyChanged, change::Change, change_feed_service_client::ChangeFeedServiceClient,
    change_feed_service_server::ChangeFeedServiceServer,
};
use bailiwick_rpc::{
    AuthConfig, Authenticator, ClientFactory, Frame, Guard, Held, InternalIdentity, InternalVerifier,
    KeyError, KeySource, OperatorAllowed, Peer, PeerConfig, RequestDigest, Rights, RightsError,
    RunningServer, ServerConfig, ServiceKeys, Services, StepUp, StepUpError, Telemetry, VerificationKey,
};
use bailiwick_sql::{
    Cursor, CursorRefused, Db, DbConfig, Error, Migrations, WriteTx,
    follow::{ApplyError, Event, FeedSink, FeedSource, Follower, FollowerConfig, Run, SourceError},
};
use bailiwick_testkit::eventually;
use bailiwick_types::{
    AccountId, Authority, Declaration, ScopeRoot, Service, SessionId, Subject, SystemClock, SystemIds,
    SystemRng,
};
use tokio_util::sync::CancellationToken;

const SOON: Duration = Duration::from_secs(20);

struct Nobody;

#[async_trait]
impl Rights for Nobody {
    async fn held(
        &self,
        _: &Subject,
        _: Option<AccountId>,
        _: &str,
        targets: &[String],
        _: OperatorAllowed,
    ) -> Result<Held, RightsError> {
        let allowed = vec![false; targets.len()];
        Ok(Held {
            allowed,
            operator: false,
        })
    }
}

#[async_trait]
impl StepUp for Nobody {
    async fn consume(
        &self,
        _: SessionId,
        _: &'static Declaration,
        _: &RequestDigest,
    ) -> Result<(), StepUpError> {
        Err(StepUpError::Required)
    }
}

#[async_trait]
impl KeySource for Nobody {
    async fn key(&self, _: &str) -> Result<Option<Arc<VerificationKey>>, KeyError> {
        Ok(None)
    }
    async fn has_keys(&self) -> Result<bool, KeyError> {
        Ok(false)
    }
}

/// A service whose state is a list of names, in pages of two.
#[derive(Default)]
struct Names(Mutex<Vec<String>>);

#[async_trait]
impl SnapshotSource for Names {
    async fn page(&self, from: Option<&str>) -> Result<SnapshotPage, Error> {
        let from: usize = from.map_or(0, |from| from.parse().unwrap());
        let names = self.0.lock().unwrap().clone();
        let upto = (from + 2).min(names.len());
        Ok(SnapshotPage {
            changes: names[from..upto].iter().map(|name| named(name)).collect(),
            revisions: Vec::new(),
            next: (upto < names.len()).then(|| upto.to_string()),
        })
    }
}

fn named(name: &str) -> Change {
    Change::PolicyChanged(PolicyChanged {
        account: name.to_owned(),
    })
}

fn name(bytes: &[u8]) -> String {
    match change(bytes).unwrap() {
        Change::PolicyChanged(changed) => changed.account,
        other => panic!("{other:?}"),
    }
}

struct Bed {
    db: Db,
    names: Arc<Names>,
    server: RunningServer,
    stop: CancellationToken,
    internal: Arc<InternalIdentity>,
    dir: tempfile::TempDir,
}

impl Bed {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(SystemClock);
        let db = database(&dir, "tenancy", Service::Tenancy).await;
        let names = Arc::new(Names::default());
        let keys = ServiceKeys::ephemeral().unwrap();
        let internal = Arc::new(InternalIdentity::new(
            Service::Authorization,
            keys.clone(),
            clock.clone(),
        ));
        let here = [Service::Tenancy, Service::Authorization];
        let auth = AuthConfig::default();
        let authenticator = Authenticator::new(
            &auth,
            Arc::new(Nobody),
            InternalVerifier::new(&here, keys, clock.clone()),
            clock,
            Authority::establish().verifier,
        );
        let stop = CancellationToken::new();
        let guard = Guard::new(Arc::new(Nobody), Arc::new(Nobody));
        let served = Served {
            db: db.clone(),
            snapshot: names.clone(),
        };
        let feed = FeedServer::new(vec![served], guard, stop.clone());
        let config = ServerConfig {
            listen: "127.0.0.1:0".parse().unwrap(),
            internal_listen: Some("127.0.0.1:0".parse().unwrap()),
            http_listen: None,
            ..ServerConfig::default()
        };
        let frame = Frame::builder(
            &[Service::Tenancy],
            config,
            Telemetry::quiet(),
            Arc::new(authenticator),
            &SystemIds,
        );
        let services = Services::new().add(ChangeFeedServiceServer::new(feed));
        let server = frame.add(services).serve(stop.clone()).await.unwrap();
        Self {
            db,
            names,
            server,
            stop,
            internal,
            dir,
        }
    }
    fn peer(&self) -> Peer {
        self.peer_for(Service::Tenancy)
    }
    fn inside(&self) -> String {
        format!("http://{}", self.server.internal_addr.unwrap())
    }
    fn peer_for(&self, service: Service) -> Peer {
        let factory = ClientFactory::new(Arc::clone(&self.internal), PeerConfig::default());
        factory.peer(service, &self.inside()).unwrap()
    }
    fn source(&self) -> GrpcFeedSource {
        GrpcFeedSource::new(Service::Tenancy, self.peer())
    }
    async fn write(&self, name: &str) {
        self.names.0.lock().unwrap().push(name.to_owned());
        self.tell(name).await;
    }
    async fn tell(&self, name: &str) {
        let mut tx = self.db.begin_write(&[ScopeRoot::Deployment]).await.unwrap();
        tx.emit(&ScopeRoot::Deployment, encode(named(name))).unwrap();
        tx.commit().await.unwrap();
    }
}

async fn database(dir: &tempfile::TempDir, name: &str, service: Service) -> Db {
    let path = dir.path().join(format!("{name}.db"));
    let config = DbConfig::new(format!("sqlite://{}", path.display()));
    let db = Db::connect(config, service, Arc::new(SystemClock)).await.unwrap();
    db.migrate(&Migrations::new(service, vec![])).await.unwrap();
    db
}

/// Writes down what it is given, in the order it comes.
#[derive(Default)]
struct Seen {
    events: Mutex<Vec<String>>,
    items: Mutex<Vec<String>>,
}

#[async_trait]
impl FeedSink for Seen {
    async fn roots(&self, _: &Db, _: &Event) -> Result<Vec<ScopeRoot>, ApplyError> {
        Ok(vec![])
    }
    async fn apply(&self, _: &mut WriteTx, _: &Arc<str>, event: &Event) -> Result<(), ApplyError> {
        self.events
            .lock()
            .unwrap()
            .extend(event.changes.iter().map(|bytes| name(bytes)));
        Ok(())
    }
    async fn item_roots(&self, _: &Db, _: &[u8]) -> Result<Vec<ScopeRoot>, ApplyError> {
        Ok(vec![])
    }
    async fn apply_item(&self, _: &mut WriteTx, _: &Run, item: &[u8]) -> Result<(), ApplyError> {
        self.items.lock().unwrap().push(name(item));
        Ok(())
    }
    async fn sweep(&self, _: &Db, _: &Run) -> Result<(), ApplyError> {
        Ok(())
    }
}

async fn names_after(source: &GrpcFeedSource, cursor: &mut Cursor, count: usize) -> Vec<String> {
    let mut found = Vec::new();
    while found.len() < count {
        let events = source.read(cursor, 100, SOON).await.unwrap();
        cursor.position = events.upto;
        found.extend(
            events
                .events
                .iter()
                .flat_map(|event| event.changes.iter().map(|bytes| name(bytes))),
        );
    }
    found
}

#[tokio::test]
async fn a_follower_reads_on_from_its_cursor_and_gets_what_comes_while_it_waits() {
    let bed = Bed::new().await;
    for name in ["a", "b", "c"] {
        bed.write(name).await;
    }
    let source = bed.source();
    let mut cursor = source.head().await.unwrap();
    assert_eq!(cursor.position, 3);
    cursor.position = 1;
    assert_eq!(names_after(&source, &mut cursor, 2).await, ["b", "c"]);
    let (later, ()) = tokio::join!(names_after(&source, &mut cursor, 1), bed.write("d"));
    assert_eq!(later, ["d"]);
    // Reading again from an older cursor is what a follower does whose transaction failed.
    cursor.position = 2;
    assert_eq!(names_after(&bed.source(), &mut cursor, 2).await, ["c", "d"]);
    assert_eq!(
        names_after(
            &source,
            &mut Cursor {
                position: 0,
                ..cursor
            },
            4
        )
        .await,
        ["a", "b", "c", "d"]
    );
}

#[tokio::test]
async fn nothing_new_within_the_wait_is_no_error() {
    let bed = Bed::new().await;
    bed.write("a").await;
    let source = bed.source();
    let cursor = source.head().await.unwrap();
    let events = source
        .read(&cursor, 100, Duration::from_millis(50))
        .await
        .unwrap();
    assert!(events.events.is_empty());
    assert_eq!((events.upto, events.head), (1, 1));
    bed.write("b").await;
    let events = source.read(&cursor, 100, SOON).await.unwrap();
    assert_eq!(events.upto, 2);
}

#[tokio::test]
async fn a_cursor_is_refused_with_the_reason_why() {
    let bed = Bed::new().await;
    bed.write("a").await;
    let source = bed.source();
    let head = source.head().await.unwrap();
    let ahead = Cursor {
        position: 7,
        ..head.clone()
    };
    let refused = source.read(&ahead, 100, SOON).await.unwrap_err();
    assert!(
        matches!(refused, SourceError::Refused(CursorRefused::AheadOfHead)),
        "{refused:?}"
    );
    let other = Cursor {
        epoch: "another".into(),
        position: 0,
    };
    let refused = source.read(&other, 100, SOON).await.unwrap_err();
    assert!(
        matches!(refused, SourceError::Refused(CursorRefused::OtherEpoch)),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_new_follower_begins_with_a_snapshot_in_pages_and_goes_on_with_the_feed() {
    let bed = Bed::new().await;
    for name in ["a", "b", "c", "d", "e"] {
        bed.write(name).await;
    }
    let own = database(&bed.dir, "identity", Service::Identity).await;
    let seen = Arc::new(Seen::default());
    let config = FollowerConfig::new(Service::Tenancy, Arc::new(SystemRng));
    let follower = Follower::new(config, own, Arc::new(bed.source()), seen.clone());
    let running = tokio::spawn(async move { follower.run().await });
    eventually("the snapshot", SOON, async || {
        seen.items.lock().unwrap().len() == 5
    })
    .await;
    bed.tell("f").await;
    eventually("the event after it", SOON, async || {
        seen.events.lock().unwrap().contains(&"f".to_owned())
    })
    .await;
    assert_eq!(*seen.items.lock().unwrap(), ["a", "b", "c", "d", "e"]);
    assert_eq!(*seen.events.lock().unwrap(), ["f"]);
    running.abort();
}

#[tokio::test]
async fn large_feeds_come_in_messages_of_bounded_size() {
    let bed = Bed::new().await;
    let long = "x".repeat(200_000);
    for _ in 0..12 {
        bed.tell(&long).await;
    }
    let mut client = ChangeFeedServiceClient::new(bed.peer());
    let head = bed.source().head().await.unwrap();
    let request = pb::FollowRequest {
        cursor: Some(pb::Cursor {
            epoch: head.epoch.to_string(),
            position: 0,
        }),
        service: "tenancy".to_owned(),
    };
    let mut messages = client.follow(request).await.unwrap().into_inner();
    let (mut events, mut sizes) = (0, Vec::new());
    while events < 12 {
        let message = messages.message().await.unwrap().unwrap();
        events += message.events.len();
        sizes.push(message.events.len());
    }
    assert!(sizes.iter().all(|size| *size <= 3), "{sizes:?}");
}

#[tokio::test]
async fn streams_end_at_drain_without_an_error() {
    let bed = Bed::new().await;
    bed.write("a").await;
    let mut client = ChangeFeedServiceClient::new(bed.peer());
    let head = bed.source().head().await.unwrap();
    let request = pb::FollowRequest {
        cursor: Some(pb::Cursor {
            epoch: head.epoch.to_string(),
            position: 0,
        }),
        service: "tenancy".to_owned(),
    };
    let mut messages = client.follow(request).await.unwrap().into_inner();
    assert_eq!(messages.message().await.unwrap().unwrap().events.len(), 1);
    bed.stop.cancel();
    let end = tokio::time::timeout(SOON, messages.message()).await;
    assert_eq!(end.expect("it ends before the next sign of life").unwrap(), None);
}

#[tokio::test]
async fn a_feed_is_for_the_suite_s_own_services_and_for_those_that_are_served() {
    let bed = Bed::new().await;
    let request = || pb::GetSnapshotRequest {
        service: "tenancy".to_owned(),
        ..Default::default()
    };
    for (address, code) in [
        (bed.inside(), tonic::Code::Unauthenticated),
        (format!("http://{}", bed.server.addr), tonic::Code::Unimplemented),
    ] {
        let channel = tonic::transport::Endpoint::from_shared(address).unwrap();
        let mut anybody = ChangeFeedServiceClient::new(channel.connect_lazy());
        let refused = anybody.get_snapshot(request()).await.unwrap_err();
        assert_eq!(refused.code(), code);
    }
    // A token for another service of this process opens no feed of this one.
    let mut other = ChangeFeedServiceClient::new(bed.peer_for(Service::Authorization));
    let refused = other.get_snapshot(request()).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::NotFound);
    let mut own = ChangeFeedServiceClient::new(bed.peer());
    for (service, code) in [
        ("authorization", tonic::Code::NotFound),
        ("x", tonic::Code::InvalidArgument),
    ] {
        let request = pb::GetSnapshotRequest {
            service: service.to_owned(),
            ..Default::default()
        };
        assert_eq!(own.get_snapshot(request).await.unwrap_err().code(), code);
    }
}
