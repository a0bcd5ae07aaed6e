//! `bailiwick serve`.

use std::sync::Arc;

use anyhow::{Context, Result};
use bailiwick_types::{Clock, Service, SystemClock};

use crate::{
    cli::{Serve, services},
    config::Config,
    output,
    suite::{self, Running},
};

/// Runs services until the process is told to stop.
pub(crate) async fn run(arguments: &Serve) -> Result<()> {
    let mut flags = Vec::new();
    flags.extend(arguments.listen.map(|a| ("server.listen", a.to_string())));
    flags.extend(
        arguments
            .http_listen
            .map(|a| ("server.http_listen", a.to_string())),
    );
    let config = Config::load(&arguments.configured, &flags)?;
    let services = services(&arguments.services);
    let running = suite::start(&config, &services, clock(arguments)).await?;
    announce(&services, &running);
    let signal = stopped().await?;
    tracing::info!(signal, "draining");
    running.stop().await;
    Ok(())
}

#[cfg(not(feature = "testing"))]
fn clock(_: &Serve) -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

#[cfg(feature = "testing")]
fn clock(arguments: &Serve) -> Arc<dyn Clock> {
    match arguments.clock {
        // It stands still until it is moved: a scenario says when it is how late, however slow the machine.
        Some(at) => Arc::new(suite::clock::MovableClock::new(at)),
        None => Arc::new(SystemClock),
    }
}

/// Tells where the process listens; scripts wait for this line.
fn announce(services: &[Service], running: &Running) {
    let names: Vec<_> = services.iter().map(|s| s.as_str()).collect();
    let http = running
        .http
        .map(|a| format!(" and http://{a}"))
        .unwrap_or_default();
    output::line(format!(
        "{} ready on grpc://{}{http}",
        names.join(", "),
        running.grpc
    ));
}

/// Waits for SIGTERM or Ctrl-C.
pub(crate) async fn stopped() -> Result<&'static str> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
    tokio::select! {
        _ = terminate.recv() => Ok("SIGTERM"),
        _ = interrupt.recv() => Ok("SIGINT"),
    }
}
