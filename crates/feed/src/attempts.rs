//! Records attempts that were refused, for the audit log.

use std::time::Duration;

use bailiwick_proto::events::v1 as pb;
use bailiwick_rpc::{Attempt, Attempts};
use bailiwick_sql::{Db, Error};
use bailiwick_types::ScopeRoot;

use crate::{audited, encode};

/// How often attempts are recorded.
const INTERVAL: Duration = Duration::from_secs(5);
/// Entries that may be written in a row.
const BURST: u32 = 100;
/// Entries that may be written for each interval.
const RATE: u32 = 2;

/// The action of an entry that tells how many attempts have none.
const LEFT_OUT: &str = "audit.attempts_left_out";

/// Records attempts for as long as it runs: a hundred in a row, then two every five seconds. All others are
/// counted in an entry.
pub async fn record_attempts(db: Db, attempts: Attempts) {
    let mut recorder = Recorder::new(db, attempts);
    loop {
        tokio::time::sleep(INTERVAL).await;
        if let Err(error) = recorder.round().await {
            tracing::warn!(error = %error.detail(), "cannot record refused attempts; they are lost");
        }
    }
}

/// Records attempts, as many as are allowed.
#[derive(Debug)]
pub struct Recorder {
    db: Db,
    attempts: Attempts,
    allowed: u32,
    left_out: u64,
}

impl Recorder {
    /// Records what is noted there.
    #[must_use]
    pub fn new(db: Db, attempts: Attempts) -> Self {
        Self {
            db,
            attempts,
            allowed: BURST,
            left_out: 0,
        }
    }
    /// Records what waits, in one event.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn round(&mut self) -> Result<(), Error> {
        let taken = self.attempts.take(usize::try_from(self.allowed).unwrap_or(0));
        self.left_out = self.left_out.saturating_add(taken.left_out);
        let used = u32::try_from(taken.attempts.len()).unwrap_or(u32::MAX);
        // What is left out is told when there is something to write, or room again.
        let tells = self.left_out > 0 && (used > 0 || self.allowed > used);
        self.allowed = self.allowed.saturating_sub(used).saturating_add(RATE).min(BURST);
        if used == 0 && !tells {
            return Ok(());
        }
        let root = ScopeRoot::Deployment;
        let mut tx = self.db.begin_write(std::slice::from_ref(&root)).await?;
        for (attempt, count) in taken.attempts {
            tx.emit(&root, encode(audited(message(attempt, count))))?;
        }
        if tells {
            let left_out = std::mem::take(&mut self.left_out);
            tx.emit(&root, encode(audited(count_of(left_out))))?;
        }
        tx.commit().await.map(drop)
    }
}

fn message(attempt: Attempt, count: u32) -> pb::Audited {
    let outcome = if attempt.failed {
        pb::AuditOutcome::Failed
    } else {
        pb::AuditOutcome::Denied
    };
    let text = |part: Option<String>| part.unwrap_or_default();
    pb::Audited {
        actor: text(attempt.actor.map(|actor| actor.to_string())),
        action: attempt.action.to_owned(),
        target: attempt.target,
        network: text(attempt.client.map(|client| client.to_string())),
        device: attempt.user_agent,
        request_id: attempt.request_id,
        outcome: outcome.into(),
        account: text(attempt.account.map(|account| account.to_string())),
        attempts: count,
        ..pb::Audited::default()
    }
}

fn count_of(left_out: u64) -> pb::Audited {
    pb::Audited {
        action: LEFT_OUT.to_owned(),
        target: ScopeRoot::Deployment.to_string(),
        outcome: pb::AuditOutcome::Denied.into(),
        attempts: u32::try_from(left_out).unwrap_or(u32::MAX),
        ..pb::Audited::default()
    }
}
