//! `bailiwick completions`.

use clap::CommandFactory;

use crate::{cli::Cli, output};

/// Arguments of `completions`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The shell.
    shell: clap_complete::Shell,
}

/// Prints the script.
pub(crate) fn run(arguments: &Args) {
    // Into memory first: the generator panics where it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "bailiwick", &mut script);
    output::line(String::from_utf8_lossy(&script).trim_end());
}
