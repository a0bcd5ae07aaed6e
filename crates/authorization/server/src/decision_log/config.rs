//! What can be set for the decision log.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where records go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogTarget {
    /// Nowhere: nothing is recorded.
    #[default]
    Off,
    /// Standard output, one JSON object a line.
    Stdout,
    /// The file `path`, one JSON object a line.
    File,
    /// The OpenTelemetry collector at `endpoint`, as log records.
    Otlp,
}

/// A part of a whole: 0 is nothing, 1 everything.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "f64", into = "f64")]
#[schemars(with = "f64", extend("minimum" = 0, "maximum" = 1))]
pub struct Ratio(f64);

impl Ratio {
    /// Nothing.
    pub const NONE: Self = Self(0.0);
    /// Everything.
    pub const ALL: Self = Self(1.0);
    /// The number, from 0 to 1.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Ratio {
    type Error = &'static str;

    fn try_from(value: f64) -> Result<Self, Self::Error> {
        if (0.0..=1.0).contains(&value) {
            Ok(Self(value))
        } else {
            Err("must be from 0 to 1")
        }
    }
}

impl From<Ratio> for f64 {
    fn from(ratio: Ratio) -> Self {
        ratio.0
    }
}

/// Permissions by name: `TYPE.VERB`, `TYPE.*` or `*`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct PermissionPattern(String);

impl PermissionPattern {
    /// Whether a permission is one of them.
    #[must_use]
    pub fn matches(&self, permission: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(start) => permission.starts_with(start),
            None => permission == self.0,
        }
    }
}

impl TryFrom<String> for PermissionPattern {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let word = |word: &str| !word.is_empty() && !word.contains(['*', '.']);
        let fits = match text.split_once('.') {
            Some((of, verb)) => word(of) && (verb == "*" || word(verb)),
            None => text == "*",
        };
        if fits {
            Ok(Self(text))
        } else {
            Err("must be `TYPE.VERB`, `TYPE.*` or `*`")
        }
    }
}

impl From<PermissionPattern> for String {
    fn from(pattern: PermissionPattern) -> Self {
        pattern.0
    }
}

/// Which decisions are recorded, and where. A record says who was allowed what, where and why; it holds no
/// attributes, no digests and no credentials.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DecisionLogConfig {
    /// Where records go.
    pub to: LogTarget,
    /// The file of `to = "file"`. It is made with mode 0640, only added to, and opened anew when it was moved
    /// away.
    pub path: Option<PathBuf>,
    /// The collector of `to = "otlp"` (OTLP over gRPC), `http://HOST:4317`.
    pub endpoint: Option<String>,
    /// The part of decisions "allow" that is recorded.
    pub allowed: Ratio,
    /// The part of decisions "deny" and "needs-approval" that is recorded.
    pub denied: Ratio,
    /// Only decisions on these permissions (`TYPE.VERB`, `TYPE.*`, `*`); on all where empty.
    pub permissions: Vec<PermissionPattern>,
    /// Only decisions in these accounts, by id; in all where empty.
    pub accounts: Vec<String>,
    /// Records that wait to be written, at most. Decisions never wait for the log: what finds no room is
    /// dropped, and counted in the log and in the metric `bailiwick_decision_log_dropped_total`.
    pub queue: usize,
}

impl Default for DecisionLogConfig {
    fn default() -> Self {
        Self {
            to: LogTarget::Off,
            path: None,
            endpoint: None,
            allowed: Ratio(0.01),
            denied: Ratio::ALL,
            permissions: Vec::new(),
            accounts: Vec::new(),
            queue: 16_384,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Result<PermissionPattern, &'static str> {
        PermissionPattern::try_from(text.to_owned())
    }

    #[test]
    fn a_pattern_names_a_permission_a_type_or_all() {
        let matches = |text: &str, permission: &str| pattern(text).unwrap().matches(permission);
        assert!(matches("*", "survey.send"));
        assert!(matches("survey.*", "survey.send"));
        assert!(!matches("survey.*", "survey_report.view"));
        assert!(matches("survey.send", "survey.send"));
        assert!(!matches("survey.send", "survey.sender"));
        for bad in [
            "",
            "survey",
            "survey.",
            ".send",
            "sur*.send",
            "survey.s*",
            "a.b.c",
        ] {
            assert!(pattern(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_ratio_outside_of_0_to_1_is_refused() {
        for bad in [-0.1, 1.1, f64::NAN] {
            assert!(Ratio::try_from(bad).is_err(), "{bad}");
        }
    }
}
