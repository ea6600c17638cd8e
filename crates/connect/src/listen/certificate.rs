//! A certificate that is replaced while listeners show it: an operator's new one is used from the next connection on, and
//! nobody is cut off. A file of its own beside `tls.rs`, which knows only fixed ones.

use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::TlsProblem;

/// The certificate that one or more listeners show.
#[derive(Debug)]
pub struct Certificate {
    current: RwLock<Arc<CertifiedKey>>,
}

impl Certificate {
    /// Reads a chain and its key, PEM.
    ///
    /// # Errors
    /// Says which of them is wrong, or that they do not fit together.
    pub fn read(certificate_pem: &[u8], key_pem: &[u8]) -> Result<Arc<Self>, TlsProblem> {
        Ok(Arc::new(Self { current: RwLock::new(certified(certificate_pem, key_pem)?) }))
    }

    /// Shows another one from now on.
    ///
    /// # Errors
    /// As [`Certificate::read`]; the one before stays in use.
    pub fn replace(&self, certificate_pem: &[u8], key_pem: &[u8]) -> Result<(), TlsProblem> {
        let fresh = certified(certificate_pem, key_pem)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// TLS 1.2 and 1.3 with whatever certificate is current; senders show none.
    ///
    /// # Errors
    /// None that a certificate could cause.
    pub fn config(self: &Arc<Self>) -> Result<Arc<ServerConfig>, TlsProblem> {
        let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
        let resolver: Arc<Self> = Arc::clone(self);
        Ok(Arc::new(builder.with_no_client_auth().with_cert_resolver(resolver)))
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn certified(certificate_pem: &[u8], key_pem: &[u8]) -> Result<Arc<CertifiedKey>, TlsProblem> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(certificate_pem)
        .collect::<Result<_, _>>()
        .map_err(|problem| TlsProblem::Certificate(problem.to_string()))?;
    if chain.is_empty() {
        return Err(TlsProblem::Certificate("the file is empty of them".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_slice(key_pem).map_err(|problem| TlsProblem::Key(problem.to_string()))?;
    Ok(Arc::new(CertifiedKey::from_der(chain, key, &provider())?))
}
