//! Where the present call came from: for the audit log.

use std::{
    net::IpAddr,
    sync::{Arc, OnceLock},
};

use bailiwick_proto::Method;
use bailiwick_types::{Caller, CallerKind, Idempotency, Subject};
use http::{HeaderMap, HeaderValue, header::USER_AGENT};
use opentelemetry::trace::TraceContextExt;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::current;

/// The header by which one service of the suite tells another for whom it calls. It counts on the internal
/// listener alone.
pub(crate) const ON_BEHALF_OF: &str = "bailiwick-on-behalf-of";
/// The longest name of a client that is kept, in characters.
const LONGEST_AGENT: usize = 256;

/// Where a call came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The id of the request.
    pub request_id: String,
    /// The id of its trace; empty where it is not traced.
    pub trace_id: String,
    /// Address of the client.
    pub client: Option<IpAddr>,
    /// How the client names itself; empty where it does not.
    pub user_agent: String,
    /// For whom the caller, one of the suite's own services, calls.
    pub on_behalf_of: Option<Subject>,
}

/// The origin of the call that this task works on; nothing outside of calls, and in calls that only read.
#[must_use]
pub fn origin() -> Option<Origin> {
    let call = current::get()?;
    let source = call.source.as_ref()?;
    let traced = tracing::Span::current().context();
    let span = traced.span().span_context().clone();
    let trace = if span.is_valid() {
        Some(span.trace_id())
    } else {
        call.parent.as_ref().map(|parent| parent.trace_id())
    };
    Some(Origin {
        request_id: call.request_id.as_str().to_owned(),
        trace_id: trace.map(|trace| trace.to_string()).unwrap_or_default(),
        client: source.client,
        user_agent: short(source.agent.as_ref()),
        on_behalf_of: source.behalf(),
    })
}

fn short(agent: Option<&HeaderValue>) -> String {
    let text = agent.and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    text.chars().take(LONGEST_AGENT).collect()
}

/// What is kept of a call that may write.
#[derive(Debug, Default)]
pub(crate) struct Source {
    client: Option<IpAddr>,
    agent: Option<HeaderValue>,
    /// What the header says, on the internal listener.
    behalf: Option<HeaderValue>,
    caller: OnceLock<Arc<Caller>>,
}

impl Source {
    /// Whether calls of a method have one: calls that only read write no entry, and pay for none.
    pub(crate) fn is_kept_for(method: &Method) -> bool {
        method.idempotency != Idempotency::NoSideEffects
    }
    pub(crate) fn new(client: Option<IpAddr>, headers: &HeaderMap, internal: bool) -> Self {
        Self {
            client,
            agent: headers.get(USER_AGENT).cloned(),
            behalf: headers.get(ON_BEHALF_OF).filter(|_| internal).cloned(),
            caller: OnceLock::new(),
        }
    }
    /// Remembers who calls.
    pub(crate) fn called_by(&self, caller: &Arc<Caller>) {
        let _ = self.caller.set(Arc::clone(caller));
    }
    fn behalf(&self) -> Option<Subject> {
        self.behalf.as_ref()?.to_str().ok()?.parse().ok()
    }
    /// For whom a call to a peer is made: the caller, or where that is a service of the suite, whom it called
    /// for.
    pub(crate) fn forwarded(&self) -> Option<HeaderValue> {
        let caller = self.caller.get()?;
        match caller.kind() {
            CallerKind::Internal => self.behalf.clone(),
            CallerKind::Anonymous => None,
            CallerKind::User | CallerKind::Service | CallerKind::Key => {
                HeaderValue::try_from(caller.subject()?.to_string()).ok()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers() -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(ON_BEHALF_OF, HeaderValue::from_static("user:ada"));
        headers.insert(USER_AGENT, HeaderValue::try_from("x".repeat(1000)).unwrap());
        headers
    }

    #[test]
    fn whom_a_call_is_made_for_counts_on_the_internal_listener_alone() {
        let public = Source::new(None, &headers(), false);
        assert_eq!(public.behalf(), None);
        let internal = Source::new(None, &headers(), true);
        assert_eq!(internal.behalf().unwrap().to_string(), "user:ada");
    }

    #[test]
    fn an_unknown_caller_is_nobody_to_call_for() {
        let source = Source::new(None, &headers(), false);
        assert_eq!(source.forwarded(), None);
        source.called_by(&Arc::new(Caller::anonymous()));
        assert_eq!(source.forwarded(), None);
    }

    #[test]
    fn a_long_name_of_a_client_is_cut() {
        let source = Source::new(None, &headers(), false);
        assert_eq!(short(source.agent.as_ref()).len(), LONGEST_AGENT);
    }
}
