//! Whom a TLS handshake lets in. Server side: whoever proves to hold an Ed25519 key (who that is, the member list says
//! at every request). Client side: the pinned CA, and nobody else.
//! A file of its own because these are the only verifiers we write ourselves.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error as TlsError, RootCertStore, SignatureScheme,
};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::authority::fingerprint;

/// Object identifier of Ed25519 keys. Source: RFC 8410 §3.
const ED25519_OID: &str = "1.3.101.112";

/// What a handshake proved about the other side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proved {
    /// The raw Ed25519 key, 32 bytes.
    pub public_key: Vec<u8>,
    /// Whether the certificate's period is over; such a peer may only renew.
    pub period: Period,
}

/// Whether a certificate's period holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// It holds.
    Current,
    /// It is over, or has not begun by more than the back-dating.
    Over,
}

/// Reads what a client certificate proves; none where it is no X.509 certificate with an Ed25519 key.
pub fn proved(certificate: &CertificateDer<'_>, now: UnixTime) -> Option<Proved> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let key = certificate.public_key();
    let ed25519 = key.algorithm.algorithm.to_id_string() == ED25519_OID;
    let public_key = key.subject_public_key.data.to_vec();
    if !ed25519 || public_key.len() != 32 {
        return None;
    }
    let now_s = i64::try_from(now.as_secs()).ok()?;
    let validity = certificate.validity();
    let current = validity.not_before.timestamp() <= now_s && now_s <= validity.not_after.timestamp();
    Some(Proved { public_key, period: if current { Period::Current } else { Period::Over } })
}

/// Accepts every client that proves an Ed25519 key, and clients without a certificate (they can only enrol).
#[derive(Debug)]
pub struct AnyEd25519 {
    provider: Arc<CryptoProvider>,
}

impl AnyEd25519 {
    /// A verifier over this provider.
    pub fn new(provider: Arc<CryptoProvider>) -> Self {
        Self { provider }
    }
}

impl ClientCertVerifier for AnyEd25519 {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, TlsError> {
        match proved(end_entity, now) {
            Some(_) => Ok(ClientCertVerified::assertion()),
            None => Err(TlsError::InvalidCertificate(CertificateError::BadEncoding)),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}

/// Accepts only a chain that holds the CA with this fingerprint: for enrolment, when the CA itself is not known yet.
#[derive(Debug)]
pub struct PinnedAuthority {
    fingerprint: String,
    provider: Arc<CryptoProvider>,
}

impl PinnedAuthority {
    /// A verifier for the CA that an invite code names.
    pub fn new(fingerprint: String, provider: Arc<CryptoProvider>) -> Self {
        Self { fingerprint, provider }
    }
}

impl ServerCertVerifier for PinnedAuthority {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let unknown = || TlsError::InvalidCertificate(CertificateError::UnknownIssuer);
        let authority =
            intermediates.iter().find(|one| fingerprint(one) == self.fingerprint).ok_or_else(unknown)?.clone();
        let mut roots = RootCertStore::empty();
        roots.add(authority.into_owned())?;
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&self.provider))
            .build()
            .map_err(|_| unknown())?;
        verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
