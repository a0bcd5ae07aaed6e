//! Starting from a snapshot: a position first, then the state in pages, then the removal of what no page
//! named. It counts once the feed is applied up to the position at its end.

use std::sync::Arc;

use bailiwick_types::{ScopeRoot, Service};

use super::{
    ApplyError, FeedSink, FeedSource, Page, SourceError, applied, cursor, refused,
    run::{Failure, content_of},
};
use crate::{Conn, Cursor, CursorRefused, Db, Error, WriteTx, conn::execute, error::Cause};

/// A run of a snapshot that is not told to be alive for so long is taken over (microseconds).
const STALE: i64 = 60_000_000;
/// Marks that one statement writes.
const MARKS: usize = 300;

/// One reading of a snapshot.
#[derive(Debug, Clone)]
pub struct Run {
    source: Service,
    id: Arc<str>,
    epoch: Arc<str>,
}

impl Run {
    /// The service whose snapshot it is.
    #[must_use]
    pub fn source(&self) -> Service {
        self.source
    }
    /// The history that the snapshot shows.
    #[must_use]
    pub fn epoch(&self) -> &Arc<str> {
        &self.epoch
    }
    /// Makes sure, in a transaction, that no other replica has taken the snapshot over.
    ///
    /// # Errors
    /// One has, or the database is unavailable.
    pub async fn hold(&self, tx: &WriteTx) -> Result<(), Error> {
        let now = tx.db().clock().now().0;
        if cursor::hold(tx.conn(), self.source, &self.id, now).await? {
            Ok(())
        } else {
            Err(Error::Conflict(Cause::text(
                "another replica is loading the snapshot",
            )))
        }
    }
    /// Marks that the snapshot names things of a kind.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn saw(&self, tx: &WriteTx, kind: &'static str, items: &[String]) -> Result<(), Error> {
        let conn = tx.conn();
        for part in items.chunks(MARKS) {
            let rows: Vec<String> = (0..part.len()).map(|n| format!("($1, $2, ${})", n + 3)).collect();
            let sql = format!(
                "INSERT INTO feed_seen (source, kind, item) VALUES {} ON CONFLICT (source, kind, item) DO NOTHING",
                rows.join(", ")
            );
            let mut values = vec![self.source.as_str().into(), kind.into()];
            values.extend(part.iter().map(|item| item.clone().into()));
            execute(conn, sql, values).await?;
        }
        Ok(())
    }
    /// The SQL condition under which the snapshot has not named a thing of a kind; `item` is an SQL
    /// expression for what was given to [`Self::saw`], as text.
    #[must_use]
    pub fn unseen(&self, kind: &'static str, item: &str) -> String {
        format!(
            "NOT EXISTS (SELECT 1 FROM feed_seen seen WHERE seen.source = '{}' AND seen.kind = '{kind}' \
             AND seen.item = {item})",
            self.source
        )
    }
}

/// What a snapshot is read with.
pub(super) struct Reading<'a> {
    pub(super) db: &'a Db,
    pub(super) service: Service,
    pub(super) source: &'a dyn FeedSource,
    pub(super) sink: &'a dyn FeedSink,
}

/// How an attempt at a snapshot has ended.
pub(super) enum Outcome {
    /// It is read; this many of its items were refused.
    Done(u64),
    /// Another replica is reading it, or has done so.
    Elsewhere,
}

impl Reading<'_> {
    pub(super) async fn read(&self, refused: &Cursor, run: String) -> Result<Outcome, Failure> {
        let now = self.db.clock().now().0;
        let tx = self.db.begin_write(&[]).await?;
        if !cursor::start(
            tx.conn(),
            self.service,
            refused,
            &run,
            now,
            now.saturating_sub(STALE),
        )
        .await?
        {
            return Ok(Outcome::Elsewhere);
        }
        tx.commit().await?;
        tracing::info!(source = %self.service, "loading a feed snapshot");
        let result = self.pages(&run).await;
        if result.is_err() {
            // Best effort: a run that nobody gives up goes stale.
            if let Ok(tx) = self.db.begin_write(&[]).await
                && cursor::abandon(tx.conn(), self.service, &run).await.is_ok()
            {
                let _ = tx.commit().await;
            }
        }
        result.map(Outcome::Done)
    }
    async fn pages(&self, id: &str) -> Result<u64, Failure> {
        let begin = self.source.head().await?;
        let run = &Run {
            source: self.service,
            id: id.into(),
            epoch: Arc::clone(&begin.epoch),
        };
        let mut refused = 0;
        let mut next = None;
        loop {
            let page = self.source.page(next.as_deref()).await?;
            refused += self.page(run, &begin, &page).await?;
            let Some(after) = page.next else { break };
            next = Some(after);
        }
        self.sink.sweep(self.db, run).await.map_err(Failure::of_sink)?;
        let end = self.source.head().await?;
        if end.epoch != begin.epoch {
            return Err(Failure::Source(SourceError::Refused(CursorRefused::OtherEpoch)));
        }
        let tx = self.db.begin_write(&[]).await?;
        if !cursor::finish(tx.conn(), self.service, &run.id, &begin, end.position).await? {
            return Err(Error::Conflict(Cause::text("another replica is loading the snapshot")).into());
        }
        tx.commit().await?;
        tracing::info!(source = %self.service, refused, "loaded the feed snapshot");
        Ok(refused)
    }
    /// All items in one transaction; one by one where one of them does not fit.
    async fn page(&self, run: &Run, begin: &Cursor, page: &Page) -> Result<u64, Failure> {
        match self.items(run, &page.items, &page.revisions).await {
            Ok(()) => return Ok(0),
            Err(error) => {
                content_of(error)?;
            }
        }
        let mut refused = 0;
        for item in &page.items {
            let Err(error) = self.items(run, std::slice::from_ref(item), &[]).await else {
                continue;
            };
            let reason = content_of(error)?;
            tracing::warn!(source = %self.service, reason, "rejected a snapshot item");
            let tx = self.db.begin_write(&[]).await?;
            run.hold(&tx).await?;
            let changes = refused::redacted(self.sink, std::slice::from_ref(item));
            refused::record(&tx, self.service, &begin.epoch, ("", 0, 0), &changes, &reason).await?;
            tx.commit().await?;
            refused += 1;
        }
        self.items(run, &[], &page.revisions)
            .await
            .map_err(Failure::of_sink)?;
        Ok(refused)
    }
    async fn items(
        &self,
        run: &Run,
        items: &[Vec<u8>],
        revisions: &[(ScopeRoot, u64)],
    ) -> Result<(), ApplyError> {
        let mut roots = Vec::new();
        for item in items {
            roots.extend(self.sink.item_roots(self.db, item).await?);
        }
        let mut tx = self.db.begin_write_across(&roots).await?;
        run.hold(&tx).await?;
        for item in items {
            self.sink.apply_item(&mut tx, run, item).await?;
        }
        note(tx.conn(), self.service, revisions).await?;
        tx.commit().await?;
        Ok(())
    }
}

async fn note(conn: &Conn, source: Service, revisions: &[(ScopeRoot, u64)]) -> Result<(), Error> {
    for (root, revision) in revisions {
        applied::raise(conn, source, root, *revision).await?;
    }
    Ok(())
}
