//! `bailiwick test`.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, Result, anyhow, bail};
use bailiwick_client::{Credentials, Endpoints, Tls};
use bailiwick_proto::testing::v1::{AdvanceClockRequest, clock_service_client::ClockServiceClient};
use bailiwick_scenario::{ClockRefused, Failure, Manifest, Options, Report, Runner, Scenario, Suite};
use bailiwick_types::Timestamp;
use serde_json::{Value, json};
use time::OffsetDateTime;
use tonic::transport::Channel;

use crate::{
    cli::Output,
    connect, output, products, secret,
    suite::{
        self,
        clock::MovableClock,
        temporary::{STALENESS, Temporary},
    },
};

/// Arguments of `test`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Scenario files.
    #[arg(required_unless_present = "against")]
    files: Vec<PathBuf>,
    /// Run on a live suite: one URL for all services, or `SERVICE=URL` for each of the three.
    #[arg(long, value_name = "URL", num_args = 1.., value_delimiter = ',')]
    against: Vec<String>,
    /// E-mail address of the operator of the live suite.
    #[arg(long, env = "BAILIWICK_EMAIL")]
    email: Option<String>,
    /// File with the password of the operator of the live suite.
    #[arg(long, value_name = "FILE", env = "BAILIWICK_PASSWORD_FILE")]
    password_file: Option<PathBuf>,
    /// File with the CA certificates (PEM) to trust for `https` endpoints of the live suite.
    #[arg(long, value_name = "FILE", env = "BAILIWICK_CA_FILE")]
    ca_file: Option<PathBuf>,
    /// Directory of product manifests, searched before the built-in ones.
    #[arg(long, value_name = "DIR")]
    products: Option<PathBuf>,
    /// Send no consistency tokens: repeat a step until its answer fits or the staleness bound has passed.
    #[arg(long)]
    no_tokens: bool,
    /// Report steps that this version does not support, and those that depend on them, instead of failing.
    #[arg(long)]
    allow_unsupported: bool,
}

impl Args {
    /// The scenario files and the endpoints of a live suite. `--against` takes every value that follows it,
    /// so that files after the endpoints are among its values.
    fn files_and_endpoints(&self) -> Result<(Vec<PathBuf>, Vec<String>)> {
        let (endpoints, files_after): (Vec<_>, Vec<_>) = self
            .against
            .iter()
            .cloned()
            .partition(|value| value.contains("://"));
        if let (true, Some(first)) = (endpoints.is_empty(), files_after.first()) {
            bail!(
                "`--against {first}` is not an endpoint: use `http://HOST:PORT`, or `SERVICE=URL` for each of the three services"
            );
        }
        let files: Vec<_> = self
            .files
            .iter()
            .cloned()
            .chain(files_after.into_iter().map(PathBuf::from))
            .collect();
        if files.is_empty() {
            bail!("no scenario file is given: `bailiwick test FILE...`");
        }
        Ok((files, endpoints))
    }
}

/// Runs scenario files; true if all passed.
pub(crate) async fn run(arguments: &Args, output: Output) -> Result<bool> {
    let (files, endpoints) = arguments.files_and_endpoints()?;
    // All files are read before a suite is started.
    let mut scenarios = Vec::new();
    for file in &files {
        let text =
            std::fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))?;
        let scenario = Scenario::parse(&file.to_string_lossy(), &text).map_err(|error| anyhow!("{error}"))?;
        products::manifest(arguments.products.as_deref(), scenario.product())
            .ok_or_else(|| anyhow!("{}", scenario.unknown_product()))?;
        scenarios.push(scenario);
    }
    let live = match endpoints.as_slice() {
        [] => None,
        _ => Some(Live::new(arguments, endpoints)?),
    };
    let mut reports = Vec::new();
    for scenario in &scenarios {
        let report = match &live {
            Some(live) => run_one(live, arguments, scenario, Some(suite::random_text(6))).await,
            None => run_on_temporary(arguments, scenario).await?,
        };
        if output == Output::Table {
            output::line(&report);
        }
        reports.push(report);
    }
    if output != Output::Table {
        let reports: Value = reports.iter().map(report_json).collect();
        output::print(output, &reports, Value::to_string)?;
    }
    Ok(reports.iter().all(Report::passed))
}

async fn run_on_temporary(arguments: &Args, scenario: &Scenario) -> Result<Report> {
    let clock = MovableClock::new(Timestamp(0));
    let suite = Temporary::for_scenario(clock, arguments.products.clone()).await?;
    let report = run_one(&suite, arguments, scenario, None).await;
    suite.running.stop().await;
    Ok(report)
}

async fn run_one(suite: &dyn Suite, arguments: &Args, scenario: &Scenario, tag: Option<String>) -> Report {
    let options = Options {
        no_tokens: arguments.no_tokens,
        allow_unsupported: arguments.allow_unsupported,
        tag,
        secret: suite::random_text(32).into(),
    };
    Runner::new(suite, &options).run(scenario).await
}

fn report_json(report: &Report) -> Value {
    let failure = |failure: &Failure| {
        json!({
            "line": failure.line,
            "asked": failure.asked,
            "expected": failure.expected,
            "came": failure.came,
            "because": failure.because,
            "explanation": failure.explanation,
        })
    };
    let unsupported = report.unsupported.iter();
    let unsupported = unsupported.map(|u| format!("{}: {}: {}", u.line, u.asked, u.message));
    json!({
        "file": report.file,
        "title": report.title,
        "passed": report.passed(),
        "held": report.held,
        "failures": report.failures.iter().map(failure).collect::<Value>(),
        "unsupported": unsupported.collect::<Value>(),
        "not_run": report.skipped.len(),
    })
}

/// A suite that runs elsewhere.
struct Live {
    urls: Vec<String>,
    endpoints: Endpoints,
    operator: Credentials,
    products: Option<PathBuf>,
}

impl Live {
    fn new(arguments: &Args, urls: Vec<String>) -> Result<Self> {
        let (Some(email), Some(file)) = (&arguments.email, &arguments.password_file) else {
            bail!("`--against` requires the operator's `--email` and `--password-file`");
        };
        let mut endpoints = connect::endpoints(&urls)?;
        if let Some(file) = &arguments.ca_file {
            endpoints = endpoints.tls(Tls::Ca(file.clone()));
        }
        Ok(Self {
            endpoints,
            urls,
            operator: Credentials::password(email, secret::first_line(file)?, None),
            products: arguments.products.clone(),
        })
    }
    /// The clock of each process.
    fn clocks(&self) -> Result<Vec<ClockServiceClient<Channel>>, ClockRefused> {
        let mut clients = Vec::new();
        for endpoint in &self.urls {
            let url = endpoint.split_once('=').map_or(endpoint.as_str(), |(_, url)| url);
            let channel = self.endpoints.channel(url);
            let channel = channel.map_err(|error| not_a_test_build(&error))?;
            clients.push(ClockServiceClient::new(channel));
        }
        Ok(clients)
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
        products::manifest(self.products.as_deref(), product)
    }
    fn staleness(&self) -> Duration {
        STALENESS
    }
    async fn set_clock(&self, at: OffsetDateTime) -> Result<(), ClockRefused> {
        for client in &mut self.clocks()? {
            let now = moved(client, Duration::ZERO).await?;
            let by = Duration::try_from(at - now).map_err(|_| {
                ClockRefused(format!(
                    "it reads {now}, later than {at}, and only goes forward: start test builds of the servers with `--clock`"
                ))
            })?;
            moved(client, by).await?;
        }
        Ok(())
    }
    async fn advance(&self, by: Duration) -> Result<(), ClockRefused> {
        for client in &mut self.clocks()? {
            moved(client, by).await?;
        }
        Ok(())
    }
}

/// Moves a clock forward and returns its time.
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
        "only test builds of the servers have a movable clock: {error}"
    ))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::cli::{Cli, Command};

    #[test]
    fn files_after_the_endpoints_of_a_live_suite_are_files() {
        let read = |arguments: &[&str]| {
            let cli = Cli::try_parse_from(["bailiwick", "test"].iter().chain(arguments)).unwrap();
            match cli.command {
                Command::Test(test) => test.files_and_endpoints().map_err(|e| e.to_string()),
                other => Err(format!("{other:?}")),
            }
        };
        let one = (vec!["a.yaml".into()], vec!["http://a:1".to_owned()]);
        assert_eq!(read(&["--against", "http://a:1", "a.yaml"]), Ok(one.clone()));
        assert_eq!(read(&["a.yaml", "--against", "http://a:1"]), Ok(one));
        let three = read(&[
            "--against",
            "identity=http://a:1,tenancy=http://b:1,authorization=http://c:1",
            "a.yaml",
        ]);
        assert_eq!(three.unwrap().1.len(), 3);
        let wrong = read(&["--against", "localhost:7600", "a.yaml"]).unwrap_err();
        assert!(
            wrong.contains("`--against localhost:7600` is not an endpoint"),
            "{wrong}"
        );
        assert!(
            read(&["--against", "http://a:1"])
                .unwrap_err()
                .contains("no scenario file")
        );
    }
}
