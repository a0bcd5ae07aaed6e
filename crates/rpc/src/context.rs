//! What a handler knows about the call besides its message.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use bailiwick_proto::Method;
use bailiwick_types::{Caller, Refusal, Token};
use tokio::time::Instant;
use tonic::Status;

use crate::{AuthError, Authenticator, IntoStatus, RequestId, call::Misrouted, status};

/// The call: who makes it, what it asks for, until when. The authentication layer puts it into the request.
#[derive(Debug, Clone)]
pub struct Context {
    /// Who calls.
    pub caller: Arc<Caller>,
    /// What the consistency tokens of the request ask for together; empty where none came.
    pub token: Token,
    /// When the answer is of no use any more.
    pub deadline: Option<Instant>,
    /// The same as the caller has it, without the server's own limit: that one ends when a response begins.
    pub asked: Option<Instant>,
    /// The id of the request.
    pub request_id: RequestId,
    /// The method with its declaration.
    pub method: &'static Method,
    /// Address of the other end of the connection.
    pub peer: Option<SocketAddr>,
    /// Address of the client: that of the other end, or what trusted proxies say.
    pub client: Option<IpAddr>,
    pub(crate) authenticator: Option<Arc<Authenticator>>,
}

impl Context {
    /// A context of its own, for calls inside the process and for tests of handlers.
    #[must_use]
    pub fn new(method: &'static Method, caller: Caller) -> Self {
        Self {
            caller: Arc::new(caller),
            token: Token::default(),
            deadline: None,
            asked: None,
            request_id: RequestId::parse(b"none").unwrap_or_else(|| unreachable!("it is a good id")),
            method,
            peer: None,
            client: None,
            authenticator: None,
        }
    }
    /// The call with the caller of another access token, which a field of the message carries: for what it
    /// may do in a second account. The token is verified like the one of the call, and must be of the same
    /// subject.
    ///
    /// # Errors
    /// UNAUTHENTICATED where the token is invalid, expired or revoked; `PERMISSION_DENIED` where it is of
    /// another subject.
    pub async fn with_token_of_caller(&self, token: &str) -> Result<Self, Status> {
        let authenticator = self.authenticator.as_ref();
        let authenticator = authenticator.ok_or_else(|| status(&Misrouted::NoContext))?;
        let caller = authenticator
            .verify(token)
            .await
            .map_err(IntoStatus::into_status)?;
        if caller.subject() != self.caller.subject() || caller.kind() != self.caller.kind() {
            return Err(Refusal::Denied.into_status());
        }
        if caller.key().is_some_and(|key| !key.admits(self.client)) {
            return Err(AuthError::Invalid.into_status());
        }
        Ok(Self {
            caller,
            ..self.clone()
        })
    }
    /// Takes it from a request.
    ///
    /// # Errors
    /// INTERNAL where the request did not pass the layers.
    pub fn of<T>(request: &tonic::Request<T>) -> Result<&Self, Status> {
        request
            .extensions()
            .get::<Self>()
            .ok_or_else(|| status(&Misrouted::NoContext))
    }
    /// The time that is left, at most `longest`.
    #[must_use]
    pub fn remaining(&self, longest: Duration) -> Duration {
        let left = self
            .deadline
            .map(|at| at.saturating_duration_since(Instant::now()));
        left.map_or(longest, |left| left.min(longest))
    }
}
