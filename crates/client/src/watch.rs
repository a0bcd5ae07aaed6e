//! Reads the consistency token of a response as it passes through.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tonic::{Status, body::Body};

use crate::{TokenJar, shape::text_field, transport::FRAME_HEAD};

/// The body of a response of one message. Its token is observed before the caller sees the message.
pub(crate) struct TokenWatch {
    inner: Body,
    field: u32,
    jar: TokenJar,
    /// The tokens that the request carried.
    sent: Vec<Arc<str>>,
    seen: Vec<u8>,
}

impl TokenWatch {
    pub(crate) fn wrap(inner: Body, field: u32, jar: TokenJar, sent: Vec<Arc<str>>) -> Body {
        Body::new(Self {
            inner,
            field,
            jar,
            sent,
            seen: Vec::new(),
        })
    }
    fn scan(&mut self, data: &[u8]) {
        self.seen.extend_from_slice(data);
        let Some((head, message)) = self.seen.split_at_checked(FRAME_HEAD) else {
            return;
        };
        let &[compressed, a, b, c, d] = head else { return };
        let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        if compressed == 0 && message.len() == length {
            if let Some(token) = text_field(message, self.field) {
                self.jar.answered(&self.sent, &token);
            }
            self.seen.clear();
        }
    }
}

impl http_body::Body for TokenWatch {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            let data = data.clone();
            self.scan(&data);
        }
        polled
    }
    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }
    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
