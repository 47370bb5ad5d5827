//! TLS from two PEM files that are read again when they change. Connections under way keep the certificate they began with.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use aws_lc_rs::digest;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

use crate::config;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Why a certificate cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {path}: {why}")]
    Unreadable {
        /// Which file.
        path: String,
        /// What the system said.
        why: String,
    },
    /// A file does not hold what it should.
    #[error("{path}: {why}")]
    Unusable {
        /// Which file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
}

/// A certificate and its key, as files, and as last read whole.
#[derive(Clone)]
pub struct TlsFiles {
    cert: PathBuf,
    key: PathBuf,
    current: Arc<Current>,
    acceptor: TlsAcceptor,
}

#[derive(Debug)]
struct Current(ArcSwap<Loaded>);

#[derive(Debug)]
struct Loaded {
    certified: Arc<CertifiedKey>,
    fingerprint: [u8; 32],
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load().certified.clone())
    }
}

impl TlsFiles {
    /// Reads both files.
    pub fn load(files: &config::Tls) -> Result<Self, TlsError> {
        let pem = Pem::read(&files.cert, &files.key)?;
        let current = Arc::new(Current(ArcSwap::from_pointee(pem.load()?)));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| unusable(&files.cert, e))?
            .with_no_client_auth()
            .with_cert_resolver(current.clone());
        server.alpn_protocols = vec![b"http/1.1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(server));
        Ok(TlsFiles { cert: files.cert.clone(), key: files.key.clone(), current, acceptor })
    }

    pub(super) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }

    /// Looks at the files for ever, and says once what is wrong with them.
    pub(super) async fn watch(self) {
        let mut wrong = None;
        let mut ticks = tokio::time::interval(LOOK);
        loop {
            ticks.tick().await;
            let before = wrong.take();
            match self.refresh() {
                Ok(true) => tracing::info!("certificate {} read again", self.cert.display()),
                Ok(false) if before.is_some() => {
                    tracing::info!("certificate {} can be used again", self.cert.display());
                }
                Ok(false) => {}
                Err(error) => {
                    let error = wrong.insert(error.to_string());
                    if before.as_ref() != Some(error) {
                        tracing::error!("a certificate cannot be used, the last good one stays: {error}");
                    }
                }
            }
        }
    }

    /// Whether there is a new pair. One that cannot be used, or not yet, leaves the last good one in place.
    fn refresh(&self) -> Result<bool, TlsError> {
        let pem = Pem::read(&self.cert, &self.key)?;
        let changed = pem.fingerprint() != self.current.0.load().fingerprint;
        if changed {
            self.current.0.store(Arc::new(pem.load()?));
        }
        Ok(changed)
    }
}

/// Both files' bytes, read together.
struct Pem<'p> {
    cert: (&'p PathBuf, Vec<u8>),
    key: (&'p PathBuf, Vec<u8>),
}

impl<'p> Pem<'p> {
    fn read(cert: &'p PathBuf, key: &'p PathBuf) -> Result<Self, TlsError> {
        let read = |path: &'p PathBuf| match std::fs::read(path) {
            Ok(bytes) => Ok((path, bytes)),
            Err(e) => Err(TlsError::Unreadable { path: path.display().to_string(), why: e.to_string() }),
        };
        Ok(Pem { cert: read(cert)?, key: read(key)? })
    }

    fn fingerprint(&self) -> [u8; 32] {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(&self.cert.1);
        context.update(&self.key.1);
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(context.finish().as_ref());
        fingerprint
    }

    fn load(&self) -> Result<Loaded, TlsError> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&self.cert.1)
            .collect::<Result<_, _>>()
            .map_err(|e| unusable(self.cert.0, e))?;
        if chain.is_empty() {
            return Err(unusable(self.cert.0, "no certificate in it"));
        }
        let key = PrivateKeyDer::from_pem_slice(&self.key.1).map_err(|e| unusable(self.key.0, e))?;
        let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key).map_err(|e| unusable(self.key.0, e))?;
        let certified = CertifiedKey::new(chain, key);
        certified
            .keys_match()
            .map_err(|e| unusable(self.key.0, format!("not the key of {}: {e}", self.cert.0.display())))?;
        Ok(Loaded { certified: Arc::new(certified), fingerprint: self.fingerprint() })
    }
}

fn unusable(path: &std::path::Path, why: impl ToString) -> TlsError {
    TlsError::Unusable { path: path.display().to_string(), why: why.to_string() }
}
