//! Consistency tokens as text: base64url of `FORMAT(1) KEY_ID(4) CODE(16) PAYLOAD`.
//!
//! The payload is `bailiwick.common.v1.TokenPayload`. The code, half of an HMAC-SHA-256 over format, key id
//! and payload, is verified before the payload is looked at: nobody can ask with an invented token whether
//! an account or a user exists, and at which revision.

use std::{
    cmp::Reverse,
    sync::{Arc, LazyLock},
};

use bailiwick_proto::common::v1::{TokenPair, TokenPayload};
use bailiwick_types::{Code, Fault, FieldViolation, Reason, ScopeRoot, Service, Token};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderValue};
use prost::Message;
use tonic::Request;

use crate::{
    MacKeys, Purpose, current,
    integrity::{KEY_ID, Verdict},
};

/// The header with the consistency token.
pub(crate) const HEADER: &str = "bailiwick-token";
/// In place of a token: the answer is made from the primary, whatever was written before. For a client that
/// cannot send all that it holds.
pub(crate) const FULLY_CONSISTENT: &str = "fully_consistent";
/// The first byte: no field of a protobuf message begins like this.
const FORMAT: u8 = 2;
const CODE: usize = 16;
/// The format of the payload.
const PAYLOAD_FORMAT: u32 = 1;
/// Longer texts are rejected unread: a token of 128 pairs is shorter.
const LONGEST: usize = 32 * 1024;
/// The most pairs of a token; with more, what it does not name is asked of the primary.
const PAIRS: usize = 128;

/// Error for an invalid consistency token. It says no more than that: whatever is wrong, it is not a token
/// that the suite has given out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid consistency token")]
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

/// Writes tokens, and reads those that a process of the deployment has written.
#[derive(Debug, Clone)]
pub struct TokenCodec(MacKeys);

/// Tokens of this process alone, which no other process reads.
impl Default for TokenCodec {
    fn default() -> Self {
        Self(MacKeys::of_this_process(Purpose::ConsistencyToken))
    }
}

/// A token whose code was looked at.
enum Read {
    Authentic(Token),
    /// Authenticated with a key that this process does not have (any more).
    UnknownKey,
}

impl TokenCodec {
    /// A codec with these keys.
    #[must_use]
    pub fn new(keys: MacKeys) -> Self {
        Self(keys)
    }

    /// Writes a token. Of too many pairs it names the first [`PAIRS`] of `first`, then of all.
    fn write(&self, token: &Token, first: &Token) -> String {
        let kept = |of: &Token, but: Option<&Token>| {
            let known = |key: &_| but.is_some_and(|but| but.revisions.contains_key(key));
            let mut of: Vec<_> = of.revisions.keys().filter(|key| !known(*key)).collect();
            // Ids begin with the time: later ones were made later.
            let is_one_of_many =
                |root: &ScopeRoot| matches!(root, ScopeRoot::Account(_) | ScopeRoot::User(_));
            of.sort_by_key(|key| (is_one_of_many(&key.1), Reverse(*key)));
            of.into_iter().cloned().collect::<Vec<_>>()
        };
        let mut keys = kept(first, None);
        keys.extend(kept(token, Some(first)));
        keys.truncate(PAIRS);
        keys.sort();
        let pairs = keys.iter().filter_map(|key| {
            Some(TokenPair {
                service: key.0.as_str().to_owned(),
                root: key.1.to_string(),
                revision: *token.revisions.get(key)?,
            })
        });
        let epochs = token.epochs.iter();
        let payload = TokenPayload {
            format: PAYLOAD_FORMAT,
            epochs: epochs
                .map(|(service, epoch)| (service.as_str().to_owned(), epoch.clone()))
                .collect(),
            pairs: pairs.collect(),
            fully_consistent: token.fully_consistent || token.revisions.len() > PAIRS,
        };
        self.seal(&payload.encode_to_vec())
    }

    /// Writes a token.
    #[must_use]
    pub fn encode(&self, token: &Token) -> String {
        self.write(token, &Token::default())
    }

    fn seal(&self, payload: &[u8]) -> String {
        let Some((id, code)) = self.0.sign(&[&[FORMAT], payload]) else {
            return String::new();
        };
        let mut bytes = vec![FORMAT];
        bytes.extend(id);
        bytes.extend(code.iter().take(CODE));
        bytes.extend_from_slice(payload);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a token; the empty text is the empty token. Of one that was written with an unknown key
    /// nothing is known but that the answer has to be made from the primary.
    ///
    /// # Errors
    /// The suite has not written the text.
    pub fn decode(&self, text: &str) -> Result<Token, TokenError> {
        Ok(match self.read(text)? {
            Read::Authentic(token) => token,
            Read::UnknownKey => Token {
                fully_consistent: true,
                ..Token::default()
            },
        })
    }

    fn read(&self, text: &str) -> Result<Read, TokenError> {
        if text.is_empty() {
            return Ok(Read::Authentic(Token::default()));
        }
        if text == FULLY_CONSISTENT {
            return Ok(Read::Authentic(Token {
                fully_consistent: true,
                ..Token::default()
            }));
        }
        self.open(text).ok_or_else(TokenError::new)
    }

    fn open(&self, text: &str) -> Option<Read> {
        let short = Some(text).filter(|text| text.len() <= LONGEST)?;
        let bytes = URL_SAFE_NO_PAD.decode(short).ok()?;
        let rest = bytes.strip_prefix(&[FORMAT])?;
        let (id, rest) = rest.split_at_checked(KEY_ID)?;
        let (code, payload) = rest.split_at_checked(CODE)?;
        match self.0.verify(id, &[&[FORMAT], payload], code) {
            Verdict::Authentic => parse(payload).map(Read::Authentic),
            Verdict::UnknownKey => Some(Read::UnknownKey),
            Verdict::Forged => None,
        }
    }
}

/// Reads an authentic payload.
fn parse(payload: &[u8]) -> Option<Token> {
    let payload = TokenPayload::decode(payload).ok()?;
    if payload.format != PAYLOAD_FORMAT {
        return None;
    }
    let mut token = Token {
        fully_consistent: payload.fully_consistent,
        ..Token::default()
    };
    for pair in payload.pairs {
        let service = Service::named(&pair.service)?;
        let epoch = payload.epochs.get(&pair.service)?;
        token.raise(service, epoch, pair.root.parse().ok()?, pair.revision);
    }
    Some(token)
}

/// The tokens that came with a request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Received {
    codec: TokenCodec,
    /// What the request has to see.
    pub(crate) wanted: Token,
    /// What goes along in the answer: the same without what no key is known for.
    carried: Token,
    /// One token in place of several, where each of them was read.
    pub(crate) merged: Option<HeaderValue>,
}

impl Received {
    /// What a request without token has.
    pub(crate) fn nothing(codec: TokenCodec) -> Self {
        Self {
            codec,
            wanted: Token::default(),
            carried: Token::default(),
            merged: None,
        }
    }

    /// The tokens in the headers of a request, of which there may be several; `None` where there is none.
    pub(crate) fn of(codec: &TokenCodec, headers: &HeaderMap) -> Option<Result<Self, TokenError>> {
        headers.contains_key(HEADER).then(|| {
            let mut all = Self::nothing(codec.clone());
            let (mut texts, mut unknown) = (0, false);
            for value in headers.get_all(HEADER) {
                let value = value.to_str().map_err(|_| TokenError::new())?;
                // Proxies join headers of one name.
                for text in value.split(',').map(str::trim) {
                    texts += 1;
                    match codec.read(text)? {
                        Read::Authentic(token) => all.carried.merge(&token),
                        Read::UnknownKey => unknown = true,
                    }
                }
            }
            all.wanted = all.carried.clone();
            all.wanted.fully_consistent |= unknown;
            if texts > 1 && !unknown {
                all.merged = HeaderValue::try_from(codec.encode(&all.carried)).ok();
            }
            Ok(all)
        })
    }
}

fn received() -> Arc<Received> {
    static NONE: LazyLock<Arc<Received>> = LazyLock::new(Arc::default);
    current::get().map_or_else(|| Arc::clone(&NONE), |call| call.received)
}

/// The token of the answer to the present call: what came with its request, and what it has written. A client
/// that keeps the newest token has all that it needs.
#[must_use]
pub fn answer(written: &Token) -> String {
    let received = received();
    let mut union = received.carried.clone();
    union.replace(written);
    union.fully_consistent |= written.fully_consistent;
    received.codec.write(&union, written)
}

/// Reads a token that is in the message of the present call.
///
/// # Errors
/// As [`TokenCodec::decode`].
pub fn decode(text: &str) -> Result<Token, TokenError> {
    received().codec.decode(text)
}

/// What a request to a peer carries; the channel writes it.
#[derive(Debug, Clone)]
pub(crate) struct Carry(pub(crate) Token);

/// A request with a token, unless that is empty: the peer answers from nothing older.
pub fn request<T>(message: T, token: &Token) -> Request<T> {
    let mut request = Request::new(message);
    if !token.is_empty() {
        request.extensions_mut().insert(Carry(token.clone()));
    }
    request
}

#[cfg(test)]
mod tests {
    use bailiwick_types::AccountId;
    use proptest::prelude::*;

    use super::*;
    use crate::{IntegrityConfig, RequestId, Secret, current::Current};

    fn root(n: u128) -> ScopeRoot {
        ScopeRoot::Account(AccountId::from_uuid(uuid::Uuid::from_u128(n)))
    }

    fn codec(secret: &str, previous: Option<&str>) -> TokenCodec {
        let config = IntegrityConfig {
            secret: Some(Secret::new(secret.repeat(32))),
            previous_secret: previous.map(|text| Secret::new(text.repeat(32))),
        };
        let keys = MacKeys::derive(&config, Purpose::ConsistencyToken);
        TokenCodec::new(keys.unwrap())
    }

    fn headers(texts: &[&str]) -> HeaderMap {
        let texts = texts.iter().map(|text| (HEADER, text.parse().unwrap()));
        let named = texts.map(|(name, value)| (http::HeaderName::from_static(name), value));
        named.collect()
    }

    /// The answer of a call with these tokens that has written something.
    fn answered(codec: &TokenCodec, texts: &[&str], written: &Token) -> Token {
        let received = Received::of(codec, &headers(texts)).unwrap().unwrap();
        let call = Current {
            request_id: RequestId::parse(b"r").unwrap(),
            deadline: None,
            parent: None,
            permit: None,
            received: Arc::new(received),
            source: None,
        };
        codec.decode(&current::within(call, || answer(written))).unwrap()
    }

    #[test]
    fn a_token_is_read_as_it_was_written() {
        let codec = TokenCodec::default();
        let mut token = Token::of(Service::Tenancy, "e1", root(1), 7);
        token.raise(Service::Authorization, "e2", ScopeRoot::Deployment, u64::MAX);
        token.raise(
            Service::Authorization,
            "e2",
            "product:sogolytics".parse().unwrap(),
            3,
        );
        assert_eq!(codec.decode(&codec.encode(&token)), Ok(token));
        assert_eq!(codec.decode(""), Ok(Token::default()));
    }

    #[test]
    fn no_changed_or_cut_token_and_none_of_a_clients_own_is_read() {
        let codec = TokenCodec::default();
        let token = Token::of(Service::Tenancy, "epoch", root(1), 7);
        let text = codec.encode(&token);
        let bytes = URL_SAFE_NO_PAD.decode(&text).unwrap();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                let read = codec.decode(&URL_SAFE_NO_PAD.encode(changed));
                if (1..=KEY_ID).contains(&at) {
                    let read = read.unwrap();
                    assert!(
                        read.revisions.is_empty() && read.fully_consistent,
                        "an unknown key"
                    );
                } else {
                    assert_eq!(read, Err(TokenError::new()), "byte {at}, bit {bit}");
                }
            }
        }
        for end in 1..text.len() {
            let cut = codec.decode(&text[..end]);
            assert!(cut.is_err(), "cut at {end}: {cut:?}");
        }
        let payload = &bytes[1 + KEY_ID + CODE..];
        for own in [
            URL_SAFE_NO_PAD.encode(payload),
            format!("{text}A"),
            "%".to_owned(),
        ] {
            assert_eq!(codec.decode(&own), Err(TokenError::new()), "{own}");
        }
    }

    #[test]
    fn a_token_of_an_unknown_key_asks_the_primary_and_one_of_the_previous_key_is_read() {
        let token = Token::of(Service::Tenancy, "e", root(1), 7);
        let old = codec("a", None).encode(&token);
        assert_eq!(codec("b", Some("a")).decode(&old), Ok(token.clone()));
        let unknown = codec("b", None).decode(&old).unwrap();
        assert!(unknown.fully_consistent && unknown.revisions.is_empty());
        // The answer names what was written, and the client is rid of the old one.
        let written = Token::of(Service::Tenancy, "e", root(1), 8);
        assert_eq!(answered(&codec("b", None), &[&old], &written), written);
    }

    #[test]
    fn an_answer_has_what_was_sent_in_any_number_of_headers_and_what_was_written() {
        let codec = TokenCodec::default();
        let (one, two) = (
            Token::of(Service::Tenancy, "t", root(1), 7),
            Token::of(Service::Identity, "i", root(2), 3),
        );
        let written = Token::of(Service::Authorization, "a", root(1), 9);
        let texts = [&*codec.encode(&one), &*codec.encode(&two)];
        let mut all = one.clone();
        all.merge(&two);
        let received = Received::of(&codec, &headers(&texts)).unwrap().unwrap();
        assert_eq!(received.wanted, all);
        let merged = received.merged.unwrap();
        assert_eq!(codec.decode(merged.to_str().unwrap()), Ok(all.clone()));
        all.replace(&written);
        assert_eq!(answered(&codec, &texts, &written), all);
        let joined = texts.join(", ");
        assert_eq!(answered(&codec, &[&joined], &written), all);
        // One that is wrong is not covered by one that is right.
        assert!(Received::of(&codec, &headers(&[texts[0], "x"])).unwrap().is_err());
        assert!(Received::of(&codec, &HeaderMap::new()).is_none());
    }

    #[test]
    fn pairs_beyond_the_most_are_dropped_with_a_flag_that_stays_and_never_those_just_written() {
        let codec = TokenCodec::default();
        let mut many = Token::default();
        for n in 1..=PAIRS as u128 {
            many.raise(Service::Authorization, "e", root(n), 1);
        }
        let text = codec.encode(&many);
        assert_eq!(codec.decode(&text), Ok(many));
        assert!(text.len() < LONGEST / 2);
        // Its id is the smallest: of all pairs it would go first.
        let written = Token::of(Service::Authorization, "e", root(0), 5);
        let answer = answered(&codec, &[&text], &written);
        assert_eq!(answer.revisions.len(), PAIRS);
        assert_eq!(answer.wanted(Service::Authorization, &root(0)), Some(("e", 5)));
        assert_eq!(answer.wanted(Service::Authorization, &root(1)), None);
        assert!(answer.fully_consistent);
        let later = answered(&codec, &[&codec.encode(&answer)], &written);
        assert!(later.fully_consistent);
        let asked = answered(&codec, &[FULLY_CONSISTENT], &written);
        assert!(asked.fully_consistent, "a client says that it has dropped one");
    }

    #[test]
    fn a_pair_without_epoch_or_with_an_unknown_root_is_refused() {
        let codec = TokenCodec::default();
        let write = |payload: TokenPayload| codec.seal(&payload.encode_to_vec());
        let pair = |root: &str| TokenPair {
            service: "tenancy".to_owned(),
            root: root.to_owned(),
            revision: 1,
        };
        let epochs = std::iter::once(("tenancy".to_owned(), "e".to_owned())).collect();
        let bare = TokenPayload {
            format: 1,
            pairs: vec![pair("deployment")],
            ..TokenPayload::default()
        };
        assert!(codec.decode(&write(bare)).is_err());
        let odd = TokenPayload {
            format: 1,
            epochs,
            pairs: vec![pair("galaxy")],
            ..TokenPayload::default()
        };
        assert!(codec.decode(&write(odd)).is_err());
        let newer = TokenPayload {
            format: 2,
            ..TokenPayload::default()
        };
        assert!(codec.decode(&write(newer)).is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "[A-Za-z0-9_-]{0,80}|.{0,40}") {
            let _ = TokenCodec::default().decode(&text);
        }
        #[test]
        fn no_payload_makes_the_reader_panic(payload in prop::collection::vec(any::<u8>(), 0..60)) {
            let codec = TokenCodec::default();
            let _ = codec.decode(&codec.seal(&payload));
        }
    }
}
