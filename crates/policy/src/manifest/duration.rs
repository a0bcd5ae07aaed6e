//! Durations as manifests write them.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

/// A length of time: a whole number and `s`, `m`, `h` or `d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(u64);

/// Error for an invalid duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number from 1 and `s`, `m`, `h` or `d`")]
pub struct SpanError;

impl Span {
    /// The length in seconds.
    #[must_use]
    pub fn seconds(self) -> u64 {
        self.0
    }
    /// As a duration of the standard library.
    #[must_use]
    pub fn to_duration(self) -> Duration {
        Duration::from_secs(self.0)
    }
}

/// A thousand years: a greater value is a mistake, and instants stay far from overflow.
const MAX_SECONDS: u64 = 31_536_000_000;

impl FromStr for Span {
    type Err = SpanError;
    fn from_str(text: &str) -> Result<Self, SpanError> {
        // One spelling of a unit: `humantime` reads `7 days`, and `1M` as a month.
        let number = text.strip_suffix(UNITS.map(|(unit, _)| unit)).ok_or(SpanError)?;
        if !number.bytes().all(|b| b.is_ascii_digit()) {
            return Err(SpanError);
        }
        let length = humantime::parse_duration(text).map_err(|_| SpanError)?;
        let seconds = Some(length.as_secs()).filter(|seconds| (1..=MAX_SECONDS).contains(seconds));
        seconds.map(Self).ok_or(SpanError)
    }
}

/// The units that durations are written in, the largest first.
const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = UNITS.iter().find(|(_, seconds)| self.0.is_multiple_of(*seconds));
        let (unit, seconds) = unit.copied().unwrap_or(('s', 1));
        write!(f, "{}{unit}", self.0 / seconds)
    }
}

impl TryFrom<String> for Span {
    type Error = SpanError;
    fn try_from(text: String) -> Result<Self, SpanError> {
        text.parse()
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_number_and_a_unit() {
        for text in ["7d", "4h", "90s", "1m"] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
        assert_eq!("120s".parse::<Span>().unwrap().to_string(), "2m");
        for text in [
            "",
            "d",
            "0s",
            "-1d",
            "1w",
            "1M",
            "7 days",
            "1.5h",
            "7",
            "99999999999999d",
            "1ä",
        ] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }
}
