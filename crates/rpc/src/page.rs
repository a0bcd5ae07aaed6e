//! Page tokens (AIP-158): the key of the last row, bound to the parameters of the list, so that the token of
//! another list is rejected.

use bailiwick_types::{Code, Fault, FieldViolation, Reason};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

/// How much of the digest goes into the token.
const DIGEST: usize = 8;
/// Longer texts are rejected unread.
const LONGEST: usize = 16 * 1024;

/// Error for a page token of another list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("page token does not belong to this list")]
pub struct PageTokenError(Vec<FieldViolation>);

impl PageTokenError {
    fn new() -> Self {
        Self(vec![FieldViolation {
            field: "page_token".to_owned(),
            rule: "must be the `next_page_token` of a call with the same parameters".to_owned(),
        }])
    }
}

impl Fault for PageTokenError {
    fn code(&self) -> Code {
        Code::InvalidArgument
    }
    fn reason(&self) -> Reason {
        Reason::InvalidPageToken
    }
    fn violations(&self) -> &[FieldViolation] {
        &self.0
    }
}

/// Writes the token of the page after the row with this key. `list` are all parameters that decide which rows
/// the list has and in which order: method, account, parent, filter, order; not the page size.
#[must_use]
pub fn encode<K: Serialize>(list: &[&str], key: &K) -> String {
    let mut bytes = digest(list).to_vec();
    // A key is numbers and texts; serializing those into memory cannot fail.
    bytes.extend(serde_json::to_vec(key).unwrap_or_default());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads the key of the last row of the page before; the empty text asks for the first page.
///
/// # Errors
/// The text is not a page token, or one of a list with other parameters.
pub fn decode<K: DeserializeOwned>(list: &[&str], text: &str) -> Result<Option<K>, PageTokenError> {
    if text.is_empty() {
        return Ok(None);
    }
    if text.len() > LONGEST {
        return Err(PageTokenError::new());
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| PageTokenError::new())?;
    let (bound, key) = bytes.split_at_checked(DIGEST).ok_or_else(PageTokenError::new)?;
    if bound != digest(list) {
        return Err(PageTokenError::new());
    }
    serde_json::from_slice(key)
        .map(Some)
        .map_err(|_| PageTokenError::new())
}

fn digest(list: &[&str]) -> [u8; DIGEST] {
    let mut hash = Sha256::new();
    for parameter in list {
        hash.update((parameter.len() as u64).to_le_bytes());
        hash.update(parameter.as_bytes());
    }
    let mut short = [0; DIGEST];
    for (to, from) in short.iter_mut().zip(hash.finalize()) {
        *to = from;
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_token_works_for_its_own_list_alone() {
        let text = encode(&["ListWorkspaces", "acct_1", "title"], &("Berlin", 7));
        let key = decode::<(String, u32)>(&["ListWorkspaces", "acct_1", "title"], &text).unwrap();
        assert_eq!(key, Some(("Berlin".to_owned(), 7)));
        for other in [
            &["ListWorkspaces", "acct_2", "title"][..],
            &["ListWorkspaces", "acct_1", "create_time"],
            &["ListWorkspaces", "acct_1", ""],
            &["ListWorkspacesacct_1", "", "title"],
            &["ListWorkspaces", "acct_1"],
        ] {
            assert!(decode::<(String, u32)>(other, &text).is_err(), "{other:?}");
        }
    }

    #[test]
    fn the_empty_token_is_the_first_page_and_rubbish_is_refused() {
        assert_eq!(decode::<String>(&["x"], ""), Ok(None));
        for rubbish in ["x", "AAAA", "%%%", &"A".repeat(20_000)] {
            assert!(decode::<String>(&["x"], rubbish).is_err());
        }
        let number = encode(&["x"], &7);
        assert!(decode::<String>(&["x"], &number).is_err());
    }
}
