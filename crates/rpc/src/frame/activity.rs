//! What happens on a connection, for its idle limit.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::http::Response;
use futures_util::future::BoxFuture;
use http_body::{Body, Frame, SizeHint};

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

/// A service whose requests count as streams until their answers have been sent.
#[derive(Debug, Clone)]
pub(super) struct Counted<S> {
    pub(super) service: S,
    pub(super) activity: Arc<Activity>,
}

impl<S, R, B> tower::Service<R> for Counted<S>
where
    S: tower::Service<R, Response = Response<B>, Future: Send + 'static>,
{
    type Response = Response<OpenBody<B>>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Self::Response, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let open = self.activity.open();
        let answer = self.service.call(request);
        Box::pin(async move { Ok(answer.await?.map(|body| OpenBody { body, _open: open })) })
    }
}

/// The body of an answer; its stream is open until it has been sent or given up.
#[derive(Debug)]
pub(super) struct OpenBody<B> {
    body: B,
    _open: OpenStream,
}

impl<B: Body + Unpin> Body for OpenBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }
    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
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

    #[tokio::test]
    async fn a_stream_is_open_until_its_answer_has_been_sent() {
        let activity = Arc::new(Activity::default());
        let mut counted = Counted {
            service: tower::service_fn(async |(): ()| {
                Ok::<_, std::convert::Infallible>(Response::new(http_body_util::Empty::<bytes::Bytes>::new()))
            }),
            activity: Arc::clone(&activity),
        };
        let answer = tower::Service::call(&mut counted, ()).await.unwrap();
        let waited = tokio::time::timeout(3 * LIMIT, activity.idle(LIMIT)).await;
        assert!(waited.is_err(), "the answer is not sent yet");
        drop(answer);
        activity.idle(LIMIT).await;
    }
}
