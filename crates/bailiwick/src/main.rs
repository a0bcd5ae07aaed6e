//! `bailiwick`: the suite and the tools of its operators.

mod cli;
mod commands;
mod config;
mod connect;
mod output;
mod products;
mod secret;
mod suite;

use std::process::ExitCode;

use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    match cli::Cli::parse().run().await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            output::error(format!("bailiwick: {error:#}"));
            ExitCode::from(2)
        }
    }
}
