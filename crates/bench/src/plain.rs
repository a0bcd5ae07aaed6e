//! The baseline: the empty method on a default tonic server without layers.

use std::io::Write;

use anyhow::{Context, Result};
use bailiwick_proto::testing::v1::{
    NoopRequest, NoopResponse,
    noop_service_server::{NoopService, NoopServiceServer},
};
use tokio::{net::TcpListener, process::Child};
use tonic::{Request, Response, Status, transport::Server};

use crate::suite::spawn;

struct Noop;

#[tonic::async_trait]
impl NoopService for Noop {
    async fn noop(&self, request: Request<NoopRequest>) -> Result<Response<NoopResponse>, Status> {
        let bytes = usize::try_from(request.get_ref().answer_bytes).unwrap_or_default();
        Ok(Response::new(NoopResponse {
            ballast: vec![7; bytes],
        }))
    }
}

/// Prints a free loopback address and serves the empty method on it until killed, on the
/// runtime of `#[tokio::main]`.
pub(crate) fn serve() -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        writeln!(std::io::stdout(), "{}", listener.local_addr()?)?;
        let incoming = tonic::transport::server::TcpIncoming::from(listener).with_nodelay(Some(true));
        Server::builder()
            .add_service(NoopServiceServer::new(Noop))
            .serve_with_incoming(incoming)
            .await?;
        Ok(())
    })
}

/// That server in its own process, which is killed when this value is dropped.
pub(crate) struct Plain {
    child: Child,
    /// Its URL.
    pub(crate) endpoint: String,
}

impl Plain {
    /// Starts this program a second time.
    pub(crate) async fn start(pin: bool) -> Result<Self> {
        let (child, mut lines) = spawn(&std::env::current_exe()?, &["plain-server"], pin)?;
        let address = lines.next_line().await?;
        let address = address.context("the plain server ended before it printed its address")?;
        Ok(Self {
            child,
            endpoint: format!("http://{address}"),
        })
    }
    /// The process id.
    pub(crate) fn pid(&self) -> Result<u32> {
        self.child.id().context("the plain server has ended")
    }
}
