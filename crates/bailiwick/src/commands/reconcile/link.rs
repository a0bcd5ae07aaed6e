//! A service that follows another one.

use std::{collections::HashSet, sync::Arc};

use anyhow::{Context, Result};
use bailiwick_feed::{Known, encode};
use bailiwick_sql::{
    Db,
    follow::{Compare, Deviation, Difference, Follower, Thing},
};
use tokio::time::{Duration, Instant, sleep};

use super::finding::{Finding, Findings, Problem};

/// How often it looks whether a feed has arrived.
const LOOK: Duration = Duration::from_millis(100);

/// A follower and the service that it follows.
pub(super) struct Link {
    pub(super) owner: Db,
    pub(super) follower: Db,
    pub(super) known: Arc<dyn Known>,
    pub(super) comparison: Arc<dyn Compare>,
    pub(super) following: Follower,
}

impl Link {
    /// Finds what the follower has otherwise, once the feed has arrived or the time is over.
    pub(super) async fn look(&self, until: Instant, found: &mut Findings) -> Result<()> {
        self.compare(until, found).await.with_context(|| {
            format!(
                "cannot compare {} with {}",
                self.follower.service(),
                self.owner.service()
            )
        })
    }
    async fn compare(&self, until: Instant, found: &mut Findings) -> Result<()> {
        let (owner, follower) = (self.owner.service(), self.follower.service());
        let arrived = self.has_arrived(until).await?;
        if !arrived {
            found.push(Finding {
                kind: "feed",
                id: format!("{follower}/{owner}"),
                account: None,
                owner: owner.as_str(),
                follower: follower.as_str(),
                problem: Problem::Behind,
                fields: Vec::new(),
                note: None,
            });
        }
        let epoch = self.owner.epoch().await?;
        let mut from = None;
        loop {
            let page = self.known.page(from.as_deref()).await?;
            let items: Vec<Vec<u8>> = page.changes.into_iter().map(encode).collect();
            for difference in self.comparison.compare(&self.follower, &epoch, &items).await? {
                let mut finding = Finding::of(owner, follower, difference);
                if !arrived {
                    // The versions of a follower that has not read the feed are old, and say nothing more.
                    finding.fields.retain(|values| values.field != "version");
                }
                if finding.problem != Problem::Differs || !finding.fields.is_empty() {
                    found.push(finding);
                }
            }
            let Some(next) = page.next else { break };
            from = Some(next);
        }
        let mut from = None;
        loop {
            let kept = self.comparison.kept(&self.follower, from.as_deref()).await?;
            let known = self.known.known(&kept.things).await?;
            for thing in kept.things.into_iter().filter(|thing| !known.contains(thing)) {
                let deviation = Deviation::Extra;
                found.push(Finding::of(owner, follower, Difference { thing, deviation }));
            }
            let Some(next) = kept.next else { break };
            from = Some(next);
        }
        Ok(())
    }
    /// Whether everything that the owner has committed by now is applied, at the latest at that instant.
    async fn has_arrived(&self, until: Instant) -> Result<bool> {
        let target = self.owner.feed().settled_head().await?;
        loop {
            let progress = self.follower.followed(self.owner.service()).await?;
            let head = self.owner.feed().head().await?;
            let arrived = progress.is_some_and(|progress| {
                let at = &progress.cursor;
                // A cursor beyond the end is of a history that was set back.
                let reached = target.position..=head.position;
                progress.counts && at.epoch == target.epoch && reached.contains(&at.position)
            });
            if arrived {
                return Ok(true);
            }
            if Instant::now() >= until {
                return Ok(false);
            }
            sleep(LOOK).await;
        }
    }
    /// Applies everything that the owner has committed by now.
    pub(super) async fn catch_up(&self) -> Result<()> {
        let (owner, follower) = (self.owner.service(), self.follower.service());
        let done = self.following.catch_up().await;
        done.map_err(|error| anyhow::anyhow!(error.detail()))
            .with_context(|| format!("{follower} cannot follow {owner}"))
    }
    /// Those of these things that the owner has.
    pub(super) async fn known(&self, things: &[Thing]) -> Result<HashSet<Thing>> {
        Ok(self.known.known(things).await?)
    }
}
