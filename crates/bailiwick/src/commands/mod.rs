//! The commands, a file each.

pub(crate) mod apply;
mod changes;
pub(crate) mod check;
mod config;
mod demo;
mod explanation;
mod export;
mod matrix;
mod migrate;
mod operator;
mod preview;
mod roles;
mod serve;
mod test;
mod tree;

use anyhow::Result;
use clap::CommandFactory;
use serde::Serialize;

use crate::{
    cli::{Cli, Command, Config, Operator},
    output,
};

/// What `version` prints.
#[derive(Serialize)]
struct Version {
    version: &'static str,
}

/// Runs a command; false where its answer is no.
pub(crate) fn run(cli: Cli) -> Result<bool> {
    let how = cli.output;
    match cli.command {
        Command::Config(Config::Schema) => config::schema()?,
        Command::Config(Config::Check { configured }) => config::check(&configured)?,
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "bailiwick", &mut std::io::stdout());
        }
        Command::Version => {
            let version = Version {
                version: env!("CARGO_PKG_VERSION"),
            };
            output::print(how, &version, |v| format!("bailiwick {}", v.version))?;
        }
        other => return runtime()?.block_on(asynchronous(other, how)),
    }
    Ok(true)
}

async fn asynchronous(command: Command, how: crate::cli::Output) -> Result<bool> {
    match command {
        Command::Serve(arguments) => serve::run(&arguments).await?,
        Command::Migrate(arguments) => migrate::run(&arguments, how).await?,
        Command::Operator(Operator::Create(arguments)) => operator::create(&arguments, how).await?,
        Command::Apply(arguments) => apply::run(&arguments, how).await?,
        Command::Preview(change) => preview::run(&change, how).await?,
        Command::Check(arguments) => return check::check(&arguments, how).await,
        Command::Explain(arguments) => return check::explain(&arguments, how).await,
        Command::Matrix(arguments) => matrix::run(&arguments, how).await?,
        Command::Export(arguments) => export::run(&arguments, how).await?,
        Command::Roles(arguments) => roles::run(&arguments, how).await?,
        Command::Test(arguments) => return test::run(&arguments, how).await,
        Command::Demo(arguments) => demo::run(&arguments).await?,
        Command::Config(_) | Command::Completions { .. } | Command::Version => {}
    }
    Ok(true)
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}
