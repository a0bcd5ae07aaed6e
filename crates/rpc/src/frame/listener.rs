//! Takes connections until told to stop.

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
/// How long to wait after a connection could not be taken, as when the process has no file handles left.
const PAUSE: Duration = Duration::from_millis(50);

/// A connection, plain or TLS.
pub(super) trait Link: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Link for T {}

/// What the life of connections depends on.
#[derive(Debug, Clone)]
pub(super) struct Life {
    /// No more connections are taken, and those there are asked to end.
    pub(super) closing: CancellationToken,
    /// All connections are cut.
    pub(super) cut: CancellationToken,
    pub(super) connections: TaskTracker,
}

/// Takes connections and has each served in a task of its own. Dropping the listener at the end closes the socket, so
/// that who comes later is refused and not left waiting.
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
    let places = Arc::new(Semaphore::new(max_connections.clamp(1, Semaphore::MAX_PERMITS)));
    loop {
        let taken = tokio::select! {
            biased;
            () = life.closing.cancelled() => return,
            taken = async {
                let place = Arc::clone(&places).acquire_owned().await;
                (place, listener.accept().await)
            } => taken,
        };
        let (place, (stream, peer)) = match taken {
            (Ok(place), Ok(accepted)) => (place, accepted),
            (_, Err(error)) => {
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            (Err(_), _) => return,
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
        let (serve, tls, cut) = (serve.clone(), tls.clone(), life.cut.clone());
        life.connections.spawn(async move {
            let _place = place;
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
            tracing::debug!(%error, net.peer = %peer, "a TLS handshake failed");
            None
        }
        Err(_) => {
            tracing::debug!(net.peer = %peer, "a TLS handshake took too long");
            None
        }
    }
}
