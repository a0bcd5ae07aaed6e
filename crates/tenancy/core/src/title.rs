//! Titles of accounts, instances and workspaces.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A display name: 1 to 200 characters, not all of them blank, without control characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Title(String);

/// Error for an invalid title.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TitleError {
    /// It is empty or blank.
    #[error("must not be empty")]
    Empty,
    /// More than 200 characters.
    #[error("must have at most 200 characters")]
    TooLong,
    /// It has a control character, such as a line end.
    #[error("must not have control characters")]
    Control,
}

impl Title {
    /// The greatest length in characters.
    pub const MAX: usize = 200;
    /// The title as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// The case-insensitive form by which titles are sorted and searched.
    #[must_use]
    pub fn folded(&self) -> String {
        fold(&self.0)
    }
}

/// A text in the case-insensitive form.
#[must_use]
pub fn fold(text: &str) -> String {
    text.to_lowercase()
}

impl TryFrom<String> for Title {
    type Error = TitleError;
    fn try_from(text: String) -> Result<Self, TitleError> {
        if text.chars().all(char::is_whitespace) {
            Err(TitleError::Empty)
        } else if text.chars().count() > Self::MAX {
            Err(TitleError::TooLong)
        } else if text.chars().any(char::is_control) {
            Err(TitleError::Control)
        } else {
            Ok(Self(text))
        }
    }
}

impl From<Title> for String {
    fn from(title: Title) -> Self {
        title.0
    }
}

impl fmt::Display for Title {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Title {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_has_1_to_200_characters_and_no_control_characters() {
        let title = |text: &str| Title::try_from(text.to_owned());
        assert!(title("Ä").is_ok());
        assert!(title(&"ä".repeat(200)).is_ok());
        assert_eq!(title(&"ä".repeat(201)), Err(TitleError::TooLong));
        assert_eq!(title(" \t"), Err(TitleError::Empty));
        assert_eq!(title("a\nb"), Err(TitleError::Control));
    }
}
