//! Accepts connections until shutdown.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
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

/// Accepts connections and serves each in its own task. Dropping the listener at the end closes the socket,
/// so that later clients are refused rather than left waiting.
pub(super) async fn accept<F, S>(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    max_connections: usize,
    life: Life,
    serve: S,
) where
    S: Fn(Box<dyn Link>, SocketAddr) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let permits = Arc::new(Semaphore::new(max_connections.clamp(1, Semaphore::MAX_PERMITS)));
    loop {
        let taken = tokio::select! {
            biased;
            () = life.closing.cancelled() => return,
            taken = async {
                let permit = Arc::clone(&permits).acquire_owned().await;
                (permit, listener.accept().await)
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
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        let (serve, tls, cut) = (serve.clone(), tls.clone(), life.cut.clone());
        life.connections.spawn(async move {
            let _permit = permit;
            let served = async {
                if let Some(link) = secure(stream, tls, peer).await {
                    serve(link, peer).await;
                }
            };
            tokio::select! {
                () = served => {}
                () = cut.cancelled() => {}
            }
        });
    }
}

async fn secure(stream: TcpStream, tls: Option<TlsAcceptor>, peer: SocketAddr) -> Option<Box<dyn Link>> {
    let Some(tls) = tls else {
        return Some(Box::new(stream));
    };
    match tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
        Ok(Ok(stream)) => Some(Box::new(stream)),
        Ok(Err(error)) => {
            tracing::debug!(%error, net.peer = %peer, "TLS handshake failed");
            None
        }
        Err(_) => {
            tracing::debug!(net.peer = %peer, "TLS handshake timed out");
            None
        }
    }
}
