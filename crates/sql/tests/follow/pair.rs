//! A service that is followed and one that follows, each with a database of its own.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use bailiwick_sql::{
    Cursor, Db, Error, WriteTx,
    follow::{
        ApplyError, Event, Events, FeedSink, FeedSource, Follower, FollowerConfig, Page, Run, SourceError,
        Waited,
    },
    statement,
};
use bailiwick_testkit::{Fixture, TestDb, eventually};
use bailiwick_types::{ScopeRoot, Service, SourceVersion, SystemRng};
use sea_orm::{ConnectionTrait, prelude::async_trait::async_trait};
use tokio::task::JoinHandle;

use crate::{
    SOON,
    support::{Bed, account},
};

/// Tenancy as a feed: notes of accounts, each `NAME=BODY`; the state is its own table `note`.
pub(crate) struct Notes {
    pub(crate) db: Db,
    pub(crate) away: AtomicBool,
    pub(crate) pages_fail: AtomicBool,
    pub(crate) page_size: usize,
    /// Run between the first and the second page of a snapshot.
    pub(crate) between_pages: Mutex<Option<Pin<Box<dyn Future<Output = ()> + Send>>>>,
    pub(crate) gate: tokio::sync::Semaphore,
    pub(crate) gated: AtomicBool,
}

impl Notes {
    pub(crate) fn new(db: &Db) -> Arc<Self> {
        Arc::new(Self {
            db: db.clone(),
            away: AtomicBool::new(false),
            pages_fail: AtomicBool::new(false),
            page_size: 3,
            between_pages: Mutex::new(None),
            gate: tokio::sync::Semaphore::new(0),
            gated: AtomicBool::new(false),
        })
    }
    pub(crate) fn check(&self) -> Result<(), SourceError> {
        if self.away.load(Ordering::SeqCst) {
            Err(SourceError::Unavailable("away".into()))
        } else {
            Ok(())
        }
    }
}

fn source_error(error: Error) -> SourceError {
    match error {
        Error::Cursor(refused) => SourceError::Refused(refused),
        other => SourceError::Unavailable(other.detail()),
    }
}

#[async_trait]
impl FeedSource for Notes {
    async fn read(&self, after: &Cursor, limit: u32, wait: Duration) -> Result<Events, SourceError> {
        self.check()?;
        let feed = self.db.feed();
        let mut batch = feed.read(after, limit).await.map_err(source_error)?;
        if batch.rows.is_empty() && feed.wait(after.position, wait).await.map_err(source_error)? {
            batch = feed.read(after, limit).await.map_err(source_error)?;
        }
        Ok(Events {
            upto: batch.cursor(after).position,
            epoch: batch.epoch,
            head: batch.head,
            events: batch.rows.into_iter().filter_map(Event::of).collect(),
        })
    }
    async fn head(&self) -> Result<Cursor, SourceError> {
        self.check()?;
        self.db.feed().settled_head().await.map_err(source_error)
    }
    async fn page(&self, from: Option<&str>) -> Result<Page, SourceError> {
        self.check()?;
        if from.is_some() {
            let between = self.between_pages.lock().unwrap().take();
            if let Some(work) = between {
                work.await;
            }
            if self.pages_fail.swap(false, Ordering::SeqCst) {
                return Err(SourceError::Unavailable("in the middle".into()));
            }
        }
        let conn = self.db.load();
        let sql = "SELECT n.name, n.body, n.version, r.revision FROM note n JOIN revision r ON r.root = $2 \
                   WHERE n.name > $1 ORDER BY n.name";
        let values = vec![from.unwrap_or_default().into(), account(1).to_string().into()];
        let rows = conn.query_all_raw(statement(conn, sql, values)).await.unwrap();
        let mut page = Page::default();
        for row in rows.iter().take(self.page_size) {
            let name: String = row.try_get("", "name").unwrap();
            let body: String = row.try_get("", "body").unwrap();
            let revision: i64 = row.try_get("", "revision").unwrap();
            let version: i64 = row.try_get("", "version").unwrap();
            page.items.push(format!("{name}={body}={version}").into_bytes());
            page.revisions = vec![(account(1), u64::try_from(revision).unwrap())];
            page.next = Some(name);
        }
        if rows.len() <= self.page_size {
            page.next = None;
        }
        if page.next.is_none() && self.gated.load(Ordering::SeqCst) {
            self.gate.acquire().await.unwrap().forget();
        }
        Ok(page)
    }
}

/// Authorization as a follower: it keeps a copy of the notes with their versions, and skips what is not newer
/// in the same history. The body `bad` does not fit.
pub(crate) struct Copies {
    pub(crate) applied: AtomicU64,
    pub(crate) slow: Option<Arc<tokio::sync::Semaphore>>,
}

impl Copies {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            applied: AtomicU64::new(0),
            slow: None,
        })
    }
    pub(crate) async fn put(
        tx: &WriteTx,
        epoch: &Arc<str>,
        version: Option<u64>,
        change: &[u8],
    ) -> Result<String, ApplyError> {
        let text = std::str::from_utf8(change).map_err(|_| ApplyError::Content("is no text".into()))?;
        let (name, body) = text
            .split_once('=')
            .ok_or_else(|| ApplyError::Content("has no body".into()))?;
        // An item of a snapshot says its version itself.
        let (body, version) = match version {
            Some(version) => (body, version),
            None => body
                .rsplit_once('=')
                .and_then(|(body, version)| Some((body, version.parse().ok()?)))
                .ok_or_else(|| ApplyError::Content("has no version".into()))?,
        };
        if body == "bad" {
            return Err(ApplyError::Content("is bad".into()));
        }
        let told = SourceVersion::new(Arc::clone(epoch), version);
        let sql = "SELECT epoch, version FROM note WHERE name = $1";
        let known = tx
            .conn()
            .query_one_raw(statement(tx.conn(), sql, vec![name.into()]))
            .await
            .map_err(Error::from)?;
        if let Some(known) = known {
            let epoch: String = known.try_get("", "epoch").map_err(Error::from)?;
            let number: i64 = known.try_get("", "version").map_err(Error::from)?;
            if SourceVersion::new(epoch, number.cast_unsigned()).covers(&told) {
                return Ok(name.to_owned());
            }
        }
        let sql = "INSERT INTO note (name, body, epoch, version) VALUES ($1, $2, $3, $4) \
                   ON CONFLICT (name) DO UPDATE \
                   SET body = excluded.body, epoch = excluded.epoch, version = excluded.version";
        let values = vec![
            name.into(),
            body.into(),
            told.epoch().into(),
            told.number().cast_signed().into(),
        ];
        let stmt = statement(tx.conn(), sql, values);
        tx.conn().execute_raw(stmt).await.map_err(Error::from)?;
        Ok(name.to_owned())
    }
}

#[async_trait]
impl FeedSink for Copies {
    async fn roots(&self, _db: &Db, event: &Event) -> Result<Vec<ScopeRoot>, ApplyError> {
        Ok(vec![event.root.clone()])
    }
    async fn apply(&self, tx: &mut WriteTx, epoch: &Arc<str>, event: &Event) -> Result<(), ApplyError> {
        if let Some(slow) = &self.slow {
            slow.acquire().await.unwrap().forget();
        }
        for change in &event.changes {
            if change == b"duplicate" {
                let sql = "INSERT INTO note (name, body) VALUES ('taken', ''), ('taken', '')";
                tx.conn().execute_unprepared(sql).await.map_err(Error::from)?;
            }
            Self::put(tx, epoch, Some(event.revision), change).await?;
            tx.emit(&event.root, change.clone()).map_err(ApplyError::Store)?;
        }
        self.applied.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
    async fn item_roots(&self, _db: &Db, _item: &[u8]) -> Result<Vec<ScopeRoot>, ApplyError> {
        Ok(vec![account(1)])
    }
    async fn apply_item(&self, tx: &mut WriteTx, run: &Run, item: &[u8]) -> Result<(), ApplyError> {
        let name = Self::put(tx, run.epoch(), None, item).await?;
        run.saw(tx, "note", &[name]).await?;
        Ok(())
    }
    async fn sweep(&self, db: &Db, run: &Run) -> Result<(), ApplyError> {
        let tx = db.begin_write_across(&[account(1)]).await?;
        run.hold(&tx).await?;
        let sql = format!("DELETE FROM note WHERE {}", run.unseen("note", "note.name"));
        tx.conn().execute_unprepared(&sql).await.map_err(Error::from)?;
        tx.commit().await?;
        Ok(())
    }
}

/// Two services with a database each: the one is followed, the other one follows.
pub(crate) struct Pair {
    pub(crate) source: Db,
    pub(crate) beds: (Bed, Bed),
    pub(crate) replica: Db,
    pub(crate) notes: Arc<Notes>,
    pub(crate) copies: Arc<Copies>,
}

impl Pair {
    pub(crate) async fn new(bed: Bed) -> Self {
        let other = Bed::on(TestDb::new(bed.database.engine()).await).await;
        let source = bed.ready().await;
        other.ready().await;
        let replica = other.open_as(Service::Authorization).await;
        let notes = Notes::new(&source);
        Self {
            source,
            beds: (bed, other),
            replica,
            notes,
            copies: Copies::new(),
        }
    }
    pub(crate) fn follower(&self, db: &Db) -> Arc<Follower> {
        let config = FollowerConfig {
            batch: 3,
            wait: Duration::from_millis(200),
            backoff: Duration::from_millis(5),
            max_backoff: Duration::from_millis(50),
            ..FollowerConfig::new(Service::Tenancy, Arc::new(SystemRng))
        };
        let source: Arc<dyn FeedSource> = self.notes.clone();
        let sink: Arc<dyn FeedSink> = self.copies.clone();
        Arc::new(Follower::new(config, db.clone(), source, sink))
    }
    pub(crate) fn follow(&self) -> Following {
        let follower = self.follower(&self.replica);
        let run = Arc::clone(&follower);
        Following {
            task: tokio::spawn(async move { run.run().await }),
            follower,
        }
    }
    pub(crate) async fn put(&self, name: &str, body: &str) -> u64 {
        put(&self.source, name, body).await
    }
    /// The notes here are those there, and everything is applied.
    pub(crate) async fn caught_up(&self) {
        eventually("the copy to be the original", SOON, async || {
            self.source.sequence_pending().await.unwrap();
            all(&self.source).await == all(&self.replica).await
        })
        .await;
    }
    pub(crate) async fn wait(&self, revision: u64, within: Duration) -> Waited {
        let epoch = self.source.epoch().await.unwrap();
        self.replica
            .wait_applied(Service::Tenancy, &epoch, &account(1), revision, within)
            .await
            .unwrap()
    }
}

pub(crate) struct Following {
    pub(crate) task: JoinHandle<()>,
    pub(crate) follower: Arc<Follower>,
}

impl Drop for Following {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) async fn put(db: &Db, name: &str, body: &str) -> u64 {
    let mut tx = db.begin_write(&[account(1)]).await.unwrap();
    let change = format!("{name}={body}").into_bytes();
    let sql = "INSERT INTO note (name, body, version) VALUES ($1, $2, $3) \
               ON CONFLICT (name) DO UPDATE SET body = excluded.body, version = excluded.version";
    let version = tx.next_revision(&account(1)).unwrap().cast_signed();
    tx.conn()
        .execute_raw(statement(
            tx.conn(),
            sql,
            vec![name.into(), body.into(), version.into()],
        ))
        .await
        .unwrap();
    tx.emit(&account(1), change).unwrap();
    tx.commit().await.unwrap().revision(&account(1)).unwrap()
}

pub(crate) async fn emit(db: &Db, change: &[u8]) -> u64 {
    let mut tx = db.begin_write(&[account(1)]).await.unwrap();
    tx.emit(&account(1), change.to_vec()).unwrap();
    tx.commit().await.unwrap().revision(&account(1)).unwrap()
}

pub(crate) async fn all(db: &Db) -> BTreeMap<String, String> {
    let conn = db.load();
    let rows = conn
        .query_all_raw(statement(conn, "SELECT name, body FROM note", vec![]))
        .await
        .unwrap();
    rows.iter()
        .map(|row| (row.try_get("", "name").unwrap(), row.try_get("", "body").unwrap()))
        .collect()
}
