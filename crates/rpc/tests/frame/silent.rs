//! Connections on which nothing comes.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bailiwick_proto::{
    events::v1::{FollowRequest, change_feed_service_client::ChangeFeedServiceClient},
    identity::v1::{IssueTokenRequest, token_service_client::TokenServiceClient},
};
use bailiwick_testkit::eventually;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};
use tokio_stream::StreamExt;
use tonic::Code;

use crate::{
    http::get,
    support::{ISSUE, Setup, World, bearer, channel, reason},
};

const PATIENCE: Duration = Duration::from_secs(30);

/// A connection from another loopback address.
async fn connect_from(from: &str, to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(from.parse().unwrap(), 0))?;
    socket.connect(to).await
}

/// A call on a connection of its own.
async fn call(world: &World) {
    let mut client = TokenServiceClient::new(channel(&world.server));
    let called = client.issue_token(IssueTokenRequest::default());
    let called = tokio::time::timeout(Duration::from_secs(5), called).await;
    called.expect("no call waits for others' connections").unwrap();
}

/// Whether the server closes a connection on which nothing is sent, without an answer.
async fn is_closed(stream: &mut TcpStream) -> bool {
    let mut bytes = [0; 1];
    let read = tokio::time::timeout(PATIENCE, stream.read(&mut bytes)).await;
    matches!(read, Ok(Ok(0) | Err(_)))
}

#[tokio::test]
async fn hundreds_of_silent_connections_of_one_address_stop_nobody_else() {
    let mut setup = Setup::default();
    setup.config.max_connections = 70;
    setup.config.max_connections_per_peer = 50;
    // They hold their places for the whole test.
    setup.config.first_request_timeout = Duration::from_mins(10).into();
    let world = setup.start().await;
    world.server.health().all_ready();
    let (grpc, http) = (world.server.addr, world.server.http_addr.unwrap());
    let mut silent = Vec::new();
    let inside = world.server.internal_addr.unwrap();
    for _ in 0..150 {
        for listener in [grpc, http, inside] {
            silent.push(connect_from("127.0.0.2", listener).await.unwrap());
        }
        if silent.len() % 50 == 0 {
            call(&world).await;
            world.keys_inside(Some(&world.peer_token())).await.unwrap();
            assert_eq!(get(http, "/readyz").await.0, 200);
        }
    }
    call(&world).await;
    let text = bailiwick_rpc::metrics::text();
    let line = text
        .lines()
        .find(|l| l.contains(r#"connections_closed_total{reason="per_peer"}"#));
    let refused: u64 = line.unwrap().rsplit_once(' ').unwrap().1.parse().unwrap();
    assert!(refused >= 200, "{refused}");
    // The places of those that go are free again.
    drop(silent);
    eventually("a place of the address is free", PATIENCE, async || {
        let mut stream = connect_from("127.0.0.2", http).await.unwrap();
        let _ = stream
            .write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
            .await;
        stream.read(&mut [0; 1]).await.is_ok_and(|read| read == 1)
    })
    .await;
}

#[tokio::test]
async fn a_connection_without_a_first_request_is_closed_on_both_listeners() {
    let mut setup = Setup::default();
    setup.config.first_request_timeout = Duration::from_millis(200).into();
    setup.config.request_timeout = Duration::from_millis(200).into();
    let world = setup.start().await;
    let server = &world.server;
    for listener in [
        server.addr,
        server.internal_addr.unwrap(),
        server.http_addr.unwrap(),
    ] {
        for sent in [&b""[..], b"P", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r"] {
            let mut stream = TcpStream::connect(listener).await.unwrap();
            stream.write_all(sent).await.unwrap();
            assert!(is_closed(&mut stream).await, "{listener}: {sent:?}");
        }
    }
    // Half a head, and half a body.
    let http = world.server.http_addr.unwrap();
    let mut stream = TcpStream::connect(http).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost").await.unwrap();
    let mut answer = String::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer)).await;
    read.expect("the connection is closed").unwrap();
    assert!(!answer.contains("200 OK"), "{answer}");
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_one_with_an_open_stream_is_not() {
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let receiver = Arc::new(std::sync::Mutex::new(Some(receiver)));
    let mut setup = Setup {
        feed: Arc::new(move || {
            let receiver = receiver.lock().unwrap().take().unwrap();
            Box::pin(tokio_stream::wrappers::ReceiverStream::new(receiver))
        }),
        ..Setup::default()
    };
    setup.config.idle_timeout = Duration::from_millis(200).into();
    let world = setup.start().await;
    let mut follow = tonic::Request::new(FollowRequest::default());
    let token = bearer(&world.peer_token());
    follow.metadata_mut().insert("authorization", token);
    let mut feed = ChangeFeedServiceClient::new(world.inside.clone());
    let mut followed = feed.follow(follow).await.unwrap().into_inner();

    let stream = TcpStream::connect(world.server.addr).await.unwrap();
    let (mut send, connection) =
        hyper::client::conn::http2::handshake::<_, _, http_body_util::Empty<bytes::Bytes>>(
            hyper_util::rt::TokioExecutor::new(),
            hyper_util::rt::TokioIo::new(stream),
        )
        .await
        .unwrap();
    let connection = tokio::spawn(connection);
    send.ready().await.unwrap();
    let ended = tokio::time::timeout(PATIENCE, connection).await;
    ended.expect("the idle connection is closed").unwrap().unwrap();

    sender.send(Ok(Default::default())).await.unwrap();
    followed.next().await.unwrap().unwrap();
}

#[tokio::test]
async fn an_http_connection_whose_answers_are_not_read_ends_with_its_age() {
    let mut setup = Setup::default();
    setup.config.max_connections = 1;
    setup.config.max_connection_age = Duration::from_millis(300).into();
    setup.config.max_connection_age_grace = Duration::from_millis(200).into();
    let world = setup.start().await;
    let http = world.server.http_addr.unwrap();
    let mut unread = TcpStream::connect(http).await.unwrap();
    // Pipelined until nothing more is taken: the server waits for somebody who reads.
    let asked = async {
        loop {
            let sent = unread
                .write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n")
                .await;
            if sent.is_err() {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(1), asked).await;
    eventually("its place is free", PATIENCE, async || {
        let Ok(mut stream) = TcpStream::connect(http).await else {
            return false;
        };
        let _ = stream
            .write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
            .await;
        let read = tokio::time::timeout(Duration::from_millis(500), stream.read(&mut [0; 1])).await;
        matches!(read, Ok(Ok(1)))
    })
    .await;
}

#[tokio::test]
async fn a_body_that_stops_coming_ends_its_call() {
    let mut setup = Setup::default();
    setup.config.request_timeout = Duration::from_millis(200).into();
    let world = setup.start().await;
    let stream = TcpStream::connect(world.server.addr).await.unwrap();
    let (mut send, connection) = hyper::client::conn::http2::handshake(
        hyper_util::rt::TokioExecutor::new(),
        hyper_util::rt::TokioIo::new(stream),
    )
    .await
    .unwrap();
    tokio::spawn(connection);
    let part = Ok::<_, std::io::Error>(http_body::Frame::data(bytes::Bytes::from_static(
        b"\0\0\0\0\x09\x0a",
    )));
    let endless = tokio_stream::once(part).chain(futures_util::stream::pending());
    let request = http::Request::post(format!("http://{}{ISSUE}", world.server.addr))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(http_body_util::StreamBody::new(endless))
        .unwrap();
    let response = tokio::time::timeout(PATIENCE, send.send_request(request)).await;
    let response = response.expect("the call ends").unwrap();
    let status = tonic::Status::from_header_map(response.headers()).unwrap();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::DeadlineExceeded, "DEADLINE_EXCEEDED")
    );
    assert!(
        status.message().contains("`server.request_timeout`"),
        "{}",
        status.message()
    );
}

#[tokio::test]
async fn health_and_metrics_on_their_own_listener_need_no_place_on_the_others() {
    let mut setup = Setup::default();
    setup.config.health_listen = Some("127.0.0.1:0".parse().unwrap());
    setup.config.max_connections = 2;
    setup.config.first_request_timeout = Duration::from_mins(10).into();
    let world = setup.start().await;
    world.server.health().all_ready();
    let (http, health) = (world.server.http_addr.unwrap(), world.server.health_addr.unwrap());
    assert_eq!(get(http, "/metrics").await.0, 404, "they have moved");
    assert_eq!(get(http, "/own").await.0, 200);
    let mut silent = Vec::new();
    for _ in 0..10 {
        for listener in [world.server.addr, http] {
            silent.push(TcpStream::connect(listener).await.unwrap());
        }
    }
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(get(health, path).await.0, 200, "{path}");
    }
    let channel = tonic::transport::Channel::from_shared(format!("http://{health}")).unwrap();
    let mut client = tonic_health::pb::health_client::HealthClient::new(channel.connect_lazy());
    client
        .check(tonic_health::pb::HealthCheckRequest::default())
        .await
        .unwrap();
}
