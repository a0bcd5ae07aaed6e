//! Closed-loop and open-loop load.

use std::time::{Duration, Instant};

use anyhow::Result;
use bailiwick_proto::{
    authorization::v1::{CheckRequest, Decision, decision_service_client::DecisionServiceClient},
    testing::v1::{NoopRequest, noop_service_client::NoopServiceClient},
};
use hdrhistogram::Histogram;
use tonic::{Request, metadata::AsciiMetadataValue, transport::Channel};

use crate::setup::World;

/// A kind of call.
#[derive(Clone)]
pub(crate) enum Call {
    /// The empty method.
    Noop(NoopRequest),
    /// A warm check.
    Check(CheckRequest),
}

impl Call {
    /// The empty call with the sizes of the check.
    pub(crate) fn noop(world: &World) -> Self {
        let (question, answer) = world.sizes;
        // The field of bytes also has a tag and a length, and the second field takes two bytes more.
        Self::Noop(NoopRequest {
            ballast: vec![7; question.saturating_sub(5)],
            answer_bytes: u32::try_from(answer.saturating_sub(2)).unwrap_or_default(),
        })
    }
    /// The check.
    pub(crate) fn check(world: &World) -> Self {
        Self::Check(world.question.clone())
    }
    async fn once(&self, channel: &Channel, bearer: &AsciiMetadataValue) -> Result<()> {
        match self {
            Self::Noop(message) => {
                let request = with_bearer(message.clone(), bearer);
                NoopServiceClient::new(channel.clone()).noop(request).await?;
            }
            Self::Check(message) => {
                let request = with_bearer(message.clone(), bearer);
                let answer = DecisionServiceClient::new(channel.clone()).check(request).await?;
                anyhow::ensure!(
                    answer.get_ref().decision() == Decision::Allow,
                    "a check was not answered with allow"
                );
            }
        }
        Ok(())
    }
}

fn with_bearer<T>(message: T, bearer: &AsciiMetadataValue) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", bearer.clone());
    request
}

/// The result of a phase.
pub(crate) struct Phase {
    /// Calls that succeeded.
    pub(crate) calls: u64,
    /// Wall time.
    pub(crate) elapsed: Duration,
    /// Latencies in nanoseconds.
    pub(crate) latency: Histogram<u64>,
}

fn histogram() -> Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1_000, 60_000_000_000, 3)?)
}

/// Keeps `streams` calls in flight on each connection.
pub(crate) async fn closed(
    call: &Call,
    channels: &[Channel],
    streams: usize,
    bearer: &str,
    time: Duration,
) -> Result<Phase> {
    let bearer: AsciiMetadataValue = bearer.parse()?;
    let start = Instant::now();
    let mut workers = tokio::task::JoinSet::new();
    for channel in channels {
        for _ in 0..streams {
            let (call, channel, bearer) = (call.clone(), channel.clone(), bearer.clone());
            workers.spawn(async move {
                let mut latency = histogram()?;
                while start.elapsed() < time {
                    let sent = Instant::now();
                    call.once(&channel, &bearer).await?;
                    latency.saturating_record(u64::try_from(sent.elapsed().as_nanos())?);
                }
                anyhow::Ok(latency)
            });
        }
    }
    gather(workers, start).await
}

/// Sends at a fixed rate. Latency counts from the time a call was due, so that stalls are included.
pub(crate) async fn open(
    call: &Call,
    channels: &[Channel],
    bearer: &str,
    rate: f64,
    time: Duration,
) -> Result<Phase> {
    let bearer: AsciiMetadataValue = bearer.parse()?;
    let start = Instant::now();
    let gap = Duration::from_secs_f64(1.0 / rate.max(1.0));
    let mut workers = tokio::task::JoinSet::new();
    // Many pacers, so that a late answer does not delay other calls.
    let pacers = 256_u32;
    for pacer in 0..pacers {
        let channel = channels.get(pacer as usize % channels.len().max(1)).cloned();
        let Some(channel) = channel else { continue };
        let (call, bearer) = (call.clone(), bearer.clone());
        workers.spawn(async move {
            let mut latency = histogram()?;
            let mut due = start + gap * pacer;
            while due.duration_since(start) < time {
                tokio::time::sleep_until(due.into()).await;
                call.once(&channel, &bearer).await?;
                latency.saturating_record(u64::try_from(due.elapsed().as_nanos())?);
                due += gap * pacers;
            }
            anyhow::Ok(latency)
        });
    }
    gather(workers, start).await
}

async fn gather(mut workers: tokio::task::JoinSet<Result<Histogram<u64>>>, start: Instant) -> Result<Phase> {
    let mut latency = histogram()?;
    while let Some(done) = workers.join_next().await {
        latency.add(done??)?;
    }
    Ok(Phase {
        calls: latency.len(),
        elapsed: start.elapsed(),
        latency,
    })
}
