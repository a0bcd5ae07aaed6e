//! Titles and display names.

/// Error for an invalid title.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TitleError {
    /// Nothing, or white space alone.
    #[error("must not be empty")]
    Empty,
    /// Too long.
    #[error("must have at most 200 characters")]
    Long,
    /// A control character.
    #[error("must not have control characters")]
    Control,
}

const MAX: usize = 200;

/// A title: 1 to 200 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Title(String);

impl Title {
    /// Parses a title.
    ///
    /// # Errors
    /// It breaks a rule of [`TitleError`].
    pub fn parse(text: &str) -> Result<Self, TitleError> {
        if text.trim().is_empty() {
            return Err(TitleError::Empty);
        }
        check(text)?;
        Ok(Self(text.to_owned()))
    }
    /// The title as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A name for display: at most 200 characters, or none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DisplayName(String);

impl DisplayName {
    /// Parses a name.
    ///
    /// # Errors
    /// It breaks a rule of [`TitleError`].
    pub fn parse(text: &str) -> Result<Self, TitleError> {
        check(text)?;
        Ok(Self(text.to_owned()))
    }
    /// The name as text; empty if there is none.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn check(text: &str) -> Result<(), TitleError> {
    if text.chars().count() > MAX {
        Err(TitleError::Long)
    } else if text.chars().any(char::is_control) {
        Err(TitleError::Control)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_has_1_to_200_visible_characters() {
        assert!(Title::parse(&"ä".repeat(200)).is_ok());
        assert_eq!(Title::parse(&"ä".repeat(201)), Err(TitleError::Long));
        assert_eq!(Title::parse("  "), Err(TitleError::Empty));
        assert_eq!(Title::parse("a\u{7}"), Err(TitleError::Control));
        assert!(DisplayName::parse("").is_ok());
    }
}
