//! Who would gain or lose what, as trees.

use std::collections::BTreeMap;

use bailiwick_proto::authorization::v1::{EffectiveChange, PermissionChange, PermissionStrength as Strength};
use serde::Serialize;

use super::tree::{self, Node};

/// What one person would gain or lose in one place.
#[derive(Debug, Serialize, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row {
    account: String,
    subject: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    email: String,
    scope: String,
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    of: String,
    gains: Vec<String>,
    loses: Vec<String>,
    changes: Vec<Change>,
}

impl Row {
    /// The person, by the name that people know it by.
    fn who(&self) -> String {
        match self.email.as_str() {
            "" => self.subject.clone(),
            email => format!("{email} ({})", self.subject),
        }
    }
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
            email: of.email,
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

/// A tree for each person and place: what is gained, lost, and had in another way, type by type. The account is named where
/// there may be several.
pub(super) fn trees<'a>(
    rows: impl IntoIterator<Item = &'a Row>,
    accounts: bool,
    width: Option<usize>,
) -> String {
    let one =
        |row: &Row| {
            let place = match row.of.as_str() {
                "" => row.scope.clone(),
                of => format!("every {of} in {}", row.scope),
            };
            let account = if accounts && !row.scope.ends_with(&row.account) {
                format!(" (in account:{})", row.account)
            } else {
                String::new()
            };
            let section = |text: &str, names: &[String]| {
                let below = by_type(names).into_iter().map(Node::leaf).collect();
                (!names.is_empty()).then(|| Node {
                    text: text.to_owned(),
                    below,
                })
            };
            let mut sections: Vec<Node> = section("gains", &row.gains).into_iter().collect();
            sections.extend(section("loses", &row.loses));
            let ways = other_ways(row);
            sections.extend(ways.iter().filter_map(|((before, after), names)| {
                section(&format!("had {before}, then {after}"), names)
            }));
            format!(
                "{} on {place}{account}\n{}",
                row.who(),
                tree::drawn(&sections, width)
            )
        };
    rows.into_iter().map(one).collect::<Vec<_>>().join("\n")
}

/// A line for each type, with its verbs.
fn by_type(names: &[String]) -> Vec<String> {
    let mut types: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for name in names {
        let (of, verb) = name.split_once('.').unwrap_or((name, ""));
        types.entry(of).or_default().push(verb);
    }
    let line = |(of, verbs): (&&str, &Vec<&str>)| match verbs.as_slice() {
        [verb] => format!("{of}.{verb}"),
        verbs => format!("{of}: {}", verbs.join(" ")),
    };
    types.iter().map(line).collect()
}

/// What is neither gained nor lost as a whole, but had in another way than before, by the two ways.
fn other_ways(row: &Row) -> BTreeMap<(&'static str, &'static str), Vec<String>> {
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
    ways
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
            trees([&row], true, None),
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
