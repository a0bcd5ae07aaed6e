//! `bailiwick check`.

use anyhow::Result;
use bailiwick_client::Client;
use bailiwick_proto::{
    authorization::v1::{CheckRequest, Decision},
    common::v1::{Consistency, consistency::Requirement},
};
use bailiwick_rpc::wire;
use serde_json::{Value, json};

use super::nouns::named_value;
use crate::{
    cli::Output,
    connect::{Within, message},
    output::{self, decision},
};

/// Arguments of `check` and `explain`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The subject: an e-mail address, `me`, `user:user_…`, `service:svc_…`, `anonymous:…`.
    pub(crate) subject: String,
    /// The permission: `TYPE.VERB`.
    pub(crate) permission: String,
    /// The target: `account`, `instance:` or `workspace:` with an id or a title, or a resource `TYPE:ID`.
    pub(crate) target: String,
    /// Attribute of the request; VALUE is JSON or else text. May be repeated.
    #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = named_value)]
    attributes: Vec<(String, Value)>,
    /// A service or agent that acts for the subject and must be allowed too.
    #[arg(long, value_name = "TYPE:ID")]
    actor: Option<String>,
    /// Digest of the content that an approval is bound to.
    #[arg(long, value_name = "TEXT")]
    digest: Option<String>,
    /// Read the primary database instead of caches.
    #[arg(long)]
    fully_consistent: bool,
    #[command(flatten)]
    within: Within,
}

impl Args {
    /// A client, and the request that asks for the decision.
    pub(crate) async fn open(&self) -> Result<(Client, CheckRequest)> {
        let at = self.within.open_for(&self.target).await?;
        let consistency = self.fully_consistent.then_some(Consistency {
            requirement: Some(Requirement::FullyConsistent(true)),
        });
        let request = CheckRequest {
            subject: at.subject(&self.subject).await?,
            permission: self.permission.clone(),
            target: at.scope(&self.target).await?,
            account: at.account,
            attributes: (!self.attributes.is_empty()).then(|| wire::struct_of(self.attributes.clone())),
            actor: self.actor.clone().unwrap_or_default(),
            digest: self.digest.clone().unwrap_or_default(),
            consistency,
        };
        Ok((at.client, request))
    }
}

/// Asks for a decision; true if it is allow.
pub(crate) async fn run(arguments: &Args, output: Output) -> Result<bool> {
    let (client, request) = arguments.open().await?;
    let answer = message(client.authorization().decision().check(request).await)?;
    let (decision, reason) = (answer.decision(), answer.reason());
    let json = json!({
        "decision": decision::word(decision),
        "reason": decision::reason(reason),
        "revision": answer.revision,
    });
    output::print(output, &json, |_| {
        format!(
            "{}: {} {} on {} - {} (revision {})",
            decision::word(decision),
            arguments.subject,
            arguments.permission,
            arguments.target,
            decision::because(reason),
            answer.revision
        )
    })?;
    Ok(decision == Decision::Allow)
}
