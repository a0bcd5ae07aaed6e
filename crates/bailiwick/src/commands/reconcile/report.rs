//! What the command answers.

use serde::Serialize;

use super::finding::{Finding, Findings};
use crate::output;

/// A difference, and what became of it.
#[derive(Debug, Serialize)]
struct Line {
    #[serde(flatten)]
    finding: Finding,
    #[serde(skip_serializing_if = "Option::is_none")]
    mended: Option<bool>,
}

/// The answer.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    differences: Vec<Line>,
    /// Differences that are not listed.
    more: usize,
    mended: usize,
    remaining: usize,
}

impl Report {
    /// What differs; nothing was mended.
    pub(super) fn found(found: Findings) -> Self {
        Self {
            remaining: found.listed.len() + found.more,
            more: found.more,
            mended: 0,
            differences: found
                .listed
                .into_iter()
                .map(|finding| Line {
                    finding,
                    mended: None,
                })
                .collect(),
        }
    }
    /// What differed, and what differs still.
    pub(super) fn mended(found: Findings, left: Findings) -> Self {
        let mut rest = left.listed;
        let remaining = rest.len() + left.more;
        let mut differences = Vec::with_capacity(found.listed.len());
        for finding in found.listed {
            let at = rest.iter().position(|left| left.is_about(&finding));
            let mended = Some(at.is_none());
            let finding = at.map_or(finding, |at| rest.swap_remove(at));
            differences.push(Line { finding, mended });
        }
        let mended = differences
            .iter()
            .filter(|line| line.mended == Some(true))
            .count();
        let line = |finding| Line {
            finding,
            mended: Some(false),
        };
        differences.extend(rest.into_iter().map(line));
        Self {
            mended: mended + found.more.saturating_sub(left.more),
            more: found.more,
            remaining,
            differences,
        }
    }
    /// The number of differences that are left.
    pub(super) fn remaining(&self) -> usize {
        self.remaining
    }
    /// For people.
    pub(super) fn text(&self) -> String {
        if self.differences.is_empty() {
            return "the databases agree".to_owned();
        }
        let applied = self.differences.iter().any(|line| line.mended.is_some());
        let mut header = vec!["what", "id", "account", "difference"];
        header.extend(applied.then_some("mended"));
        let rows = self.differences.iter().map(|Line { finding, mended }| {
            let account = finding.account.clone().unwrap_or_default();
            let mut row = vec![
                finding.kind.to_owned(),
                finding.id.clone(),
                account,
                finding.text(),
            ];
            row.extend(mended.map(|mended| if mended { "yes" } else { "no" }.to_owned()));
            row
        });
        let table = output::table(&header, rows);
        let more = match self.more {
            0 => String::new(),
            more => format!("... and {more} more\n"),
        };
        let total = self.differences.len() + self.more;
        let summary = if applied {
            format!(
                "{}: {} mended, {} left",
                output::count(total as i128, "difference"),
                self.mended,
                self.remaining
            )
        } else {
            format!(
                "{}; `--apply` mends them",
                output::count(total as i128, "difference")
            )
        };
        format!("{table}\n{more}{summary}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::reconcile::finding::Problem;

    fn findings(ids: &[&str]) -> Findings {
        let mut findings = Findings::default();
        for id in ids {
            findings.push(Finding {
                kind: "user",
                id: (*id).to_owned(),
                account: None,
                owner: "identity",
                follower: "authorization",
                problem: Problem::Missing,
                fields: Vec::new(),
                note: None,
            });
        }
        findings
    }

    #[test]
    fn what_is_left_is_told_apart_from_what_was_mended() {
        let report = Report::mended(findings(&["a", "b"]), findings(&["b", "c"]));
        let lines: Vec<_> = report
            .differences
            .iter()
            .map(|line| (line.finding.id.as_str(), line.mended))
            .collect();
        assert_eq!(lines, [("a", Some(true)), ("b", Some(false)), ("c", Some(false))]);
        assert_eq!((report.mended, report.remaining()), (1, 2));
        assert!(
            report.text().ends_with("3 differences: 1 mended, 2 left"),
            "{}",
            report.text()
        );
    }

    #[test]
    fn without_apply_it_says_what_would_mend_them() {
        let report = Report::found(findings(&["a"]));
        assert!(
            report.text().ends_with("1 difference; `--apply` mends them"),
            "{}",
            report.text()
        );
        assert_eq!(Report::found(Findings::default()).text(), "the databases agree");
    }
}
