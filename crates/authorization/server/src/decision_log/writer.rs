//! The task that writes records.

use std::sync::Arc;

use bailiwick_types::Clock;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    Lost,
    record::{Gap, Record},
    sink::Sink,
};

/// How many records are written at once.
const BATCH: usize = 512;

/// Writes what comes until it is stopped, and what waits then.
pub(crate) struct Writer {
    queue: mpsc::Receiver<Record>,
    sink: Sink,
    lost: Arc<Lost>,
    clock: Arc<dyn Clock>,
    failing: bool,
}

impl Writer {
    pub(super) fn new(
        queue: mpsc::Receiver<Record>,
        sink: Sink,
        lost: Arc<Lost>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            queue,
            sink,
            lost,
            clock,
            failing: false,
        }
    }

    /// Runs until `stop`, and then as long as records wait.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let count = tokio::select! {
                biased;
                count = self.queue.recv_many(&mut batch, BATCH) => count,
                () = stop.cancelled(), if !self.queue.is_closed() => {
                    // What comes from now on is refused, and counted by whoever brings it.
                    self.queue.close();
                    continue;
                }
            };
            // The last batch is empty: where something is missing at the end, it says so.
            self.write(std::mem::take(&mut batch)).await;
            if count == 0 {
                return;
            }
        }
    }

    /// Waits for the next record and writes what is there.
    #[cfg(test)]
    pub(super) async fn write_one(&mut self) {
        let mut batch = Vec::new();
        self.queue.recv_many(&mut batch, BATCH).await;
        self.write(batch).await;
    }

    async fn write(&mut self, batch: Vec<Record>) {
        let count = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        let dropped = self.lost.take();
        let gap = (dropped > 0).then(|| Gap {
            time: self.clock.now(),
            dropped,
        });
        if gap.is_none() && batch.is_empty() {
            return;
        }
        match self.sink.write(gap, batch).await {
            Ok(()) => {
                if std::mem::take(&mut self.failing) {
                    tracing::info!("the decision log is written again");
                }
            }
            Err(error) => {
                // Those of the gap were counted already; the next record says how many are missing in all.
                self.lost.add(count);
                self.lost.put_back(dropped);
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::warn!(error = %error, "the decision log cannot be written");
                }
            }
        }
    }
}
