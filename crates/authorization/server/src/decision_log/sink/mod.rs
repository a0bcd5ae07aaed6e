//! Where records go.

mod file;
mod otlp;

use std::io::Write as _;

use serde::Serialize;

use self::{file::LogFile, otlp::Collector};
use super::{
    DecisionLogConfig, DecisionLogError, LogTarget,
    record::{Gap, Record},
};

/// What went wrong with a batch.
#[derive(Debug, thiserror::Error)]
pub(super) enum SinkError {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error("{}", .0.message())]
    Collector(tonic::Status),
    #[error("the writing thread has ended")]
    Thread,
}

/// Where records go.
pub(super) enum Sink {
    Stdout,
    File(LogFile),
    Otlp(Box<Collector>),
}

impl Sink {
    /// Opens what is set; none where the log is off.
    pub(super) fn open(config: &DecisionLogConfig) -> Result<Option<Self>, DecisionLogError> {
        let missing = |key, to| DecisionLogError::Missing { key, to };
        Ok(Some(match config.to {
            LogTarget::Off => return Ok(None),
            LogTarget::Stdout => Self::Stdout,
            LogTarget::File => {
                let path = config.path.clone().ok_or_else(|| missing("path", "file"))?;
                Self::File(LogFile::open(path)?)
            }
            LogTarget::Otlp => {
                let endpoint = config.endpoint.as_ref();
                let endpoint = endpoint.ok_or_else(|| missing("endpoint", "otlp"))?;
                Self::Otlp(Box::new(Collector::new(endpoint)?))
            }
        }))
    }

    /// Writes a batch whole, or fails.
    pub(super) async fn write(&mut self, gap: Option<Gap>, batch: Vec<Record>) -> Result<(), SinkError> {
        match self {
            Self::Stdout => {
                let lines = lines(gap, &batch)?;
                // A reader that does not read holds up a thread of its own, not the runtime.
                blocking(move || {
                    let mut out = std::io::stdout().lock();
                    out.write_all(&lines)?;
                    out.flush()
                })
                .await
            }
            Self::File(file) => {
                let lines = lines(gap, &batch)?;
                let file = file.clone();
                blocking(move || file.append(&lines)).await
            }
            Self::Otlp(collector) => collector.send(gap, &batch).await,
        }
    }
}

async fn blocking(work: impl FnOnce() -> std::io::Result<()> + Send + 'static) -> Result<(), SinkError> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|_| SinkError::Thread)??)
}

fn lines(gap: Option<Gap>, batch: &[Record]) -> Result<Vec<u8>, serde_json::Error> {
    fn line(lines: &mut Vec<u8>, value: &impl Serialize) -> Result<(), serde_json::Error> {
        serde_json::to_writer(&mut *lines, value)?;
        lines.push(b'\n');
        Ok(())
    }
    let mut all = Vec::with_capacity(batch.len() * 384);
    if let Some(gap) = &gap {
        line(&mut all, gap)?;
    }
    for record in batch {
        line(&mut all, record)?;
    }
    Ok(all)
}
