//! `bailiwick`: the suite and the tools of those who run it.

mod cli;
mod commands;
mod config;
mod connect;
mod output;
mod products;
mod secret;
mod suite;
mod words;

use std::process::ExitCode;

use clap::Parser;

/// Yes, or done.
const YES: u8 = 0;
/// No.
const NO: u8 = 1;
/// A fault.
const FAULT: u8 = 2;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match commands::run(cli) {
        Ok(true) => YES.into(),
        Ok(false) => NO.into(),
        Err(error) => {
            // The whole chain on one line: each cause says what the one before could not.
            output::error(format!("bailiwick: {error:#}"));
            FAULT.into()
        }
    }
}
