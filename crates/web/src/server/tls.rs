//! TLS with a certificate that can change while the server runs. Knows files and certificates, no connection.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::{Error as PemError, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::client_certificates::Asking;

/// How often [`Tls::watch`] looks at the files.
pub const WATCH_INTERVAL: Duration = Duration::from_secs(30);

/// A certificate with its key, from files. A cheap clone: what is reloaded through one is reloaded for all.
#[derive(Clone)]
pub struct Tls {
    files: Arc<Files>,
    current: Arc<Current>,
    acceptor: TlsAcceptor,
}

/// Why a certificate or its key cannot be used. The one before stays in use.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{path} cannot be read: {cause}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said: told above, and so no `source`, or it would be told twice.
        cause: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{path} holds no {expected} in PEM form{why}")]
    NotPem {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
        /// What is wrong, in parentheses, if there is more to say.
        why: String,
    },
    /// The key does not belong to the certificate, or cannot be used.
    #[error("the key in {key} cannot be used with the certificate in {certificate}: {cause}")]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong.
        cause: rustls::Error,
    },
    /// The TLS library refuses our own settings.
    #[error("TLS cannot be set up")]
    Setup(#[from] rustls::Error),
}

impl Tls {
    /// Loads a certificate chain (our own certificate first) and its private key (PKCS #8, PKCS #1 or SEC 1), both PEM.
    ///
    /// # Errors
    /// When a file cannot be read or used, or the key is another certificate's.
    pub fn from_files(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Result<Self, TlsError> {
        Self::open(Files { certificate: certificate.into(), key: key.into() }, None)
    }

    /// The same, and asks clients for a certificate of theirs (RFC 8705). `authorities` are names in DER that clients may choose it by.
    ///
    /// # Errors
    /// As [`Tls::from_files`].
    pub fn asking_for_certificates(
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
        authorities: Vec<Vec<u8>>,
    ) -> Result<Self, TlsError> {
        Self::open(Files { certificate: certificate.into(), key: key.into() }, Some(authorities))
    }

    fn open(files: Files, asks: Option<Vec<Vec<u8>>>) -> Result<Self, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = match asks {
            Some(authorities) => Arc::new(Asking::new(&provider, authorities)),
            None => WebPkiClientVerifier::no_client_auth(),
        };
        let current = Arc::new(Current(ArcSwap::from_pointee(files.load(&provider)?)));
        let resolver: Arc<dyn ResolvesServerCert> = current.clone();
        // RFC 9325 section 3.1.1: TLS 1.2 and 1.3, which is all there is in rustls.
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        // Returning browsers resume without a signature, and nothing is kept in memory for them.
        config.ticketer = aws_lc_rs::Ticketer::new()?;
        Ok(Self { files: Arc::new(files), current, acceptor: TlsAcceptor::from(Arc::new(config)) })
    }

    /// Loads the files again, for new connections. On an error the pair loaded before stays in use.
    ///
    /// # Errors
    /// As [`Tls::from_files`].
    pub fn reload(&self) -> Result<(), TlsError> {
        let loaded = self.files.load(&aws_lc_rs::default_provider())?;
        self.current.0.store(Arc::new(loaded));
        Ok(())
    }

    /// Looks at the files at every `interval` and reloads them when they have changed, until `shutdown`.
    pub async fn watch(self, interval: Duration, shutdown: CancellationToken) {
        let mut seen = self.files.stamp();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(interval) => {}
            }
            // The stamp is taken first: a file that changes while it is read is read again next time.
            let stamp = self.files.stamp();
            if stamp == seen {
                continue;
            }
            seen = stamp;
            match self.reload() {
                Ok(()) => {
                    tracing::info!(certificate = %self.files.certificate.display(), "certificate reloaded")
                }
                // A certificate is often replaced before its key: then the key's change brings us back here.
                Err(error) => {
                    tracing::error!(%error, "the new certificate was not loaded; the old one stays in use")
                }
            }
        }
    }

    pub(crate) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tls").field(&self.files).finish()
    }
}

/// The pair in use.
#[derive(Debug)]
struct Current(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

#[derive(Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

impl Files {
    fn load(&self, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&read(&self.certificate)?)
            .collect::<Result<_, _>>()
            .map_err(|error| not_pem(&self.certificate, "certificate", &error))?;
        if chain.is_empty() {
            return Err(not_pem(&self.certificate, "certificate", &PemError::NoItemsFound));
        }
        let key = PrivateKeyDer::from_pem_slice(&read(&self.key)?)
            .map_err(|error| not_pem(&self.key, "private key", &error))?;
        CertifiedKey::from_der(chain, key, provider).map_err(|cause| TlsError::Mismatch {
            certificate: self.certificate.clone(),
            key: self.key.clone(),
            cause,
        })
    }

    /// What changes when either file is replaced.
    fn stamp(&self) -> [Option<(SystemTime, u64)>; 2] {
        [&self.certificate, &self.key].map(|path| {
            let metadata = std::fs::metadata(path).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|cause| TlsError::Unreadable { path: path.to_owned(), cause })
}

fn not_pem(path: &Path, expected: &'static str, error: &PemError) -> TlsError {
    let why = match error {
        PemError::NoItemsFound => String::new(),
        other => format!(" ({other})"),
    };
    TlsError::NotPem { path: path.to_owned(), expected, why }
}
