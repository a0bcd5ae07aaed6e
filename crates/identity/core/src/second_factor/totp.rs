//! Time-based one-time passwords (RFC 6238): HMAC-SHA-1, six digits, a step of 30 seconds. Authenticators
//! that know nothing else are common; the secret has 160 bits, and SHA-1 is not weak in this use.

use aws_lc_rs::hmac;
use bailiwick_types::{Rng, Timestamp};
use subtle::ConstantTimeEq;

/// The length of a step, in seconds.
const STEP: i64 = 30;
/// The steps before and after the present one whose codes count: clocks differ, and people type slowly.
const WINDOW: i64 = 1;
const DIGITS: usize = 6;
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The secret of an authenticator.
#[derive(Clone)]
pub(super) struct TotpSecret([u8; 20]);

impl TotpSecret {
    pub(super) fn generate(rng: &dyn Rng) -> Self {
        let mut bytes = [0; 20];
        rng.fill(&mut bytes);
        Self(bytes)
    }
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(bytes.try_into().ok()?))
    }
    pub(super) fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }
    /// In base32 (RFC 4648), as authenticators read it.
    pub(super) fn base32(&self) -> String {
        base32(&self.0)
    }
    /// The step whose code this is, of those around an instant that come after `last`.
    pub(super) fn step_of(&self, code: &str, now: Timestamp, last: i64) -> Option<i64> {
        let present = now.seconds().div_euclid(STEP);
        let mut found = None;
        for step in present - WINDOW..=present + WINDOW {
            let right: bool = self.code(step).as_bytes().ct_eq(code.as_bytes()).into();
            if right && step > last {
                found = Some(step);
            }
        }
        found
    }
    /// The code of a step (RFC 4226 section 5.3).
    fn code(&self, step: i64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let tag = tag.as_ref();
        let offset = usize::from(tag.last().copied().unwrap_or_default() & 0x0f);
        let four = tag.get(offset..offset + 4).and_then(|four| four.try_into().ok());
        let number = u32::from_be_bytes(four.unwrap_or_default()) & 0x7fff_ffff;
        format!("{:0DIGITS$}", number % 1_000_000)
    }
    #[cfg(test)]
    pub(super) fn code_at(&self, now: Timestamp) -> String {
        self.code(now.seconds().div_euclid(STEP))
    }
}

/// Base32 (RFC 4648) without padding; the length is a multiple of 5 bytes.
pub(super) fn base32(bytes: &[u8]) -> String {
    let mut text = String::new();
    for five in bytes.chunks(5) {
        let bits = five.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        for at in (0..8).rev() {
            let digit = usize::try_from(bits >> (5 * at) & 31).unwrap_or_default();
            text.extend(BASE32.get(digit).map(|byte| char::from(*byte)));
        }
    }
    text
}

/// The URI for a QR code.
pub(super) fn uri(secret: &TotpSecret, issuer: &str, email: &str) -> String {
    let (issuer, email) = (escaped(issuer), escaped(email));
    let secret = secret.base32();
    format!(
        "otpauth://totp/{issuer}:{email}?secret={secret}&issuer={issuer}\
         &algorithm=SHA1&digits={DIGITS}&period={STEP}"
    )
}

/// Percent-encoded, but for the unreserved characters (RFC 3986).
fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rfc() -> TotpSecret {
        TotpSecret::from_bytes(b"12345678901234567890").unwrap()
    }
    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn codes_are_those_of_the_standard() {
        // RFC 6238 appendix B, the last six of eight digits.
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(rfc().code_at(at(seconds)), code);
        }
    }

    #[test]
    fn a_code_counts_one_step_before_and_after_and_not_up_to_the_last_one_used() {
        let code = rfc().code_at(at(1_000_020));
        let step = 1_000_020 / 30;
        for (now, counts) in [
            (1_000_020 - 31, false),
            (1_000_020 - 30, true),
            (1_000_020, true),
            (1_000_020 + 59, true),
            (1_000_020 + 60, false),
            (1_000_020 - 90, false),
            (1_000_020 + 90, false),
        ] {
            assert_eq!(rfc().step_of(&code, at(now), 0).is_some(), counts, "{now}");
        }
        assert_eq!(rfc().step_of(&code, at(1_000_020), step - 1), Some(step));
        assert_eq!(rfc().step_of(&code, at(1_000_020), step), None);
        for other in ["", "12345", "1234567", "abcdef", "٣٣٣٣٣٣"] {
            assert_eq!(rfc().step_of(other, at(1_000_020), 0), None, "{other}");
        }
    }

    #[test]
    fn secret_and_uri_are_as_authenticators_read_them() {
        assert_eq!(rfc().base32(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_eq!(
            uri(&rfc(), "id.example", "ada+x@example.com"),
            "otpauth://totp/id.example:ada%2Bx%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=id.example&algorithm=SHA1&digits=6&period=30"
        );
    }
}
