//! A hub's own certificate authority: it issues its members' certificates and its own link server's.
//! A file of its own because it is the only code that signs certificates, and its few rules must be easy to check:
//! a member's name in its certificate is the hash of the key it proved to hold, never what it asked for.
//!
//! Trust rests on the enrolled key, not on the certificate: the server asks the member list at every request.

use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_ED25519,
    PublicKeyData, SanType,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateSigningRequestDer, PrivateKeyDer, UnixTime};

use super::Error;

/// How long a member's or a link server's certificate holds. Source: the brief, *The link between nodes*.
pub const CERTIFICATE_DAYS: u64 = 30;
/// How far back `not_before` lies, for members whose clock is behind.
pub const BACKDATED_HOURS: u64 = 48;
/// How long a hub's CA holds: replacing it means enrolling everybody again.
const AUTHORITY_DAYS: u64 = 20 * 365;
const DAY_S: u64 = 24 * 3600;

/// A hub's CA with its key.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

/// A new CA as it is written to files.
#[derive(Debug, Clone)]
pub struct AuthorityFiles {
    /// The CA's certificate. Public.
    pub certificate_pem: String,
    /// The CA's key. Mode 0600.
    pub key_pem: String,
}

/// A certificate issued to a member.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The certificate and the CA's, PEM.
    pub chain_pem: String,
    /// The member's raw Ed25519 key, 32 bytes.
    pub public_key: Vec<u8>,
    /// When it ends. Units: seconds since 1970.
    pub until_s: u64,
}

impl Authority {
    /// Makes a new CA for a hub of this name.
    pub fn create(hub_name: &str, now: UnixTime) -> Result<AuthorityFiles, Error> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = named(&format!("{hub_name} link CA"));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        period(&mut params, now, AUTHORITY_DAYS);
        let certificate = params.self_signed(&key)?;
        Ok(AuthorityFiles { certificate_pem: certificate.pem(), key_pem: key.serialize_pem() })
    }

    /// Reads a CA back from its two files.
    pub fn load(files: &AuthorityFiles) -> Result<Self, Error> {
        let key = KeyPair::from_pem(&files.key_pem)?;
        let certificate = CertificateDer::from_pem_slice(files.certificate_pem.as_bytes())
            .map_err(|problem| Error::Certificate(format!("the CA certificate: {problem}")))?;
        let issuer = Issuer::from_ca_cert_der(&certificate, key)?;
        Ok(Self { issuer, certificate })
    }

    /// What an invite code names: see [`fingerprint`].
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.certificate)
    }

    /// The CA's certificate, PEM.
    pub fn certificate_pem(&self) -> String {
        pem(&self.certificate)
    }

    /// Issues a member's certificate for the key that signed the request. Errors: a request that is not signed by
    /// its own key, or whose key is not Ed25519.
    pub fn issue_member(&self, request_der: &[u8], now: UnixTime) -> Result<Issued, Error> {
        let request = CertificateSigningRequestDer::from(request_der);
        let request = CertificateSigningRequestParams::from_der(&request)
            .map_err(|problem| Error::Certificate(format!("the certificate request: {problem}")))?;
        if request.public_key.algorithm() != &PKCS_ED25519 {
            return Err(Error::Certificate("a node's key is Ed25519".to_owned()));
        }
        let public_key = request.public_key.der_bytes().to_vec();
        let mut params = CertificateParams::default();
        params.distinguished_name = named(&super::node_id(&public_key).0);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let until_s = period(&mut params, now, CERTIFICATE_DAYS);
        let certificate = params.signed_by(&request.public_key, &self.issuer)?;
        let chain_pem = format!("{}{}", certificate.pem(), self.certificate_pem());
        Ok(Issued { chain_pem, public_key, until_s })
    }

    /// Issues the link server's own certificate, with a new key, for the names and addresses it answers to.
    pub fn issue_server(&self, names: &[String], now: UnixTime) -> Result<ServerCertificate, Error> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = CertificateParams::default();
        params.subject_alt_names = names.iter().map(|name| alternative(name)).collect::<Result<_, _>>()?;
        params.distinguished_name = named(names.first().map_or("lazaret link", String::as_str));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let until_s = period(&mut params, now, CERTIFICATE_DAYS);
        let certificate = params.signed_by(&key, &self.issuer)?;
        let key =
            PrivateKeyDer::try_from(key.serialize_der()).map_err(|problem| Error::Certificate(problem.to_owned()))?;
        Ok(ServerCertificate { chain: vec![certificate.into(), self.certificate.clone()], key, until_s })
    }
}

/// The link server's certificate chain and key, in memory only.
pub struct ServerCertificate {
    /// The certificate and the CA's.
    pub chain: Vec<CertificateDer<'static>>,
    /// Its key.
    pub key: PrivateKeyDer<'static>,
    /// When it ends. Units: seconds since 1970.
    pub until_s: u64,
}

/// A member's certificate request: signed by the node's key, which it thereby proves to hold. Shape: DER.
pub fn certificate_request(node_key_pkcs8: &[u8]) -> Result<Vec<u8>, Error> {
    let key = KeyPair::try_from(node_key_pkcs8)?;
    let mut params = CertificateParams::default();
    params.distinguished_name = named("lazaret member");
    Ok(params.serialize_request(&key)?.der().to_vec())
}

/// What identifies a CA in an invite code: SHA-256 of its certificate (DER), in lower-case hexadecimal.
pub fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    super::hex(ring::digest::digest(&ring::digest::SHA256, certificate).as_ref())
}

/// One certificate in PEM.
pub(super) fn pem(certificate: &CertificateDer<'_>) -> String {
    use base64::Engine as _;
    let body = base64::engine::general_purpose::STANDARD.encode(certificate);
    let mut out = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(64));
        out.push_str(line);
        out.push('\n');
        rest = more;
    }
    out.push_str("-----END CERTIFICATE-----\n");
    out
}

fn named(name: &str) -> DistinguishedName {
    let mut named = DistinguishedName::new();
    named.push(DnType::CommonName, name);
    named
}

fn alternative(name: &str) -> Result<SanType, Error> {
    match name.parse() {
        Ok(address) => Ok(SanType::IpAddress(address)),
        Err(_) => Ok(SanType::DnsName(name.to_owned().try_into()?)),
    }
}

/// Sets the period and answers its end, in seconds since 1970.
fn period(params: &mut CertificateParams, now: UnixTime, days: u64) -> u64 {
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let from_s = now.as_secs().saturating_sub(BACKDATED_HOURS * 3600);
    let until_s = now.as_secs() + days * DAY_S;
    params.not_before = epoch + std::time::Duration::from_secs(from_s);
    params.not_after = epoch + std::time::Duration::from_secs(until_s);
    until_s
}
