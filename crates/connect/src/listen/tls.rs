//! TLS for listeners: a certificate and key from the configuration, and a CA for
//! senders' certificates where those are asked for. rustls with ring only.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

/// What is wrong with the files of a TLS listener.
#[derive(Debug, thiserror::Error)]
pub enum TlsProblem {
    /// The certificate file holds no readable certificate.
    #[error("the certificate file holds no certificate in PEM form: {0}")]
    Certificate(String),
    /// The key file holds no readable key.
    #[error("the key file holds no private key in PEM form: {0}")]
    Key(String),
    /// The file of the senders' CA holds no usable certificate.
    #[error("the client CA file holds no usable certificate: {0}")]
    ClientCa(String),
    /// Certificate and key do not fit together.
    #[error("certificate and key do not fit together: {0}")]
    Pair(#[from] rustls::Error),
}

/// TLS 1.2 and 1.3 with this certificate; senders must show a certificate of
/// `client_ca_pem` where that is given.
///
/// # Errors
/// Says which of the files is wrong.
pub fn tls_config(
    certificate_pem: &[u8],
    key_pem: &[u8],
    client_ca_pem: Option<&[u8]>,
) -> Result<Arc<ServerConfig>, TlsProblem> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(certificate_pem)
        .collect::<Result<_, _>>()
        .map_err(|e| TlsProblem::Certificate(e.to_string()))?;
    if chain.is_empty() {
        return Err(TlsProblem::Certificate("the file is empty of them".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_slice(key_pem).map_err(|e| TlsProblem::Key(e.to_string()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let builder = match client_ca_pem {
        None => builder.with_no_client_auth(),
        Some(pem) => {
            let problem = |e: String| TlsProblem::ClientCa(e);
            let mut roots = RootCertStore::empty();
            for certificate in CertificateDer::pem_slice_iter(pem) {
                roots.add(certificate.map_err(|e| problem(e.to_string()))?).map_err(|e| problem(e.to_string()))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .map_err(|e| problem(e.to_string()))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    Ok(Arc::new(builder.with_single_cert(chain, key)?))
}
