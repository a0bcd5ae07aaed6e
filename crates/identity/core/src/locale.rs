//! The language in which somebody wants to read.

use bailiwick_types::text;

/// Error for an invalid language tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a language tag (RFC 5646) such as `de-AT`, or empty")]
pub struct LocaleError;

const LONGEST: usize = 35;

fn tag(text: &str) -> Result<String, LocaleError> {
    let mut subtags = text.split('-');
    let language = subtags.next().unwrap_or_default();
    let is_language = (2..=8).contains(&language.len()) && language.bytes().all(|b| b.is_ascii_alphabetic());
    let is_subtag = |subtag: &str| {
        (1..=8).contains(&subtag.len()) && subtag.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    let fits = text.len() <= LONGEST && is_language && subtags.all(is_subtag);
    if text.is_empty() || fits {
        Ok(text.to_owned())
    } else {
        Err(LocaleError)
    }
}

text! {
    /// A language tag, well-formed as RFC 5646 has it, or none.
    #[derive(Default)]
    pub struct Locale: tag => LocaleError;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locale_is_a_language_tag_or_none() {
        for good in ["", "de", "de-AT", "zh-Hant-TW", "es-419"] {
            assert!(good.parse::<Locale>().is_ok(), "{good}");
        }
        let long = format!("de{}", "-abcdefgh".repeat(4));
        for bad in [
            "d",
            "de_AT",
            "de-",
            "-de",
            "d1",
            "de at",
            "languages",
            "de--AT",
            "\u{e4}\u{e4}",
            &long,
        ] {
            assert_eq!(bad.parse::<Locale>(), Err(LocaleError), "{bad}");
        }
    }
}
