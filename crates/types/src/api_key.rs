//! API keys: their text, which can be told from garbage without a look-up, and what a key serves for.

use std::{fmt, net::IpAddr};

use crate::{AccountId, ApiKeyId, Network, Scope};

/// What the text of every key begins with.
const PREFIX: &str = "bwk_";
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Characters of an id, of a secret of 256 bits, and of a checksum of 32 bits.
const ID: usize = 26;
const SECRET: usize = 43;
const SUM: usize = 6;

/// The text of a key: `bwk_`, the id without its prefix, `_`, 43 characters of the secret and 6 of the CRC-32
/// of all before it, both in base 62.
///
/// A scanner and a client tell by the checksum that a text is no key before anybody is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyText<'a> {
    text: &'a str,
    id: ApiKeyId,
}

impl fmt::Debug for KeyText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyText")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl<'a> KeyText<'a> {
    /// Characters of a key.
    pub const LENGTH: usize = PREFIX.len() + ID + 1 + SECRET + SUM;

    /// Whether a text is meant as a key, well-formed or not.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        text.starts_with(PREFIX)
    }
    /// Reads a key; none where it has another form or another checksum.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        if text.len() != Self::LENGTH || !text.is_ascii() {
            return None;
        }
        let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let (body, sum) = text.split_at_checked(Self::LENGTH - SUM)?;
        let secret_is_base62 = secret.bytes().all(|byte| DIGITS.contains(&byte));
        if id.len() != ID || !secret_is_base62 || checksum(body) != sum {
            return None;
        }
        let named = format!("{}_{id}", ApiKeyId::PREFIX);
        let id: ApiKeyId = named.parse().ok()?;
        // One key has one text.
        (id.to_string() == named).then_some(Self { text, id })
    }
    /// The id.
    #[must_use]
    pub fn id(&self) -> ApiKeyId {
        self.id
    }
    /// The text, which is a secret.
    #[must_use]
    pub fn expose(&self) -> &'a str {
        self.text
    }
    /// Writes the key with an id, whose secret is made of random bytes. `random` gives as many as it is
    /// asked for.
    #[must_use]
    pub fn write(id: ApiKeyId, mut random: impl FnMut(&mut [u8])) -> String {
        let id = id.to_string();
        let id = id.trim_start_matches(ApiKeyId::PREFIX).trim_start_matches('_');
        let mut text = format!("{PREFIX}{id}_");
        let end = text.len() + SECRET;
        while text.len() < end {
            let mut bytes = [0_u8; 64];
            random(&mut bytes);
            // Bytes from 248 on would make some characters likelier than others.
            let digits = bytes.iter().filter(|byte| **byte < 248);
            let digits = digits.filter_map(|byte| DIGITS.get(usize::from(byte % 62)));
            text.extend(digits.take(end - text.len()).map(|digit| char::from(*digit)));
        }
        text += &checksum(&text);
        text
    }
}

fn checksum(body: &str) -> String {
    let mut rest = crc32fast::hash(body.as_bytes());
    let mut sum = [b'0'; SUM];
    for digit in sum.iter_mut().rev() {
        *digit = DIGITS.get((rest % 62) as usize).copied().unwrap_or_default();
        rest /= 62;
    }
    sum.map(char::from).iter().collect()
}

/// Error for a text that is no permission of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be a permission such as `survey.view`, or `survey.*`")]
pub struct KeyPermissionError;

text! {
    /// What a key serves for: a permission `TYPE.VERB`, or all of a type, `TYPE.*`.
    pub struct KeyPermission: key_permission => KeyPermissionError;
}

fn key_permission(text: &str) -> Result<(), KeyPermissionError> {
    let word = |word: &str| {
        let letters = word
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        (1..=63).contains(&word.len()) && letters
    };
    match text.split_once('.') {
        Some((type_name, verb)) if word(type_name) && (verb == "*" || word(verb)) => Ok(()),
        _ => Err(KeyPermissionError),
    }
}

impl KeyPermission {
    /// Whether it contains a permission.
    #[must_use]
    pub fn contains(&self, permission: &str) -> bool {
        match self.as_str().strip_suffix('*') {
            Some(of_type) => permission.starts_with(of_type),
            None => self.as_str() == permission,
        }
    }
}

/// What a key leaves of the rights of its maker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyScope {
    /// The key.
    pub key: ApiKeyId,
    /// The account that it serves for.
    pub account: AccountId,
    /// The place in the account that it serves in, with everything below it; for all of the account, the
    /// account itself.
    pub place: Scope,
    /// What it serves for.
    pub permissions: Vec<KeyPermission>,
    /// From where it serves; empty for everywhere.
    pub networks: Vec<Network>,
}

impl KeyScope {
    /// Whether it serves for a permission.
    #[must_use]
    pub fn permits(&self, permission: &str) -> bool {
        self.permissions.iter().any(|own| own.contains(permission))
    }
    /// Whether it serves a client with this address; one whose address is unknown only where it serves
    /// everywhere.
    #[must_use]
    pub fn admits(&self, client: Option<IpAddr>) -> bool {
        let inside = |client| self.networks.iter().any(|network| network.contains(client));
        self.networks.is_empty() || client.is_some_and(inside)
    }
    /// Whether it serves in a part of the account alone.
    #[must_use]
    pub fn is_within(&self) -> bool {
        self.place != Scope::Account(self.account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn id() -> ApiKeyId {
        ApiKeyId::from_uuid(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0007))
    }

    fn text() -> String {
        let mut next = 0_u8;
        KeyText::write(id(), |bytes| {
            for byte in bytes {
                *byte = next;
                next = next.wrapping_add(7);
            }
        })
    }

    /// The same body with a checksum that fits.
    fn summed(body: &str) -> String {
        format!("{body}{}", checksum(body))
    }

    #[test]
    fn a_key_is_read_as_it_was_written() {
        let text = text();
        assert_eq!(text.len(), KeyText::LENGTH);
        assert_eq!(KeyText::LENGTH, 80);
        let read = KeyText::parse(&text).unwrap();
        assert_eq!((read.id(), read.expose()), (id(), &*text));
        assert!(!format!("{read:?}").contains(&text[31..]), "{read:?}");
    }

    #[test]
    fn the_checksum_is_crc_32_in_base_62() {
        // CRC-32 of "123456789" is 0xCBF43926 (RFC 1952), 3 421 780 262.
        assert_eq!(checksum("123456789"), "3jZRME");
        assert_eq!(checksum(""), "000000");
    }

    #[test]
    fn what_has_another_form_or_checksum_is_no_key() {
        let text = text();
        let body = &text[..KeyText::LENGTH - SUM];
        let long_secret = format!("{body}0");
        for odd in [
            String::new(),
            text.to_uppercase(),
            text.replace("bwk_", "BWK_"),
            summed(&body.replace("bwk_", "bwr_")),
            summed(&body.replace("bwk_", "BWK_")),
            text[..79].to_owned(),
            format!("{text}0"),
            format!("{text}\n"),
            format!("{text}\0"),
            format!(" {}", &text[..79]),
            summed(&body[..body.len() - 1]),
            summed(&long_secret),
            summed(&body.replacen('_', "-", 1)),
            summed(&format!("bwk_{}", &body[4..].replacen('_', "x", 1))),
            // 130 bits: more than an id has.
            summed(&format!("bwk_z{}", &body[5..])),
            summed(&format!("bwk_{}{}", body[4..30].to_uppercase(), &body[30..])),
            text.replace('0', "\u{ff10}"),
            "bwk_".repeat(2_500),
        ] {
            assert_eq!(KeyText::parse(&odd), None, "{odd}");
        }
        // Every single changed character.
        for at in 0..text.len() {
            for other in ["0", "z", "_"] {
                let mut changed = text.clone();
                changed.replace_range(at..=at, other);
                assert!(changed == text || KeyText::parse(&changed).is_none(), "{changed}");
            }
        }
    }

    #[test]
    fn a_permission_contains_itself_and_a_pattern_its_type() {
        let contains = |own: &str, asked: &str| own.parse::<KeyPermission>().unwrap().contains(asked);
        assert!(contains("survey.view", "survey.view"));
        assert!(!contains("survey.view", "survey.edit"));
        assert!(!contains("survey.view", "survey.viewer"));
        assert!(contains("survey.*", "survey.edit"));
        assert!(!contains("survey.*", "surveys.edit"));
        for odd in [
            "",
            "*",
            "*.view",
            "survey",
            "survey.",
            ".view",
            "a.b.c",
            "Survey.view",
            "survey.v*",
        ] {
            assert_eq!(odd.parse::<KeyPermission>(), Err(KeyPermissionError), "{odd}");
        }
    }

    #[test]
    fn a_key_with_networks_serves_no_client_outside_of_them() {
        let account = AccountId::from_uuid(Uuid::from_u128(1));
        let mut scope = KeyScope {
            key: id(),
            account,
            place: Scope::Account(account),
            permissions: vec!["survey.view".parse().unwrap()],
            networks: vec![],
        };
        let at = |text: &str| Some(text.parse().unwrap());
        assert!(scope.admits(None) && scope.admits(at("192.0.2.1")));
        scope.networks = vec!["192.0.2.0/24".parse().unwrap()];
        assert!(scope.admits(at("192.0.2.1")) && scope.admits(at("::ffff:192.0.2.1")));
        assert!(!scope.admits(at("198.51.100.1")) && !scope.admits(None));
        assert!(!scope.is_within());
    }
}
