//! The call that this thread works on now: what log lines and calls to peers take from it without a span a
//! request.
//!
//! The layers set it around every poll of a call; that counts references and allocates nothing. A task that a
//! handler spawns does not inherit it; [`carry`] passes it on.

use std::{
    cell::RefCell,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use opentelemetry::trace::SpanContext;
use tokio::time::Instant;

use crate::{RequestId, layers::Permit, origin::Source, token::Received};

/// What is known about the present call.
#[derive(Debug, Clone)]
pub(crate) struct Current {
    pub(crate) request_id: RequestId,
    pub(crate) deadline: Option<Instant>,
    /// The span of the caller.
    pub(crate) parent: Option<Arc<SpanContext>>,
    /// Its place among the calls in flight, held by all that works on it: a stream is in flight until it
    /// ends, a write until it is done.
    #[expect(dead_code, reason = "it is held, not read")]
    pub(crate) permit: Option<Permit>,
    /// Its consistency tokens.
    pub(crate) received: Arc<Received>,
    /// Where it came from; none for calls that only read.
    pub(crate) source: Option<Arc<Source>>,
}

thread_local! {
    static CURRENT: RefCell<Option<Current>> = const { RefCell::new(None) };
}

/// The present call, where there is one.
pub(crate) fn get() -> Option<Current> {
    CURRENT.try_with(|call| call.borrow().clone()).ok().flatten()
}

/// Runs `work` as part of a call.
pub(crate) fn within<R>(current: Current, work: impl FnOnce() -> R) -> R {
    struct Restore(Option<Current>);
    impl Drop for Restore {
        fn drop(&mut self) {
            let _ = CURRENT.try_with(|call| call.replace(self.0.take()));
        }
    }
    let _restore = Restore(CURRENT.with(|call| call.replace(Some(current))));
    work()
}

pin_project_lite::pin_project! {
    /// A future that works as part of the call in which it was made.
    #[derive(Debug)]
    pub struct Carried<F> {
        current: Option<Current>,
        #[pin]
        future: F,
    }
}

/// Lets a future that is spawned as a task of its own log with the request id of the call that spawns it. The
/// call's deadline does not come along: such a task is spawned because it must not be cut half-way.
pub fn carry<F: Future>(future: F) -> Carried<F> {
    let current = get().map(|c| Current { deadline: None, ..c });
    Carried { current, future }
}

impl<F> Carried<F> {
    /// Has a future work as part of a call.
    pub(crate) fn of(current: Current, future: F) -> Self {
        let current = Some(current);
        Self { current, future }
    }
}

impl<F: Future> Future for Carried<F> {
    type Output = F::Output;
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        match this.current {
            Some(current) => within(current.clone(), || this.future.poll(cx)),
            None => this.future.poll(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_call_before_is_back_when_one_ends_also_by_a_panic() {
        let call = |text: &[u8]| Current {
            request_id: RequestId::parse(text).unwrap(),
            deadline: None,
            parent: None,
            permit: None,
            received: Arc::default(),
            source: None,
        };
        assert!(get().is_none());
        within(call(b"outer"), || {
            let inner = std::panic::catch_unwind(|| {
                within(call(b"inner"), || panic!("{}", get().unwrap().request_id))
            });
            assert_eq!(inner.unwrap_err().downcast_ref::<String>().unwrap(), "inner");
            assert_eq!(get().unwrap().request_id.as_str(), "outer");
        });
        assert!(get().is_none());
    }
}
