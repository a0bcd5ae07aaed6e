//! `bailiwick check`.

use anyhow::{Context, Result};
use bailiwick_proto::{
    authorization::v1::{CheckRequest, Decision},
    common::v1::{Consistency, consistency::Requirement},
};
use bailiwick_rpc::wire;
use serde_json::{Value, json};

use crate::{
    cli::Output,
    connect::{self, Connection},
    output::{self, decision},
};

/// Arguments of `check` and `explain`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The subject: `user:user_…`, `service:svc_…`, `anonymous:…`.
    pub(crate) subject: String,
    /// The permission: `TYPE.VERB`.
    pub(crate) permission: String,
    /// The target: `account:ID`, `instance:ID`, `workspace:ID` or a resource `TYPE:ID`.
    pub(crate) target: String,
    /// The account of the target; not needed if the target is an account.
    #[arg(long, short, value_name = "ID")]
    account: Option<String>,
    /// Attribute of the request; VALUE is JSON or else text. May be repeated.
    #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = attribute)]
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
    pub(crate) connection: Connection,
}

impl Args {
    /// The request that asks for the decision.
    pub(crate) fn request(&self) -> Result<CheckRequest> {
        let consistency = self.fully_consistent.then_some(Consistency {
            requirement: Some(Requirement::FullyConsistent(true)),
        });
        Ok(CheckRequest {
            account: connect::account_of(self.account.as_deref(), &self.target)?,
            subject: self.subject.clone(),
            permission: self.permission.clone(),
            target: self.target.clone(),
            attributes: (!self.attributes.is_empty()).then(|| wire::struct_of(self.attributes.clone())),
            actor: self.actor.clone().unwrap_or_default(),
            digest: self.digest.clone().unwrap_or_default(),
            consistency,
        })
    }
}

fn attribute(text: &str) -> Result<(String, Value)> {
    let (name, value) = text.split_once('=').context("must be NAME=VALUE")?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
    Ok((name.to_owned(), value))
}

/// Asks for a decision; true if it is allow.
pub(crate) async fn run(arguments: &Args, output: Output) -> Result<bool> {
    let request = arguments.request()?;
    let client = arguments.connection.client()?;
    let answer = connect::message(client.authorization().decision().check(request).await)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_is_json_or_else_text() {
        assert_eq!(attribute("spam=true").unwrap(), ("spam".to_owned(), json!(true)));
        assert_eq!(
            attribute("domain=acme.example").unwrap(),
            ("domain".to_owned(), json!("acme.example"))
        );
        assert!(attribute("spam").is_err());
    }
}
