//! Passwords that are tried first: a list in the binary, and the port to a larger one.

use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

use async_trait::async_trait;
use secrecy::SecretString;

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

/// The longest word of the list, and the longest row, in characters.
static LONGEST: LazyLock<usize> = LazyLock::new(|| {
    let words = COMMON.iter().chain(&ROWS);
    words.map(|word| word.chars().count()).max().unwrap_or_default()
});

/// Whether a password is on the list, a pattern, or two of these one after the other.
pub(super) fn is_common(password: &str) -> bool {
    search(password).0
}

/// The answer, and in how many steps it was found: somebody chooses the password so that these are many.
fn search(password: &str) -> (bool, usize) {
    let lower = password.to_lowercase();
    let folded: Vec<char> = lower.chars().filter(|c| !c.is_whitespace()).collect();
    let mut search = Search {
        text: &folded,
        units: HashMap::new(),
        steps: 0,
    };
    (search.is_known(), search.steps)
}

/// A search in a text. Its steps grow with the square of the length: what is repeated is looked at once.
struct Search<'a> {
    text: &'a [char],
    /// What was found out about units that are repeated.
    units: HashMap<&'a [char], bool>,
    steps: usize,
}

impl<'a> Search<'a> {
    fn is_known(&mut self) -> bool {
        let (text, length) = (self.text, self.text.len());
        // For each period: the length of the longest beginning, and where the longest end begins, that have
        // it.
        let periods = || 1..=length / 2;
        let beginnings: Vec<usize> = periods().map(|period| period + self.agreeing(period)).collect();
        let ends: Vec<usize> = periods().map(|period| self.agreeing_from(period)).collect();
        let mut listed = |part: &'a [char], has: &dyn Fn(usize) -> bool| {
            let mut periods = 1..=part.len() / 2;
            self.steps += periods.end();
            // The least period divides the others, so that their units are repetitions of its unit.
            let period = periods.find(|period| has(period - 1));
            self.is_word(part) || period.is_some_and(|period| self.is_unit(&part[..period]))
        };
        let parts = |at: usize| {
            listed(&text[..at], &|period| at <= beginnings[period])
                && (at == length || listed(&text[at..], &|period| at >= ends[period]))
        };
        length == 0 || (1..=length).rev().any(parts)
    }

    /// In how many places from the beginning a text agrees with itself, moved by a period.
    fn agreeing(&mut self, period: usize) -> usize {
        let moved = self.text.iter().zip(&self.text[period..]);
        let agreeing = moved.take_while(|(one, other)| one == other).count();
        self.steps += agreeing + 1;
        agreeing
    }

    /// The first place from which a text agrees with itself, moved by a period, to its end.
    fn agreeing_from(&mut self, period: usize) -> usize {
        let both = self.text.len() - period;
        let moved = self.text[..both].iter().zip(&self.text[period..]).rev();
        let agreeing = moved.take_while(|(one, other)| one == other).count();
        self.steps += agreeing + 1;
        both - agreeing
    }

    /// Whether something that is repeated is a short pattern or known.
    fn is_unit(&mut self, unit: &'a [char]) -> bool {
        if unit.len() <= PATTERN {
            return true;
        }
        if unit.len() > 2 * *LONGEST {
            return false;
        }
        if let Some(known) = self.units.get(unit) {
            return *known;
        }
        let two = |at: usize| self.is_simple(&unit[..at]) && self.is_simple(&unit[at..]);
        let known = (1..unit.len()).any(two) || self.is_word(unit);
        self.units.insert(unit, known);
        known
    }

    /// Whether a part is on the list, or a short pattern over and over.
    fn is_simple(&mut self, part: &[char]) -> bool {
        self.steps += part.len();
        let has = |period: usize| part.iter().zip(&part[period..]).all(|(one, other)| one == other);
        (1..=PATTERN.min(part.len() / 2)).any(has) || self.is_word(part)
    }

    fn is_word(&mut self, part: &[char]) -> bool {
        self.steps += 1;
        if part.len() > *LONGEST {
            return false;
        }
        let text: String = part.iter().collect();
        COMMON.contains(&*text) || is_row(part, &text)
    }
}

fn is_row(part: &[char], text: &str) -> bool {
    let backwards: String = part.iter().rev().collect();
    part.len() >= PATTERN
        && ROWS
            .iter()
            .any(|row| row.contains(text) || row.contains(&backwards))
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

    #[test]
    fn what_is_repeated_is_found_also_when_it_is_two_patterns_or_broken_off() {
        for common in [
            "passwordpasswordpasswor",
            "aaaaabbbbbaaaaabbbbb",
            "abcabcabcmonkeydragonmonkeydragon",
            &"password".repeat(30),
            &"letmein123456".repeat(10),
        ] {
            assert!(is_common(common), "{common}");
        }
        for rare in ["q#7zkq#7zkq#7zk", "xpasswordpassword", &"q#7zk".repeat(50)] {
            assert!(!is_common(rare), "{rare}");
        }
    }

    #[test]
    fn no_password_takes_more_steps_than_its_length_allows() {
        let most = |text: &str| {
            let text: String = text.chars().cycle().take(256).collect();
            search(&text).1
        };
        let long: String = ('!'..='~').collect();
        let mut texts = vec!["q#7zk".to_owned(), "İİq".to_owned(), "İ".to_owned(), long.clone()];
        for length in [1, 7, 40, 79, 80, 100, 127] {
            texts.push(format!("{}q#", "a".repeat(length)));
            texts.push(format!("{}q#{}", "ab".repeat(length / 2), "1".repeat(length / 2)));
            texts.push(long.chars().take(length).collect());
        }
        for text in texts {
            // Lower case may have twice as many characters.
            assert!(most(&text) < 4 * 512 * 512, "{text}: {}", most(&text));
        }
    }
}
