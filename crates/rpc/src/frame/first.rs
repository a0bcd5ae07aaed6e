//! The first bytes of a connection: which protocol its client speaks.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use super::listener::Link;

/// The client connection preface of HTTP/2 (RFC 9113 section 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What a client speaks, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

/// A link whose first bytes have been read; reading starts with them.
pub(super) struct Opened {
    link: Box<dyn Link>,
    first: [u8; PREFACE.len()],
    read: usize,
    given: usize,
}

impl Opened {
    /// Reads until it is clear what the client speaks; `None` where the client went away before.
    pub(super) async fn read(link: Box<dyn Link>) -> io::Result<Option<(Self, Protocol)>> {
        let mut opened = Self {
            link,
            first: [0; PREFACE.len()],
            read: 0,
            given: 0,
        };
        loop {
            let room = opened.first.get_mut(opened.read..).unwrap_or_default();
            let more = opened.link.read(room).await?;
            if more == 0 {
                return Ok(None);
            }
            opened.read += more;
            let so_far = opened.first.get(..opened.read).unwrap_or_default();
            if so_far == PREFACE {
                return Ok(Some((opened, Protocol::Http2)));
            }
            if !PREFACE.starts_with(so_far) {
                return Ok(Some((opened, Protocol::Http1)));
            }
        }
    }
}

impl AsyncRead for Opened {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.given < this.read {
            let rest = this.first.get(this.given..this.read).unwrap_or_default();
            let (now, _) = rest.split_at(rest.len().min(buffer.remaining()));
            buffer.put_slice(now);
            this.given += now.len();
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut this.link).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Opened {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.link).poll_write(cx, bytes)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.link).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.link).poll_shutdown(cx)
    }
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.link).poll_write_vectored(cx, parts)
    }
    fn is_write_vectored(&self) -> bool {
        self.link.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    async fn opened(parts: &[&'static [u8]]) -> Option<(Vec<u8>, Protocol)> {
        let (mut client, server) = tokio::io::duplex(64);
        let parts = parts.to_vec();
        let sent = tokio::spawn(async move {
            for part in parts {
                client.write_all(part).await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        let (mut link, protocol) = Opened::read(Box::new(server)).await.unwrap()?;
        let mut all = Vec::new();
        link.read_to_end(&mut all).await.unwrap();
        sent.await.unwrap();
        Some((all, protocol))
    }

    #[tokio::test]
    async fn the_protocol_is_told_and_no_byte_is_lost() {
        let (all, protocol) = opened(&[b"PRI * HT", b"TP/2.0\r\n\r\nSM\r\n\r\nmore"])
            .await
            .unwrap();
        assert_eq!(protocol, Protocol::Http2);
        assert_eq!(all, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nmore");
        let (all, protocol) = opened(&[b"P", b"OST / HTTP/1.1\r\n\r\n"]).await.unwrap();
        assert_eq!(
            (protocol, all.as_slice()),
            (Protocol::Http1, &b"POST / HTTP/1.1\r\n\r\n"[..])
        );
        assert!(opened(&[b"PRI"]).await.is_none(), "gone before it is clear");
    }
}
