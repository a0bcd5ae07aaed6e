//! The command line.

use anyhow::Result;
use clap::{Parser, Subcommand, ValueEnum};

use crate::{
    commands::{
        apply, audit, backup, check, completions, config, database, demo, explain, export, keys, login,
        matrix, migrate,
        nouns::{
            account, approval, assign, grant, group, instance, invite, key, member, quota, resource, role,
            seats, service_account, session, settings, token, user, workspace,
        },
        operator, reconcile, restore, run, serve, test, version, watch,
    },
    connect::Within,
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
    /// Format of results and errors.
    #[arg(
        long,
        short,
        global = true,
        value_enum,
        default_value = "table",
        env = "BAILIWICK_OUTPUT"
    )]
    pub(crate) output: Output,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Formats of results.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Output {
    /// Tables and sentences, for people.
    #[value(alias = "human")]
    Table,
    /// One JSON value.
    Json,
    /// One YAML value.
    Yaml,
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
    /// Manage the keys by which the services know each other.
    #[command(subcommand)]
    Keys(keys::Command),
    /// Apply a product manifest.
    Apply(apply::Args),
    /// Sign in and keep the session as a profile, for all other commands.
    Login(login::Login),
    /// End the session of a profile.
    Logout(login::Logout),
    /// Show who the caller is.
    Whoami(login::WhoAmI),
    /// Manage accounts.
    #[command(subcommand)]
    Account(account::Command),
    /// Manage the instances of an account.
    #[command(subcommand)]
    Instance(instance::Command),
    /// Manage the workspaces of an account.
    #[command(subcommand)]
    Workspace(workspace::Command),
    /// Manage the settings of an account.
    #[command(subcommand)]
    Settings(settings::Command),
    /// Show the seats of an account.
    Seats(Within),
    /// Manage the users of the deployment.
    #[command(subcommand)]
    User(user::Command),
    /// Manage the members of an account.
    #[command(subcommand)]
    Member(member::Command),
    /// Invite people into an account.
    #[command(subcommand)]
    Invite(invite::Command),
    /// Assign a role on a scope.
    Assign(assign::Assign),
    /// Revoke a role on a scope.
    Revoke(assign::Revoke),
    /// Hand a single-holder role, such as that of the owner, over to another member.
    Transfer(assign::Transfer),
    /// Copy the permissions of one member on resources to another.
    Copy(assign::Copy),
    /// List who has which role where.
    Bindings(assign::Bindings),
    /// Manage grants.
    #[command(subcommand)]
    Grant(grant::Command),
    /// Manage groups.
    #[command(subcommand)]
    Group(group::Command),
    /// Manage registered resources.
    #[command(subcommand)]
    Resource(resource::Command),
    /// Manage quotas.
    #[command(subcommand)]
    Quota(quota::Command),
    /// Request and decide approvals.
    #[command(subcommand)]
    Approval(approval::Command),
    /// Manage service accounts.
    #[command(subcommand)]
    ServiceAccount(service_account::Command),
    /// Manage API keys of users.
    #[command(subcommand)]
    Key(key::Command),
    /// List and end sessions.
    #[command(subcommand)]
    Session(session::Command),
    /// Issue, inspect and revoke tokens.
    #[command(subcommand)]
    Token(token::Command),
    /// Ask for a decision; the exit code is 0 for allow, 1 for deny and needs-approval.
    Check(check::Args),
    /// Ask for a decision and show how it was reached, reading the primary database.
    Explain(check::Args),
    /// Show who may do what on a scope or resource: a row for each user, a column for each permission.
    Matrix(matrix::Args),
    /// Export all effective permissions of an account, with the reason for each, to a file.
    Export(export::Args),
    /// Read and verify the audit log.
    #[command(subcommand)]
    Audit(audit::Command),
    /// Print what changes in a product or an account, a JSON object a line.
    Watch(watch::Args),
    /// Manage the roles of an account.
    #[command(subcommand)]
    Role(role::Command),
    /// Run scenario files on a temporary suite or on a live one.
    Test(test::Args),
    /// Run a command beside a temporary suite, whose endpoint and operator it finds in its environment.
    ///
    /// `BAILIWICK_ENDPOINT`, `BAILIWICK_TOKEN` (an access token of the operator), `BAILIWICK_EMAIL` and
    /// `BAILIWICK_PASSWORD_FILE` are set for it. The exit code is 0 where the command succeeded, or else 1.
    Run(run::Args),
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
            Command::Keys(command) => keys::run(&command, output)?,
            Command::Apply(arguments) => apply::run(&arguments, output).await?,
            Command::Login(arguments) => login::login(&arguments, output).await?,
            Command::Logout(arguments) => login::logout(&arguments, output).await?,
            Command::Whoami(arguments) => login::who_am_i(&arguments, output).await?,
            Command::Account(command) => account::run(command, output).await?,
            Command::Instance(command) => instance::run(command, output).await?,
            Command::Workspace(command) => workspace::run(command, output).await?,
            Command::Settings(command) => settings::run(command, output).await?,
            Command::Seats(within) => seats::run(&within, output).await?,
            Command::User(command) => user::run(command, output).await?,
            Command::Member(command) => member::run(command, output).await?,
            Command::Invite(command) => invite::run(command, output).await?,
            Command::Assign(arguments) => assign::assign(&arguments, output).await?,
            Command::Revoke(arguments) => assign::revoke(&arguments, output).await?,
            Command::Transfer(arguments) => assign::transfer(&arguments, output).await?,
            Command::Copy(arguments) => assign::copy(&arguments, output).await?,
            Command::Bindings(arguments) => assign::bindings(&arguments, output).await?,
            Command::Grant(command) => grant::run(command, output).await?,
            Command::Group(command) => group::run(command, output).await?,
            Command::Resource(command) => resource::run(command, output).await?,
            Command::Quota(command) => quota::run(command, output).await?,
            Command::Approval(command) => approval::run(command, output).await?,
            Command::ServiceAccount(command) => service_account::run(command, output).await?,
            Command::Key(command) => key::run(&command, output).await?,
            Command::Session(command) => session::run(command, output).await?,
            Command::Token(command) => token::run(command, output).await?,
            Command::Run(arguments) => return run::run(&arguments).await,
            Command::Check(arguments) => return check::run(&arguments, output).await,
            Command::Explain(arguments) => return explain::run(&arguments, output).await,
            Command::Matrix(arguments) => matrix::run(&arguments, output).await?,
            Command::Export(arguments) => export::run(&arguments, output).await?,
            Command::Audit(command) => return audit::run(&command, output).await,
            Command::Watch(arguments) => watch::run(&arguments).await?,
            Command::Role(command) => role::run(command, output).await?,
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
