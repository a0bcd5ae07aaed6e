//! `bailiwick apply --preview`: who would gain or lose what.

use std::collections::BTreeSet;

use anyhow::Result;
use bailiwick_client::Client;
use bailiwick_proto::authorization::v1::{PreviewProductRequest, RoleReplacement};
use serde::Serialize;

use crate::{
    cli::Output,
    commands::changes::{self, Row},
    output,
};

/// Rows that are asked for at once.
const ROWS: i32 = 500;

/// What `apply --preview` prints.
#[derive(Serialize)]
struct Preview {
    version: u64,
    differences: Vec<String>,
    changes: BTreeSet<Row>,
}

/// Asks page by page and prints trees, or one JSON value.
pub(super) async fn run(
    client: &Client,
    (manifest, role_replacements): (String, Vec<RoleReplacement>),
    how: Output,
) -> Result<()> {
    let mut request = PreviewProductRequest {
        manifest,
        page_size: ROWS,
        page_token: String::new(),
        role_replacements,
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
            .map_err(super::fault)?
            .into_inner();
        (told.version, told.differences) = (page.version, page.differences);
        told.changes.extend(page.changes.into_iter().map(Row::from));
        if page.next_page_token.is_empty() {
            return output::print(how, &told, human);
        }
        request.page_token = page.next_page_token;
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
    text.push('\n');
    text.push_str(&changes::trees(&told.changes, true, output::width()));
    text
}
