//! `bailiwick matrix`: who may do what on one target.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use bailiwick_proto::authorization::v1::{ListSubjectPermissionsRequest, SubjectPermissions};
use serde::Serialize;

use crate::{
    cli::{Matrix, Output},
    commands::check::account_of,
    connect, output, words,
};

/// As many columns as a table of single permissions may have.
const COLUMNS: usize = 12;

/// A row of the matrix.
#[derive(Debug, Serialize)]
struct Row {
    subject: String,
    email: String,
    permissions: Vec<String>,
    needing_approval: Vec<String>,
}

impl Row {
    fn of(row: SubjectPermissions, wanted: Option<&str>) -> Self {
        let fits = |name: &String| wanted.is_none_or(|of| split(name).0 == of);
        Self {
            subject: row.subject,
            email: row.email,
            permissions: row.permissions.into_iter().filter(fits).collect(),
            needing_approval: row.needing_approval.into_iter().filter(fits).collect(),
        }
    }

    fn who(&self) -> String {
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

/// Prints it.
pub(crate) async fn run(arguments: &Matrix, how: Output) -> Result<()> {
    let account = account_of(arguments.account.as_deref(), &arguments.target)?;
    let client = connect::client(&arguments.connection)?;
    let mut request = ListSubjectPermissionsRequest {
        account,
        target: arguments.target.clone(),
        page_size: 200,
        ..ListSubjectPermissionsRequest::default()
    };
    let mut query = client.authorization().query();
    let mut rows: Vec<Row> = Vec::new();
    loop {
        let page = query
            .list_subject_permissions(request.clone())
            .await
            .map_err(words::fault)?
            .into_inner();
        let found = page
            .subjects
            .into_iter()
            .map(|row| Row::of(row, arguments.of.as_deref()));
        rows.extend(found.filter(|row| row.names().next().is_some()));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    rows.sort_by_cached_key(Row::who);
    output::print(how, &rows, |rows| human(rows, &arguments.target))
}

fn human(rows: &[Row], target: &str) -> String {
    if rows.is_empty() {
        return format!("nobody may do anything on {target}");
    }
    let columns: BTreeSet<&str> = rows.iter().flat_map(Row::names).map(String::as_str).collect();
    let asks = rows.iter().any(|row| !row.needing_approval.is_empty());
    let mut text = if columns.len() <= COLUMNS {
        marks(rows, &columns)
    } else {
        words_of(rows)
    };
    if asks {
        text.push_str(if columns.len() <= COLUMNS {
            "\n✓ allowed   ? once somebody approves"
        } else {
            "\n? once somebody approves"
        });
    }
    text
}

/// A column for each permission, named by its verb where all are of one type.
fn marks(rows: &[Row], columns: &BTreeSet<&str>) -> String {
    let types: BTreeSet<&str> = columns.iter().map(|name| split(name).0).collect();
    let named = |name: &str| {
        let (of, verb) = split(name);
        if types.len() == 1 {
            verb.replace('_', " ")
        } else {
            // A line each: a column is as wide as the longer of the two.
            format!("{}\n{}", of.replace('_', " "), verb.replace('_', " "))
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
        let mut cells = vec![row.who()];
        cells.extend(columns.iter().map(|name| cell(row, name).to_owned()));
        cells
    });
    output::centred(&header, lines)
}

/// Where there are too many for columns: a line for each user and type, with the verbs in words.
fn words_of(rows: &[Row]) -> String {
    let mut lines = Vec::new();
    for row in rows {
        let mut by_type: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for name in &row.permissions {
            let (of, verb) = split(name);
            by_type.entry(of).or_default().push(verb.to_owned());
        }
        for name in &row.needing_approval {
            let (of, verb) = split(name);
            by_type.entry(of).or_default().push(format!("{verb}?"));
        }
        let mut who = row.who();
        for (of, verbs) in by_type {
            lines.push(vec![std::mem::take(&mut who), of.to_owned(), verbs.join(" ")]);
        }
    }
    output::table(&["user", "on", "may"], lines)
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
        assert!(text.ends_with("once somebody approves"));
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
