//! Server TLS.

use bailiwick_proto::identity::v1::{IssueTokenRequest, token_service_client::TokenServiceClient};
use bailiwick_rpc::TlsConfig;
use tonic::transport::{Certificate, Channel, ClientTlsConfig};

use crate::support::Setup;

#[tokio::test]
async fn a_server_with_a_certificate_speaks_tls_alone() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (cert_file, key_file) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&cert_file, made.cert.pem()).unwrap();
    std::fs::write(&key_file, made.signing_key.serialize_pem()).unwrap();
    let mut setup = Setup::default();
    setup.config.tls = Some(TlsConfig { cert_file, key_file });
    let world = setup.start().await;
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(made.cert.pem()))
        .domain_name("localhost");
    let address = format!("https://localhost:{}", world.server.addr.port());
    let channel = Channel::from_shared(address)
        .unwrap()
        .tls_config(tls)
        .unwrap()
        .connect_lazy();
    TokenServiceClient::new(channel)
        .issue_token(IssueTokenRequest::default())
        .await
        .unwrap();
    world.anybody().await.unwrap_err();
}

#[tokio::test]
async fn a_certificate_that_cannot_be_read_stops_the_start_and_is_named() {
    let mut setup = Setup::default();
    setup.config.tls = Some(TlsConfig {
        cert_file: "nothing/cert.pem".into(),
        key_file: "nothing/key.pem".into(),
    });
    let error = tokio::spawn(async move { drop(setup.start().await) })
        .await
        .unwrap_err();
    let text = error.into_panic().downcast::<String>().unwrap();
    assert!(text.contains("cert.pem"), "{text}");
}
