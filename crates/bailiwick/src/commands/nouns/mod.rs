//! Commands of the shape `NOUN VERB`: the administration of accounts, people and what they may do.

pub(crate) mod account;
pub(crate) mod approval;
pub(crate) mod assign;
pub(crate) mod grant;
pub(crate) mod group;
pub(crate) mod instance;
pub(crate) mod invite;
pub(crate) mod key;
pub(crate) mod member;
pub(crate) mod quota;
pub(crate) mod resource;
pub(crate) mod role;
pub(crate) mod seats;
pub(crate) mod service_account;
pub(crate) mod session;
pub(crate) mod settings;
pub(crate) mod token;
pub(crate) mod user;
pub(crate) mod workspace;

use anyhow::{Context, Result};
use bailiwick_proto::authorization::v1::MemberKind;
use prost::{Message, Name};
use prost_types::FieldMask;
use serde_json::Value;

use crate::{cli::Output, output};

/// Whether a change is made.
#[derive(clap::Args, Debug)]
pub(crate) struct DryRun {
    /// Do not make the change: show who would gain or lose what.
    #[arg(long)]
    dry_run: bool,
}

impl DryRun {
    /// Whether nothing may be changed.
    fn is_set(&self) -> bool {
        self.dry_run
    }
    /// Prints the answer: of a preview, a person reads only who would gain or lose what.
    fn answer<M: Message + Name>(&self, output: Output, answer: &M, done: &str) -> Result<()> {
        if self.dry_run {
            output::preview(output, answer)
        } else {
            output::answer(output, answer, done)
        }
    }
}

/// Kinds of members.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Kind {
    /// Works in the account and takes a seat.
    Agent,
    /// Is a customer of the account.
    Customer,
}

impl From<Kind> for MemberKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Agent => Self::Agent,
            Kind::Customer => Self::Customer,
        }
    }
}

/// Reads `NAME=VALUE`, where the value is JSON or else text.
pub(crate) fn named_value(text: &str) -> Result<(String, Value)> {
    let (name, value) = text.split_once('=').context("must be NAME=VALUE")?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
    Ok((name.to_owned(), value))
}

/// The mask of the fields that are given.
fn mask(given: &[(&str, bool)]) -> FieldMask {
    let paths = given.iter().filter(|(_, given)| *given);
    FieldMask {
        paths: paths.map(|(path, _)| (*path).to_owned()).collect(),
    }
}

/// Lists all rows, page by page: the answer of the last page with the rows of all.
macro_rules! all_pages {
    ($service:expr, $method:ident, $request:expr, $rows:ident) => {{
        let (mut service, mut request) = ($service, $request);
        request.page_size = 1000;
        let mut all = Vec::new();
        loop {
            let mut page = crate::connect::message(service.$method(request.clone()).await)?;
            all.append(&mut page.$rows);
            if page.next_page_token.is_empty() {
                page.$rows = all;
                break page;
            }
            request.page_token = page.next_page_token;
        }
    }};
}
use all_pages;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_json_or_else_text() {
        assert_eq!(
            named_value("spam=true").unwrap(),
            ("spam".to_owned(), json!(true))
        );
        assert_eq!(
            named_value("domain=acme.example").unwrap(),
            ("domain".to_owned(), json!("acme.example"))
        );
        assert!(named_value("spam").is_err());
    }

    #[test]
    fn a_mask_names_what_is_given() {
        assert_eq!(mask(&[("title", true), ("seats", false)]).paths, ["title"]);
    }
}
