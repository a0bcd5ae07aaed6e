//! Values of the shared cache with a code that authenticates them, so that nobody who can write Redis can
//! make a value of their own, or put one under another key.
//!
//! ```text
//! VALUE KEY_ID(4) CODE(32)
//! ```
//!
//! The code is an HMAC-SHA-256 over the key in Redis, which names format, account and part, and over the
//! whole value: head with epoch and revisions, and body. An older value under its own key is authentic;
//! that it is outdated is found by its revisions, as for every part.

use bailiwick_rpc::{
    MacKeys,
    integrity::{KEY_ID, Verdict},
};

const CODE: usize = 32;

/// Adds the code to a value; `None` where there is no key.
pub(crate) fn seal(keys: &MacKeys, name: &str, mut value: Vec<u8>) -> Option<Vec<u8>> {
    let (id, code) = keys.sign(&[&length(name), name.as_bytes(), &value])?;
    value.extend_from_slice(&id);
    value.extend_from_slice(&code);
    Some(value)
}

/// The value without its code; `None` where the code is not that of this value under this key.
pub(crate) fn open<'v>(keys: &MacKeys, name: &str, sealed: &'v [u8]) -> Option<&'v [u8]> {
    let (rest, code) = sealed.split_at_checked(sealed.len().checked_sub(CODE)?)?;
    let (value, id) = rest.split_at_checked(rest.len().checked_sub(KEY_ID)?)?;
    let message = [&length(name)[..], name.as_bytes(), value];
    (keys.verify(id, &message, code) == Verdict::Authentic).then_some(value)
}

/// The length of the key keeps key and value apart.
fn length(name: &str) -> [u8; 8] {
    (name.len() as u64).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use bailiwick_rpc::Purpose;

    use super::*;

    #[test]
    fn a_sealed_value_opens_under_its_own_key_alone() {
        let keys = MacKeys::of_this_process(Purpose::SharedCache);
        let sealed = seal(&keys, "bw:{a}:1:user:x", b"value".to_vec()).unwrap();
        assert_eq!(open(&keys, "bw:{a}:1:user:x", &sealed), Some(&b"value"[..]));
        // As long together, cut elsewhere: the same bytes without the length.
        for other in ["bw:{b}:1:user:x", "bw:{a}:1:user:xv", "bw:{a}:1:user:", ""] {
            assert_eq!(open(&keys, other, &sealed), None, "{other}");
        }
    }

    #[test]
    fn no_changed_byte_and_no_shorter_value_opens() {
        let keys = MacKeys::of_this_process(Purpose::SharedCache);
        let sealed = seal(&keys, "key", b"some value".to_vec()).unwrap();
        for at in 0..sealed.len() {
            for bit in 0..8 {
                let mut changed = sealed.clone();
                changed[at] ^= 1 << bit;
                assert_eq!(open(&keys, "key", &changed), None, "byte {at}, bit {bit}");
            }
            assert_eq!(open(&keys, "key", &sealed[..at]), None, "cut at {at}");
            assert_eq!(open(&keys, "key", &sealed[at + 1..]), None, "cut after {at}");
        }
        assert_eq!(open(&keys, "key", b"some value"), None, "a value without code");
    }
}
