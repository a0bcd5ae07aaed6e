//! Chores of the workspace: `cargo xtask codegen`, `cargo xtask check`.

mod codegen;
mod edges;

use clap::Parser;

/// Chores of the workspace.
#[derive(Parser)]
enum Chore {
    /// Makes the generated code of `crates/proto` from `proto/`.
    Codegen {
        /// Only tells whether the checked-in code is what would be made; exits with 1 where it is not.
        #[arg(long)]
        check: bool,
    },
    /// Checks the edges between crates, and that there is one TLS provider.
    Check,
}

fn main() -> anyhow::Result<()> {
    match Chore::parse() {
        Chore::Codegen { check } => codegen::run(check),
        Chore::Check => edges::check(),
    }
}
