//! `bailiwick`: the suite and the tools of its operators.

mod cli;
mod commands;
mod config;
mod connect;
mod output;
mod products;
#[cfg(test)]
mod reference;
mod secret;
mod suite;

use std::process::ExitCode;

use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let output = cli.output;
    let came = cli.run().await;
    // Without them the next command may read what is some milliseconds old: no reason to fail this one.
    let _ = connect::tokens::keep();
    match came {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            output::failure(output, &error);
            ExitCode::from(2)
        }
    }
}
