//! The HTTP listener.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::Setup;

/// Status and body of a GET.
pub(crate) async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let status = text.split(' ').nth(1).unwrap().parse().unwrap();
    (status, text.split_once("\r\n\r\n").unwrap().1.to_owned())
}

#[tokio::test]
async fn a_server_is_live_at_once_and_ready_when_its_services_are() {
    let world = Setup::default().start().await;
    let address = world.server.http_addr.unwrap();
    assert_eq!(get(address, "/healthz").await, (200, "ok\n".to_owned()));
    assert_eq!(
        get(address, "/readyz").await,
        (503, "not ready: identity\n".to_owned())
    );
    world.server.health().all_ready();
    assert_eq!(get(address, "/readyz").await, (200, "ok\n".to_owned()));
    assert_eq!(get(address, "/own").await, (200, "own\n".to_owned()));
    assert_eq!(get(address, "/nothing").await.0, 404);
    assert_eq!(
        get(address, "/panics").await,
        (500, "internal error\n".to_owned())
    );
}

#[tokio::test]
async fn metrics_count_calls_by_method_and_code_and_name_no_ids() {
    let world = Setup::default().start().await;
    let token = world.token();
    world.introspect(Some(&token)).await.unwrap();
    let (status, text) = get(world.server.http_addr.unwrap(), "/metrics").await;
    assert_eq!(status, 200);
    let labels = r#"{rpc_grpc_status_code="0",rpc_method="Introspect",rpc_service="bailiwick.identity.v1.TokenService""#;
    assert!(text.contains(labels), "{text}");
    for part in ["user_", "acct_", "sess_", &token] {
        assert!(!text.contains(part), "{part}");
    }
}
