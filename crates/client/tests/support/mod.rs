//! A gRPC server that answers from a function: for tests of what clients send and make of the answers.

#![allow(dead_code, unreachable_pub, clippy::expect_used)]

use std::{
    collections::HashMap,
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use prost::Message;
use tokio::net::TcpListener;
use tonic::{Status, body::Body, transport::Server};

/// A call that came.
#[derive(Debug, Clone)]
pub struct Call {
    pub path: String,
    pub headers: HeaderMap,
    pub message: Bytes,
}

impl Call {
    /// The last word of the path.
    pub fn method(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }
    /// The message as a generated type.
    pub fn read<M: Message + Default>(&self) -> M {
        M::decode(self.message.clone()).expect("a message of that type")
    }
    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// What a fake answers.
pub type Answer = Result<Vec<u8>, Status>;

/// An encoded answer.
pub fn ok(message: impl Message) -> Answer {
    Ok(message.encode_to_vec())
}

/// The server.
pub struct Fake {
    address: SocketAddr,
    calls: Arc<Mutex<Vec<Call>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Fake {
    /// Starts a server that answers each call with what the function gives.
    pub async fn start(answer: impl Fn(&Call) -> Answer + Send + Sync + 'static) -> Self {
        Self::start_at("127.0.0.1:0", answer).await
    }
    /// Starts one at an address.
    pub async fn start_at(address: &str, answer: impl Fn(&Call) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(address).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let calls = Arc::new(Mutex::new(Vec::new()));
        let service = Service {
            answer: Arc::new(answer),
            calls: Arc::clone(&calls),
        };
        let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
        let router = axum::Router::new().route_service("/{service}/{method}", service);
        let serving = Server::builder()
            .add_routes(router.into())
            .serve_with_incoming(incoming);
        let task = tokio::spawn(async move {
            serving.await.expect("the fake serves");
        });
        Self { address, calls, task }
    }
    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
    /// All calls that came.
    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().expect("no test panicked").clone()
    }
    /// The methods that were called, in order.
    pub fn methods(&self) -> Vec<String> {
        self.calls().iter().map(|call| call.method().to_owned()).collect()
    }
    /// How often each method was called.
    pub fn counts(&self) -> HashMap<String, usize> {
        self.methods()
            .into_iter()
            .fold(HashMap::new(), |mut counts, method| {
                *counts.entry(method).or_default() += 1;
                counts
            })
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Clone)]
struct Service {
    answer: Arc<dyn Fn(&Call) -> Answer + Send + Sync>,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl<B> tower::Service<Request<B>> for Service
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: std::fmt::Debug,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }
    fn call(&mut self, request: Request<B>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.expect("a whole body").to_bytes();
            let call = Call {
                path: parts.uri.path().to_owned(),
                headers: parts.headers,
                message: body.slice(5.min(body.len())..),
            };
            let tokens = call.headers.get_all("bailiwick-token").iter();
            let tokens: Vec<_> = tokens.filter_map(|value| value.to_str().ok()).collect();
            // As the services do.
            let merged = (tokens.len() > 1).then(|| tokens.join("+"));
            let answer = (service.answer)(&call);
            service.calls.lock().expect("no test panicked").push(call);
            let mut response = match answer {
                Ok(message) => unary(&message),
                Err(status) => status.into_http(),
            };
            if let Some(merged) = merged {
                let merged = merged.parse().expect("a header");
                response.headers_mut().insert("bailiwick-token", merged);
            }
            Ok(response)
        })
    }
}

fn unary(message: &[u8]) -> Response<Body> {
    let length = u32::try_from(message.len()).expect("a small message");
    let mut frame = vec![0];
    frame.extend(length.to_be_bytes());
    frame.extend(message);
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let frames = [
        Ok::<_, Infallible>(Frame::data(Bytes::from(frame))),
        Ok(Frame::trailers(trailers)),
    ];
    let mut response = Response::new(Body::new(StreamBody::new(tokio_stream::iter(frames))));
    let kind = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert("content-type", kind);
    response
}
