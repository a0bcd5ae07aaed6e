//! What a new password must keep (NIST SP 800-63B-4 section 3.1.1): a length, and not to be one that an
//! attacker tries first. There are no rules of composition.

use bailiwick_types::Email;
use secrecy::{ExposeSecret, SecretString};
use unicode_normalization::UnicodeNormalization as _;

use crate::display_name::DisplayName;

/// The greatest length in characters, after normalization.
const MOST: usize = 256;
/// The greatest length in bytes before normalization, which takes time.
const MOST_BYTES: usize = 16 * MOST;
/// Shorter words are parts of many others.
const SHORTEST_WORD: usize = 4;
/// How many characters must be left without the user's own words.
const OF_ITS_OWN: usize = 8;

/// A password that may be set, in Unicode's normalization form C, so that it is the same from every keyboard.
/// The rules that depend on the user are asked when it is hashed.
#[derive(Debug, Clone)]
pub struct Password(SecretString);

/// The rule that a password breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// It is too short for what stands beside it.
    #[error("must have at least {0} characters")]
    TooShort(usize),
    /// It is too long.
    #[error("must have at most {MOST} characters")]
    TooLong,
    /// It is on the list of passwords that are tried first.
    #[error("must not be a password that is widely used or was leaked: choose another one")]
    Common,
    /// Little is left of it without words that belong to the user or the product.
    #[error("must not be made of the e-mail address, the name or the product's name: choose other words")]
    OwnWords,
}

/// What stands beside a password at a sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing.
    Alone,
    /// A second factor.
    WithSecondFactor,
}

impl Standing {
    /// The smallest length in characters.
    #[must_use]
    pub const fn least(self) -> usize {
        match self {
            Self::Alone => 15,
            Self::WithSecondFactor => 8,
        }
    }
}

/// The words that belong to a user.
#[derive(Debug, Clone, Copy)]
pub struct OwnWords<'a> {
    /// Its e-mail address.
    pub email: &'a Email,
    /// Its name.
    pub name: &'a DisplayName,
}

impl Password {
    /// Parses a password that is to be set.
    ///
    /// # Errors
    /// It is longer than 256 characters, or too short for every user.
    pub fn parse(text: SecretString) -> Result<Self, PasswordError> {
        if text.expose_secret().len() > MOST_BYTES {
            return Err(PasswordError::TooLong);
        }
        let text = normalized(&text);
        match text.expose_secret().chars().count() {
            n if n < Standing::WithSecondFactor.least() => {
                Err(PasswordError::TooShort(Standing::Alone.least()))
            }
            n if n > MOST => Err(PasswordError::TooLong),
            _ => Ok(Self(text)),
        }
    }
    /// The secret in it.
    #[must_use]
    pub fn secret(&self) -> &SecretString {
        &self.0
    }
    /// Checks what depends on the user: the length, and its own words.
    pub(super) fn check(
        &self,
        standing: Standing,
        own: OwnWords<'_>,
        product: &str,
    ) -> Result<(), PasswordError> {
        let text = self.0.expose_secret();
        if text.chars().count() < standing.least() {
            return Err(PasswordError::TooShort(standing.least()));
        }
        if is_own(text, own, product) {
            return Err(PasswordError::OwnWords);
        }
        Ok(())
    }
}

/// A text in normalization form C.
pub(super) fn normalized(text: &SecretString) -> SecretString {
    SecretString::from(text.expose_secret().nfc().collect::<String>())
}

fn letters(text: &str) -> String {
    text.to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric())
        .collect()
}

fn is_own(text: &str, own: OwnWords<'_>, product: &str) -> bool {
    let email = own.email.as_str();
    let (local, domain) = email.rsplit_once('@').unwrap_or((email, ""));
    let name = own.name.as_str();
    let split =
        |text: &str| -> Vec<String> { text.split(|c: char| !c.is_alphanumeric()).map(letters).collect() };
    let mut words = vec![
        letters(email),
        letters(local),
        letters(domain),
        letters(name),
        letters(product),
    ];
    for text in [local, domain, name, product] {
        words.extend(split(text));
    }
    words.retain(|word| word.chars().count() >= SHORTEST_WORD);
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    let all = letters(text);
    let rest = words
        .iter()
        .fold(all.clone(), |rest, word| rest.replace(word, ""));
    rest.len() < all.len() && rest.chars().count() < OF_ITS_OWN
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Password, PasswordError> {
        Password::parse(SecretString::from(text))
    }
    fn check(text: &str, standing: Standing) -> Result<(), PasswordError> {
        let (email, name) = (
            "ada.lovelace@acme.example".parse().unwrap(),
            "Ada Lovelace".parse().unwrap(),
        );
        let own = OwnWords {
            email: &email,
            name: &name,
        };
        parse(text).and_then(|password| password.check(standing, own, "Bailiwick"))
    }

    #[test]
    fn a_password_alone_has_15_to_256_characters_and_8_beside_a_second_factor() {
        let of = |n: usize| "\u{fc}".repeat(n);
        let (alone, beside) = (Standing::Alone, Standing::WithSecondFactor);
        assert_eq!(check(&of(14), alone), Err(PasswordError::TooShort(15)));
        assert_eq!(check(&of(15), alone), Ok(()));
        assert_eq!(check(&of(256), alone), Ok(()));
        assert_eq!(check(&of(257), alone), Err(PasswordError::TooLong));
        assert_eq!(check(&of(8), beside), Ok(()));
        assert_eq!(check(&of(7), beside), Err(PasswordError::TooShort(15)));
        assert_eq!(check(&"x".repeat(5_000), alone), Err(PasswordError::TooLong));
    }

    #[test]
    fn a_password_is_counted_and_kept_in_form_c() {
        let decomposed = parse(&"u\u{308}".repeat(15)).unwrap();
        assert_eq!(decomposed.secret().expose_secret(), "\u{fc}".repeat(15));
        assert_eq!(
            check(&"u\u{308}".repeat(14), Standing::Alone),
            Err(PasswordError::TooShort(15))
        );
    }

    #[test]
    fn the_users_own_words_alone_are_no_password() {
        for own in [
            "ada.lovelace@acme.example",
            "AdaLovelace1815",
            "Lovelace-Lovelace-Lovelace",
            "bailiwick acme 2026!",
            "Bailiwick Bailiwick",
        ] {
            assert_eq!(check(own, Standing::Alone), Err(PasswordError::OwnWords), "{own}");
        }
        for other in ["lovelace likes analytical engines", "an adagio for strings"] {
            assert_eq!(check(other, Standing::Alone), Ok(()), "{other}");
        }
    }
}
