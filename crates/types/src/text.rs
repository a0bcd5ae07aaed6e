//! Texts that keep a rule.

/// Declares a text that keeps a rule: a function that refuses texts with an error.
///
/// ```
/// fn lower(text: &str) -> Result<(), &'static str> {
///     if text.chars().all(char::is_lowercase) { Ok(()) } else { Err("must be lower-case") }
/// }
/// bailiwick_types::text! {
///     /// A word in lower case.
///     pub struct Word: lower => &'static str;
/// }
/// assert_eq!("word".parse::<Word>().unwrap().as_str(), "word");
/// assert_eq!("Word".parse::<Word>(), Err("must be lower-case"));
/// ```
#[macro_export]
macro_rules! text {
    ($(#[$meta:meta])* $vis:vis struct $name:ident: $rule:path => $error:ty;) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        $vis struct $name(String);

        impl $name {
            /// The text.
            #[must_use]
            $vis fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = $error;
            fn try_from(text: String) -> Result<Self, $error> {
                $rule(&text)?;
                Ok(Self(text))
            }
        }

        impl std::str::FromStr for $name {
            type Err = $error;
            fn from_str(text: &str) -> Result<Self, $error> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

/// Error for a title or another short text.
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

text! {
    /// A display name: 1 to 200 characters, not all of them blank, without control characters.
    pub struct Title: title => TitleError;
}

impl Title {
    /// The greatest length in characters.
    pub const MAX: usize = 200;
    /// The case-insensitive form by which titles are sorted and searched.
    #[must_use]
    pub fn folded(&self) -> String {
        Self::fold(&self.0)
    }
    /// A text in the case-insensitive form.
    #[must_use]
    pub fn fold(text: &str) -> String {
        text.to_lowercase()
    }
}

fn title(text: &str) -> Result<(), TitleError> {
    if text.trim().is_empty() {
        return Err(TitleError::Empty);
    }
    short_text(text)
}

/// The rule of texts for display: at most 200 characters, without control characters.
///
/// # Errors
/// It is longer, or has a control character.
pub fn short_text(text: &str) -> Result<(), TitleError> {
    if text.chars().count() > Title::MAX {
        Err(TitleError::TooLong)
    } else if text.chars().any(char::is_control) {
        Err(TitleError::Control)
    } else {
        Ok(())
    }
}

/// The rule of ids that products and foreign issuers choose: 1 to 256 characters (not bytes), without control
/// characters.
#[must_use]
pub fn is_foreign_id(text: &str) -> bool {
    // Four bytes are the most that a character takes: a longer text needs no counting.
    (1..=4 * FOREIGN_ID_MAX).contains(&text.len())
        && text.chars().count() <= FOREIGN_ID_MAX
        && !text.chars().any(char::is_control)
}

/// The greatest length of such an id in characters.
const FOREIGN_ID_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_id_is_counted_in_characters() {
        for good in [
            "1",
            "\u{6f22}".repeat(256).as_str(),
            "\u{1f600}".repeat(256).as_str(),
        ] {
            assert!(is_foreign_id(good), "{good}");
        }
        for bad in [
            "",
            "a\nb",
            "a".repeat(257).as_str(),
            "\u{6f22}".repeat(257).as_str(),
        ] {
            assert!(!is_foreign_id(bad), "{bad}");
        }
    }

    #[test]
    fn a_title_has_1_to_200_characters_and_no_control_characters() {
        let title = |text: &str| text.parse::<Title>();
        assert!(title("Ä").is_ok());
        assert!(title(&"ä".repeat(200)).is_ok());
        assert_eq!(title(&"ä".repeat(201)), Err(TitleError::TooLong));
        assert_eq!(title(" \t"), Err(TitleError::Empty));
        assert_eq!(title("a\nb"), Err(TitleError::Control));
        assert_eq!(title("a\u{7}"), Err(TitleError::Control));
    }
}
