//! `bailiwick apply --preview`: who would gain or lose what.

use std::collections::BTreeSet;

use anyhow::Result;
use bailiwick_client::Client;
use bailiwick_proto::authorization::v1::{
    EffectiveChange, PermissionChange, PermissionStrength as Strength, PreviewProductRequest,
};
use serde::Serialize;

use crate::{cli::Output, output, words};

/// Rows that are asked for at once.
const ROWS: i32 = 500;

/// What `apply --preview` prints.
#[derive(Serialize)]
struct Preview {
    version: u64,
    differences: Vec<String>,
    changes: BTreeSet<Row>,
}

/// What one person would gain or lose in one place.
#[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    account: String,
    subject: String,
    scope: String,
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    of: String,
    gains: Vec<String>,
    loses: Vec<String>,
    changes: Vec<Change>,
}

/// A permission that is neither gained nor lost as a whole.
#[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
struct Change {
    permission: String,
    before: &'static str,
    after: &'static str,
}

/// Asks page by page and prints a table, or one JSON value.
pub(super) async fn run(client: &Client, manifest: String, how: Output) -> Result<()> {
    let mut request = PreviewProductRequest {
        manifest,
        page_size: ROWS,
        page_token: String::new(),
    };
    let mut products = client.authorization().product();
    let mut told = Preview {
        version: 0,
        differences: Vec::new(),
        changes: BTreeSet::new(),
    };
    loop {
        let page = products
            .preview_product(request.clone())
            .await
            .map_err(words::fault)?
            .into_inner();
        (told.version, told.differences) = (page.version, page.differences);
        told.changes.extend(page.changes.into_iter().map(row));
        if page.next_page_token.is_empty() {
            return output::print(how, &told, human);
        }
        request.page_token = page.next_page_token;
    }
}

fn row(of: EffectiveChange) -> Row {
    Row {
        account: of.account,
        subject: of.subject,
        scope: of.scope,
        of: of.r#type,
        gains: of.gains,
        loses: of.loses,
        changes: of.changes.into_iter().map(change).collect(),
    }
}

fn change(of: PermissionChange) -> Change {
    Change {
        before: word(of.before()),
        after: word(of.after()),
        permission: of.permission,
    }
}

fn word(of: Strength) -> &'static str {
    match of {
        Strength::Unspecified | Strength::None => "not at all",
        Strength::Conditional => "under a condition",
        Strength::NeedsApproval => "with an approval",
        Strength::Full => "fully",
    }
}

fn human(told: &Preview) -> String {
    if told.differences.is_empty() {
        return format!("nothing would change: version {} stays", told.version);
    }
    let mut text = format!("would become version {}", told.version);
    for difference in &told.differences {
        text.push_str("\n  ");
        text.push_str(difference);
    }
    if told.changes.is_empty() {
        text.push_str("\nnobody gains or loses anything");
        return text;
    }
    let rows = told.changes.iter().map(|row| {
        let place = if row.of.is_empty() {
            row.scope.clone()
        } else {
            format!("every {} in {}", row.of, row.scope)
        };
        vec![
            row.account.clone(),
            row.subject.clone(),
            place,
            row.gains.join("\n"),
            row.loses.join("\n"),
            other_ways(row),
        ]
    });
    text.push('\n');
    text.push_str(&output::table(
        &["account", "who", "where", "gains", "loses", "has in another way"],
        rows,
    ));
    text
}

/// What is neither gained nor lost, but had in another way than before.
fn other_ways(row: &Row) -> String {
    let told = |name: &String| row.gains.contains(name) || row.loses.contains(name);
    let lines = row.changes.iter().filter(|change| {
        !told(&change.permission)
            || !matches!(
                (change.before, change.after),
                ("not at all", "fully") | ("fully", "not at all")
            )
    });
    lines
        .map(|change| format!("{}: {} -> {}", change.permission, change.before, change.after))
        .collect::<Vec<_>>()
        .join("\n")
}
