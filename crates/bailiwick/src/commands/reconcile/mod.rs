//! `bailiwick reconcile`.

mod finding;
mod intents;
mod link;
mod report;
mod strays;
mod suite;

use std::time::Duration;

use anyhow::Result;
use bailiwick_rpc::HumanDuration;

use crate::{
    cli::Output,
    config::{Config, Source},
    output,
};
use report::Report;
use suite::Suite;

/// Arguments of `reconcile`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Mend what differs: finish what is unfinished, have each service read what it follows anew, and let the
    /// owner's data win.
    #[arg(long)]
    apply: bool,
    /// Also remove members, bindings, grants, memberships of groups, approvals and quotas of users and
    /// service accounts that identity does not have, and revoke the invitations that they made.
    #[arg(long, requires = "apply")]
    remove_unknown: bool,
    /// How long to wait for changes that are on their way between running services.
    #[arg(long, value_name = "DURATION", default_value = "5s")]
    wait: HumanDuration,
    #[command(flatten)]
    source: Source,
}

/// Compares the databases and mends what differs; false means that something differs still.
pub(crate) async fn run(arguments: &Args, output: Output) -> Result<bool> {
    let config = Config::load(&arguments.source, &[])?;
    let suite = Suite::open(&config).await?;
    let report = reconcile(&suite, arguments).await;
    suite.close().await;
    let report = report?;
    output::print(output, &report, Report::text)?;
    Ok(report.remaining() == 0)
}

async fn reconcile(suite: &Suite, arguments: &Args) -> Result<Report> {
    let wait = arguments.wait.get();
    if arguments.apply {
        let destroyed = suite.replay_deletions().await?;
        if destroyed > 0 {
            tracing::info!(destroyed, "destroyed keys of deleted persons again");
        }
    }
    let found = confirmed(suite, wait).await?;
    if !arguments.apply || found.is_empty() {
        return Ok(Report::found(found));
    }
    suite.mend(arguments.remove_unknown).await?;
    Ok(Report::mended(found, confirmed(suite, wait).await?))
}

/// What differs twice: what is only on its way has arrived by the second look, or has changed.
async fn confirmed(suite: &Suite, wait: Duration) -> Result<finding::Findings> {
    let first = suite.look(wait).await?;
    if first.is_empty() {
        return Ok(first);
    }
    // A feed that did not arrive in time is not waited for again.
    let wait = if first.names_a_feed() {
        Duration::ZERO
    } else {
        wait
    };
    Ok(suite.look(wait).await?.seen_in(&first))
}
