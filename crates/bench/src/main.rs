//! `bailiwick-bench`: the cost of calls, compared with an empty one.

mod load;
mod measure;
mod plain;
mod report;
mod setup;
mod slow;
mod suite;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Parser, Subcommand, ValueEnum};

/// Load generators for the suite. Each run starts its own suite on loopback, in a temporary directory.
#[derive(Parser, Debug)]
#[command(name = "bailiwick-bench", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Compare an empty unary method behind all layers, with credentials, with one on a default tonic server.
    Noop(Options),
    /// Compare warm checks with empty calls of the same sizes, behind all layers and on a
    /// default tonic server.
    Check(Options),
    /// Compare warm checks alone with warm checks beside silent connections and unread exports of others.
    SlowClients(slow::Slow),
    /// Serve the empty method on a default tonic server, as the other commands do for comparison.
    #[command(hide = true)]
    PlainServer,
}

/// Formats of the result.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Output {
    /// A table.
    Human,
    /// One JSON value.
    Json,
}

/// Options of all runs.
#[derive(Args, Debug)]
struct Options {
    /// Total seconds of measurement, divided among rounds and kinds of call.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Rounds; results are medians over the rounds.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// HTTP/2 connections.
    #[arg(long, default_value_t = 4)]
    connections: usize,
    /// Calls in flight on each connection.
    #[arg(long, default_value_t = 16)]
    streams: usize,
    /// Role bindings in the subject's permission set.
    #[arg(long, default_value_t = 10)]
    bindings: usize,
    /// The `bailiwick` binary, built with `--features testing` [default: next to this program].
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
    /// Pin server and load generator to one core each.
    #[arg(long)]
    pin: bool,
    /// Format of the result.
    #[arg(long, short, value_enum, default_value = "human")]
    output: Output,
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    let options = match &cli.command {
        Command::Noop(options) | Command::Check(options) => options,
        Command::SlowClients(slow) => &slow.options,
        Command::PlainServer => return plain::serve(),
    };
    if options.pin {
        measure::pin_to(1)?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        if let Command::SlowClients(slow) = &cli.command {
            slow::raise_file_limit()?;
            let suite = suite::Suite::start(options.server.as_deref(), options.pin).await?;
            let world = setup::world(&suite, options.bindings).await?;
            return report::print_slow(&slow::run(&suite, &world, slow).await?, options.output);
        }
        let suite = suite::Suite::start(options.server.as_deref(), options.pin).await?;
        let plain = plain::Plain::start(options.pin).await?;
        let world = setup::world(&suite, options.bindings).await?;
        let with_check = matches!(cli.command, Command::Check(_));
        let report = measure::run(&suite, &plain, &world, options, with_check).await?;
        report::print(&report, options.output)
    })
}
