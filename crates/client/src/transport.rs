//! What every call goes through: credentials, consistency tokens, retries.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header::AUTHORIZATION};
use http_body_util::{BodyExt, Full};
use secrecy::ExposeSecret;
use tokio::time::Instant;
use tonic::{Code, Status, body::Body, transport::Channel};
use tower::{Service, ServiceExt};

use crate::{
    Error, TokenJar,
    session::{Bearer, Session},
    shape::Shape,
    watch::TokenWatch,
};

/// The header of consistency tokens: one for each token of a request, and in a response that has several in
/// one.
pub(crate) const TOKEN_HEADER: &str = "bailiwick-token";
/// Pause after the first failed attempt to connect; each later one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const TIMEOUT_HEADER: &str = "grpc-timeout";
/// Bytes of a frame before the message: compression flag and length.
pub(crate) const FRAME_HEAD: usize = 5;

/// Deadlines of calls, retries and connection attempts.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Deadline of a call that sets none.
    pub timeout: Duration,
    /// How long a call that may be repeated is retried while servers answer with `RetryInfo`.
    pub retry: Duration,
    /// How long a connection is attempted. A call that found no connection was not sent, so this holds for
    /// every method; a server that restarts is back within it.
    pub connect: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            retry: Duration::from_secs(10),
            connect: Duration::from_secs(2),
        }
    }
}

/// A connection with the caller's credentials and tokens, which the generated clients call through.
#[derive(Debug, Clone)]
pub struct Transport {
    channel: Channel,
    jar: TokenJar,
    session: Option<Arc<Session>>,
    patience: Patience,
}

/// What a request carries.
struct Carried {
    used: Option<Bearer>,
    tokens: Vec<Arc<str>>,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

impl Transport {
    pub(crate) fn new(
        channel: Channel,
        jar: TokenJar,
        session: Option<Arc<Session>>,
        patience: Patience,
    ) -> Self {
        Self {
            channel,
            jar,
            session,
            patience,
        }
    }

    async fn send(mut self, request: Request<Body>) -> Result<Response<Body>, Failure> {
        let (parts, body) = request.into_parts();
        let Some(shape) = Shape::of(parts.uri.path()).filter(|shape| shape.one_request) else {
            let mut request = Request::from_parts(parts, body);
            return match self.prepare(&mut request).await {
                Ok(carried) => {
                    let response = self.pass(request).await?;
                    self.merged(&response, &mut carried.tokens.clone());
                    Ok(response)
                }
                Err(status) => Ok(status.into_http()),
            };
        };
        let body = body.collect().await?.to_bytes();
        let repeatable = shape.repeatable(body.get(FRAME_HEAD..).unwrap_or_default());
        let began = Instant::now();
        let until = began + self.patience.retry;
        let mut pause = FIRST_PAUSE;
        let mut renewed = false;
        loop {
            let mut request = Request::from_parts(parts.clone(), Body::new(Full::new(body.clone())));
            let Carried { used, mut tokens } = match self.prepare(&mut request).await {
                Ok(carried) => carried,
                Err(status) => return Ok(status.into_http()),
            };
            let response = match self.pass(request).await {
                Ok(response) => response,
                Err(failure) if was_sent(&*failure) || began.elapsed() + pause > self.patience.connect => {
                    return Err(failure);
                }
                Err(_) => {
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                    continue;
                }
            };
            self.merged(&response, &mut tokens);
            let failed = Status::from_header_map(response.headers()).filter(|s| s.code() != Code::Ok);
            let Some(status) = failed else {
                return Ok(match shape.token {
                    Some(field) => {
                        response.map(|body| TokenWatch::wrap(body, field, self.jar.clone(), tokens))
                    }
                    None => response,
                });
            };
            if let (false, Some(session), Some(bearer)) = (renewed, &self.session, &used)
                && session.renewable()
                && refuses_credentials(&status)
            {
                session.refused(bearer).await;
                renewed = true;
                continue;
            }
            match retry_delay(status).filter(|delay| repeatable && Instant::now() + *delay < until) {
                Some(delay) => tokio::time::sleep(delay).await,
                None => return Ok(response),
            }
        }
    }

    /// Takes the token that a server has made of several that the request carried.
    fn merged(&self, response: &Response<Body>, tokens: &mut Vec<Arc<str>>) {
        let merged = response.headers().get(TOKEN_HEADER);
        if let Some(merged) = merged.and_then(|value| value.to_str().ok()) {
            self.jar.answered(tokens, merged);
            tokens.push(merged.into());
        }
    }

    /// Adds credentials, tokens and deadline where the caller set none; returns what it added.
    async fn prepare(&self, request: &mut Request<Body>) -> Result<Carried, Status> {
        let mut used = None;
        if let (Some(session), false) = (&self.session, request.headers().contains_key(AUTHORIZATION))
            && let Some(bearer) = session.bearer().await?
        {
            let mut value = header(&format!("Bearer {}", bearer.expose_secret()))?;
            value.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, value);
            used = Some(bearer);
        }
        let headers = request.headers_mut();
        let mut tokens = Vec::new();
        if !headers.contains_key(TOKEN_HEADER) {
            tokens = self.jar.tokens();
            for token in &tokens {
                headers.append(TOKEN_HEADER, header(token)?);
            }
        }
        if !headers.contains_key(TIMEOUT_HEADER) {
            headers.insert(
                TIMEOUT_HEADER,
                header(&format!("{}m", self.patience.timeout.as_millis()))?,
            );
        }
        Ok(Carried { used, tokens })
    }

    async fn pass(&mut self, request: Request<Body>) -> Result<Response<Body>, Failure> {
        Ok(self.channel.ready().await?.call(request).await?)
    }
}

impl Service<Request<Body>> for Transport {
    type Response = Response<Body>;
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Failure>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }
    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(self.clone().send(request))
    }
}

fn header(text: &str) -> Result<HeaderValue, Status> {
    HeaderValue::from_maybe_shared(Bytes::copy_from_slice(text.as_bytes())).map_err(|_| {
        Status::invalid_argument("a credential or token contains characters that are not allowed in a header")
    })
}

/// Whether part of the call may have reached a server: any failure but one to connect.
fn was_sent(failure: &(dyn std::error::Error + 'static)) -> bool {
    let mut causes = std::iter::successors(Some(failure), |cause| cause.source());
    !causes.any(|cause| cause.downcast_ref::<tonic::ConnectError>().is_some())
}

/// Whether another access token could help: the one that was sent is invalid, expired or revoked.
fn refuses_credentials(status: &Status) -> bool {
    status.code() == Code::Unauthenticated
        && Error::from(status.clone())
            .reason()
            .is_none_or(|reason| reason == "CREDENTIALS_INVALID" || reason == "CREDENTIALS_MISSING")
}

/// The delay after which the server says that a retry can help.
fn retry_delay(status: Status) -> Option<Duration> {
    (status.code() == Code::Unavailable)
        .then(|| Error::from(status).retry_after())
        .flatten()
}
