//! Server TLS.

use std::time::Duration;

use bailiwick_proto::identity::v1::{
    GetJwksRequest, IssueTokenRequest, token_service_client::TokenServiceClient,
};
use bailiwick_rpc::{Certificates, ClientFactory, PeerConfig, TlsConfig};
use bailiwick_testkit::eventually;
use bailiwick_types::Service;
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

/// A certificate for `localhost` in the files of a folder.
fn written(folder: &std::path::Path) -> (TlsConfig, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (cert_file, key_file) = (folder.join("cert.pem"), folder.join("key.pem"));
    std::fs::write(&key_file, made.signing_key.serialize_pem()).unwrap();
    std::fs::write(&cert_file, made.cert.pem()).unwrap();
    (TlsConfig { cert_file, key_file }, made.cert.pem())
}

/// A call over TLS that trusts one certificate alone.
async fn call(port: u16, trusted: &str) -> Result<(), tonic::Status> {
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(trusted))
        .domain_name("localhost");
    let channel = Channel::from_shared(format!("https://localhost:{port}")).unwrap();
    let channel = channel.tls_config(tls).unwrap().connect_lazy();
    let mut client = TokenServiceClient::new(channel);
    client.issue_token(IssueTokenRequest::default()).await.map(drop)
}

#[tokio::test]
async fn a_renewed_certificate_is_presented_without_a_restart_and_a_broken_one_never() {
    let folder = tempfile::tempdir().unwrap();
    let (files, first) = written(folder.path());
    let mut setup = Setup::default();
    setup.config.tls = Some(files.clone());
    let world = setup.start().await;
    let port = world.server.addr.port();
    call(port, &first).await.unwrap();

    // Half of a renewal: the key does not belong to the certificate.
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(&files.key_file, other.signing_key.serialize_pem()).unwrap();
    world.server.reload();
    let failed = "bailiwick_certificate_reloads_total{result=\"failed\"}";
    let patience = Duration::from_secs(30);
    eventually("the broken pair was read", patience, async || {
        bailiwick_rpc::metrics::text().contains(failed)
    })
    .await;
    call(port, &first).await.unwrap();

    std::fs::write(&files.cert_file, other.cert.pem()).unwrap();
    // Without a signal: the files are looked at.
    eventually("the new certificate is presented", patience, async || {
        call(port, &other.cert.pem()).await.is_ok()
    })
    .await;
    call(port, &first).await.unwrap_err();
}

#[tokio::test]
async fn a_process_reaches_itself_whatever_name_its_certificate_has() {
    let folder = tempfile::tempdir().unwrap();
    let (files, _) = written(folder.path());
    let certificates = Certificates::read(&files).unwrap();
    let mut setup = Setup {
        certificates: Some(certificates.clone()),
        ..Setup::default()
    };
    setup.config.tls = Some(files.clone());
    let world = setup.start().await;
    let factory = ClientFactory::new(world.internal.clone(), PeerConfig::default());
    // By its address, with a certificate for a name and no authority.
    let address = format!("https://{}", world.server.internal_addr.unwrap());
    let own = factory
        .own(Service::Identity, &address, Some(&certificates))
        .unwrap();
    TokenServiceClient::new(own.clone())
        .get_jwks(GetJwksRequest {})
        .await
        .unwrap();

    // Another that presents another certificate is not this process.
    let other = tempfile::tempdir().unwrap();
    let mut setup = Setup {
        service_keys: world.service_keys.clone(),
        ..Setup::default()
    };
    setup.config.tls = Some(written(other.path()).0);
    let stranger = setup.start().await;
    let address = format!("https://{}", stranger.server.internal_addr.unwrap());
    let peer = factory
        .own(Service::Identity, &address, Some(&certificates))
        .unwrap();
    TokenServiceClient::new(peer)
        .get_jwks(GetJwksRequest {})
        .await
        .unwrap_err();
}

#[tokio::test]
async fn an_authority_that_is_replaced_is_trusted_at_the_next_connection() {
    let folder = tempfile::tempdir().unwrap();
    let (files, first) = written(folder.path());
    let authority = folder.path().join("ca.pem");
    std::fs::write(&authority, "").unwrap();
    let mut setup = Setup::default();
    setup.config.tls = Some(files);
    let world = setup.start().await;
    let config = PeerConfig {
        ca_file: Some(authority.clone()),
        ..PeerConfig::default()
    };
    let factory = ClientFactory::new(world.internal.clone(), config);
    let address = format!("https://localhost:{}", world.server.internal_addr.unwrap().port());
    let refused = factory.peer(Service::Identity, &address).unwrap_err().to_string();
    assert!(refused.contains("no certificate"), "{refused}");
    let stranger = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(&authority, stranger.cert.pem()).unwrap();
    let peer = factory.peer(Service::Identity, &address).unwrap();
    let call = async || {
        let mut client = TokenServiceClient::new(peer.clone());
        client.get_jwks(GetJwksRequest {}).await
    };
    call().await.unwrap_err();
    std::fs::write(&authority, first).unwrap();
    eventually(
        "the new authority is trusted",
        Duration::from_secs(30),
        async || call().await.is_ok(),
    )
    .await;
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
