//! The floor: the empty method on a default tonic server, with nothing around it.

use std::{io::Write, process::Stdio};

use anyhow::{Context, Result};
use bailiwick_proto::testing::v1::{
    NoopRequest, NoopResponse,
    noop_service_server::{NoopService, NoopServiceServer},
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpListener,
    process::{Child, Command},
};
use tonic::{Request, Response, Status, transport::Server};

struct Nothing;

#[tonic::async_trait]
impl NoopService for Nothing {
    async fn noop(&self, request: Request<NoopRequest>) -> Result<Response<NoopResponse>, Status> {
        let bytes = usize::try_from(request.get_ref().answer_bytes).unwrap_or_default();
        Ok(Response::new(NoopResponse {
            ballast: vec![7; bytes],
        }))
    }
}

/// Serves the empty method on a free port of loopback, which it prints, until it is killed. The runtime is
/// what `#[tokio::main]` makes.
pub(crate) fn serve() -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        writeln!(std::io::stdout(), "{}", listener.local_addr()?)?;
        let incoming = tonic::transport::server::TcpIncoming::from(listener).with_nodelay(Some(true));
        Server::builder()
            .add_service(NoopServiceServer::new(Nothing))
            .serve_with_incoming(incoming)
            .await?;
        Ok(())
    })
}

/// That server in a process of its own; it ends with this value.
pub(crate) struct Plain {
    child: Child,
    /// Where it answers.
    pub(crate) endpoint: String,
}

impl Plain {
    /// Starts this program a second time.
    pub(crate) async fn start(pin: bool) -> Result<Self> {
        let own = std::env::current_exe()?;
        let mut command = if pin {
            let mut taskset = Command::new("taskset");
            taskset.args(["-c", "0"]).arg(&own);
            taskset
        } else {
            Command::new(&own)
        };
        let mut child = command
            .arg("plain-server")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let output = child
            .stdout
            .take()
            .context("the plain server has no standard output")?;
        let line = BufReader::new(output).lines().next_line().await?;
        let address = line.context("the plain server ended before it said where it listens")?;
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
