//! The outcome of a scenario.

use std::fmt;

/// The outcome of a scenario. It prints a line for each step that did not hold, then one for the scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Name of the file.
    pub file: String,
    /// Title of the scenario.
    pub title: String,
    /// The number of steps that held.
    pub held: usize,
    /// Steps that failed, or the part of `given` that did.
    pub failures: Vec<Failure>,
    /// Steps whose methods this version does not implement.
    pub unsupported: Vec<Unsupported>,
    /// Lines of steps that were not run because they may depend on a step that was not.
    pub skipped: Vec<u64>,
    /// Whether a report with unsupported steps passes.
    pub unsupported_allowed: bool,
}

/// A step, or something of `given`, that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Line in the file.
    pub line: u64,
    /// What was asked.
    pub asked: String,
    /// What was expected.
    pub expected: String,
    /// What was answered, with the message of an error.
    pub came: String,
    /// The `because` of the step.
    pub because: Option<String>,
    /// The explanation of the decision of a check.
    pub explanation: Option<String>,
}

/// A step whose method this version does not implement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsupported {
    /// Line in the file.
    pub line: u64,
    /// What was asked.
    pub asked: String,
    /// The method that is missing.
    pub message: String,
}

impl Report {
    /// Whether no step failed, and none was unsupported unless that is allowed.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.failures.is_empty() && (self.unsupported_allowed || self.unsupported.is_empty())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for failure in &self.failures {
            writeln!(f, "{}:{failure}", self.file)?;
        }
        for missing in &self.unsupported {
            writeln!(
                f,
                "{}:{}: unsupported: {}: {}",
                self.file, missing.line, missing.asked, missing.message
            )?;
        }
        if let (Some(first), Some(last)) = (self.skipped.first(), self.skipped.last()) {
            let count = self.skipped.len();
            writeln!(f, "{}: {count} steps not run, lines {first} to {last}", self.file)?;
        }
        let verdict = if self.passed() { "ok" } else { "FAILED" };
        write!(f, "{verdict} {}: {}: {} held", self.file, self.title, self.held)?;
        let counts = [
            (self.failures.len(), "failed"),
            (self.unsupported.len(), "unsupported"),
            (self.skipped.len(), "not run"),
        ];
        counts
            .iter()
            .filter(|(count, _)| *count > 0)
            .try_for_each(|(count, what)| write!(f, ", {count} {what}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {}: expected {}, got {}",
            self.line, self.asked, self.expected, self.came
        )?;
        if let Some(because) = &self.because {
            write!(f, " (because: {because})")?;
        }
        if let Some(explanation) = &self.explanation {
            write!(f, " [{explanation}]")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_prints_a_line_for_each_failed_step_and_one_for_the_scenario() {
        let report = Report {
            file: "a.yaml".into(),
            title: "Stores".into(),
            held: 3,
            failures: vec![Failure {
                line: 7,
                asked: "as amy: assign {user: amy, role: owner, on: account:stores}".into(),
                expected: "PERMISSION_DENIED".into(),
                came: "ok".into(),
                because: Some("an Admin may not assign owner".into()),
                explanation: None,
            }],
            unsupported: vec![Unsupported {
                line: 9,
                asked: "seats {account: stores}".into(),
                message: "method `MemberService/GetSeats` is not implemented in this version".into(),
            }],
            skipped: vec![10, 11],
            unsupported_allowed: true,
        };
        assert!(!report.passed());
        assert_eq!(
            report.to_string(),
            "a.yaml:7: as amy: assign {user: amy, role: owner, on: account:stores}: expected PERMISSION_DENIED, \
             got ok (because: an Admin may not assign owner)\n\
             a.yaml:9: unsupported: seats {account: stores}: method `MemberService/GetSeats` is not implemented \
             in this version\n\
             a.yaml: 2 steps not run, lines 10 to 11\n\
             FAILED a.yaml: Stores: 3 held, 1 failed, 1 unsupported, 2 not run"
        );
    }
}
