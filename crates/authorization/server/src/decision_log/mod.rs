//! The decision log: which decisions were given to whom, sampled and filtered, away from the hot path.
//!
//! A handler decides by two comparisons and a counter whether its decision is recorded, and puts the record
//! into a bounded queue without waiting. One task writes. What finds no room, or cannot be written, is
//! dropped, and the log says how much.

mod config;
mod record;
mod sink;
#[cfg(test)]
mod tests;
mod writer;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bailiwick_authorization_engine::Question;
use bailiwick_proto::authorization::v1::{Decision, DecisionReason};
use bailiwick_rpc::{
    Context,
    metrics::{self, IntCounter},
};
use bailiwick_types::{AccountId, Clock, Subject};
use tokio::sync::mpsc;

pub use self::config::{DecisionLogConfig, LogTarget, PermissionPattern, Ratio};
pub(crate) use self::writer::Writer;
use self::{record::Record, sink::Sink};

/// Why the decision log cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum DecisionLogError {
    /// A key is missing.
    #[error("`authorization.decision_log.{key}` must be given where `to` is `{to}`")]
    Missing {
        /// The key.
        key: &'static str,
        /// Where the log goes.
        to: &'static str,
    },
    /// An id is no account's.
    #[error("`authorization.decision_log.accounts`: `{0}` is no id of an account")]
    Account(String),
    /// The queue has no room.
    #[error("`authorization.decision_log.queue` must be at least 1")]
    Queue,
    /// The file cannot be opened.
    #[error("`authorization.decision_log.path`: cannot open `{path}`: {why}")]
    File {
        /// The file.
        path: String,
        /// What is wrong.
        why: std::io::Error,
    },
    /// The collector's address is not usable.
    #[error("`authorization.decision_log.endpoint`: `{endpoint}` must be `http://HOST:PORT`")]
    Endpoint {
        /// The address.
        endpoint: String,
    },
}

/// Takes decisions for the log; cheap to clone.
#[derive(Clone, Default)]
pub struct DecisionLog(Option<Arc<Open>>);

impl std::fmt::Debug for DecisionLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() {
            "DecisionLog(on)"
        } else {
            "DecisionLog(off)"
        })
    }
}

struct Open {
    allowed: Ratio,
    denied: Ratio,
    permissions: Vec<PermissionPattern>,
    accounts: Vec<AccountId>,
    clock: Arc<dyn Clock>,
    seen: AtomicU64,
    records: mpsc::Sender<Record>,
    lost: Arc<Lost>,
}

/// Counts what is not in the log.
struct Lost {
    since: AtomicU64,
    all: IntCounter,
}

impl Lost {
    fn add(&self, count: u64) {
        self.since.fetch_add(count, Ordering::Relaxed);
        self.all.inc_by(count);
    }
    /// Counts again what was taken and could not be told.
    fn put_back(&self, count: u64) {
        self.since.fetch_add(count, Ordering::Relaxed);
    }
    fn take(&self) -> u64 {
        self.since.swap(0, Ordering::Relaxed)
    }
}

impl DecisionLog {
    /// Opens the log where one is set; the writer has to be run. `seed` decides which decisions are sampled.
    ///
    /// # Errors
    /// What is set does not fit, or the file cannot be opened.
    pub(crate) fn open(
        config: &DecisionLogConfig,
        clock: Arc<dyn Clock>,
        seed: u64,
    ) -> Result<(Self, Option<Writer>), DecisionLogError> {
        let Some(sink) = Sink::open(config)? else {
            return Ok((Self::default(), None));
        };
        if config.queue == 0 {
            return Err(DecisionLogError::Queue);
        }
        let accounts = config
            .accounts
            .iter()
            .map(|text| text.parse().map_err(|_| DecisionLogError::Account(text.clone())));
        let (records, queue) = mpsc::channel(config.queue);
        let lost = Arc::new(Lost {
            since: AtomicU64::new(0),
            all: metrics::counter(
                "bailiwick_decision_log_dropped_total",
                "Decisions that should be in the decision log and are not.",
            ),
        });
        let open = Open {
            allowed: config.allowed,
            denied: config.denied,
            permissions: config.permissions.clone(),
            accounts: accounts.collect::<Result<_, _>>()?,
            clock: Arc::clone(&clock),
            seen: AtomicU64::new(seed),
            records,
            lost: Arc::clone(&lost),
        };
        let writer = Writer::new(queue, sink, lost, clock);
        Ok((Self(Some(Arc::new(open))), Some(writer)))
    }

    /// Takes a decision that goes to the caller now.
    pub(crate) fn take(&self, context: &Context, made: &Made<'_>) {
        if let Some(open) = &self.0 {
            open.take(context, made);
        }
    }
}

/// A decision and what it was asked about.
pub(crate) struct Made<'a> {
    pub(crate) account: AccountId,
    pub(crate) question: &'a Question<'a>,
    /// The target as it was asked on.
    pub(crate) target: &'a str,
    pub(crate) decision: Decision,
    pub(crate) reason: DecisionReason,
    pub(crate) revision: u64,
}

impl Open {
    fn take(&self, context: &Context, made: &Made<'_>) {
        let ratio = if made.decision == Decision::Allow {
            self.allowed
        } else {
            self.denied
        };
        let question = made.question;
        if !self.covers(made.account, question.permission) || !self.chosen(ratio) {
            return;
        }
        let owned = |subject: &Subject| subject.as_str().to_owned();
        let record = Record {
            time: self.clock.now(),
            account: made.account.to_string(),
            subject: owned(question.subject),
            actor: question.actor.map(owned),
            permission: question.permission.to_owned(),
            target: made.target.to_owned(),
            decision: short(made.decision.as_str_name(), "DECISION_"),
            reason: short(made.reason.as_str_name(), "DECISION_REASON_"),
            revision: made.revision,
            caller: context.caller.subject().map(owned),
            request_id: context.request_id.to_string(),
            ratio: ratio.get(),
        };
        if self.records.try_send(record).is_err() {
            self.lost.add(1);
        }
    }
    fn covers(&self, account: AccountId, permission: &str) -> bool {
        (self.accounts.is_empty() || self.accounts.contains(&account))
            && (self.permissions.is_empty()
                || self.permissions.iter().any(|pattern| pattern.matches(permission)))
    }
    /// Whether the next decision of this ratio is recorded. Counters that are mixed well choose as evenly as
    /// chance.
    fn chosen(&self, ratio: Ratio) -> bool {
        if ratio == Ratio::ALL {
            return true;
        }
        if ratio == Ratio::NONE {
            return false;
        }
        let mut x = self.seen.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^= x >> 31;
        // The upper 53 bits are a fraction.
        ((x >> 11) as f64) / ((1_u64 << 53) as f64) < ratio.get()
    }
}

fn short(name: &'static str, prefix: &str) -> &'static str {
    name.strip_prefix(prefix).unwrap_or(name)
}
