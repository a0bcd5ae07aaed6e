//! What can be said on the command line.

use std::{net::SocketAddr, path::PathBuf};

use bailiwick_types::Service;
use clap::{Args, Parser, Subcommand, ValueEnum};

/// May this subject do this, here, now? Identity, tenancy and authorization over gRPC.
#[derive(Parser, Debug)]
#[command(
    name = "bailiwick",
    version,
    after_help = "Exit codes: 0 yes or done, 1 no (denied, a scenario did not hold), 2 fault (bad input, no answer).\n\
                  First steps: `bailiwick demo`, or `bailiwick serve` and `bailiwick operator create --help`."
)]
pub(crate) struct Cli {
    /// How results are printed.
    #[arg(
        long,
        short,
        global = true,
        value_enum,
        default_value = "human",
        env = "BAILIWICK_OUTPUT"
    )]
    pub(crate) output: Output,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How results are printed.
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
    /// Runs the suite, or the services named, until told to stop.
    ///
    /// Without services and without configuration it runs all three on embedded defaults: SQLite files and keys in the data
    /// directory, caches in the process, one endpoint.
    Serve(Serve),
    /// Brings the databases of the services named (all of them without names) to the present schema.
    Migrate(Migrate),
    /// Makes the first operator.
    #[command(subcommand)]
    Operator(Operator),
    /// Applies a product manifest.
    Apply(Apply),
    /// Tells who would gain or lose what by a change of bindings or members, and changes nothing.
    #[command(subcommand)]
    Preview(Preview),
    /// Asks one decision: exit code 0 allow, 1 deny or needs-approval.
    Check(Check),
    /// Asks one decision from the primary and tells what was looked at.
    Explain(Check),
    /// Prints who may do what on a scope or resource: a row for each user, a column for each permission.
    Matrix(Matrix),
    /// Writes all effective permissions of an account, with the reason of each, to a file.
    Export(Export),
    /// Lists the roles of an account, or tells what one of them may do.
    Roles(Roles),
    /// Runs scenario files: on a suite of its own in a temporary directory, or on a live one.
    Test(Test),
    /// Starts the suite in a temporary directory, loads a product with its data, asks a dozen decisions and keeps serving.
    Demo(Demo),
    /// Tells about the configuration.
    #[command(subcommand)]
    Config(Config),
    /// Prints a completion script for a shell: `source <(bailiwick completions bash)`.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Tells the version.
    Version,
}

/// One of the three services.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum ServiceName {
    /// Who people are.
    Identity,
    /// Places.
    Tenancy,
    /// Who may do what where.
    Authorization,
}

/// The services named; all three where none is, in the order in which they need each other.
pub(crate) fn services(named: &[ServiceName]) -> Vec<Service> {
    let of = |name: ServiceName| match name {
        ServiceName::Identity => Service::Identity,
        ServiceName::Tenancy => Service::Tenancy,
        ServiceName::Authorization => Service::Authorization,
    };
    let wanted = |service: &Service| named.is_empty() || named.iter().any(|n| of(*n) == *service);
    Service::ALL.into_iter().filter(wanted).collect()
}

/// Where configuration comes from.
#[derive(Args, Debug, Clone, Default)]
pub(crate) struct Configured {
    /// Configuration file (TOML); see `bailiwick config schema`. Variables `BAILIWICK__SECTION__KEY` override it.
    #[arg(long, short, value_name = "FILE", env = "BAILIWICK_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Directory of the embedded defaults: SQLite files, keys. `./bailiwick-data` where nothing says otherwise.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
}

/// Arguments of `serve`.
#[derive(Args, Debug)]
pub(crate) struct Serve {
    /// The services to run; all three where none is named.
    pub(crate) services: Vec<ServiceName>,
    #[command(flatten)]
    pub(crate) configured: Configured,
    /// Where to listen for gRPC.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
    /// Where to listen for HTTP: tokens, keys, health, metrics.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) http_listen: Option<SocketAddr>,
    /// The instant at which the process's clock stands until it is moved, RFC 3339: for scenarios on a live suite. Test builds
    /// alone have it.
    #[cfg(feature = "testing")]
    #[arg(long, value_name = "INSTANT", value_parser = bailiwick_types::Timestamp::parse)]
    pub(crate) clock: Option<bailiwick_types::Timestamp>,
}

/// Arguments of `migrate`.
#[derive(Args, Debug)]
pub(crate) struct Migrate {
    /// The services whose databases are migrated; all three where none is named.
    pub(crate) services: Vec<ServiceName>,
    #[command(flatten)]
    pub(crate) configured: Configured,
}

/// Commands about operators.
#[derive(Subcommand, Debug)]
pub(crate) enum Operator {
    /// Makes the first operator, in identity's database; works once. The services need not run.
    Create(OperatorCreate),
}

/// Arguments of `operator create`.
#[derive(Args, Debug)]
pub(crate) struct OperatorCreate {
    /// The operator's e-mail address.
    #[arg(long)]
    pub(crate) email: String,
    /// File that holds the password (its first line).
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "password_out",
        conflicts_with = "password_out"
    )]
    pub(crate) password_file: Option<PathBuf>,
    /// File to write a random password to; it is made with mode 0600 and must not exist.
    #[arg(long, value_name = "FILE")]
    pub(crate) password_out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) configured: Configured,
}

/// How to reach a suite, and as whom.
#[derive(Args, Debug, Clone)]
pub(crate) struct Connection {
    /// Endpoint of the suite: one for all services, or `SERVICE=URL` three times.
    #[arg(
        long,
        value_name = "URL",
        env = "BAILIWICK_ENDPOINT",
        value_delimiter = ',',
        default_value = "http://127.0.0.1:7600"
    )]
    pub(crate) endpoint: Vec<String>,
    /// E-mail address to sign in with.
    #[arg(long, env = "BAILIWICK_EMAIL", required_unless_present = "client_id")]
    pub(crate) email: Option<String>,
    /// File that holds the password (its first line).
    #[arg(
        long,
        value_name = "FILE",
        env = "BAILIWICK_PASSWORD_FILE",
        required_unless_present = "client_id"
    )]
    pub(crate) password_file: Option<PathBuf>,
    /// Id of a service account, instead of an e-mail address.
    #[arg(long, env = "BAILIWICK_CLIENT_ID", requires = "client_secret_file", conflicts_with_all = ["email", "password_file"])]
    pub(crate) client_id: Option<String>,
    /// File that holds the service account's secret (its first line).
    #[arg(long, value_name = "FILE", env = "BAILIWICK_CLIENT_SECRET_FILE")]
    pub(crate) client_secret_file: Option<PathBuf>,
    /// File with the certificates (PEM) to trust, for `https` endpoints.
    #[arg(long, value_name = "FILE", env = "BAILIWICK_CA_FILE")]
    pub(crate) ca_file: Option<PathBuf>,
}

/// Arguments of `apply`.
#[derive(Args, Debug)]
pub(crate) struct Apply {
    /// The manifest (YAML), or the name of a shipped product, as `one-question`.
    pub(crate) manifest: PathBuf,
    /// Only tells what would change in the manifest.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Applies nothing and tells who would gain or lose what, in all accounts of the product.
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) preview: bool,
    /// What becomes of the bindings of a role that the manifest takes away: ROLE=OTHER gives all who have it another role in its
    /// place, `ROLE=` ends them. As often as needed.
    #[arg(long, value_name = "ROLE=OTHER", value_parser = replacement)]
    pub(crate) replace: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// Reads `ROLE=OTHER`.
fn replacement(text: &str) -> Result<(String, String), &'static str> {
    match text.split_once('=') {
        Some((role, by)) if !role.is_empty() => Ok((role.to_owned(), by.to_owned())),
        _ => Err("must be ROLE=OTHER, or `ROLE=` to end its bindings"),
    }
}

/// Changes that can be previewed. `apply --preview` does the same for a manifest.
#[derive(Subcommand, Debug)]
pub(crate) enum Preview {
    /// Somebody gets a role on a scope.
    Assign(Binding),
    /// Somebody loses a role on a scope.
    Revoke(Binding),
    /// A member is suspended.
    Suspend {
        /// The user.
        user: String,
        #[command(flatten)]
        of: Of,
    },
    /// A suspended member gets its access back.
    Reactivate {
        /// The user.
        user: String,
        #[command(flatten)]
        of: Of,
    },
    /// A membership ends at an instant, or does not end by itself any more.
    Expire {
        /// The user.
        user: String,
        /// When it ends, RFC 3339; never where absent.
        #[arg(long, value_name = "INSTANT", value_parser = bailiwick_types::Timestamp::parse)]
        at: Option<bailiwick_types::Timestamp>,
        #[command(flatten)]
        of: Of,
    },
    /// Members leave the account together, or a scope with what is below it.
    Remove {
        /// The users.
        #[arg(required = true)]
        users: Vec<String>,
        /// The scope that they leave, `instance:ID` or `workspace:ID`; the account where absent.
        #[arg(long, value_name = "SCOPE")]
        from: Option<String>,
        #[command(flatten)]
        of: Of,
    },
    /// The single-holder role of a scope goes to another member.
    TransferOwnership {
        /// The user who gets it.
        to: String,
        /// Where: `account:ID` or `workspace:ID`.
        scope: String,
        #[command(flatten)]
        of: Of,
    },
    /// A resource moves to another scope, with what is below it.
    MoveResource {
        /// The resource, `TYPE:ID`.
        resource: String,
        /// Where it goes: `account:ID`, `instance:ID` or `workspace:ID`.
        scope: String,
        #[command(flatten)]
        of: Of,
    },
}

/// A role binding.
#[derive(Args, Debug)]
pub(crate) struct Binding {
    /// Who: `user:user_…`, `service:svc_…`, `group:group_…`.
    pub(crate) subject: String,
    /// The name of the role.
    pub(crate) role: String,
    /// Where: `account:ID`, `instance:ID` or `workspace:ID`.
    pub(crate) scope: String,
    #[command(flatten)]
    pub(crate) of: Of,
}

/// In which account, and how to reach the suite.
#[derive(Args, Debug)]
pub(crate) struct Of {
    /// The account; a scope that is an account names it as well.
    #[arg(long, short, value_name = "ID")]
    pub(crate) account: Option<String>,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// Arguments of `check` and `explain`.
#[derive(Args, Debug)]
pub(crate) struct Check {
    /// Who: `user:user_…`, `service:svc_…`, `anonymous:…`.
    pub(crate) subject: String,
    /// What: `TYPE.VERB`.
    pub(crate) permission: String,
    /// Where: `account:ID`, `instance:ID`, `workspace:ID` or a resource `TYPE:ID`.
    pub(crate) target: String,
    /// The account in which it is asked; the target itself where that is an account.
    #[arg(long, short, value_name = "ID")]
    pub(crate) account: Option<String>,
    /// Attributes of the request, as `NAME=VALUE`; VALUE is JSON, or text where it is not.
    #[arg(long = "attribute", value_name = "NAME=VALUE")]
    pub(crate) attributes: Vec<String>,
    /// Who acts for the subject, a service or an agent: both must be allowed.
    #[arg(long, value_name = "TYPE:ID")]
    pub(crate) actor: Option<String>,
    /// The digest of the content that an approval is bound to.
    #[arg(long, value_name = "TEXT")]
    pub(crate) digest: Option<String>,
    /// Reads from the primary.
    #[arg(long)]
    pub(crate) fully_consistent: bool,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// Arguments of `matrix`.
#[derive(Args, Debug)]
pub(crate) struct Matrix {
    /// Where: `account:ID`, `instance:ID`, `workspace:ID` or a resource `TYPE:ID`.
    pub(crate) target: String,
    /// The account in which it is asked; the target itself where that is an account.
    #[arg(long, short, value_name = "ID")]
    pub(crate) account: Option<String>,
    /// Only permissions of this type.
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) of: Option<String>,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// Arguments of `export`.
#[derive(Args, Debug)]
pub(crate) struct Export {
    /// The account.
    #[arg(long, short, value_name = "ID")]
    pub(crate) account: String,
    /// The format of the file.
    #[arg(long, value_enum)]
    pub(crate) format: FileFormat,
    /// The file; it is there only when it is complete, in place of one of that name.
    #[arg(long, value_name = "FILE")]
    pub(crate) output_file: PathBuf,
    /// Only what this subject has.
    #[arg(long, value_name = "TYPE:ID")]
    pub(crate) subject: Option<String>,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// Arguments of `roles`.
#[derive(Args, Debug)]
pub(crate) struct Roles {
    /// The account.
    #[arg(long, short, value_name = "ID")]
    pub(crate) account: String,
    /// The role to tell about; all are listed where none is named.
    pub(crate) role: Option<String>,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// The formats of files.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum FileFormat {
    /// Comma-separated values (RFC 4180).
    Csv,
    /// A spreadsheet (Office Open XML).
    Xlsx,
}

/// Arguments of `test`.
#[derive(Args, Debug)]
pub(crate) struct Test {
    /// Scenario files.
    #[arg(required_unless_present = "against")]
    files: Vec<PathBuf>,
    /// Runs them on a live suite: one endpoint, or `SERVICE=URL` three times.
    #[arg(long, value_name = "URL", num_args = 1.., value_delimiter = ',')]
    against: Vec<String>,
    /// The operator's e-mail address, on a live suite.
    #[arg(long, env = "BAILIWICK_EMAIL")]
    pub(crate) email: Option<String>,
    /// File with the operator's password, on a live suite.
    #[arg(long, value_name = "FILE", env = "BAILIWICK_PASSWORD_FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// Directory of product manifests that come before the shipped ones.
    #[arg(long, value_name = "DIR")]
    pub(crate) products: Option<PathBuf>,
    /// Carries no consistency tokens: a step is repeated until the staleness bound while its answer differs.
    #[arg(long)]
    pub(crate) no_tokens: bool,
    /// Names steps that this version does not serve, and what depends on them, instead of failing on them.
    #[arg(long)]
    pub(crate) allow_unsupported: bool,
}

/// Arguments of `demo`.
#[derive(Args, Debug)]
pub(crate) struct Demo {
    /// Stops after the table.
    #[arg(long)]
    pub(crate) once: bool,
    /// Where to listen for gRPC; a free port where 7600 is taken.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7600")]
    pub(crate) listen: SocketAddr,
}

/// Commands about the configuration.
#[derive(Subcommand, Debug)]
pub(crate) enum Config {
    /// Prints the JSON schema of the configuration file.
    Schema,
    /// Reads the configuration as `serve` would and prints what came of it, secrets redacted.
    Check {
        #[command(flatten)]
        configured: Configured,
    },
}

impl Test {
    /// The scenario files, and the endpoints of the live suite where there is one. `--against` takes all that follows it, so
    /// files that come after the endpoints are among its values.
    pub(crate) fn files_and_endpoints(&self) -> anyhow::Result<(Vec<PathBuf>, Vec<String>)> {
        let (endpoints, late): (Vec<_>, Vec<_>) = self
            .against
            .iter()
            .cloned()
            .partition(|value| value.contains("://"));
        if let (true, Some(first)) = (endpoints.is_empty(), late.first()) {
            anyhow::bail!(
                "`--against {first}` is no endpoint: write `http://HOST:PORT`, or `SERVICE=URL` three times"
            );
        }
        let files: Vec<_> = self
            .files
            .iter()
            .cloned()
            .chain(late.into_iter().map(PathBuf::from))
            .collect();
        if files.is_empty() {
            anyhow::bail!("name the scenario files to run: `bailiwick test FILE...`");
        }
        Ok((files, endpoints))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use clap::{CommandFactory, Parser};

    #[test]
    fn the_command_line_is_well_formed() {
        super::Cli::command().debug_assert();
    }

    #[test]
    fn files_after_the_endpoints_of_a_live_suite_are_files() {
        let read = |arguments: &[&str]| {
            let cli = super::Cli::try_parse_from(["bailiwick", "test"].iter().chain(arguments)).unwrap();
            match cli.command {
                super::Command::Test(test) => test.files_and_endpoints().map_err(|e| e.to_string()),
                other => Err(format!("{other:?}")),
            }
        };
        let one = (vec!["a.yaml".into()], vec!["http://a:1".to_owned()]);
        assert_eq!(read(&["--against", "http://a:1", "a.yaml"]), Ok(one.clone()));
        assert_eq!(read(&["a.yaml", "--against", "http://a:1"]), Ok(one));
        let three = read(&[
            "--against",
            "identity=http://a:1,tenancy=http://b:1,authorization=http://c:1",
            "a.yaml",
        ]);
        assert_eq!(three.unwrap().1.len(), 3);
        let wrong = read(&["--against", "localhost:7600", "a.yaml"]).unwrap_err();
        assert!(
            wrong.contains("`--against localhost:7600` is no endpoint"),
            "{wrong}"
        );
        assert!(
            read(&["--against", "http://a:1"])
                .unwrap_err()
                .contains("name the scenario files")
        );
    }
}
