//! Request ids: what joins a caller's complaint, our log and the traces.
//!
//! `tower-http` sets the header `x-request-id` and propagates it; here are the rule for ids that callers send
//! and the maker of all others.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bailiwick_types::IdGen;
use http::{HeaderValue, Request};
use tower::util::MapRequest;
use tower_http::request_id::{MakeRequestId, PropagateRequestId, RequestId as Extension, SetRequestId};

/// The header with the request id.
pub(crate) const REQUEST_ID: &str = "x-request-id";

/// The greatest length of an id that is taken from a caller.
const MAX_LENGTH: usize = 64;

/// The id of a request: that of the header `x-request-id` where it is valid, else a new one.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// Reads a caller's id: 1 to 64 letters, digits, `.`, `_`, `:` and `-`.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let value = HeaderValue::from_bytes(text).ok()?;
        is_valid(text).then_some(Self(value))
    }
    /// The id that the layers have given a request.
    pub(crate) fn of<B>(request: &Request<B>) -> Self {
        let id = request.extensions().get::<Extension>();
        Self(id.map_or(HeaderValue::from_static("none"), |id| id.header_value().clone()))
    }
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }
    /// The value of the header.
    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

fn is_valid(text: &[u8]) -> bool {
    let allowed = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b':' | b'-');
    (1..=MAX_LENGTH).contains(&text.len()) && text.iter().all(allowed)
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

/// Makes request ids: unique over processes by what is drawn at the start, within one by counting. They need
/// not be unpredictable, so a call costs an addition and no randomness.
#[derive(Debug, Clone)]
pub(crate) struct RequestIds {
    process: u64,
    count: Arc<AtomicU64>,
}

impl RequestIds {
    pub(crate) fn new(ids: &dyn IdGen) -> Self {
        let (a, b) = ids.uuid().as_u64_pair();
        Self {
            process: a.rotate_left(32) ^ b,
            count: Arc::new(AtomicU64::new(1)),
        }
    }
    /// Puts the layers around a service: each request has a valid id, each response that of its request.
    pub(crate) fn around<S, B>(self, service: S) -> WithRequestId<S, B> {
        let set = SetRequestId::x_request_id(PropagateRequestId::x_request_id(service), self);
        MapRequest::new(set, remove_invalid)
    }
}

/// A service with request ids.
pub(crate) type WithRequestId<S, B> =
    MapRequest<SetRequestId<PropagateRequestId<S>, RequestIds>, fn(Request<B>) -> Request<B>>;

impl MakeRequestId for RequestIds {
    fn make_request_id<B>(&mut self, _: &Request<B>) -> Option<Extension> {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let mut id = HeaderValue::try_from(format!("{:016x}{count:016x}", self.process)).ok()?;
        id.set_sensitive(true);
        Some(Extension::new(id))
    }
}

/// A caller's id that is not valid is replaced. Ids are marked so that they take no place in the table of the
/// connection's header compression.
fn remove_invalid<B>(mut request: Request<B>) -> Request<B> {
    let headers = request.headers_mut();
    match headers.get_mut(REQUEST_ID) {
        Some(id) if is_valid(id.as_bytes()) => id.set_sensitive(true),
        Some(_) => drop(headers.remove(REQUEST_ID)),
        None => {}
    }
    request
}

#[cfg(test)]
mod tests {
    use bailiwick_types::SystemIds;

    use super::*;

    #[test]
    fn a_callers_id_is_kept_only_where_it_is_harmless_in_a_log() {
        assert_eq!(RequestId::parse(b"a.b-c_1:2").unwrap().as_str(), "a.b-c_1:2");
        for (id, kept) in [("", false), ("a b", false), ("a.b-c_1:2", true)] {
            let request = Request::builder().header(REQUEST_ID, id).body(()).unwrap();
            assert_eq!(
                remove_invalid(request).headers().contains_key(REQUEST_ID),
                kept,
                "{id}"
            );
            assert_eq!(RequestId::parse(id.as_bytes()).is_some(), kept, "{id}");
        }
        assert!(RequestId::parse(b"a\nb").is_none());
        assert!(RequestId::parse(&[b'a'; 65]).is_none());
        assert!(RequestId::parse(&[b'a'; 64]).is_some());
    }

    #[test]
    fn made_ids_are_32_hexadecimal_digits_and_differ() {
        let mut ids = RequestIds::new(&SystemIds);
        let mut next = || {
            let id = ids.make_request_id(&Request::new(())).unwrap();
            id.header_value().to_str().unwrap().to_owned()
        };
        let (a, b) = (next(), next());
        assert_ne!(a, b);
        assert_eq!(a.len(), 32);
        assert!(a.bytes().all(|c| c.is_ascii_hexdigit()));
        assert!(a.ends_with("01") && b.ends_with("02"));
    }
}
