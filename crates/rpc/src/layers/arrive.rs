//! The request body, which has to keep coming.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bailiwick_types::{Code, Reason};
use http_body::{Body, Frame, SizeHint};
use tokio::time::Sleep;
use tonic::Status;

use crate::status::plain;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A request body that must have arrived within a limit, counted from the first time that it is waited for: a
/// body that came with the head needs no timer.
#[derive(Debug)]
pub(crate) struct Arriving<B> {
    body: B,
    limit: Option<Duration>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl<B> Arriving<B> {
    /// A body with a limit, where there is one.
    pub(crate) fn new(limit: Option<Duration>, body: B) -> Self {
        Self {
            body,
            limit: limit.filter(|limit| !limit.is_zero()),
            timer: None,
        }
    }
    /// A body with a limit.
    pub(crate) fn within(limit: Duration, body: B) -> Self {
        Self::new(Some(limit), body)
    }
}

impl<B: Body<Error: Into<BoxError>> + Unpin> Body for Arriving<B> {
    type Data = B::Data;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, BoxError>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) {
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let Some(limit) = this.limit else {
            return Poll::Pending;
        };
        let timer = this
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        if timer.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(late(limit).into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn late(limit: Duration) -> Status {
    let text = format!(
        "the request did not arrive within {} (setting `server.request_timeout`)",
        crate::HumanDuration::from(limit)
    );
    plain(Code::DeadlineExceeded, Reason::DeadlineExceeded, &text)
}
