//! What the services of a process wait for until they are ready. A process that waits goes on serving: other
//! processes may be waiting for it.

use std::{sync::Arc, time::Duration};

use bailiwick_rpc::{Authenticator, Condition, Health, KeySource};
use bailiwick_types::Service;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::peers::Peers;

/// The pause after the first failed attempt; each further one is twice as long, up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LAST_PAUSE: Duration = Duration::from_secs(2);
/// How often the age of the data is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// Adds conditions to the readiness of a process.
pub(super) struct Readiness<'a> {
    pub(super) health: &'a Health,
    pub(super) here: &'a [Service],
    pub(super) tasks: &'a TaskTracker,
    pub(super) stop: &'a CancellationToken,
}

impl Readiness<'_> {
    /// Without keys no caller can be told.
    pub(super) fn needs_keys(&self, keys: Arc<dyn KeySource>) {
        let conditions = self.conditions(self.here, "keys", "no signing keys yet");
        self.once(conditions, move || {
            let keys = Arc::clone(&keys);
            async move {
                match keys.has_keys().await {
                    Ok(true) => Ok(()),
                    Ok(false) => Err("identity has no signing keys".to_owned()),
                    Err(error) => Err(error.to_string()),
                }
            }
        });
    }

    /// Without what ended before, no token is accepted.
    pub(super) fn needs_revocations(&self, authenticator: Arc<Authenticator>) {
        let why = "it is not known yet which sessions ended";
        let conditions = self.conditions(self.here, "revocations", why);
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            let heard = stop.run_until_cancelled(authenticator.heard_revocations()).await;
            if heard.is_some() {
                conditions.iter().for_each(Condition::met);
            }
        });
    }

    /// Each service has to have reached the others once, with credentials that they accept. It does not have
    /// to reach them always: that they are away is theirs to say.
    pub(super) fn needs_peers(&self, peers: &Peers) {
        for (from, to, peer) in peers.all() {
            let why = format!("{to} not reached yet");
            let conditions = self.conditions(&[from], to.as_str(), &why);
            self.once(conditions, move || {
                let peer = peer.clone();
                async move {
                    let reached = peer.reach().await;
                    reached.map_err(|error| format!("cannot reach {to}: {error}"))
                }
            });
        }
    }

    /// Decisions are refused while their data is too old.
    pub(super) fn needs_fresh_data(&self, is_fresh: impl Fn() -> bool + Send + 'static) {
        let why = "authorization data exceeds the staleness bound";
        let condition = self.health.condition(Service::Authorization, "data", why);
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            let look = async move {
                loop {
                    if is_fresh() {
                        condition.met();
                    } else {
                        condition.unmet(why);
                    }
                    tokio::time::sleep(LOOK).await;
                }
            };
            stop.run_until_cancelled(look).await;
        });
    }

    fn conditions(&self, of: &[Service], name: &'static str, why: &str) -> Vec<Condition> {
        of.iter().map(|s| self.health.condition(*s, name, why)).collect()
    }

    /// Tries until it succeeds once.
    fn once<F>(&self, conditions: Vec<Condition>, attempt: impl Fn() -> F + Send + 'static)
    where
        F: Future<Output = Result<(), String>> + Send,
    {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            let tries = async move {
                let mut pause = FIRST_PAUSE;
                while let Err(why) = attempt().await {
                    conditions.iter().for_each(|c| c.unmet(&why));
                    tokio::time::sleep(pause).await;
                    pause = (2 * pause).min(LAST_PAUSE);
                }
                conditions.iter().for_each(Condition::met);
            };
            stop.run_until_cancelled(tries).await;
        });
    }
}
