//! Texts that are no formulas.

/// A text that no spreadsheet takes for a formula: what begins like one gets an apostrophe in front
/// (<https://owasp.org/www-community/attacks/CSV_Injection>).
#[must_use]
pub fn harmless(text: &str) -> std::borrow::Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        format!("'{text}").into()
    } else {
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn what_begins_like_a_formula_is_a_text() {
        for bad in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"] {
            assert_eq!(harmless(bad), format!("'{bad}"));
        }
        for good in ["", "a=b", "project:nps", "user:-"] {
            assert_eq!(harmless(good), good);
        }
    }
}
