//! Files of credentials that are read again when they change, and on SIGHUP.

use std::{fmt::Display, time::Duration};

use tokio::sync::Notify;

use crate::metrics::IntCounterVec;

/// How often the files are looked at. Credentials are replaced long before the old ones end; this is for
/// those who replace one and look at the result.
const LOOK: Duration = Duration::from_secs(5);

/// Asks for a look at the files at once.
#[derive(Debug, Default)]
pub(crate) struct Reload(Notify);

impl Reload {
    /// Has the files read again soon, also where they have not changed.
    pub(crate) fn ask(&self) {
        self.0.notify_one();
    }

    /// Looks at the files now and then; never ends. `refresh` takes them into use where they have changed or
    /// it is asked for, and tells whether it did. What cannot be used is logged, and what was there before
    /// stays.
    pub(crate) async fn follow<E: Display>(
        &self,
        what: &'static str,
        reloads: IntCounterVec,
        refresh: impl Fn(bool) -> Result<bool, E>,
    ) {
        let mut told = String::new();
        loop {
            let asked = tokio::time::timeout(LOOK, self.0.notified()).await.is_ok();
            match refresh(asked) {
                Ok(false) => told.clear(),
                Ok(true) => {
                    told.clear();
                    reloads.with_label_values(&["ok"]).inc();
                    tracing::info!(what, "read credentials again");
                }
                Err(error) => {
                    reloads.with_label_values(&["failed"]).inc();
                    let why = error.to_string();
                    if why != told {
                        tracing::warn!(
                            what,
                            error = why,
                            "keeping credentials: the new ones cannot be used"
                        );
                        told = why;
                    }
                }
            }
        }
    }
}
