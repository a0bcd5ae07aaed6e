//! TLS certificates of a process, and their renewal.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use rustls::{
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio_rustls::TlsAcceptor;

use super::FrameError;
use crate::{TlsConfig, metrics, reload::Reload};

/// The certificate and key that a process presents. They are read again when their files change; what cannot
/// be used then is logged, and the certificate before stays.
#[derive(Debug)]
pub struct Certificates {
    files: TlsConfig,
    provider: Arc<CryptoProvider>,
    current: ArcSwap<CertifiedKey>,
    /// The contents of the files at the last look.
    seen: Mutex<Contents>,
    reload: Reload,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Contents {
    chain: Vec<u8>,
    key: Vec<u8>,
}

impl Certificates {
    /// Reads the certificate and its key.
    ///
    /// # Errors
    /// A file cannot be read, or they do not belong together.
    pub fn read(files: &TlsConfig) -> Result<Arc<Self>, FrameError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let seen = contents(files)?;
        let current = certified(files, &seen, &provider)?;
        Ok(Arc::new(Self {
            files: files.clone(),
            provider,
            current: ArcSwap::from_pointee(current),
            seen: Mutex::new(seen),
            reload: Reload::default(),
        }))
    }

    /// Reads the files again soon, also where they have not changed.
    pub fn reload(&self) {
        self.reload.ask();
    }

    /// The certificate that is presented now.
    pub(crate) fn end_entity(&self) -> Option<CertificateDer<'static>> {
        self.current.load().cert.first().cloned()
    }

    /// An acceptor that always presents the present certificate. `protocols` are offered in that order.
    pub(super) fn acceptor(self: &Arc<Self>, protocols: &[&[u8]]) -> Result<TlsAcceptor, FrameError> {
        let mut server = rustls::ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| refuse(&self.files.cert_file, &error))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Present(Arc::clone(self))));
        server.alpn_protocols = protocols.iter().map(|p| p.to_vec()).collect();
        Ok(TlsAcceptor::from(Arc::new(server)))
    }

    /// Looks at the files now and then; never ends.
    pub(super) async fn follow(&self) {
        let reloads = metrics::counters(
            "bailiwick_certificate_reloads_total",
            "TLS certificates that were read again, by result.",
            &["result"],
        );
        self.reload
            .follow("the TLS certificate", reloads, |asked| self.refresh(asked))
            .await;
    }

    /// Takes the files into use where they have changed or it is asked for; tells whether it did.
    fn refresh(&self, asked: bool) -> Result<bool, FrameError> {
        let now = contents(&self.files)?;
        {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if *seen == now && !asked {
                return Ok(false);
            }
            seen.clone_from(&now);
        }
        let next = certified(&self.files, &now, &self.provider)?;
        self.current.store(Arc::new(next));
        Ok(true)
    }
}

/// Presents the present certificate at each handshake.
#[derive(Debug)]
struct Present(Arc<Certificates>);

impl ResolvesServerCert for Present {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.current.load_full())
    }
}

fn refuse(file: &Path, why: &dyn std::fmt::Display) -> FrameError {
    FrameError::Tls {
        file: file.to_owned(),
        why: why.to_string(),
    }
}

fn contents(files: &TlsConfig) -> Result<Contents, FrameError> {
    let read = |file: &PathBuf| std::fs::read(file).map_err(|error| refuse(file, &error));
    Ok(Contents {
        chain: read(&files.cert_file)?,
        key: read(&files.key_file)?,
    })
}

fn certified(
    files: &TlsConfig,
    contents: &Contents,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, FrameError> {
    let chain = CertificateDer::pem_slice_iter(&contents.chain)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| refuse(&files.cert_file, &error))?;
    if chain.is_empty() {
        return Err(refuse(&files.cert_file, &"it has no certificate"));
    }
    let key =
        PrivateKeyDer::from_pem_slice(&contents.key).map_err(|error| refuse(&files.key_file, &error))?;
    CertifiedKey::from_der(chain, key, provider).map_err(|error| refuse(&files.cert_file, &error))
}
