//! Every declared method, asked of the real binary: which are served, and which let somebody in without
//! credentials.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on fails"
)]

mod messages;
mod services;
mod strangers;
#[path = "../support/mod.rs"]
mod support;

use std::fmt::Write;

use bailiwick_proto::{Access, METHODS, Method};
use bailiwick_testkit::golden;
use bytes::{Buf, BufMut};
use support::{Embedded, OPERATOR, PASSWORD, root};
use tonic::{
    Code, Request, Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    transport::Channel,
};

/// Messages as bytes: an empty request is a valid one of every method.
#[derive(Clone, Copy, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;
    fn encoder(&mut self) -> Self {
        Self
    }
    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;
    fn encode(&mut self, item: Vec<u8>, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;
    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining()).to_vec()))
    }
}

/// What a caller sees.
#[derive(Debug)]
struct Outcome {
    code: Code,
    message: String,
    /// Message and details of a refusal.
    status: Vec<u8>,
    /// The first message of an answer.
    answer: Vec<u8>,
}

async fn call(channel: &Channel, path: &'static str, bearer: Option<&str>, message: Vec<u8>) -> Outcome {
    let mut client = tonic::client::Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let mut request = Request::new(message);
    if let Some(bearer) = bearer {
        request
            .metadata_mut()
            .insert("authorization", bearer.parse().unwrap());
    }
    // A stream without an end of its own ends before its deadline.
    if path.ends_with("/Watch") {
        request.set_timeout(std::time::Duration::from_secs(2));
    }
    match client
        .unary(request, http::uri::PathAndQuery::from_static(path), Raw)
        .await
    {
        Ok(answer) => Outcome {
            code: Code::Ok,
            message: String::new(),
            status: Vec::new(),
            answer: answer.into_inner(),
        },
        Err(status) => Outcome {
            code: status.code(),
            message: status.message().to_owned(),
            status: [status.message().as_bytes(), status.details()].concat(),
            answer: Vec::new(),
        },
    }
}

/// Whether a method ends the session of its caller where the request names nothing else.
fn ends_session(method: &Method) -> bool {
    ["/SignOut", "/RevokeAllSessions"]
        .iter()
        .any(|name| method.path.ends_with(name))
}

fn in_release(path: &str) -> bool {
    !path.starts_with("/bailiwick.testing.")
}

#[tokio::test(flavor = "multi_thread")]
async fn methods_whose_turn_comes_later_stand_in_a_golden_file() {
    let suite = Embedded::start().await;
    let channel = Channel::from_shared(format!("http://127.0.0.1:{}", suite.port))
        .unwrap()
        .connect()
        .await
        .unwrap();
    let signed_in =
        bailiwick_proto::identity::v1::authentication_service_client::AuthenticationServiceClient::new(
            channel.clone(),
        )
        .sign_in(bailiwick_proto::identity::v1::SignInRequest {
            email: OPERATOR.into(),
            password: PASSWORD.into(),
            ..Default::default()
        })
        .await
        .unwrap()
        .into_inner();
    let bearer = format!("Bearer {}", signed_in.tokens.unwrap().access_token);
    let mut later = String::new();
    // Those that end our session come last.
    let (rest, last): (Vec<&Method>, Vec<&Method>) = METHODS
        .iter()
        .filter(|m| in_release(m.path) && m.is_public())
        .partition(|m| !ends_session(m));
    for method in rest.into_iter().chain(last) {
        let code = call(&channel, method.path, Some(&bearer), Vec::new()).await.code;
        assert_ne!(code, Code::Internal, "{} fails on an empty request", method.path);
        assert_ne!(code, Code::Unknown, "{} fails on an empty request", method.path);
        if code == Code::Unimplemented {
            writeln!(later, "{}", method.path).unwrap();
        }
    }
    golden(root().join("tests/golden/unimplemented.txt"), &later);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_in_without_credentials_but_by_public_methods() {
    let suite = Embedded::start().await;
    let channel = Channel::from_shared(format!("http://127.0.0.1:{}", suite.port))
        .unwrap()
        .connect()
        .await
        .unwrap();
    for method in METHODS.iter().filter(|m| in_release(m.path)) {
        let code = call(&channel, method.path, None, Vec::new()).await.code;
        if !method.is_public() {
            assert_eq!(code, Code::Unimplemented, "{}", method.path);
            continue;
        }
        if method.access != Access::Public {
            assert_eq!(code, Code::Unauthenticated, "{}", method.path);
        }
        let code = call(&channel, method.path, Some("Bearer false"), Vec::new())
            .await
            .code;
        assert!(
            method.access == Access::Public || code == Code::Unauthenticated,
            "{}: {code:?}",
            method.path
        );
    }
}
