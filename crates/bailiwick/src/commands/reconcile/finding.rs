//! What was found to differ.

use std::collections::HashSet;

use bailiwick_sql::follow::{Deviation, Difference, Field};
use bailiwick_types::Service;
use serde::Serialize;

/// Findings that are listed; more are counted.
const MOST: usize = 10_000;

/// How something differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Problem {
    /// The follower does not have what its owner has.
    Missing,
    /// The follower has what its owner does not have.
    Unknown,
    /// Fields differ.
    Differs,
    /// A change was begun and not finished.
    Unfinished,
    /// The feed is not read to its end.
    Behind,
}

/// A field that differs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub(super) struct Values {
    pub(super) field: &'static str,
    pub(super) owner: String,
    pub(super) follower: String,
}

/// Something that differs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub(super) struct Finding {
    pub(super) kind: &'static str,
    pub(super) id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) account: Option<String>,
    pub(super) owner: &'static str,
    pub(super) follower: &'static str,
    pub(super) problem: Problem,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) fields: Vec<Values>,
    /// Why reading the owner's data anew does not mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) note: Option<String>,
}

impl Finding {
    /// A difference between an owner and a follower.
    pub(super) fn of(owner: Service, follower: Service, difference: Difference) -> Self {
        let Difference { thing, deviation } = difference;
        let (problem, fields, note) = match deviation {
            Deviation::Missing(note) => (Problem::Missing, Vec::new(), note),
            Deviation::Extra => (Problem::Unknown, Vec::new(), None),
            Deviation::Differs(fields) => (Problem::Differs, fields, None),
        };
        let values = |Field {
                          name,
                          owner,
                          follower,
                      }| Values {
            field: name,
            owner,
            follower,
        };
        Self {
            kind: thing.kind(),
            id: thing.to_string(),
            account: thing.account().map(|account| account.to_string()),
            owner: owner.as_str(),
            follower: follower.as_str(),
            problem,
            fields: fields.into_iter().map(values).collect(),
            note,
        }
    }
    /// Whether it is about the same thing.
    pub(super) fn is_about(&self, other: &Self) -> bool {
        (self.kind, &self.id, &self.account, self.follower)
            == (other.kind, &other.id, &other.account, other.follower)
    }
    /// The difference in words.
    pub(super) fn text(&self) -> String {
        let Self { owner, follower, .. } = self;
        let mut text = match self.problem {
            Problem::Missing => format!("missing in {follower}"),
            Problem::Unknown => format!("in {follower}, unknown to {owner}"),
            Problem::Unfinished => format!("begun in {owner}, not finished"),
            Problem::Behind => format!("{follower} has not read the feed of {owner} to its end"),
            Problem::Differs => {
                let field = |of: &Values| {
                    format!(
                        "{}: `{}` in {owner}, `{}` in {follower}",
                        of.field, of.owner, of.follower
                    )
                };
                self.fields.iter().map(field).collect::<Vec<_>>().join("; ")
            }
        };
        if let Some(note) = &self.note {
            text = format!("{text} ({note})");
        }
        text
    }
}

/// All that differs.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) listed: Vec<Finding>,
    /// Those that are not listed.
    pub(super) more: usize,
}

impl Findings {
    pub(super) fn push(&mut self, finding: Finding) {
        if self.listed.len() < MOST {
            self.listed.push(finding);
        } else {
            self.more += 1;
        }
    }
    pub(super) fn is_empty(&self) -> bool {
        self.listed.is_empty() && self.more == 0
    }
    /// Whether a feed is not read to its end.
    pub(super) fn names_a_feed(&self) -> bool {
        self.listed
            .iter()
            .any(|finding| finding.problem == Problem::Behind)
    }
    /// Whether reading the owner's data anew would mend one of them.
    pub(super) fn is_mended_by_reading(&self) -> bool {
        self.more > 0 || self.listed.iter().any(|finding| finding.note.is_none())
    }
    /// Those that an earlier look found too.
    pub(super) fn seen_in(mut self, earlier: &Self) -> Self {
        let seen: HashSet<&Finding> = earlier.listed.iter().collect();
        self.listed.retain(|finding| seen.contains(finding));
        self.more = self.more.min(earlier.more);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(id: &str, follower: &str) -> Finding {
        Finding {
            kind: "account",
            id: id.to_owned(),
            account: None,
            owner: "tenancy",
            follower: "authorization",
            problem: Problem::Differs,
            fields: vec![Values {
                field: "version",
                owner: "1".to_owned(),
                follower: follower.to_owned(),
            }],
            note: None,
        }
    }

    #[test]
    fn what_changed_between_two_looks_is_no_difference() {
        let look = |all: &[(&str, &str)]| {
            let mut findings = Findings::default();
            all.iter().for_each(|(id, is)| findings.push(finding(id, is)));
            findings
        };
        let first = look(&[("a", "2"), ("b", "2"), ("c", "2")]);
        let second = look(&[("a", "2"), ("b", "3"), ("d", "2")]);
        assert_eq!(second.seen_in(&first).listed, [finding("a", "2")]);
    }

    #[test]
    fn findings_are_listed_up_to_a_bound_and_counted_beyond() {
        let mut findings = Findings::default();
        for n in 0..MOST + 3 {
            findings.push(finding(&n.to_string(), "2"));
        }
        assert_eq!((findings.listed.len(), findings.more), (MOST, 3));
    }
}
