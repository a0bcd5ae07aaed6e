//! `bailiwick completions`.

use clap::CommandFactory;

use crate::cli::Cli;

/// Arguments of `completions`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The shell.
    shell: clap_complete::Shell,
}

/// Prints the script.
pub(crate) fn run(arguments: &Args) {
    clap_complete::generate(
        arguments.shell,
        &mut Cli::command(),
        "bailiwick",
        &mut std::io::stdout(),
    );
}
