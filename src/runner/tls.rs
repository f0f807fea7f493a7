//! TLS towards a server under test: rustls with the ring provider.
//!
//! No process-wide default is set or used: a program that embeds framegate may have its own.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, InvalidDnsNameError, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::target::Tls;

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file with the certificates to trust cannot be read.
    #[error("{path} cannot be read as PEM: {source}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the reader says.
        source: pem::Error,
    },
    /// A certificate to trust is no certificate, or there is none.
    #[error("{path} holds no certificate that can be trusted", path = path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The system has no certificates to trust.
    #[error("the system has no root certificates; name a file with --ca")]
    NoRoots,
    /// The host cannot stand in a certificate.
    #[error("the host cannot stand in a certificate")]
    Host(#[from] InvalidDnsNameError),
    /// rustls refuses the settings.
    #[error(transparent)]
    Settings(#[from] Error),
}

/// Makes a TCP stream to one host a TLS stream.
#[derive(Clone)]
pub(super) struct Connector {
    name: ServerName<'static>,
    config: Arc<ClientConfig>,
}

impl Connector {
    pub(super) fn new(host: &str, tls: &Tls) -> Result<Self, TlsError> {
        let name = ServerName::try_from(host.to_owned())?;
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
        let builder = if tls.insecure {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(TrustsAnybody(provider)))
        } else {
            builder.with_root_certificates(tls.ca.as_deref().map_or_else(system_roots, roots_of)?)
        };
        Ok(Self { name, config: Arc::new(builder.with_no_client_auth()) })
    }

    pub(super) async fn connect(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        TlsConnector::from(Arc::clone(&self.config)).connect(self.name.clone(), stream).await
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Connector").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What went wrong in a handshake, as a reader who did not write the server can use it.
pub(super) fn explain(error: &io::Error) -> String {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<Error>());
    match cause {
        Some(Error::InvalidMessage(_)) => format!("{error}; the port does not seem to speak TLS"),
        Some(Error::InvalidCertificate(_)) => format!("{error}; name the authority to trust with --ca, or use --insecure"),
        _ => error.to_string(),
    }
}

fn roots_of(path: &Path) -> Result<RootCertStore, TlsError> {
    let unreadable = |source| TlsError::Unreadable { path: path.to_owned(), source };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
        let certificate = certificate.map_err(unreadable)?;
        roots.add(certificate).map_err(|_| TlsError::NoCertificate { path: path.to_owned() })?;
    }
    if roots.is_empty() { Err(TlsError::NoCertificate { path: path.to_owned() }) } else { Ok(roots) }
}

fn system_roots() -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    // The system's store may hold certificates that nobody can read; the others still count.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() { Err(TlsError::NoRoots) } else { Ok(roots) }
}

/// `--insecure`: any certificate will do; the handshake must still be made with its key.
#[derive(Debug)]
struct TrustsAnybody(Arc<CryptoProvider>);

impl ServerCertVerifier for TrustsAnybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
