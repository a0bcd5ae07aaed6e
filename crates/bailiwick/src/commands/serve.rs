//! `bailiwick serve`.

use std::{net::SocketAddr, sync::Arc};

use anyhow::Result;
use bailiwick_types::{Clock, Service, SystemClock};

use crate::{
    config::{self, Config, Source},
    output,
    suite::{self, Running},
};

/// Arguments of `serve`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Services to run; all three if none is given.
    #[arg(value_name = "SERVICE", value_parser = config::service())]
    services: Vec<Service>,
    #[command(flatten)]
    source: Source,
    /// Address of the gRPC listener.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Address of the listener for the services in other processes.
    #[arg(long, value_name = "ADDRESS")]
    internal_listen: Option<SocketAddr>,
    /// Address of the HTTP listener: tokens, keys, health, metrics.
    #[arg(long, value_name = "ADDRESS")]
    http_listen: Option<SocketAddr>,
    /// Address of a listener for health and metrics alone; without it the HTTP listener has them.
    #[arg(long, value_name = "ADDRESS")]
    health_listen: Option<SocketAddr>,
    /// Start although a protection is missing, such as row-level security with a superuser of PostgreSQL;
    /// what is missing is logged.
    #[arg(long)]
    insecure: bool,
    /// Instant (RFC 3339) at which the clock of the process stands until it is moved, to run scenarios on a
    /// live suite. Only test builds have this option.
    #[cfg(feature = "testing")]
    #[arg(long, value_name = "INSTANT", value_parser = bailiwick_types::Timestamp::parse)]
    clock: Option<bailiwick_types::Timestamp>,
}

/// Runs services until SIGTERM or Ctrl-C; SIGHUP has them read their TLS certificate and keys again.
pub(crate) async fn run(arguments: &Args) -> Result<()> {
    let mut flags = Vec::new();
    flags.extend(arguments.listen.map(|a| ("server.listen", a.to_string())));
    flags.extend(
        arguments
            .internal_listen
            .map(|a| ("server.internal_listen", a.to_string())),
    );
    flags.extend(
        arguments
            .http_listen
            .map(|a| ("server.http_listen", a.to_string())),
    );
    flags.extend(
        arguments
            .health_listen
            .map(|a| ("server.health_listen", a.to_string())),
    );
    flags.extend(arguments.insecure.then(|| ("insecure", "true".to_owned())));
    let config = Config::load(&arguments.source, &flags)?;
    let services = config::services(&arguments.services);
    let hangups = suite::hangups()?;
    let running = suite::start(&config, &services, clock(arguments)).await?;
    announce(&services, &running);
    let signal = tokio::select! {
        signal = suite::stopped() => signal?,
        failed = suite::reload(&running, hangups) => failed?,
    };
    tracing::info!(signal, "draining");
    running.stop().await;
    Ok(())
}

#[cfg(not(feature = "testing"))]
fn clock(_: &Args) -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

#[cfg(feature = "testing")]
fn clock(arguments: &Args) -> Arc<dyn Clock> {
    match arguments.clock {
        // Scenarios move it, so that they do not depend on the speed of the machine.
        Some(at) => Arc::new(suite::clock::MovableClock::new(at)),
        None => Arc::new(SystemClock),
    }
}

/// Prints where the process listens; scripts wait for this line.
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
