//! What happens on a connection, for its idle limit.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::BoxFuture;

/// How often a connection is looked at within its idle limit.
const LOOKS: u32 = 4;

/// Counts the streams of a connection.
#[derive(Debug, Default)]
pub(crate) struct Activity {
    begun: AtomicU64,
    ended: AtomicU64,
}

/// A stream that has not ended.
#[derive(Debug)]
pub(crate) struct OpenStream(Arc<Activity>);

impl Activity {
    /// Counts a stream until the guard is dropped.
    pub(crate) fn open(self: &Arc<Self>) -> OpenStream {
        self.begun.fetch_add(1, Ordering::Relaxed);
        OpenStream(Arc::clone(self))
    }

    /// Waits until no stream was open for the limit, up to a quarter longer; for ever where it is zero. The
    /// connection is looked at now and then, so that a call pays for two additions and reads no clock.
    pub(super) async fn idle(&self, limit: Duration) {
        if limit.is_zero() {
            std::future::pending::<()>().await;
        }
        let (mut quiet, mut before) = (0, 0);
        while quiet <= LOOKS {
            tokio::time::sleep(limit / LOOKS).await;
            let ended = self.ended.load(Ordering::Acquire);
            let begun = self.begun.load(Ordering::Acquire);
            quiet = if ended == begun && begun == before {
                quiet + 1
            } else {
                0
            };
            before = begun;
        }
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::Release);
    }
}

/// A service whose requests count as streams until they are answered.
#[derive(Debug, Clone)]
pub(super) struct Counted<S> {
    pub(super) service: S,
    pub(super) activity: Arc<Activity>,
}

impl<S, R> tower::Service<R> for Counted<S>
where
    S: tower::Service<R, Future: Send + 'static>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let open = self.activity.open();
        let answer = self.service.call(request);
        Box::pin(async move {
            let _open = open;
            answer.await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_millis(200);

    #[tokio::test]
    async fn a_connection_without_streams_is_idle_after_the_limit() {
        let began = tokio::time::Instant::now();
        Activity::default().idle(LIMIT).await;
        assert!(began.elapsed() >= LIMIT, "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn an_open_stream_keeps_a_connection_and_so_do_calls_now_and_then() {
        let activity = Arc::new(Activity::default());
        let stream = activity.open();
        let long = tokio::time::timeout(5 * LIMIT, activity.idle(LIMIT)).await;
        assert!(long.is_err(), "a stream is open");
        drop(stream);
        let calls = async {
            loop {
                drop(activity.open());
                tokio::time::sleep(LIMIT / 2).await;
            }
        };
        tokio::select! {
            () = activity.idle(LIMIT) => panic!("calls came"),
            () = calls => {}
            () = tokio::time::sleep(5 * LIMIT) => {}
        }
        activity.idle(LIMIT).await;
    }

    #[tokio::test]
    async fn a_limit_of_zero_is_none() {
        let activity = Activity::default();
        let waited = tokio::time::timeout(3 * LIMIT, activity.idle(Duration::ZERO)).await;
        assert!(waited.is_err());
    }
}
