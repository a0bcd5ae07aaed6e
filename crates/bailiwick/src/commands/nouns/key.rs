//! `bailiwick key`.

use std::path::PathBuf;

use anyhow::{Result, bail};
use bailiwick_proto::identity::v1::{ApiKey, CreateApiKeyRequest, ListApiKeysRequest, RevokeApiKeyRequest};
use bailiwick_rpc::HumanDuration;
use bailiwick_types::{Clock as _, SystemClock};
use serde_json::{Value, json};

use crate::{
    cli::Output,
    connect::{Within, message},
    output,
    secret::NewFile,
};

/// Commands about API keys.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// Create a key of the signed-in user, and write it to a file.
    ///
    /// A program that sends it (`authorization: Bearer bwk_...`) may do what the key lists and the user may
    /// do itself at that moment.
    Create(Create),
    /// List the keys of the signed-in user in an account; with `api_key.manage` there, those of everybody.
    List(List),
    /// Revoke a key: every service refuses it from then on.
    Revoke(Revoke),
}

/// Arguments of `key create`.
#[derive(clap::Args, Debug)]
pub(crate) struct Create {
    /// Title of the key.
    #[arg(long)]
    title: String,
    /// What it serves for: `TYPE.VERB` or `TYPE.*`. May be repeated.
    #[arg(
        long = "permission",
        value_name = "PERMISSION",
        required_unless_present = "renews"
    )]
    permissions: Vec<String>,
    /// The instance or workspace that it serves in, by id or title; the account if not given.
    #[arg(long, value_name = "SCOPE", conflicts_with = "renews")]
    scope: Option<String>,
    /// Network that it serves from, in CIDR notation. May be repeated; all networks if not given.
    #[arg(long = "network", value_name = "NETWORK", conflicts_with = "renews")]
    networks: Vec<String>,
    /// How long it lives, such as `90d`; at most a year.
    #[arg(long, value_name = "DURATION")]
    lifetime: HumanDuration,
    /// Id of the key whose place it takes, with the same permissions, scope and networks.
    #[arg(long, value_name = "ID", conflicts_with = "permissions")]
    renews: Option<String>,
    /// How long the renewed key serves on; at most 30d, 7d if not given.
    #[arg(long, value_name = "DURATION", requires = "renews")]
    old_key_lifetime: Option<HumanDuration>,
    /// File to write the key to; it is created with mode 0600 and must not exist.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    within: Within,
}

/// Arguments of `key list`.
#[derive(clap::Args, Debug)]
pub(crate) struct List {
    /// Only the keys of a user, by e-mail address or id.
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    #[command(flatten)]
    within: Within,
}

/// Arguments of `key revoke`.
#[derive(clap::Args, Debug)]
pub(crate) struct Revoke {
    /// Id of the key.
    key: String,
    #[command(flatten)]
    within: Within,
}

/// Creates, lists or revokes keys.
pub(crate) async fn run(command: &Command, output: Output) -> Result<()> {
    match command {
        Command::Create(arguments) => create(arguments, output).await,
        Command::List(arguments) => list(arguments, output).await,
        Command::Revoke(arguments) => revoke(arguments, output).await,
    }
}

async fn create(arguments: &Create, output: Output) -> Result<()> {
    let at = arguments.within.open().await?;
    let file = NewFile::create(&arguments.out)?;
    let scope = match &arguments.scope {
        Some(scope) => at.scope(scope).await?,
        None => String::new(),
    };
    let ends = SystemClock.now().plus(arguments.lifetime.get());
    let request = CreateApiKeyRequest {
        scope,
        account: at.account,
        title: arguments.title.clone(),
        permissions: arguments.permissions.clone(),
        networks: arguments.networks.clone(),
        expire_time: Some(bailiwick_rpc::wire::timestamp(ends)),
        renews: arguments.renews.clone().unwrap_or_default(),
        old_key_lifetime: arguments.old_key_lifetime.map(duration).transpose()?,
        request_id: String::new(),
    };
    let made = message(at.client.identity().api_key().create_api_key(request).await)?;
    file.write(&made.secret.into())?;
    let mut value = value(&made.api_key.unwrap_or_default());
    value["file"] = arguments.out.display().to_string().into();
    output::print(output, &value, |value| {
        let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let (id, ends, file) = (text("api_key"), text("expires"), text("file"));
        format!("created key {id}, which ends at {ends}; it is in `{file}`")
    })
}

/// A duration as a message.
pub(crate) fn duration(given: HumanDuration) -> Result<prost_types::Duration> {
    match prost_types::Duration::try_from(given.get()) {
        Ok(duration) => Ok(duration),
        Err(error) => bail!("`{given}` is too long: {error}"),
    }
}

async fn list(arguments: &List, output: Output) -> Result<()> {
    let at = arguments.within.open().await?;
    let user = match &arguments.user {
        Some(user) => at.user(user).await?,
        None => String::new(),
    };
    let mut request = ListApiKeysRequest {
        user,
        account: at.account,
        ..ListApiKeysRequest::default()
    };
    let mut keys = Vec::new();
    loop {
        let mut service = at.client.identity().api_key();
        let page = message(service.list_api_keys(request.clone()).await)?;
        keys.extend(page.api_keys);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    let value: Value = keys.iter().map(value).collect();
    output::print(output, &value, |_| table(&keys))
}

async fn revoke(arguments: &Revoke, output: Output) -> Result<()> {
    let at = arguments.within.open().await?;
    let request = RevokeApiKeyRequest {
        account: at.account,
        api_key: arguments.key.clone(),
    };
    let done = message(at.client.identity().api_key().revoke_api_key(request).await)?;
    let value = value(&done.api_key.unwrap_or_default());
    output::print(output, &value, |_| format!("revoked key {}", arguments.key))
}

fn time(at: Option<prost_types::Timestamp>) -> String {
    at.map(|at| at.to_string()).unwrap_or_default()
}

fn value(key: &ApiKey) -> Value {
    json!({
        "api_key": key.api_key,
        "title": key.title,
        "user": key.user,
        "account": key.account,
        "scope": key.scope,
        "permissions": key.permissions,
        "networks": key.networks,
        "created": time(key.create_time),
        "expires": time(key.expire_time),
        "revoked": key.revoke_time.map(|at| at.to_string()),
        "last_used": key.last_use_time.map(|at| at.to_string()),
        "renewed_by": key.renewed_by,
    })
}

fn table(keys: &[ApiKey]) -> String {
    let row = |key: &ApiKey| {
        let ends = if key.revoke_time.is_some() {
            "revoked".to_owned()
        } else {
            time(key.expire_time)
        };
        vec![
            key.api_key.clone(),
            key.title.clone(),
            key.user.clone(),
            key.scope.clone(),
            key.permissions.join(", "),
            ends,
            time(key.last_use_time),
        ]
    };
    let header = [
        "key",
        "title",
        "user",
        "scope",
        "permissions",
        "ends",
        "last used",
    ];
    output::table(&header, keys.iter().map(row)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_shown_without_its_secret_and_a_revoked_one_as_such() {
        let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
        let key = ApiKey {
            api_key: "key_1".to_owned(),
            permissions: vec!["survey.view".to_owned(), "note.*".to_owned()],
            expire_time: at(1_767_603_600),
            ..ApiKey::default()
        };
        let shown = value(&key);
        assert_eq!(shown["expires"], "2026-01-05T09:00:00Z");
        assert_eq!(shown["revoked"], Value::Null);
        let text = table(std::slice::from_ref(&key));
        assert!(
            text.contains("survey.view, note.*") && text.contains("2026-01-05"),
            "{text}"
        );
        let revoked = ApiKey {
            revoke_time: at(0),
            ..key
        };
        let text = table(&[revoked]);
        assert!(text.contains("revoked") && !text.contains("2026-01-05"), "{text}");
    }
}
