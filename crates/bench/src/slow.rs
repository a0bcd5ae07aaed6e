//! Checks of one account beside clients that hold connections and streams and do nothing with them.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use bailiwick_client::{Client, Credentials, Endpoints};
use bailiwick_proto::{
    authorization::v1::{
        ExportFormat, ExportPermissionsRequest, ExportPermissionsResponse,
        export_service_client::ExportServiceClient,
    },
    tenancy::v1::CreateAccountRequest,
};
use serde::Serialize;
use tokio::{io::AsyncReadExt, net::TcpSocket, task::JoinSet};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Streaming, transport::Endpoint};

use crate::{
    Options,
    load::{self, Call},
    measure::{connect, median},
    setup::World,
    suite::{OPERATOR, Suite},
};

/// Where the silent connections come from: another address than the checks.
const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
const LOWEST_PRIORITY: i32 = 19;
/// Bytes that the reader of an export takes before it stops.
const WINDOW: u32 = 16;

/// Who does nothing, and how many of them.
#[derive(clap::Args, Debug)]
pub(crate) struct Slow {
    #[command(flatten)]
    pub(crate) options: Options,
    /// Connections on which nothing is sent; one that the server closes after a while is made again.
    #[arg(long, default_value_t = 5_000)]
    silent: usize,
    /// Exports, each of another account, of which nothing is read.
    #[arg(long, default_value_t = 50)]
    exports: usize,
}

/// The result of a run: medians over the rounds.
#[derive(Serialize, Debug)]
pub(crate) struct Report {
    /// The 99th percentile of a check alone, in microseconds.
    pub(crate) alone_p99_us: f64,
    /// The same beside the slow clients.
    pub(crate) beside_p99_us: f64,
    /// The median of the ratios of each round.
    pub(crate) ratio: f64,
    /// Checks per second that were sent.
    pub(crate) rate: f64,
    /// Silent connections that were made in a round, at least.
    pub(crate) connected: usize,
    /// Silent connections that were open at the end of a round, at least: those of one address are capped.
    pub(crate) silent: usize,
    /// Exports that the server began and nobody read, at least; the others were refused.
    pub(crate) unread: usize,
}

/// Lets this process and the suite have as many files open as the machine allows.
pub(crate) fn raise_file_limit() -> Result<()> {
    let mut limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit.current = limit.maximum;
    Ok(rustix::process::setrlimit(
        rustix::process::Resource::Nofile,
        limit,
    )?)
}

/// Runs the rounds.
pub(crate) async fn run(suite: &Suite, world: &World, slow: &Slow) -> Result<Report> {
    let Slow {
        options,
        silent,
        exports,
    } = slow;
    let channels = connect(&suite.endpoint, options.connections).await?;
    let rounds = u32::try_from(options.rounds.max(1))?;
    let slice = Duration::from_secs(options.seconds.max(1)) / (rounds * 2);
    let call = Call::check(world);
    let full = load::closed(
        &call,
        &channels,
        options.streams,
        &world.bearer,
        Duration::from_secs(2),
    )
    .await?;
    let rate = full.calls as f64 / full.elapsed.as_secs_f64() * 0.5;
    let accounts = accounts(suite, *exports).await?;
    let p99 = async || {
        let paced = load::open(&call, &channels, &world.bearer, rate, slice).await?;
        anyhow::Ok(paced.latency.value_at_quantile(0.99) as f64 / 1_000.0)
    };
    let address: SocketAddr = suite.endpoint.trim_start_matches("http://").parse()?;
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    let (mut open, mut connected, mut unread) = (usize::MAX, usize::MAX, usize::MAX);
    for _ in 0..rounds {
        alone.push(p99().await?);
        let reading = unread_exports(suite, &accounts).await?;
        let counted = Arc::new(Counted::default());
        let holding = hold(address, *silent, &counted).await?;
        beside.push(p99().await?);
        open = open.min(counted.open.load(Ordering::Relaxed));
        connected = connected.min(counted.made.load(Ordering::Relaxed));
        unread = unread.min(reading.len());
        drop(holding);
    }
    let ratios = beside.iter().zip(&alone).map(|(beside, alone)| beside / alone);
    Ok(Report {
        ratio: median(ratios.collect()),
        alone_p99_us: median(alone),
        beside_p99_us: median(beside),
        rate,
        silent: open,
        connected,
        unread,
    })
}

/// Silent connections.
#[derive(Default)]
struct Counted {
    made: AtomicUsize,
    open: AtomicUsize,
}

/// Silent connections on a thread of their own, which gets what the load generator leaves of its core:
/// whoever holds them is somebody else. Dropping it closes them.
struct Holding {
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked was told of on standard error.
            let _ = thread.join();
        }
    }
}

/// Opens connections on which nothing is sent, and keeps them until it is dropped.
async fn hold(address: SocketAddr, count: usize, counted: &Arc<Counted>) -> Result<Holding> {
    let stop = CancellationToken::new();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let thread = std::thread::spawn({
        let (stop, counted) = (stop.clone(), Arc::clone(counted));
        move || {
            // Without the lower priority it only disturbs more.
            let _ = rustix::process::setpriority_process(None, LOWEST_PRIORITY);
            runtime.block_on(stop.run_until_cancelled(open_all(address, count, counted)));
        }
    });
    // All of them are tried before the checks begin.
    while counted.made.load(Ordering::Relaxed) < count {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(Holding {
        stop,
        thread: Some(thread),
    })
}

async fn open_all(address: SocketAddr, count: usize, counted: Arc<Counted>) {
    let mut tasks = JoinSet::new();
    for _ in 0..count {
        let counted = Arc::clone(&counted);
        tasks.spawn(async move {
            while let Ok(lasted) = silent(address, &counted).await {
                // Beyond the cap of its address it was closed at once: then it is not tried again.
                if lasted < Duration::from_secs(1) {
                    break;
                }
            }
        });
    }
    tasks.join_all().await;
    std::future::pending::<()>().await;
}

/// One connection; returns how long the server kept it.
async fn silent(address: SocketAddr, counted: &Counted) -> std::io::Result<Duration> {
    let connecting = async {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(ELSEWHERE, 0))?;
        socket.connect(address).await
    };
    let connected = connecting.await;
    counted.made.fetch_add(1, Ordering::Relaxed);
    let mut stream = connected?;
    counted.open.fetch_add(1, Ordering::Relaxed);
    let since = Instant::now();
    // It ends with the connection, or in an error.
    let _ = stream.read(&mut [0; 1]).await;
    counted.open.fetch_sub(1, Ordering::Relaxed);
    Ok(since.elapsed())
}

/// Begins an export of each account on a connection of its own, and reads nothing of it.
async fn unread_exports(
    suite: &Suite,
    accounts: &Exports,
) -> Result<Vec<Streaming<ExportPermissionsResponse>>> {
    let mut reading = Vec::new();
    for account in &accounts.accounts {
        let endpoint = Endpoint::from_shared(suite.endpoint.clone())?.initial_stream_window_size(WINDOW);
        let channel = endpoint.connect().await?;
        let mut request = Request::new(ExportPermissionsRequest {
            account: account.clone(),
            format: ExportFormat::Csv.into(),
            ..Default::default()
        });
        request
            .metadata_mut()
            .insert("authorization", accounts.bearer.parse()?);
        let mut client = ExportServiceClient::new(channel);
        let began = client.export_permissions(request);
        // Exports beyond the limit wait for others to end, or are refused.
        if let Ok(Ok(answer)) = tokio::time::timeout(Duration::from_secs(2), began).await {
            reading.push(answer.into_inner());
        }
    }
    Ok(reading)
}

/// Accounts to export, and who may.
struct Exports {
    accounts: Vec<String>,
    bearer: String,
}

async fn accounts(suite: &Suite, count: usize) -> Result<Exports> {
    let client = Client::connect(&Endpoints::one(&suite.endpoint))
        .await?
        .with_credentials(Credentials::password(
            OPERATOR,
            suite.password.clone().into(),
            None,
        ));
    let mut accounts = Vec::new();
    for n in 0..count {
        let create = CreateAccountRequest {
            product: "one-question".into(),
            title: format!("Export {n}"),
            ..Default::default()
        };
        let made = client.tenancy().account().create_account(create).await?;
        accounts.push(made.into_inner().account.context("no account")?.account);
    }
    let sign_in = bailiwick_proto::identity::v1::SignInRequest {
        email: OPERATOR.into(),
        password: suite.password.clone(),
        ..Default::default()
    };
    let signed = client.identity().authentication().sign_in(sign_in).await?;
    let tokens = signed.into_inner().tokens.context("no tokens")?;
    Ok(Exports {
        accounts,
        bearer: format!("Bearer {}", tokens.access_token),
    })
}
