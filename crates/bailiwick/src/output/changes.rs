//! Previewed changes of permissions.

use std::collections::BTreeMap;

use bailiwick_proto::authorization::v1::{EffectiveChange, PermissionChange, PermissionStrength as Strength};
use serde::Serialize;

use super::tree::{self, Tree};

/// What one subject would gain or lose in one scope.
#[derive(Debug, Serialize, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Row {
    account: String,
    subject: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    email: String,
    scope: String,
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    type_name: String,
    gains: Vec<String>,
    loses: Vec<String>,
    changes: Vec<Change>,
}

/// A permission that would be held in another way.
#[derive(Debug, Serialize, PartialEq, Eq, PartialOrd, Ord)]
struct Change {
    permission: String,
    before: &'static str,
    after: &'static str,
}

impl From<EffectiveChange> for Row {
    fn from(change: EffectiveChange) -> Self {
        Self {
            account: change.account,
            subject: change.subject,
            email: change.email,
            scope: change.scope,
            type_name: change.r#type,
            gains: change.gains,
            loses: change.loses,
            changes: change.changes.into_iter().map(Change::from).collect(),
        }
    }
}

impl From<PermissionChange> for Change {
    fn from(change: PermissionChange) -> Self {
        Self {
            before: strength(change.before()),
            after: strength(change.after()),
            permission: change.permission,
        }
    }
}

fn strength(of: Strength) -> &'static str {
    match of {
        Strength::Unspecified | Strength::None => "not at all",
        Strength::Conditional => "under a condition",
        Strength::NeedsApproval => "with an approval",
        Strength::Full => "fully",
    }
}

/// A tree for each subject and scope: gained, lost and otherwise changed permissions, type by type.
/// `accounts` says whether the rows may be of several accounts, which are then named.
pub(crate) fn trees<'a>(rows: impl IntoIterator<Item = &'a Row>, accounts: bool) -> String {
    trees_within(rows, accounts, super::width())
}

fn trees_within<'a>(rows: impl IntoIterator<Item = &'a Row>, accounts: bool, width: Option<usize>) -> String {
    let trees = rows.into_iter().map(|row| {
        let root = Tree::new(heading(row, accounts));
        let sections = [("gains".to_owned(), &row.gains), ("loses".to_owned(), &row.loses)];
        let others = other_changes(row);
        let others = others
            .iter()
            .map(|((before, after), names)| (format!("had {before}, then {after}"), names));
        let sections = sections.into_iter().filter(|(_, names)| !names.is_empty());
        let sections = sections
            .chain(others)
            .map(|(title, names)| Tree::new(title).with_leaves(by_type(names)));
        tree::draw(root.with_leaves(sections), width)
    });
    trees.collect::<Vec<_>>().join("\n")
}

fn heading(row: &Row, accounts: bool) -> String {
    let Row {
        subject,
        email,
        scope,
        account,
        ..
    } = row;
    let subject = match email.as_str() {
        "" => subject.clone(),
        email => format!("{email} ({subject})"),
    };
    let every = match row.type_name.as_str() {
        "" => String::new(),
        type_name => format!("every {type_name} in "),
    };
    let account = if accounts && !scope.ends_with(account) {
        format!(" (in account:{account})")
    } else {
        String::new()
    };
    format!("{subject} on {every}{scope}{account}")
}

/// A line for each type, with its verbs.
fn by_type(names: &[String]) -> Vec<String> {
    let mut types: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for name in names {
        let (type_name, verb) = name.split_once('.').unwrap_or((name, ""));
        types.entry(type_name).or_default().push(verb);
    }
    let line = |(type_name, verbs): (&&str, &Vec<&str>)| match verbs.as_slice() {
        [verb] => format!("{type_name}.{verb}"),
        verbs => format!("{type_name}: {}", verbs.join(" ")),
    };
    types.iter().map(line).collect()
}

/// The permissions whose strength changes other than from nothing to everything or back, by old and new
/// strength.
fn other_changes(row: &Row) -> BTreeMap<(&'static str, &'static str), Vec<String>> {
    let listed = |name: &String| row.gains.contains(name) || row.loses.contains(name);
    let mut changes: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    for change in &row.changes {
        let whole = matches!(
            (change.before, change.after),
            ("not at all", "fully") | ("fully", "not at all")
        );
        if !(whole && listed(&change.permission)) {
            let names = changes.entry((change.before, change.after)).or_default();
            names.push(change.permission.clone());
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_permissions_are_listed_by_type_and_other_changes_once_each() {
        let change = |permission: &str, before: Strength, after: Strength| PermissionChange {
            permission: permission.to_owned(),
            before: before.into(),
            after: after.into(),
        };
        let row = Row::from(EffectiveChange {
            account: "acct_1".to_owned(),
            subject: "user:user_1".to_owned(),
            email: "user@example.com".to_owned(),
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
        assert_eq!(
            trees_within([&row], true, None),
            "user@example.com (user:user_1) on account:acct_1
├─ loses
│  ├─ folder.view
│  └─ page: edit view
├─ had fully, then under a condition
│  └─ page.view
└─ had fully, then with an approval
   └─ page.send"
        );
    }
}
