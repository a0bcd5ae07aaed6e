//! Consistency tokens as text: base64url of `bailiwick.common.v1.TokenPayload`.

use bailiwick_proto::common::v1::{TokenPair, TokenPayload};
use bailiwick_types::{Code, Fault, FieldViolation, Reason, Service, Token};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use prost::Message;
use tonic::{Request, metadata::MetadataValue};

/// The header with the consistency token.
pub(crate) const HEADER: &str = "bailiwick-token";
/// The format that is written and read.
const FORMAT: u32 = 1;
/// Longer texts are rejected unread: a token of a thousand pairs is shorter.
const LONGEST: usize = 256 * 1024;

/// Error for an invalid consistency token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot decode the consistency token")]
pub struct TokenError(Vec<FieldViolation>);

impl TokenError {
    fn new() -> Self {
        Self(vec![FieldViolation {
            field: "token".to_owned(),
            rule: "must be a token returned by a write".to_owned(),
        }])
    }
}

impl Fault for TokenError {
    fn code(&self) -> Code {
        Code::InvalidArgument
    }
    fn reason(&self) -> Reason {
        Reason::InvalidToken
    }
    fn violations(&self) -> &[FieldViolation] {
        &self.0
    }
}

/// Writes a token.
#[must_use]
pub fn encode(token: &Token) -> String {
    let payload = TokenPayload {
        format: FORMAT,
        epochs: token
            .epochs
            .iter()
            .map(|(service, epoch)| (service.as_str().to_owned(), epoch.clone()))
            .collect(),
        pairs: token
            .revisions
            .iter()
            .map(|((service, root), revision)| TokenPair {
                service: service.as_str().to_owned(),
                root: root.to_string(),
                revision: *revision,
            })
            .collect(),
    };
    URL_SAFE_NO_PAD.encode(payload.encode_to_vec())
}

/// A request with a token, unless that is empty: the peer answers from nothing older.
pub fn request<T>(message: T, token: &Token) -> Request<T> {
    let mut request = Request::new(message);
    if !token.is_empty()
        && let Ok(value) = MetadataValue::try_from(encode(token))
    {
        request.metadata_mut().insert(HEADER, value);
    }
    request
}

/// Reads a token; the empty text is the empty token.
///
/// # Errors
/// The text is not a token of this format.
pub fn decode(text: &str) -> Result<Token, TokenError> {
    let mut token = Token::default();
    if text.is_empty() {
        return Ok(token);
    }
    if text.len() > LONGEST {
        return Err(TokenError::new());
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| TokenError::new())?;
    let payload = TokenPayload::decode(bytes.as_slice()).map_err(|_| TokenError::new())?;
    if payload.format != FORMAT {
        return Err(TokenError::new());
    }
    for pair in payload.pairs {
        let service = Service::named(&pair.service).ok_or_else(TokenError::new)?;
        let root = pair.root.parse().map_err(|_| TokenError::new())?;
        let epoch = payload.epochs.get(&pair.service).ok_or_else(TokenError::new)?;
        token.raise(service, epoch, root, pair.revision);
    }
    Ok(token)
}

#[cfg(test)]
mod tests {
    use bailiwick_types::{AccountId, ScopeRoot};
    use proptest::prelude::*;

    use super::*;

    fn root(n: u128) -> ScopeRoot {
        ScopeRoot::Account(AccountId::from_uuid(uuid::Uuid::from_u128(n)))
    }

    #[test]
    fn a_token_is_read_as_it_was_written() {
        let mut token = Token::of(Service::Tenancy, "e1", root(1), 7);
        token.raise(Service::Authorization, "e2", ScopeRoot::Deployment, u64::MAX);
        token.raise(
            Service::Authorization,
            "e2",
            "product:sogolytics".parse().unwrap(),
            3,
        );
        assert_eq!(decode(&encode(&token)), Ok(token));
        assert_eq!(decode(""), Ok(Token::default()));
    }

    #[test]
    fn a_token_that_was_cut_is_refused() {
        let text = encode(&Token::of(Service::Tenancy, "epoch", root(1), 7));
        for end in 1..text.len() {
            let cut = decode(&text[..end]);
            assert!(
                cut.is_err() || cut == Ok(Token::default()),
                "cut at {end}: {cut:?}"
            );
        }
    }

    #[test]
    fn a_pair_without_epoch_or_with_an_unknown_root_is_refused() {
        let write = |payload: TokenPayload| URL_SAFE_NO_PAD.encode(payload.encode_to_vec());
        let pair = |root: &str| TokenPair {
            service: "tenancy".to_owned(),
            root: root.to_owned(),
            revision: 1,
        };
        let epochs = std::iter::once(("tenancy".to_owned(), "e".to_owned())).collect();
        let bare = TokenPayload {
            format: 1,
            epochs: Default::default(),
            pairs: vec![pair("deployment")],
        };
        assert!(decode(&write(bare)).is_err());
        let odd = TokenPayload {
            format: 1,
            epochs,
            pairs: vec![pair("galaxy")],
        };
        assert!(decode(&write(odd)).is_err());
        let newer = TokenPayload {
            format: 2,
            ..TokenPayload::default()
        };
        assert!(decode(&write(newer)).is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "[A-Za-z0-9_-]{0,80}|.{0,40}") {
            let _ = decode(&text);
        }
    }
}
