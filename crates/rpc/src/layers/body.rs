//! The response body, observed to its end: its trailers carry the status of a call.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep};
use tonic::{Code, Status, body::Body};

use super::observe::Observation;
use crate::{
    current::{self, Current},
    frame::OpenStream,
};

/// A response body.
#[derive(Debug)]
pub(crate) struct AnswerBody {
    inner: Body,
    watch: Option<Watch>,
    /// Until the end of the response.
    #[expect(dead_code, reason = "it is held, not read")]
    open: Option<OpenStream>,
}

/// What observes a body until its end.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) observation: Observation,
    pub(crate) current: Current,
    /// The caller's deadline; a body that is never pending needs no timer for it.
    pub(crate) deadline: Option<Instant>,
    pub(crate) timer: Option<Pin<Box<Sleep>>>,
}

impl AnswerBody {
    pub(crate) fn watched(inner: Body, watch: Watch) -> Self {
        Self {
            inner,
            watch: Some(watch),
            open: None,
        }
    }
    pub(crate) fn plain(inner: Body) -> Self {
        Self {
            inner,
            watch: None,
            open: None,
        }
    }
    /// The same body, which keeps its stream counted as open.
    pub(crate) fn open(self, open: Option<OpenStream>) -> Self {
        Self { open, ..self }
    }
    fn end(&mut self, code: Code) {
        if let Some(watch) = self.watch.take() {
            watch.observation.end(code);
        }
    }
}

impl http_body::Body for AnswerBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        let Some(watch) = &mut this.watch else {
            return Pin::new(&mut this.inner).poll_frame(cx);
        };
        let inner = &mut this.inner;
        let span = watch.observation.span.clone();
        let polled = current::within(watch.current.clone(), || {
            span.in_scope(|| {
                std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| Pin::new(inner).poll_frame(cx)))
            })
        });
        match polled {
            Ok(Poll::Ready(Some(Ok(frame)))) => {
                if let Some(trailers) = frame.trailers_ref() {
                    this.end(code(trailers));
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Ok(Poll::Ready(Some(Err(status)))) => {
                this.end(status.code());
                Poll::Ready(Some(Err(status)))
            }
            Ok(Poll::Ready(None)) => {
                this.end(Code::Ok);
                Poll::Ready(None)
            }
            Ok(Poll::Pending) => {
                let Some(at) = watch.deadline else {
                    return Poll::Pending;
                };
                let timer = watch
                    .timer
                    .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
                if timer.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                let status = super::deadline_exceeded();
                Poll::Ready(Some(Ok(this.cut(&status))))
            }
            Err(panic) => {
                let status = current::within(watch.current.clone(), || super::panicked(&*panic));
                Poll::Ready(Some(Ok(this.cut(&status))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl AnswerBody {
    /// Ends the body with a status.
    fn cut(&mut self, status: &Status) -> Frame<Bytes> {
        self.inner = Body::empty();
        self.end(status.code());
        let mut trailers = HeaderMap::new();
        // A status that does not fit into headers must still end the call with an error.
        if status.add_header(&mut trailers).is_err() {
            trailers.insert("grpc-status", http::HeaderValue::from_static("13"));
        }
        Frame::trailers(trailers)
    }
}

/// The code in headers or trailers.
pub(crate) fn code(headers: &HeaderMap) -> Code {
    headers
        .get("grpc-status")
        .map_or(Code::Unknown, |value| Code::from_bytes(value.as_bytes()))
}
