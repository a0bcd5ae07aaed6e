//! `bailiwick matrix`.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use bailiwick_proto::authorization::v1::{ListSubjectPermissionsRequest, SubjectPermissions};
use serde::Serialize;

use crate::{
    cli::Output,
    connect::{self, Within},
    output,
};

/// The most permissions that get a column each.
const MAX_COLUMNS: usize = 12;

/// Arguments of `matrix`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The target: `account`, `instance:` or `workspace:` with an id or a title, or a resource `TYPE:ID`.
    target: String,
    /// Only permissions of this type.
    #[arg(long = "type", value_name = "TYPE")]
    type_name: Option<String>,
    #[command(flatten)]
    within: Within,
}

/// A row of the matrix.
#[derive(Debug, Serialize)]
struct Row {
    subject: String,
    email: String,
    permissions: Vec<String>,
    needing_approval: Vec<String>,
}

impl Row {
    fn new(row: SubjectPermissions, type_name: Option<&str>) -> Self {
        let fits = |name: &String| type_name.is_none_or(|wanted| split(name).0 == wanted);
        Self {
            subject: row.subject,
            email: row.email,
            permissions: row.permissions.into_iter().filter(fits).collect(),
            needing_approval: row.needing_approval.into_iter().filter(fits).collect(),
        }
    }

    /// The e-mail address, or else the id.
    fn user(&self) -> String {
        if self.email.is_empty() {
            self.subject.clone()
        } else {
            self.email.clone()
        }
    }

    fn names(&self) -> impl Iterator<Item = &String> {
        self.permissions.iter().chain(&self.needing_approval)
    }
}

/// The type and the verb of a permission.
fn split(name: &str) -> (&str, &str) {
    name.split_once('.').unwrap_or((name, ""))
}

/// Prints the matrix.
pub(crate) async fn run(arguments: &Args, output: Output) -> Result<()> {
    let at = arguments.within.open_for(&arguments.target).await?;
    let mut request = ListSubjectPermissionsRequest {
        target: at.scope(&arguments.target).await?,
        account: at.account,
        page_size: 200,
        ..ListSubjectPermissionsRequest::default()
    };
    let mut query = at.client.authorization().query();
    let mut rows: Vec<Row> = Vec::new();
    loop {
        let page = connect::message(query.list_subject_permissions(request.clone()).await)?;
        let found = page
            .subjects
            .into_iter()
            .map(|row| Row::new(row, arguments.type_name.as_deref()));
        rows.extend(found.filter(|row| row.names().next().is_some()));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    rows.sort_by_cached_key(Row::user);
    output::print(output, &rows, |rows| human(rows, &arguments.target))
}

fn human(rows: &[Row], target: &str) -> String {
    if rows.is_empty() {
        return format!("nobody may do anything on {target}");
    }
    let columns: BTreeSet<&str> = rows.iter().flat_map(Row::names).map(String::as_str).collect();
    let approvals = rows.iter().any(|row| !row.needing_approval.is_empty());
    let mut text = if columns.len() <= MAX_COLUMNS {
        marks(rows, &columns)
    } else {
        lines(rows)
    };
    if approvals {
        text.push_str(if columns.len() <= MAX_COLUMNS {
            "\n✓ allowed   ? allowed once approved"
        } else {
            "\n? allowed once approved"
        });
    }
    text
}

/// A column for each permission, named by its verb where all are of one type.
fn marks(rows: &[Row], columns: &BTreeSet<&str>) -> String {
    let types: BTreeSet<&str> = columns.iter().map(|name| split(name).0).collect();
    let named = |name: &str| {
        let (type_name, verb) = split(name);
        if types.len() == 1 {
            verb.replace('_', " ")
        } else {
            // On two lines, so that a column is only as wide as the longer one.
            format!("{}\n{}", type_name.replace('_', " "), verb.replace('_', " "))
        }
    };
    let mut header = vec!["user".to_owned()];
    header.extend(columns.iter().map(|name| named(name)));
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let cell = |row: &Row, name: &str| {
        let has = |names: &[String]| names.iter().any(|other| other == name);
        if has(&row.permissions) {
            "✓"
        } else if has(&row.needing_approval) {
            "?"
        } else {
            ""
        }
    };
    let lines = rows.iter().map(|row| {
        let mut cells = vec![row.user()];
        cells.extend(columns.iter().map(|name| cell(row, name).to_owned()));
        cells
    });
    output::centred(&header, lines).to_string()
}

/// A line for each user and type, with its verbs: for more permissions than fit into columns.
fn lines(rows: &[Row]) -> String {
    let mut lines = Vec::new();
    for row in rows {
        let mut by_type: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        let allowed = row.permissions.iter().map(|name| (name, ""));
        for (name, mark) in allowed.chain(row.needing_approval.iter().map(|name| (name, "?"))) {
            let (type_name, verb) = split(name);
            by_type
                .entry(type_name)
                .or_default()
                .push(format!("{verb}{mark}"));
        }
        let mut user = row.user();
        for (type_name, verbs) in by_type {
            lines.push(vec![
                std::mem::take(&mut user),
                type_name.to_owned(),
                verbs.join(" "),
            ]);
        }
    }
    output::table(&["user", "on", "may"], lines).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(email: &str, permissions: &[&str], needing: &[&str]) -> Row {
        let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Row {
            subject: "user:x".to_owned(),
            email: email.to_owned(),
            permissions: texts(permissions),
            needing_approval: texts(needing),
        }
    }

    #[test]
    fn a_matrix_of_few_permissions_has_a_column_for_each() {
        let rows = [
            row("ann@x.example", &["project.edit", "project.view"], &[]),
            row("", &["project.view"], &["project.distribute"]),
        ];
        let text = human(&rows, "project:1");
        let header = text.lines().nth(1).unwrap();
        for word in ["user", "distribute", "edit", "view"] {
            assert!(header.contains(word), "{text}");
        }
        let second = text.lines().find(|line| line.contains("user:x")).unwrap();
        assert!(second.contains('?') && second.matches('✓').count() == 1, "{text}");
        assert!(text.ends_with("allowed once approved"));
        assert_eq!(human(&[], "project:1"), "nobody may do anything on project:1");
    }

    #[test]
    fn a_matrix_of_many_permissions_has_a_line_for_each_type() {
        let names: Vec<String> = (0..20).map(|n| format!("t{}.v{n}", n % 3)).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let text = human(&[row("ann@x.example", &names, &["t1.ask"])], "account:1");
        assert!(text.contains("v0 v3 v6") && text.contains("ask?"), "{text}");
        assert_eq!(text.matches("ann@x.example").count(), 1);
    }
}
