//! Names of users.

use bailiwick_types::{TitleError, short_text, text};

text! {
    /// A name for display: at most 200 characters, or none.
    #[derive(Default)]
    pub struct DisplayName: short_text => TitleError;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_display_name_has_at_most_200_characters_or_none() {
        let name = |text: &str| text.parse::<DisplayName>();
        assert!(name("").is_ok());
        assert!(name(&"ä".repeat(200)).is_ok());
        assert_eq!(name(&"ä".repeat(201)), Err(TitleError::TooLong));
        assert_eq!(name("a\u{7}"), Err(TitleError::Control));
    }
}
