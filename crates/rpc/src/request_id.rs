//! Request ids: the word that joins a caller's complaint, our log and the traces.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use bailiwick_types::IdGen;

/// The longest id that is taken over from a caller.
const LONGEST: usize = 64;

/// The id of a request: taken from the header `x-request-id` where that is usable, else made here.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId {
    text: [u8; LONGEST],
    length: u8,
}

impl RequestId {
    /// Takes over a caller's id: 1 to 64 letters, digits, `.`, `_`, `:` and `-`.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let good = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b':' | b'-');
        let length = u8::try_from(text.len()).ok()?;
        let mut own = [0; LONGEST];
        own.get_mut(..text.len())?.copy_from_slice(text);
        (length > 0 && text.iter().all(good)).then_some(Self { text: own, length })
    }
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
    /// The text as bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.text.get(..usize::from(self.length)).unwrap_or_default()
    }
    /// As sixteen bytes in hexadecimal digits: the form of a trace id.
    fn from_words(high: u64, low: u64) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let both = (u128::from(high) << 64) | u128::from(low);
        let mut text = [0; LONGEST];
        for (n, slot) in text.iter_mut().take(32).enumerate() {
            let nibble = usize::try_from((both >> (124 - 4 * n)) & 0xf).unwrap_or(0);
            *slot = DIGITS.get(nibble).copied().unwrap_or(b'0');
        }
        Self { text, length: 32 }
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Makes request ids: unique over processes by what is drawn at the start, within one by counting. They need not be
/// unpredictable, so a call costs an addition and no randomness.
#[derive(Debug)]
pub(crate) struct RequestIds {
    process: u64,
    count: AtomicU64,
}

impl RequestIds {
    pub(crate) fn new(ids: &dyn IdGen) -> Self {
        let (a, b) = ids.uuid().as_u64_pair();
        Self {
            process: a.rotate_left(32) ^ b,
            count: AtomicU64::new(1),
        }
    }
    pub(crate) fn next(&self) -> RequestId {
        RequestId::from_words(self.process, self.count.fetch_add(1, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use bailiwick_types::SystemIds;

    use super::*;

    #[test]
    fn an_id_of_a_caller_is_kept_only_where_it_is_harmless_in_a_log() {
        assert_eq!(RequestId::parse(b"a.b-c_1:2").unwrap().as_str(), "a.b-c_1:2");
        assert!(RequestId::parse(b"").is_none());
        assert!(RequestId::parse(b"a\nb").is_none());
        assert!(RequestId::parse(&[b'a'; 65]).is_none());
        assert!(RequestId::parse(&[b'a'; 64]).is_some());
    }

    #[test]
    fn made_ids_are_32_hexadecimal_digits_and_differ() {
        let ids = RequestIds::new(&SystemIds);
        let (a, b) = (ids.next(), ids.next());
        assert_ne!(a, b);
        assert_eq!(a.as_str().len(), 32);
        assert!(a.as_str().bytes().all(|c| c.is_ascii_hexdigit()));
        assert!(a.as_str().ends_with("01") && b.as_str().ends_with("02"));
    }
}
