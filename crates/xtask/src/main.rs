//! Chores of the workspace: `cargo xtask codegen`, `cargo xtask check`, `cargo xtask size`.

mod checks;
mod codegen;
mod names;
mod reference;
mod source;

use std::{io::Write, path::PathBuf};

use clap::Parser;

/// Chores of the workspace.
#[derive(Parser)]
enum Chore {
    /// Makes what is generated: code and the table of methods from `proto/`, the lists of `docs/reference/`.
    Codegen {
        /// Compares instead of writing; exits with 1 where a checked-in file is stale.
        #[arg(long)]
        check: bool,
    },
    /// Checks what the compiler does not: edges between crates and between modules, length of files, tests of
    /// use cases, callers of capabilities, width of comments, and that there is one TLS provider.
    Check,
    /// Prints the lines of production code by crate.
    Size {
        /// The workspace to count, for example another worktree.
        #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))]
        path: PathBuf,
    },
}

fn main() -> anyhow::Result<()> {
    match Chore::parse() {
        Chore::Codegen { check } => codegen::run(check),
        Chore::Check => checks::run(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")),
        Chore::Size { path } => Ok(std::io::stdout().write_all(checks::report(&path)?.as_bytes())?),
    }
}
