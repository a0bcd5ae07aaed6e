//! `bailiwick audit`.

use std::{
    fs::{File, Permissions},
    io::{BufReader, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result, bail};
use bailiwick_proto::tenancy::v1::{
    AuditEntry, AuditEntryOutcome, AuditExportFormat, ExportAuditEntriesRequest, ListAuditEntriesRequest,
};
use bailiwick_rpc::{
    MacKeys,
    integrity::Verdict,
    wire::{map_of, timestamp},
};
use bailiwick_tenancy_core::audit::{chain::Fault, file};
use bailiwick_tenancy_server::AuditStore;
use bailiwick_types::{ScopeRoot, Service, SystemClock, SystemRng, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::{
    cli::Output,
    config::{Config, Source},
    connect::{self, At, Within},
    output::{self, count},
    suite::{
        databases::{self, Purpose},
        keys,
    },
};

/// Entries of a page.
const PAGE: i32 = 500;

/// Commands about the audit log.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// List entries of an account's audit log, newest first.
    List(List),
    /// Write entries of an account's audit log to a file, oldest first.
    Export(Export),
    /// Find entries that were changed, removed or inserted, in tenancy's database or in an exported file.
    ///
    /// The exit code is 1 where something was. No service needs to run. What the secret of the deployment
    /// (`integrity.secret`) signed is checked with it; a file is also checked without it, but then one that
    /// was written anew as a whole is not found.
    Verify(Verify),
}

/// Which entries.
#[derive(clap::Args, Debug)]
struct Filter {
    /// Only what this subject did: an e-mail address of a member, `me`, or `TYPE:ID`.
    #[arg(long, value_name = "SUBJECT")]
    actor: Option<String>,
    /// Only what was done to this scope, or `TYPE:ID`.
    #[arg(long, value_name = "TARGET")]
    target: Option<String>,
    /// Only this method, such as `bailiwick.tenancy.v1.AccountService/CreateAccount`.
    #[arg(long, value_name = "METHOD")]
    action: Option<String>,
    /// Only what was done at or after this time (RFC 3339).
    #[arg(long, value_name = "TIME", value_parser = time)]
    start: Option<Timestamp>,
    /// Only what was done before this time (RFC 3339).
    #[arg(long, value_name = "TIME", value_parser = time)]
    end: Option<Timestamp>,
}

/// Arguments of `audit list`.
#[derive(clap::Args, Debug)]
pub(crate) struct List {
    #[command(flatten)]
    filter: Filter,
    /// How many entries.
    #[arg(long, value_name = "NUMBER", default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    within: Within,
}

/// Arguments of `audit export`.
#[derive(clap::Args, Debug)]
pub(crate) struct Export {
    #[command(flatten)]
    filter: Filter,
    /// Format of the file; only JSON lines can be verified.
    #[arg(long, value_enum, default_value = "json-lines")]
    format: Format,
    /// The file; written only when complete, over an existing one.
    #[arg(long, value_name = "FILE")]
    output_file: PathBuf,
    #[command(flatten)]
    within: Within,
}

impl Filter {
    /// The subject whose entries are meant; empty for everybody's.
    async fn actor(&self, at: &At) -> Result<String> {
        match &self.actor {
            Some(actor) => at.subject(actor).await,
            None => Ok(String::new()),
        }
    }
}

/// Formats of files.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// A JSON object a line.
    JsonLines,
    /// Comma-separated values (RFC 4180).
    Csv,
    /// A spreadsheet (Office Open XML).
    Xlsx,
}

/// Arguments of `audit verify`.
#[derive(clap::Args, Debug)]
pub(crate) struct Verify {
    /// Verify this file instead of the database.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Verify only this chain: `deployment`, `product:NAME` or `account:ID`.
    #[arg(long, value_name = "CHAIN", conflicts_with = "file")]
    chain: Option<ScopeRoot>,
    #[command(flatten)]
    source: Source,
}

/// An exported file.
#[derive(Serialize)]
struct Written {
    file: String,
    entries: u64,
}

/// What was verified.
#[derive(Serialize)]
struct Checked {
    chain: String,
    entries: u64,
    /// Whether the signature was checked.
    signed: bool,
    /// What is wrong; nothing where all is well.
    fault: Option<String>,
}

fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).map_err(|_| "must be a time such as 2030-01-31T12:00:00Z".to_owned())
}

/// Runs a command about the audit log; false means that something was changed.
pub(crate) async fn run(command: &Command, output: Output) -> Result<bool> {
    match command {
        Command::List(arguments) => list(arguments, output).await.map(|()| true),
        Command::Export(arguments) => export(arguments, output).await.map(|()| true),
        Command::Verify(arguments) => verify(arguments, output).await,
    }
}

async fn list(arguments: &List, output: Output) -> Result<()> {
    let at = arguments.within.open().await?;
    let mut service = at.client.tenancy().audit_log();
    let filter = &arguments.filter;
    let actor = filter.actor(&at).await?;
    let mut entries = Vec::new();
    let mut page_token = String::new();
    while entries.len() < arguments.limit {
        let left = i32::try_from(arguments.limit - entries.len()).unwrap_or(PAGE);
        let request = ListAuditEntriesRequest {
            account: at.account.clone(),
            actor: actor.clone(),
            target: filter.target.clone().unwrap_or_default(),
            action: filter.action.clone().unwrap_or_default(),
            start_time: filter.start.map(timestamp),
            end_time: filter.end.map(timestamp),
            page_size: left.min(PAGE),
            page_token,
        };
        let page = connect::message(service.list_audit_entries(request).await)?;
        entries.extend(page.entries);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let value: Value = entries.iter().map(entry_json).collect();
    output::print(output, &value, |_| {
        let header = ["number", "time", "actor", "action", "target", "outcome", "from"];
        output::table(&header, entries.iter().map(row)).to_string()
    })
}

fn outcome(entry: &AuditEntry) -> &'static str {
    match entry.outcome() {
        AuditEntryOutcome::Unspecified | AuditEntryOutcome::Done => "done",
        AuditEntryOutcome::Denied => "denied",
        AuditEntryOutcome::Failed => "failed",
    }
}

fn at(entry: &AuditEntry) -> String {
    let time = entry.time.unwrap_or_default();
    Timestamp(time.seconds.saturating_mul(1_000_000) + i64::from(time.nanos / 1_000)).to_string()
}

fn row(entry: &AuditEntry) -> Vec<String> {
    let who = match (entry.actor.as_str(), entry.on_behalf_of.as_str()) {
        ("", _) => "-".to_owned(),
        (actor, "") => actor.to_owned(),
        (actor, behalf) => format!("{actor} for {behalf}"),
    };
    let action = entry.action.rsplit('.').next().unwrap_or(&entry.action);
    let result = match entry.attempts {
        0 | 1 => outcome(entry).to_owned(),
        attempts => format!("{} ({attempts} times)", outcome(entry)),
    };
    vec![
        entry.sequence.to_string(),
        at(entry),
        who,
        action.to_owned(),
        entry.target.clone(),
        result,
        entry.network.clone(),
    ]
}

fn entry_json(entry: &AuditEntry) -> Value {
    let values = |values: &Option<prost_types::Struct>| values.clone().map(map_of).unwrap_or_default();
    let details: serde_json::Map<String, Value> = entry
        .details
        .iter()
        .map(|(name, value)| (name.clone(), Value::String(value.clone())))
        .collect();
    json!({
        "entry": entry.entry,
        "sequence": entry.sequence,
        "time": at(entry),
        "service": entry.service,
        "actor": entry.actor,
        "on_behalf_of": entry.on_behalf_of,
        "action": entry.action,
        "target": entry.target,
        "outcome": outcome(entry),
        "attempts": entry.attempts,
        "request_id": entry.request_id,
        "trace_id": entry.trace_id,
        "details": details,
        "network": entry.network,
        "device": entry.device,
        "before": values(&entry.before),
        "after": values(&entry.after),
        "erased": entry.erased,
    })
}

async fn export(arguments: &Export, output: Output) -> Result<()> {
    let path = &arguments.output_file;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    // In the same directory, since a rename does not cross file systems.
    let mut file = NamedTempFile::new_in(folder)
        .with_context(|| format!("cannot create a file in `{}`", folder.display()))?;
    let entries = receive(arguments, &mut file).await?;
    file.as_file()
        .set_permissions(Permissions::from_mode(0o640))
        .and_then(|()| file.as_file().sync_all())
        .context("cannot write the file")?;
    file.persist(path)
        .with_context(|| format!("cannot write `{}`", path.display()))?;
    let written = Written {
        file: path.display().to_string(),
        entries,
    };
    output::print(output, &written, |written| {
        let entries = i128::from(written.entries);
        let noun = if entries == 1 { "entry" } else { "entries" };
        format!("{}: {entries} {noun}", written.file)
    })
}

async fn receive(arguments: &Export, file: &mut NamedTempFile) -> Result<u64> {
    let filter = &arguments.filter;
    let format = match arguments.format {
        Format::JsonLines => AuditExportFormat::JsonLines,
        Format::Csv => AuditExportFormat::Csv,
        Format::Xlsx => AuditExportFormat::Xlsx,
    };
    let at = arguments.within.open().await?;
    let request = ExportAuditEntriesRequest {
        account: at.account.clone(),
        format: format.into(),
        actor: filter.actor(&at).await?,
        target: filter.target.clone().unwrap_or_default(),
        action: filter.action.clone().unwrap_or_default(),
        start_time: filter.start.map(timestamp),
        end_time: filter.end.map(timestamp),
    };
    let mut service = at.client.tenancy().audit_log();
    let mut parts = connect::message(service.export_audit_entries(request).await)?;
    while let Some(part) = parts.message().await.map_err(connect::error)? {
        file.write_all(&part.content).context("cannot write the file")?;
        if part.last {
            return Ok(part.entries_done);
        }
    }
    bail!("the server ended the export early: nothing was written")
}

async fn verify(arguments: &Verify, output: Output) -> Result<bool> {
    let config = Config::load(&arguments.source, &[])?;
    let checked = match &arguments.file {
        Some(path) => vec![of_file(&config, path)?],
        None => of_database(&config, arguments.chain.as_ref()).await?,
    };
    let good = checked.iter().all(|chain| chain.fault.is_none());
    output::print(output, &checked, |checked| {
        let mut lines: Vec<String> = checked.iter().map(line).collect();
        if lines.is_empty() {
            lines.push("the audit log is empty".to_owned());
        }
        lines.join("\n")
    })?;
    Ok(good)
}

fn line(checked: &Checked) -> String {
    let Checked {
        chain,
        entries,
        signed,
        fault,
    } = checked;
    let entries = count(*entries, "unchanged link");
    match fault {
        Some(fault) => format!("{chain}: CHANGED after {entries}: {fault}"),
        None if *signed => format!("{chain}: {entries}"),
        None => format!("{chain}: {entries}; the signature was not checked: no `integrity.secret`"),
    }
}

/// Verifies a file, with the secret of the deployment where there is one.
fn of_file(config: &Config, path: &Path) -> Result<Checked> {
    let keys = keys::audit_keys(config)?;
    let file = File::open(path).with_context(|| format!("cannot open `{}`", path.display()))?;
    let check = keys
        .as_ref()
        .map(|keys| |message: &[u8], code: &file::Code| checks(keys, message, code));
    let check = check.as_ref().map(|check| check as file::Check<'_>);
    match file::verify(BufReader::new(file), check) {
        Ok(verified) => Ok(Checked {
            chain: verified.chain,
            entries: verified.entries,
            signed: verified.signed,
            fault: None,
        }),
        Err(file::Error::Read(error)) => {
            Err(error).with_context(|| format!("cannot read `{}`", path.display()))
        }
        Err(error) => Ok(Checked {
            chain: path.display().to_string(),
            entries: 0,
            signed: keys.is_some(),
            fault: Some(error.to_string()),
        }),
    }
}

fn checks(keys: &MacKeys, message: &[u8], (key, code): &file::Code) -> Result<(), Fault> {
    match keys.verify(key, &[message], code) {
        Verdict::Authentic if code.len() == 32 => Ok(()),
        Verdict::Authentic | Verdict::Forged => Err(Fault::Forged),
        Verdict::UnknownKey => Err(Fault::UnknownKey),
    }
}

async fn of_database(config: &Config, chain: Option<&ScopeRoot>) -> Result<Vec<Checked>> {
    databases::must_exist(config, Service::Tenancy)?;
    let integrity = keys::integrity(config, &Service::ALL)?;
    let secrets = keys::audit_secrets(&integrity)?;
    let clock = Arc::new(SystemClock);
    let db = databases::connect(config, Service::Tenancy, Purpose::Command, clock).await?;
    let verified = async {
        databases::prepare(&db, config, Service::Tenancy).await?;
        let store = AuditStore::new(db.clone(), secrets, Arc::new(SystemRng));
        Ok::<_, anyhow::Error>(store.verify(chain).await?)
    }
    .await;
    db.close().await;
    let checked = verified?.into_iter().map(|verified| Checked {
        chain: verified.chain,
        entries: verified.entries,
        signed: true,
        fault: verified.fault.map(|fault| fault.to_string()),
    });
    Ok(checked.collect())
}
