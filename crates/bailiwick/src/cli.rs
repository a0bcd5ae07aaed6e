//! The command line.

use anyhow::Result;
use clap::{Parser, Subcommand, ValueEnum};

use crate::commands::{
    apply, backup, check, completions, config, database, demo, explain, export, keys, matrix, migrate,
    operator, preview, reconcile, restore, roles, serve, test, user, version,
};

/// Identity, tenancy and authorization over gRPC.
#[derive(Parser, Debug)]
#[command(
    name = "bailiwick",
    version,
    after_help = "Exit codes: 0 success or yes, 1 no (denied, a scenario failed, or databases differ), 2 error (invalid input, no answer).\n\
                  First steps: `bailiwick demo`, or `bailiwick serve` and `bailiwick operator create --help`."
)]
pub(crate) struct Cli {
    /// Format of the results.
    #[arg(
        long,
        short,
        global = true,
        value_enum,
        default_value = "human",
        env = "BAILIWICK_OUTPUT"
    )]
    output: Output,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Formats of results.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Output {
    /// Tables and sentences.
    Human,
    /// One JSON value.
    Json,
}

/// The commands.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Run the suite, or some of its services, until interrupted.
    ///
    /// Without configuration, all three services run in one process with embedded defaults: SQLite files and
    /// keys in the data directory, in-process caches, one endpoint.
    Serve(serve::Args),
    /// Migrate databases to the current schema.
    Migrate(migrate::Args),
    /// Copy the embedded databases, all as they are at one moment, also while a server uses them.
    Backup(backup::Args),
    /// Put a backup in the place of the embedded databases; no server may use them.
    Restore(restore::Args),
    /// Compare the three databases and mend what differs, after they were restored to different moments.
    ///
    /// The services may run or not. The owner wins: tenancy for accounts, instances, workspaces and settings,
    /// identity for users and service accounts, authorization for products, members and roles. The exit code
    /// is 1 where something differs and was not mended. All three databases must be configured.
    Reconcile(reconcile::Args),
    /// Manage databases.
    #[command(subcommand)]
    Database(database::Command),
    /// Manage operators.
    #[command(subcommand)]
    Operator(operator::Command),
    /// Change and delete users.
    #[command(subcommand)]
    User(user::Command),
    /// Manage the keys by which the services know each other.
    #[command(subcommand)]
    Keys(keys::Command),
    /// Apply a product manifest.
    Apply(apply::Args),
    /// Show who would gain or lose which permissions through a change, without making it.
    #[command(subcommand)]
    Preview(preview::Change),
    /// Ask for a decision; the exit code is 0 for allow, 1 for deny and needs-approval.
    Check(check::Args),
    /// Ask for a decision and show how it was reached, reading the primary database.
    Explain(check::Args),
    /// Show who may do what on a scope or resource: a row for each user, a column for each permission.
    Matrix(matrix::Args),
    /// Export all effective permissions of an account, with the reason for each, to a file.
    Export(export::Args),
    /// List the roles of an account, or describe one of them.
    Roles(roles::Args),
    /// Run scenario files on a temporary suite or on a live one.
    Test(test::Args),
    /// Start a temporary suite with sample data, ask it for some decisions and keep it running.
    Demo(demo::Args),
    /// Inspect the configuration.
    #[command(subcommand)]
    Config(config::Command),
    /// Print a completion script for a shell: `source <(bailiwick completions bash)`.
    Completions(completions::Args),
    /// Print the version.
    Version,
}

impl Cli {
    /// Runs the command; false means that its answer is no.
    pub(crate) async fn run(self) -> Result<bool> {
        let output = self.output;
        match self.command {
            Command::Serve(arguments) => serve::run(&arguments).await?,
            Command::Migrate(arguments) => migrate::run(&arguments, output).await?,
            Command::Backup(arguments) => backup::run(&arguments, output).await?,
            Command::Restore(arguments) => restore::run(&arguments, output).await?,
            Command::Reconcile(arguments) => return reconcile::run(&arguments, output).await,
            Command::Database(command) => database::run(&command, output).await?,
            Command::Operator(command) => operator::run(&command, output).await?,
            Command::User(command) => user::run(&command, output).await?,
            Command::Keys(command) => keys::run(&command, output)?,
            Command::Apply(arguments) => apply::run(&arguments, output).await?,
            Command::Preview(change) => preview::run(&change, output).await?,
            Command::Check(arguments) => return check::run(&arguments, output).await,
            Command::Explain(arguments) => return explain::run(&arguments, output).await,
            Command::Matrix(arguments) => matrix::run(&arguments, output).await?,
            Command::Export(arguments) => export::run(&arguments, output).await?,
            Command::Roles(arguments) => roles::run(&arguments, output).await?,
            Command::Test(arguments) => return test::run(&arguments, output).await,
            Command::Demo(arguments) => demo::run(&arguments).await?,
            Command::Config(command) => config::run(&command)?,
            Command::Completions(arguments) => completions::run(&arguments),
            Command::Version => version::run(output)?,
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Cli::command().debug_assert();
    }
}
