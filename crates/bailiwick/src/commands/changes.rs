//! Who would gain or lose what, as a table.

use std::collections::BTreeMap;

use bailiwick_proto::authorization::v1::{EffectiveChange, PermissionChange, PermissionStrength as Strength};
use serde::Serialize;

use crate::output;

/// What one person would gain or lose in one place.
#[derive(Debug, Serialize, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row {
    account: String,
    subject: String,
    scope: String,
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    of: String,
    gains: Vec<String>,
    loses: Vec<String>,
    changes: Vec<Change>,
}

/// A permission that would be had in another way.
#[derive(Debug, Serialize, PartialEq, Eq, PartialOrd, Ord)]
struct Change {
    permission: String,
    before: &'static str,
    after: &'static str,
}

impl From<EffectiveChange> for Row {
    fn from(of: EffectiveChange) -> Self {
        Self {
            account: of.account,
            subject: of.subject,
            scope: of.scope,
            of: of.r#type,
            gains: of.gains,
            loses: of.loses,
            changes: of.changes.into_iter().map(Change::from).collect(),
        }
    }
}

impl From<PermissionChange> for Change {
    fn from(of: PermissionChange) -> Self {
        Self {
            before: word(of.before()),
            after: word(of.after()),
            permission: of.permission,
        }
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

/// A line for each person and place. The account is a column of its own where there may be several.
pub(super) fn table<'a>(rows: impl IntoIterator<Item = &'a Row>, accounts: bool) -> String {
    let mut header = vec!["who", "where", "gains", "loses", "has in another way"];
    if accounts {
        header.insert(0, "account");
    }
    let lines = rows.into_iter().map(|row| {
        let place = if row.of.is_empty() {
            row.scope.clone()
        } else {
            format!("every {} in {}", row.of, row.scope)
        };
        let mut line = vec![
            row.subject.clone(),
            place,
            by_type(&row.gains),
            by_type(&row.loses),
            other_ways(row),
        ];
        if accounts {
            line.insert(0, row.account.clone());
        }
        line
    });
    output::table(&header, lines)
}

/// A line for each type, with its verbs.
fn by_type(names: &[String]) -> String {
    let mut types: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for name in names {
        let (of, verb) = name.split_once('.').unwrap_or((name, ""));
        types.entry(of).or_default().push(verb);
    }
    let lines = types.iter().map(|(of, verbs)| match verbs.as_slice() {
        [verb] => format!("{of}.{verb}"),
        verbs => format!("{of}: {}", verbs.join(" ")),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// What is neither gained nor lost as a whole, but had in another way than before: a line for each way.
fn other_ways(row: &Row) -> String {
    let told = |name: &String| row.gains.contains(name) || row.loses.contains(name);
    let mut ways: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    for change in &row.changes {
        let whole = matches!(
            (change.before, change.after),
            ("not at all", "fully") | ("fully", "not at all")
        );
        if !(whole && told(&change.permission)) {
            let names = ways.entry((change.before, change.after)).or_default();
            names.push(change.permission.clone());
        }
    }
    let lines = ways
        .iter()
        .map(|((before, after), names)| format!("{before} -> {after}:\n{}", by_type(names)));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_is_told_type_by_type_and_each_way_once() {
        let change = |permission: &str, before: Strength, after: Strength| PermissionChange {
            permission: permission.to_owned(),
            before: before.into(),
            after: after.into(),
        };
        let row = Row::from(EffectiveChange {
            account: "acct_1".to_owned(),
            subject: "user:user_1".to_owned(),
            scope: "account:acct_1".to_owned(),
            loses: vec![
                "page.edit".to_owned(),
                "page.view".to_owned(),
                "folder.view".to_owned(),
            ],
            changes: vec![
                change("page.edit", Strength::Full, Strength::None),
                change("page.view", Strength::Full, Strength::Conditional),
                change("page.send", Strength::Full, Strength::NeedsApproval),
            ],
            ..EffectiveChange::default()
        });
        assert_eq!(by_type(&row.loses), "folder.view\npage: edit view");
        assert_eq!(
            other_ways(&row),
            "fully -> under a condition:\npage.view\nfully -> with an approval:\npage.send"
        );
        assert!(table([&row], true).contains("acct_1") && table([&row], false).contains("user:user_1"));
    }
}
