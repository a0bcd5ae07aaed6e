//! `bailiwick test`.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Context, Result, bail};
use bailiwick_client::{Credentials, Endpoints};
use bailiwick_proto::testing::v1::{AdvanceClockRequest, clock_service_client::ClockServiceClient};
use bailiwick_rpc::Secret;
use bailiwick_scenario::{ClockRefused, Manifest, Options, Report, Runner, Scenario, Suite, Unusable};
use bailiwick_types::{Service, Timestamp};
use serde::Serialize;
use time::OffsetDateTime;
use tonic::transport::Channel;

use crate::{
    cli::{Output, Test},
    commands::operator,
    config::Config,
    connect, output, products, secret,
    suite::{self, Running, clock::MovableClock},
};

/// What is told of one file.
#[derive(Serialize)]
struct Told {
    file: String,
    title: String,
    passed: bool,
    held: usize,
    failures: Vec<Failed>,
    unsupported: Vec<String>,
    not_run: usize,
}

/// A step that did not hold.
#[derive(Serialize)]
struct Failed {
    line: u64,
    asked: String,
    expected: String,
    came: String,
    because: Option<String>,
    explanation: Option<String>,
}

impl From<&Report> for Told {
    fn from(report: &Report) -> Self {
        let failed = |f: &bailiwick_scenario::Failure| Failed {
            line: f.line,
            asked: f.asked.clone(),
            expected: f.expected.clone(),
            came: f.came.clone(),
            because: f.because.clone(),
            explanation: f.explanation.clone(),
        };
        Self {
            file: report.file.clone(),
            title: report.title.clone(),
            passed: report.passed(),
            held: report.held,
            failures: report.failures.iter().map(failed).collect(),
            unsupported: report
                .unsupported
                .iter()
                .map(|u| format!("{}: {}: {}", u.line, u.asked, u.message))
                .collect(),
            not_run: report.skipped.len(),
        }
    }
}

/// Runs scenario files; true where all held.
pub(crate) async fn run(arguments: &Test, how: Output) -> Result<bool> {
    // All are read first: a file that cannot be used is told before anything is started.
    let mut scenarios = Vec::new();
    let (files, endpoints) = arguments.files_and_endpoints()?;
    for file in &files {
        let text =
            std::fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))?;
        let scenario = Scenario::parse(&file.to_string_lossy(), &text)
            .map_err(|unusable: Unusable| anyhow::anyhow!("{unusable}"))?;
        manifest(arguments.products.as_deref(), scenario.product())
            .ok_or_else(|| anyhow::anyhow!("{}", scenario.unknown_product()))?;
        scenarios.push(scenario);
    }
    let live = match endpoints {
        given if given.is_empty() => None,
        given => Some(Live::new(arguments, given)?),
    };
    let mut told = Vec::new();
    for scenario in &scenarios {
        let report = match &live {
            Some(live) => one(live, arguments, scenario, Some(suite::random_text(6))).await,
            None => embedded(arguments, scenario).await?,
        };
        if how == Output::Human {
            output::line(&report);
        }
        told.push(Told::from(&report));
    }
    if how == Output::Json {
        output::line(serde_json::to_string_pretty(&told)?);
    }
    Ok(told.iter().all(|t| t.passed))
}

async fn embedded(arguments: &Test, scenario: &Scenario) -> Result<Report> {
    let suite = Own::start(arguments).await?;
    let report = one(&suite, arguments, scenario, None).await;
    suite.running.stop().await;
    Ok(report)
}

async fn one(suite: &dyn Suite, arguments: &Test, scenario: &Scenario, tag: Option<String>) -> Report {
    let options = Options {
        no_tokens: arguments.no_tokens,
        allow_unsupported: arguments.allow_unsupported,
        tag,
        secret: suite::random_text(32).into(),
    };
    Runner::new(suite, &options).run(scenario).await
}

fn manifest(directory: Option<&Path>, product: &str) -> Option<Manifest> {
    let file = format!("{product}.yaml");
    let own = directory.and_then(|d| std::fs::read_to_string(d.join(&file)).ok());
    let text = own.or_else(|| products::shipped(product).map(str::to_owned))?;
    Some(Manifest { file, text })
}

/// A suite of our own in a temporary directory, with a clock that the scenario moves.
struct Own {
    running: Running,
    clock: Arc<MovableClock>,
    password: String,
    products: Option<std::path::PathBuf>,
    _directory: tempfile::TempDir,
}

/// The operator of a suite of our own.
const OPERATOR: &str = "operator@bailiwick.invalid";

impl Own {
    async fn start(arguments: &Test) -> Result<Self> {
        let directory = tempfile::tempdir().context("cannot make a temporary directory")?;
        let clock = Arc::new(MovableClock::new(Timestamp(0)));
        let mut config = Config {
            data_dir: Some(directory.path().to_owned()),
            ..Config::default()
        };
        config.server.listen = ([127, 0, 0, 1], 0).into();
        config.server.drain_wait = Duration::ZERO.into();
        config.internal.key = Some(Secret::new(suite::random_text(48)));
        // Scenarios sign in all the time and keep nobody's secrets.
        config.identity = bailiwick_identity_server::IdentityConfig::for_tests();
        config.telemetry.log_filter = "error".into();
        let password = suite::random_text(24);
        operator::make(&config, OPERATOR, &password.clone().into()).await?;
        let running = suite::start(&config, &Service::ALL, clock.clone()).await?;
        Ok(Self {
            running,
            clock,
            password,
            products: arguments.products.clone(),
            _directory: directory,
        })
    }
}

#[async_trait::async_trait]
impl Suite for Own {
    fn endpoints(&self) -> Endpoints {
        Endpoints::one(format!("http://{}", self.running.grpc))
    }
    fn operator(&self) -> Credentials {
        Credentials::password(OPERATOR, self.password.clone().into(), None)
    }
    fn manifest(&self, product: &str) -> Option<Manifest> {
        manifest(self.products.as_deref(), product)
    }
    fn staleness(&self) -> Duration {
        STALENESS
    }
    async fn set_clock(&self, at: OffsetDateTime) -> Result<(), ClockRefused> {
        self.clock.set(at.into());
        Ok(())
    }
    async fn advance(&self, by: Duration) -> Result<(), ClockRefused> {
        self.clock.advance(by);
        Ok(())
    }
}

/// How old an answer may be that no token makes newer.
const STALENESS: Duration = Duration::from_secs(10);

/// A suite that runs elsewhere.
struct Live {
    given: Vec<String>,
    endpoints: Endpoints,
    operator: Credentials,
    products: Option<std::path::PathBuf>,
}

impl Live {
    fn new(arguments: &Test, given: Vec<String>) -> Result<Self> {
        let (Some(email), Some(file)) = (&arguments.email, &arguments.password_file) else {
            bail!("`--against` needs the operator's `--email` and `--password-file`");
        };
        Ok(Self {
            endpoints: connect::endpoints(&given)?,
            given,
            operator: Credentials::password(email, secret::first_line(file)?, None),
            products: arguments.products.clone(),
        })
    }
}

#[async_trait::async_trait]
impl Suite for Live {
    fn endpoints(&self) -> Endpoints {
        self.endpoints.clone()
    }
    fn operator(&self) -> Credentials {
        self.operator.clone()
    }
    fn manifest(&self, product: &str) -> Option<Manifest> {
        manifest(self.products.as_deref(), product)
    }
    fn staleness(&self) -> Duration {
        STALENESS
    }
    async fn set_clock(&self, at: OffsetDateTime) -> Result<(), ClockRefused> {
        for client in &mut self.clocks().await? {
            let now = moved(client, Duration::ZERO).await?;
            let by = Duration::try_from(at - now).map_err(|_| {
                ClockRefused(format!(
                    "it is {now} there, past {at}, and only goes forward: start test builds of the servers with `--clock`"
                ))
            })?;
            moved(client, by).await?;
        }
        Ok(())
    }
    async fn advance(&self, by: Duration) -> Result<(), ClockRefused> {
        for client in &mut self.clocks().await? {
            moved(client, by).await?;
        }
        Ok(())
    }
}

impl Live {
    /// The clock of each process.
    async fn clocks(&self) -> Result<Vec<ClockServiceClient<Channel>>, ClockRefused> {
        let mut clients = Vec::new();
        for endpoint in &self.given {
            let url = endpoint.split_once('=').map_or(endpoint.as_str(), |(_, url)| url);
            let client = ClockServiceClient::connect(url.to_owned()).await;
            clients.push(client.map_err(|error| not_a_test_build(&error))?);
        }
        Ok(clients)
    }
}

/// Moves a clock and gives what it tells then.
async fn moved(
    client: &mut ClockServiceClient<Channel>,
    by: Duration,
) -> Result<OffsetDateTime, ClockRefused> {
    let duration = prost_types::Duration::try_from(by).map_err(|error| not_a_test_build(&error))?;
    let request = AdvanceClockRequest {
        duration: Some(duration),
    };
    let answer = client.advance_clock(request).await;
    let answer = answer.map_err(|error| not_a_test_build(&error.message()))?;
    let time = answer.into_inner().time.unwrap_or_default();
    let nanos = i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos);
    OffsetDateTime::from_unix_timestamp_nanos(nanos).map_err(|error| not_a_test_build(&error))
}

fn not_a_test_build(error: &dyn std::fmt::Display) -> ClockRefused {
    ClockRefused(format!(
        "only a test build of the servers has such a clock: {error}"
    ))
}
