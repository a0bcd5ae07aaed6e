//! TLS connections to peers, with certificates that are looked at when a connection is made.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::Certificates;

/// Which certificates of a peer are good.
#[derive(Debug, Clone)]
pub(super) enum Trust {
    /// Those that the authorities in a file have signed for the peer's name.
    Authorities(PathBuf),
    /// The one that this process itself presents.
    Own(Arc<Certificates>),
}

/// Connects to one peer.
#[derive(Debug, Clone)]
pub(super) struct Dial {
    host: String,
    port: u16,
    name: ServerName<'static>,
    trust: Trust,
}

impl Dial {
    /// Connects to the host of an `https` address.
    pub(super) fn to(uri: &http::Uri, trust: Trust) -> Result<Self, String> {
        let host = uri.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host.clone()).map_err(|error| error.to_string())?;
        Ok(Self {
            host,
            port: uri.port_u16().unwrap_or(443),
            name,
            trust,
        })
    }

    async fn connect(self) -> io::Result<TokioIo<TlsStream<TcpStream>>> {
        let config = client(&self.trust)?;
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        let stream = TlsConnector::from(Arc::new(config))
            .connect(self.name, stream)
            .await?;
        Ok(TokioIo::new(stream))
    }
}

impl tower::Service<http::Uri> for Dial {
    type Response = TokioIo<TlsStream<TcpStream>>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn call(&mut self, _: http::Uri) -> Self::Future {
        Box::pin(self.clone().connect())
    }
}

/// The authorities in a file.
pub(super) fn authorities(file: &Path) -> io::Result<RootCertStore> {
    let broken = |why: String| io::Error::other(format!("{}: {why}", file.display()));
    let pem = std::fs::read(file).map_err(|error| broken(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| broken(error.to_string()))?;
        roots
            .add(certificate)
            .map_err(|error| broken(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(broken("it has no certificate".to_owned()));
    }
    Ok(roots)
}

fn client(trust: &Trust) -> io::Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    let mut config = match trust {
        Trust::Authorities(file) => builder
            .with_root_certificates(authorities(file)?)
            .with_no_client_auth(),
        Trust::Own(certificates) => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(OwnCertificate {
                certificates: Arc::clone(certificates),
                provider,
            }))
            .with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

/// Accepts the certificate that this process presents, whatever its name and age: with the key to it, only
/// this process can be at the other end.
#[derive(Debug)]
struct OwnCertificate {
    certificates: Arc<Certificates>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for OwnCertificate {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.certificates.end_entity().as_ref() == Some(end_entity) {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(rustls::Error::General(
                "not the certificate of this process".to_owned(),
            ))
        }
    }
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
