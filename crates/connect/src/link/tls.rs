//! The TLS settings of both sides: TLS 1.3 only, ring, no system roots. A file of its own so that they are read at once.
//!
//! Certificate periods are judged by the real clock (as TLS does), never by the node's `Clock`, which tests turn.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime};
use rustls::server::ResolvesServerCert;
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use super::Error;
use super::verify::{AnyEd25519, PinnedAuthority};

/// The real time, for certificate periods.
pub fn now() -> UnixTime {
    UnixTime::now()
}

/// The one crypto provider.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// The link server: asks for a client certificate, takes any Ed25519 one, lets the handlers decide.
pub fn server(certificate: Arc<dyn ResolvesServerCert>) -> Result<ServerConfig, Error> {
    let provider = provider();
    let verifier = Arc::new(AnyEd25519::new(Arc::clone(&provider)));
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(certificate);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// A member's calls: only the pinned CA is trusted, the node's key proves who calls.
pub fn member(authority_pem: &str, chain_pem: &str, node_key_pkcs8: &[u8]) -> Result<ClientConfig, Error> {
    let mut roots = RootCertStore::empty();
    for authority in certificates(authority_pem)? {
        roots.add(authority)?;
    }
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(node_key_pkcs8.to_vec()));
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .with_root_certificates(roots)
        .with_client_auth_cert(certificates(chain_pem)?, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// An enrolling node's only call: the CA is known by its fingerprint, the caller by its invite.
pub fn newcomer(ca_fingerprint: &str) -> Result<ClientConfig, Error> {
    let provider = provider();
    let pinned = PinnedAuthority::new(ca_fingerprint.to_owned(), Arc::clone(&provider));
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(pinned))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Every certificate of a PEM text, in order. Errors: none in it, or one unreadable.
pub fn certificates(text: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(text.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|problem| Error::Certificate(problem.to_string()))?;
    if found.is_empty() { Err(Error::Certificate("no certificate in the text".to_owned())) } else { Ok(found) }
}
