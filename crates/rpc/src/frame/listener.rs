//! Accepts connections until shutdown.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    first::{Opened, Protocol},
    peers::PerPeer,
};
use crate::{
    ServerConfig,
    metrics::{self, IntCounterVec},
};

/// The pause after a failed accept, as when the process has no file descriptors left.
const PAUSE: Duration = Duration::from_millis(50);

/// A connection, plain or TLS.
pub(super) trait Link: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Link for T {}

/// The shutdown signals of connections, and their tasks.
#[derive(Debug, Clone)]
pub(super) struct Life {
    /// Stops accepting, and asks open connections to finish.
    pub(super) closing: CancellationToken,
    /// Aborts all connections.
    pub(super) cut: CancellationToken,
    pub(super) connections: TaskTracker,
}

impl Life {
    pub(super) fn new() -> Self {
        Self {
            closing: CancellationToken::new(),
            cut: CancellationToken::new(),
            connections: TaskTracker::new(),
        }
    }
}

/// A bound listener and what it allows.
pub(super) struct Listener {
    socket: TcpListener,
    tls: Option<TlsAcceptor>,
    permits: Arc<Semaphore>,
    peers: Arc<PerPeer>,
    first_request: Duration,
    closed: IntCounterVec,
}

impl Listener {
    pub(super) fn new(socket: TcpListener, tls: Option<TlsAcceptor>, config: &ServerConfig) -> Self {
        Self {
            socket,
            tls,
            permits: Arc::new(Semaphore::new(
                config.max_connections.clamp(1, Semaphore::MAX_PERMITS),
            )),
            peers: PerPeer::new(config.max_connections_per_peer, &config.trusted_proxies),
            first_request: config.first_request_timeout.get(),
            closed: metrics::counters(
                "bailiwick_connections_closed_total",
                "Connections that were closed before their first request, by reason.",
                &["reason"],
            ),
        }
    }

    /// Accepts connections and serves each in its own task. Dropping the listener at the end closes the
    /// socket, so that later clients are refused rather than left waiting.
    pub(super) async fn accept<F, S>(self, life: Life, serve: S)
    where
        S: Fn(Opened, Protocol, SocketAddr) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        loop {
            let taken = tokio::select! {
                biased;
                () = life.closing.cancelled() => return,
                taken = async {
                    let permit = Arc::clone(&self.permits).acquire_owned().await;
                    (permit, self.socket.accept().await)
                } => taken,
            };
            let (permit, (stream, peer)) = match taken {
                (Ok(permit), Ok(accepted)) => (permit, accepted),
                (_, Err(error)) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
                (Err(_), _) => return,
            };
            let Some(place) = self.peers.enter(peer.ip()) else {
                self.closed.with_label_values(&["per_peer"]).inc();
                tracing::debug!(net.peer = %peer, "closed a connection beyond `max_connections_per_peer`");
                continue;
            };
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "cannot set TCP_NODELAY");
            }
            let opened = open(stream, self.tls.clone());
            let (serve, cut) = (serve.clone(), life.cut.clone());
            let (first_request, closed) = (self.first_request, self.closed.clone());
            life.connections.spawn(async move {
                let _held = (permit, place);
                let served = async {
                    match tokio::time::timeout(first_request, opened).await {
                        Ok(Ok(Some((link, protocol)))) => serve(link, protocol, peer).await,
                        Ok(Ok(None)) => {}
                        Ok(Err(error)) => {
                            closed.with_label_values(&["handshake"]).inc();
                            tracing::debug!(%error, net.peer = %peer, "a connection failed at its start");
                        }
                        Err(_) => {
                            closed.with_label_values(&["silent"]).inc();
                            tracing::debug!(net.peer = %peer, "closed a silent connection");
                        }
                    }
                };
                tokio::select! {
                    () = served => {}
                    () = cut.cancelled() => {}
                }
            });
        }
    }
}

/// Finishes the TLS handshake and reads the first bytes.
async fn open(stream: TcpStream, tls: Option<TlsAcceptor>) -> io::Result<Option<(Opened, Protocol)>> {
    match tls {
        None => Opened::read(Box::new(stream)).await,
        Some(tls) => Opened::read(Box::new(tls.accept(stream).await?)).await,
    }
}
