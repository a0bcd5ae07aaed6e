//! Recovery codes: each signs in once without the authenticator.

use bailiwick_types::{Rng, UserId};
use secrecy::{ExposeSecret, SecretString};

use super::totp::base32;
use crate::secret::Digest;

/// How many a user has.
const NUMBER: usize = 10;

/// New recovery codes. `Debug` shows none.
#[derive(Debug)]
pub struct RecoveryCodes(Vec<SecretString>);

impl RecoveryCodes {
    /// Ten codes of 80 random bits.
    pub(super) fn generate(rng: &dyn Rng) -> Self {
        let one = |_| {
            let mut bytes = [0; 10];
            rng.fill(&mut bytes);
            let text = base32(&bytes).to_lowercase();
            let groups: Vec<String> = text
                .as_bytes()
                .chunks(4)
                .map(|four| String::from_utf8_lossy(four).into_owned())
                .collect();
            SecretString::from(groups.join("-"))
        };
        Self((0..NUMBER).map(one).collect())
    }
    pub(super) fn digests(&self, user: UserId) -> Vec<Digest> {
        self.0.iter().map(|code| digest(user, code)).collect()
    }
    /// The codes, to be shown once.
    #[must_use]
    pub fn expose(&self) -> Vec<String> {
        self.0
            .iter()
            .map(|code| code.expose_secret().to_owned())
            .collect()
    }
}

/// The digest of a code, however it is written.
pub(super) fn digest(user: UserId, code: &SecretString) -> Digest {
    let written = code.expose_secret().chars();
    let plain: String = written
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| letter.to_ascii_lowercase())
        .collect();
    Digest::of_parts(&["recovery code", &user.to_string(), &plain])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::unknown_user;
    use bailiwick_types::SystemRng;

    #[test]
    fn ten_different_codes_of_eighty_bits_are_recognized_however_they_are_written() {
        let codes = RecoveryCodes::generate(&SystemRng);
        let texts = codes.expose();
        let distinct: std::collections::HashSet<_> = texts.iter().collect();
        assert_eq!((distinct.len(), texts[0].len()), (10, 19));
        let user = unknown_user();
        let same = texts[0].replace('-', " ").to_uppercase();
        assert_eq!(digest(user, &same.into()), codes.digests(user)[0]);
        assert!(!format!("{codes:?}").contains(&texts[0]));
    }
}
