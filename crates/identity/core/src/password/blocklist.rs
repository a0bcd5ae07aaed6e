//! Passwords that are tried first: a list in the binary, and the port to a larger one.

use std::{collections::HashSet, sync::LazyLock};

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};

/// A list of passwords that must not be set.
#[async_trait]
pub trait Blocklist: Send + Sync + 'static {
    /// Whether a password is on the list.
    async fn contains(&self, password: &SecretString) -> Result<bool, BlocklistError>;
}

/// Error for a list that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot read the blocklist of passwords: {0}")]
pub struct BlocklistError(pub String);

/// The list in the binary.
#[derive(Debug, Clone, Copy, Default)]
pub struct Embedded;

#[async_trait]
impl Blocklist for Embedded {
    async fn contains(&self, password: &SecretString) -> Result<bool, BlocklistError> {
        Ok(is_common(password.expose_secret()))
    }
}

static COMMON: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    let lines = include_str!("common.txt").lines();
    lines.filter(|line| !line.starts_with('#')).collect()
});

/// Rows of keys, and the orders of digits and letters.
const ROWS: [&str; 5] = [
    "1234567890123456789012345678901234567890",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
];
/// The longest part that counts as a pattern where it is repeated.
const PATTERN: usize = 4;

/// Whether a password is on the list, a pattern, or two of these one after the other.
fn is_common(password: &str) -> bool {
    let lower = password.to_lowercase();
    let folded: Vec<char> = lower.chars().filter(|c| !c.is_whitespace()).collect();
    is_known(&folded)
}

fn is_known(part: &[char]) -> bool {
    let two = |at: usize| is_listed(&part[..at]) && is_listed(&part[at..]);
    part.is_empty() || is_listed(part) || (1..part.len()).any(two)
}

fn is_listed(part: &[char]) -> bool {
    let text: String = part.iter().collect();
    COMMON.contains(&*text) || is_row(part, &text) || is_repeated(part)
}

fn is_row(part: &[char], text: &str) -> bool {
    let backwards: String = part.iter().rev().collect();
    part.len() >= PATTERN
        && ROWS
            .iter()
            .any(|row| row.contains(text) || row.contains(&backwards))
}

/// Whether it is a short pattern, or a known password, over and over.
fn is_repeated(part: &[char]) -> bool {
    (1..=part.len() / 2).any(|length| {
        let unit = &part[..length];
        let again = part
            .iter()
            .zip(unit.iter().cycle())
            .all(|(one, other)| one == other);
        again && (length <= PATTERN || is_known(unit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forty_passwords_are_refused_or_accepted() {
        for common in [
            "passwordpassword",
            "Password12345678",
            "PASSWORD 1234567",
            "aaaaaaaaaaaaaaa",
            "               ",
            "abcabcabcabcabc",
            "123456789012345",
            "543210987654321",
            "qwertyuiopasdfgh",
            "qwertzuiopasdfg",
            "1qaz2wsx3edc4rfv",
            "abcdefghijklmnop",
            "ponmlkjihgfedcba",
            "manchesterunited",
            "monkeydragonmonkeydragon",
            "iloveyouiloveyou",
            "1q2w3e4r5t6y7u8i9o0p",
            "letmein123456789",
            "football baseball",
            "sunshinesunshine",
        ] {
            assert!(is_common(common), "{common}");
        }
        for rare in [
            "correct horse battery staple",
            "a password for the operator",
            "Tr0ub4dor&3 is out of date",
            "der Hund bellt um Mitternacht",
            "\u{10d}erstv\u{fd} chl\u{e9}b a m\u{e1}slo",
            "\u{43c}\u{43e}\u{439} \u{441}\u{43e}\u{441}\u{435}\u{434} \u{43f}\u{43e}\u{451}\u{442}",
            "\u{7d76}\u{5bfe}\u{306b}\u{63a8}\u{6e2c}\u{3055}\u{308c}\u{306a}\u{3044}\u{5408}\u{8a00}\u{8449}\u{3067}\u{3059}\u{3088}",
            "\u{1f600}\u{1f419}\u{1f335}\u{1f9ca}\u{1f3bb}\u{1f680}\u{1f9c0}\u{1f996}\u{1f3d4}\u{1f4ce}\u{1f9e6}\u{1fa81}\u{1f6f6}\u{1f9ed}\u{1f33d}",
            "lovely purple rhinoceros",
            "7 swans went swimming",
            "Xk3-Qm9_Zr7=Lp2+Wd5",
            "the quick brown emu jumps",
            "no composition rules here",
            "only-lower-case-words",
            "ONLY UPPER CASE WORDS",
            "31415926535897932384",
            "tabs\tand spaces count too",
            "s\u{f8}ren drikker kaffe nu",
            "\u{5e9}\u{5dc}\u{5d5}\u{5dd} \u{5e2}\u{5d5}\u{5dc}\u{5dd} \u{5d2}\u{5d3}\u{5d5}\u{5dc}",
            "jEkZ0w5v1rT8bYq4",
        ] {
            assert!(!is_common(rare), "{rare}");
        }
    }

    #[tokio::test]
    async fn the_embedded_list_answers_by_its_port() {
        let listed = Embedded.contains(&SecretString::from("Passw0rdPassw0rd")).await;
        assert_eq!(listed, Ok(true));
    }
}
