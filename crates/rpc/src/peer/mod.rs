//! Channels to peer services: they add credentials, request id, deadline and trace context to each call.

mod dial;

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bailiwick_types::{Chain, Code, Fault, Reason, Service as Suite};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use tonic::{
    body::Body,
    transport::{Channel, Endpoint},
};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_types::StatusExt;
use tower::Service;

use self::dial::{Dial, Trust};
use crate::{
    Certificates, Dependency, HumanDuration, InternalIdentity, current,
    origin::ON_BEHALF_OF,
    request_id::REQUEST_ID,
    telemetry::trace,
    token::{self, TokenCodec},
};

/// After which time a call that failed because a peer does not answer is worth another try.
const RETRY: Duration = Duration::from_millis(250);

/// How peers are called.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PeerConfig {
    /// The longest time that a connection may take.
    pub connect_timeout: HumanDuration,
    /// The longest time until the answer of a call begins, where the request that causes it has no nearer
    /// deadline.
    pub deadline: HumanDuration,
    /// After which silence the connection is tried with a ping.
    pub keepalive_interval: HumanDuration,
    /// How long the answer to that may take.
    pub keepalive_timeout: HumanDuration,
    /// PEM file of the authorities that peers' certificates are checked against; needed where a peer in
    /// another process is `https://`. It is read at each connection, so that it can be replaced.
    pub ca_file: Option<std::path::PathBuf>,
}

impl Default for PeerConfig {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(2).into(),
            deadline: Duration::from_secs(5).into(),
            keepalive_interval: Duration::from_secs(10).into(),
            keepalive_timeout: Duration::from_secs(3).into(),
            ca_file: None,
        }
    }
}

/// Why a call to a peer service failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeerError {
    /// The peer is unreachable or overloaded.
    #[error("a peer does not answer now")]
    Unavailable {
        /// When to retry.
        retry_after: Duration,
    },
    /// The deadline passed during the call.
    #[error("deadline exceeded while calling a peer service")]
    DeadlineExceeded,
    /// The peer rejected the call. Converted to a status this is an internal error: a caller that expects a
    /// rejection matches on it.
    #[error("a peer service refused the call with {code:?}: {message}")]
    Refused {
        /// The code.
        code: tonic::Code,
        /// The reason, where it is one of the suite's.
        reason: Option<Reason>,
        /// The message of the peer.
        message: String,
    },
}

impl From<tonic::Status> for PeerError {
    fn from(status: tonic::Status) -> Self {
        let details = status.get_error_details();
        match status.code() {
            tonic::Code::DeadlineExceeded => Self::DeadlineExceeded,
            tonic::Code::Unavailable | tonic::Code::Cancelled | tonic::Code::Aborted => Self::Unavailable {
                retry_after: details.retry_info().and_then(|r| r.retry_delay).unwrap_or(RETRY),
            },
            code => {
                let info = details.error_info();
                let reason =
                    info.and_then(|info| Reason::ALL.iter().copied().find(|r| r.as_str() == info.reason));
                if code == tonic::Code::ResourceExhausted && reason == Some(Reason::Overloaded) {
                    return Self::Unavailable { retry_after: RETRY };
                }
                // A broken transport is UNKNOWN without a reason: the call never reached the layers of the
                // peer.
                if code == tonic::Code::Unknown && reason.is_none() {
                    return Self::Unavailable { retry_after: RETRY };
                }
                Self::Refused {
                    code,
                    reason,
                    message: status.message().to_owned(),
                }
            }
        }
    }
}

impl Fault for PeerError {
    fn code(&self) -> Code {
        match self {
            Self::Unavailable { .. } => Code::Unavailable,
            Self::DeadlineExceeded => Code::DeadlineExceeded,
            Self::Refused { .. } => Code::Internal,
        }
    }
    fn reason(&self) -> Reason {
        match self {
            Self::Unavailable { .. } => Reason::DependencyUnavailable,
            Self::DeadlineExceeded => Reason::DeadlineExceeded,
            Self::Refused { .. } => Reason::Internal,
        }
    }
    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unavailable { retry_after } => Some(*retry_after),
            _ => None,
        }
    }
}

bailiwick_types::faults! {
    /// Why a call is not sent.
    Unsent;
    /// Its consistency token cannot be a header.
    Token(http::header::InvalidHeaderValue) "a consistency token cannot be sent: {0}" => Internal Internal;
}

/// Error for an invalid address.
#[derive(Debug, thiserror::Error)]
#[error("invalid peer address `{address}`: {why}")]
pub struct PeerAddressError {
    address: String,
    why: String,
}

/// Creates channels to peer services.
#[derive(Debug, Clone)]
pub struct ClientFactory {
    identity: Arc<InternalIdentity>,
    config: PeerConfig,
    tokens: TokenCodec,
}

impl ClientFactory {
    /// Creates a factory of channels with these credentials.
    #[must_use]
    pub fn new(identity: Arc<InternalIdentity>, config: PeerConfig) -> Self {
        Self {
            identity,
            config,
            tokens: TokenCodec::default(),
        }
    }

    /// Writes the consistency tokens of calls with this codec, whose keys the peers must have.
    #[must_use]
    pub fn tokens(self, tokens: TokenCodec) -> Self {
        Self { tokens, ..self }
    }

    /// A channel to a service at `http://HOST:PORT` or `https://HOST:PORT`. It connects at the first call and
    /// again whenever the connection was lost; no service waits for another to become ready. It must be made
    /// inside of a runtime.
    ///
    /// # Errors
    /// The address or the CA file is invalid.
    pub fn peer(&self, service: Suite, address: &str) -> Result<Peer, PeerAddressError> {
        self.channel(service, address, || match &self.config.ca_file {
            Some(file) => {
                // Read at each connection; this is to tell at the start what is wrong with it.
                dial::authorities(file).map_err(|error| error.to_string())?;
                Ok(Trust::Authorities(file.clone()))
            }
            None => Err("https needs `ca_file`".to_owned()),
        })
    }

    /// A channel to a service of this process itself, by the address that it listens on. Where it presents a
    /// certificate, that one is trusted and nothing else, whatever name it is for.
    ///
    /// # Errors
    /// The address is invalid.
    pub fn own(
        &self,
        service: Suite,
        address: &str,
        certificates: Option<&Arc<Certificates>>,
    ) -> Result<Peer, PeerAddressError> {
        self.channel(service, address, || match certificates {
            Some(own) => Ok(Trust::Own(Arc::clone(own))),
            None => Err("https needs a certificate".to_owned()),
        })
    }

    fn channel(
        &self,
        service: Suite,
        address: &str,
        trust: impl FnOnce() -> Result<Trust, String>,
    ) -> Result<Peer, PeerAddressError> {
        let refuse = |why: String| PeerAddressError {
            address: address.to_owned(),
            why,
        };
        let config = &self.config;
        let uri: http::Uri = address.parse().map_err(|error| refuse(format!("{error}")))?;
        let endpoint = |uri: http::Uri| {
            Endpoint::from(uri)
                .connect_timeout(config.connect_timeout.get())
                .http2_keep_alive_interval(config.keepalive_interval.get())
                .keep_alive_timeout(config.keepalive_timeout.get())
                .keep_alive_while_idle(false)
                .tcp_nodelay(true)
        };
        let channel = match uri.scheme_str() {
            Some("https") => {
                let dial = Dial::to(&uri, trust().map_err(refuse)?).map_err(refuse)?;
                // The library must not put TLS of its own around the connection.
                let mut plain = uri.clone().into_parts();
                plain.scheme = Some(http::uri::Scheme::HTTP);
                let plain = http::Uri::from_parts(plain).map_err(|error| refuse(error.to_string()))?;
                endpoint(plain).origin(uri).connect_with_connector_lazy(dial)
            }
            Some("http") if uri.host().is_some() => endpoint(uri).connect_lazy(),
            _ => {
                return Err(refuse(
                    "must be `http://HOST:PORT` or `https://HOST:PORT`".to_owned(),
                ));
            }
        };
        Ok(Peer {
            channel,
            identity: Arc::clone(&self.identity),
            service,
            tokens: self.tokens.clone(),
            deadline: config.deadline.get(),
            dependency: None,
        })
    }
}

/// A channel to a peer; generated clients take it.
#[derive(Debug, Clone)]
pub struct Peer {
    channel: Channel,
    identity: Arc<InternalIdentity>,
    /// At the other end.
    service: Suite,
    tokens: TokenCodec,
    deadline: Duration,
    /// Under which name it is told how the peer does.
    dependency: Option<Arc<Dependency>>,
}

impl Peer {
    /// The same channel with another deadline: streams stay open for longer.
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }
    /// Asks whether its service is at the other end, ready or not, and whether it accepts the credentials of
    /// this one.
    ///
    /// # Errors
    /// Why not, for the log and for readiness.
    pub async fn reach(&self) -> Result<(), String> {
        let (service, own) = (self.service, self.identity.service());
        let request = HealthCheckRequest {
            service: service.as_str().to_owned(),
        };
        match HealthClient::new(self.clone()).check(request).await {
            Ok(_) => Ok(()),
            Err(status) if status.code() == tonic::Code::NotFound => {
                Err(format!("the process at that address does not run {service}"))
            }
            Err(status) if status.code() == tonic::Code::Unauthenticated => Err(format!(
                "it refuses the credentials of {own}: the key of `internal.{own}.key_file` is not among its \
                 `internal.{own}.public_keys_file`, another service is at that address, or the clocks differ"
            )),
            Err(status) => Err(Chain(&status).to_string()),
        }
    }

    /// The same channel, whose failures and answers this is told of.
    #[must_use]
    pub fn watched_by(self, dependency: Arc<Dependency>) -> Self {
        Self {
            dependency: Some(dependency),
            ..self
        }
    }
    /// Sets the headers of a call: credentials, consistency token, request id, deadline and trace context.
    fn sign(&self, request: &mut http::Request<Body>) -> Result<Duration, tonic::Status> {
        let identity = self.identity.header(self.service);
        let identity = identity.map_err(|error| crate::status(&error))?;
        let call = current::get();
        let carried = request.extensions_mut().remove::<token::Carry>();
        let headers = request.headers_mut();
        if let Some(token::Carry(carried)) = carried {
            let text = self.tokens.encode(&carried);
            let value = http::HeaderValue::try_from(text);
            headers.insert(
                token::HEADER,
                value.map_err(|error| crate::status(&Unsent::Token(error)))?,
            );
        }
        headers.insert(http::header::AUTHORIZATION, identity);
        if let Some(call) = &call {
            headers.insert(REQUEST_ID, call.request_id.header());
            if let Some(behalf) = call.source.as_ref().and_then(|source| source.forwarded()) {
                headers.insert(ON_BEHALF_OF, behalf);
            }
        }
        trace::inject(call.as_ref(), headers);
        let asked = headers
            .get("grpc-timeout")
            .and_then(crate::layers::deadline::parse);
        let left = call
            .and_then(|c| c.deadline)
            .map(|at| at.saturating_duration_since(Instant::now()));
        let until = [asked, left].into_iter().flatten().min();
        if let Some(time) = until {
            headers.insert("grpc-timeout", crate::layers::deadline::format(time));
        }
        // Our own limit ends when the response begins and is not sent: a feed is followed for longer.
        let time = until.map_or(self.deadline, |time| time.min(self.deadline));
        Ok(time)
    }
}

impl Service<http::Request<Body>> for Peer {
    type Response = http::Response<Body>;
    type Error = tonic::Status;
    type Future = futures_util::future::BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.channel
            .poll_ready(cx)
            .map_err(|error| tonic::Status::from_error(error.into()))
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        let time = match self.sign(&mut request) {
            Ok(time) => time,
            // Without credentials it is not sent.
            Err(status) => return Box::pin(std::future::ready(Err(status))),
        };
        let sent = self.channel.call(request);
        let (dependency, longest) = (self.dependency.clone(), self.deadline);
        let failed = move |reason, error: &dyn std::fmt::Display| {
            if let Some(dependency) = &dependency {
                dependency.failed(reason, error);
            }
        };
        let answered = self.dependency.clone();
        Box::pin(async move {
            let late = || {
                // A caller in a hurry says nothing about the peer.
                if time >= longest {
                    failed("timeout", &"no answer in time");
                }
                tonic::Status::deadline_exceeded("deadline exceeded")
            };
            // A peer that hangs does not enforce its deadline.
            match tokio::time::timeout(time, sent).await {
                Ok(Ok(response)) => {
                    if response
                        .headers()
                        .get("grpc-status")
                        .is_some_and(|code| code == "16")
                    {
                        failed("credentials", &"the peer refuses the credentials of this service");
                    } else if let Some(dependency) = answered {
                        dependency.answered();
                    }
                    Ok(response)
                }
                Ok(Err(error)) if is_timeout(&error) => Err(late()),
                Ok(Err(error)) => {
                    failed(why_unreachable(&error), &Chain(&error));
                    Err(tonic::Status::from_error(error.into()))
                }
                Err(_) => Err(late()),
            }
        })
    }
}

/// Why there is no connection to a peer, in a word.
fn why_unreachable(error: &tonic::transport::Error) -> &'static str {
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            return match io.kind() {
                std::io::ErrorKind::ConnectionRefused => "refused",
                std::io::ErrorKind::InvalidData => "tls",
                std::io::ErrorKind::TimedOut => "timeout",
                _ => "unreachable",
            };
        }
        cause = inner.source();
    }
    "unreachable"
}

/// Whether the transport ended a call at the deadline in its header, which tonic reports as cancelled.
fn is_timeout(error: &tonic::transport::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if inner.is::<tonic::TimeoutExpired>() {
            return true;
        }
        cause = inner.source();
    }
    false
}
