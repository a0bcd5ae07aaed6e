//! `bailiwick watch`: prints what changes in a product or an account, a JSON object a line.

use std::io::Write;

use anyhow::{Context, Result};
use bailiwick_proto::authorization::v1::{
    self as pb, ChangeEvent, ChangeType, WatchRequest, change_event::Change, watch_request::Followed,
};
use serde_json::{Map, Value as Json, json};

use crate::{connect::Connection, suite};

/// Arguments of `watch`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The product, with all its accounts.
    #[arg(long, short, value_name = "NAME", required_unless_present = "account")]
    product: Option<String>,
    /// The account.
    #[arg(long, short, value_name = "ID", conflicts_with = "product")]
    account: Option<String>,
    /// Only these kinds of changes, with commas between.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "KIND")]
    types: Vec<Kind>,
    /// Go on after the line with this cursor, instead of beginning with the present state.
    #[arg(long, value_name = "CURSOR", default_value = "", hide_default_value = true)]
    cursor: String,
    /// End when the present state is complete, or with a cursor at the first sign that nothing is new.
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    connection: Connection,
}

/// Kinds of changes.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Kind {
    Member,
    Binding,
    Grant,
    Group,
    Role,
    Resource,
    Invitation,
    Approval,
    Settings,
    Place,
    Session,
    Product,
}

impl From<Kind> for ChangeType {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Member => Self::Member,
            Kind::Binding => Self::Binding,
            Kind::Grant => Self::Grant,
            Kind::Group => Self::Group,
            Kind::Role => Self::Role,
            Kind::Resource => Self::Resource,
            Kind::Invitation => Self::Invitation,
            Kind::Approval => Self::Approval,
            Kind::Settings => Self::Settings,
            Kind::Place => Self::Place,
            Kind::Session => Self::Session,
            Kind::Product => Self::Product,
        }
    }
}

/// Prints changes until it is interrupted.
pub(crate) async fn run(arguments: &Args) -> Result<()> {
    tokio::select! {
        done = print(arguments) => done,
        signal = suite::stopped() => signal.map(drop),
    }
}

async fn print(arguments: &Args) -> Result<()> {
    let followed = match (&arguments.product, &arguments.account) {
        (Some(product), _) => Some(Followed::Product(product.clone())),
        (None, account) => account.clone().map(Followed::Account),
    };
    let types = arguments.types.iter().map(|kind| ChangeType::from(*kind).into());
    let request = WatchRequest {
        followed,
        cursor: arguments.cursor.clone(),
        types: types.collect(),
    };
    let client = arguments.connection.client().await?;
    let mut follow = client.follow(request);
    loop {
        let answer = follow.next().await?;
        let is_quiet = answer.events.is_empty() && !answer.snapshot;
        let last = answer.events.len().saturating_sub(1);
        for (n, event) in answer.events.iter().enumerate() {
            let mut line = line(event, answer.snapshot);
            if n == last {
                line.insert("cursor".into(), answer.cursor.clone().into());
            }
            put(line)?;
        }
        if answer.snapshot_complete {
            put(object(
                json!({ "snapshot_complete": true, "cursor": answer.cursor }),
            ))?;
        }
        if arguments.once && (answer.snapshot_complete || is_quiet) {
            return Ok(());
        }
    }
}

fn put(line: Map<String, Json>) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", Json::Object(line))
        .and_then(|()| out.flush())
        .context("cannot write to standard output")
}

fn object(value: Json) -> Map<String, Json> {
    match value {
        Json::Object(map) => map,
        other => Map::from_iter([("value".to_owned(), other)]),
    }
}

fn line(event: &ChangeEvent, snapshot: bool) -> Map<String, Json> {
    let mut line = object(json!({ "root": event.root, "revision": event.revision }));
    if snapshot {
        line.insert("snapshot".into(), true.into());
    }
    if let Some(at) = event.time {
        line.insert("time".into(), at.to_string().into());
    }
    if let Some((name, value)) = event.change.as_ref().map(change) {
        line.insert(name.into(), value);
    }
    line
}

fn change(change: &Change) -> (&'static str, Json) {
    match change {
        Change::Member(of) => (
            "member",
            json!({ "user": of.user, "removed": of.removed, "suspended": of.suspended }),
        ),
        Change::Binding(of) => (
            "binding",
            json!({
                "binding": of.binding, "subject": of.subject, "role": of.role, "scope": of.scope,
                "removed": of.removed,
            }),
        ),
        Change::Grant(of) => (
            "grant",
            json!({
                "grant": of.grant, "subject": of.subject, "on": of.on, "type": of.r#type,
                "removed": of.removed,
            }),
        ),
        Change::Group(of) => ("group", json!({ "group": of.group, "removed": of.removed })),
        Change::GroupMember(of) => (
            "group_member",
            json!({ "group": of.group, "subject": of.subject, "removed": of.removed }),
        ),
        Change::Role(of) => ("role", json!({ "role": of.role, "removed": of.removed })),
        Change::Resource(of) => ("resource", json!({ "resource": of.resource })),
        Change::Invitation(of) => (
            "invitation",
            json!({
                "invitation": of.invitation, "state": state(of.state().as_str_name()), "scope": of.scope,
                "roles": of.roles,
            }),
        ),
        Change::Approval(of) => (
            "approval",
            json!({
                "approval": of.approval, "state": state(of.state().as_str_name()),
                "requester": of.requester, "permission": of.permission, "target": of.target,
            }),
        ),
        Change::Settings(of) => ("settings", json!({ "names": of.names })),
        Change::Place(of) => place(of),
        Change::Session(of) => ("session", json!({ "subject": of.subject, "closed": of.closed })),
        Change::Product(of) => ("product", json!({ "version": of.version, "subject": of.subject })),
        Change::Subject(of) => ("subject", json!({ "subject": of.subject })),
    }
}

fn place(of: &pb::PlaceEvent) -> (&'static str, Json) {
    let state = state(of.state().as_str_name());
    (
        "place",
        json!({ "scope": of.scope, "parent": of.parent, "state": state }),
    )
}

/// The last word of a state's name.
fn state(name: &str) -> String {
    name.rsplit('_').next().unwrap_or(name).to_lowercase()
}
