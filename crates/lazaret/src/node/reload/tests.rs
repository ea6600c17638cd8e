//! What a reload brings at once and what it says needs a restart. A file of its own because it starts a whole node.

use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};

use super::*;
use crate::clock::SystemClock;
use crate::config::{Answers, ListenAnswers, template};
use crate::data_dir::{DataDir, write_new};
use crate::roles::Role;

fn certificate(dir: &Path, name: &str) -> Vec<u8> {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    std::fs::write(dir.join("console.pem"), made.cert.pem()).unwrap();
    std::fs::write(dir.join("console.key"), made.signing_key.serialize_pem()).unwrap();
    made.cert.der().to_vec()
}

/// Takes every certificate: the test looks which it is.
#[derive(Debug)]
struct Any;

impl ServerCertVerifier for Any {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// The certificate that the console shows a new caller.
async fn shown(address: &str) -> Vec<u8> {
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Any))
        .with_no_client_auth();
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("console.example").unwrap();
    let stream = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_brings_rules_and_certificates_and_names_what_needs_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let any = "127.0.0.1:0".to_owned();
    let text = template(&Answers {
        role: Role::Hospital,
        name: "County Hospital".to_owned(),
        country: "RO".to_owned(),
        zone: "UTC".to_owned(),
        data_dir: ".".to_owned(),
        console: any.clone(),
        admin: any.clone(),
        link: any.clone(),
        link_urls: Vec::new(),
        listeners: ListenAnswers { syslog_udp: any.clone(), syslog_tcp: any.clone(), http: any },
    });
    let text = text.replace(
        "# certificate = \"console.pem\"\n# key = \"console.key\"",
        "certificate = \"console.pem\"\nkey = \"console.key\"",
    );
    let text = text.replace("# dir = \"rules\"", "dir = \"rules\"");
    let file = dir.path().join("lazaret.toml");
    std::fs::write(&file, &text).unwrap();
    std::fs::create_dir(dir.path().join("rules")).unwrap();
    DataDir::at(dir.path()).create_keys().unwrap();
    let first = certificate(dir.path(), "one.example");
    let mut node = Node::start(Config::load(&file).unwrap(), Arc::new(SystemClock)).await.unwrap();
    let address = node.doors().console.strip_prefix("https://").unwrap().to_owned();
    assert_eq!(shown(&address).await, first);
    let rules = node.app().metrics().get("lazaret_engine_rules", "");
    assert_eq!(node.reload().await, Reloaded { certificates: 1, ..Reloaded::default() }, "nothing has changed");

    let second = certificate(dir.path(), "two.example");
    let rule = "title: Own rule\nid: 7f6f1d9e-5a0a-4b0e-9f0c-2d6a0b1c2d3e\nlogsource:\n  product: linux\ndetection:\n  words:\n    - own words\n  condition: words\nlevel: low\n";
    std::fs::write(dir.path().join("rules/own.yml"), rule).unwrap();
    std::fs::write(dir.path().join("rules/broken.yml"), "title: [").unwrap();
    std::fs::write(&file, text.replace("name = \"County Hospital\"", "name = \"Another\"")).unwrap();
    let reloaded = node.reload().await;
    assert_eq!((reloaded.certificates, reloaded.rules_refused, reloaded.problems.len()), (1, 1, 0), "{reloaded:?}");
    assert_eq!(reloaded.needs_restart, ["name, country, zone, [sharing], [trial], [warnings]"]);
    assert_eq!(shown(&address).await, second, "the next caller sees the new one");
    assert_eq!(node.app().metrics().get("lazaret_engine_rules", ""), rules + 1.0);

    std::fs::write(dir.path().join("console.key"), "no key").unwrap();
    std::fs::write(&file, "role = 7").unwrap();
    let reloaded = node.reload().await;
    assert_eq!((reloaded.certificates, reloaded.problems.len()), (0, 2), "{reloaded:?}");
    assert_eq!(shown(&address).await, second, "what cannot be read changes nothing");
    node.stop().await;
}

#[test]
fn the_lock_says_who_to_stop() {
    let dir = tempfile::tempdir().unwrap();
    let _held = DataDir::at(dir.path()).lock().unwrap();
    let problem = format!("{:#}", DataDir::at(dir.path()).lock().unwrap_err());
    assert!(problem.contains("in use by another lazaret process; stop it first"), "{problem}");
    write_new(&dir.path().join("once"), b"", 0o600).unwrap();
    assert!(
        write_new(&dir.path().join("once"), b"", 0o600).unwrap_err().to_string().contains("nothing was overwritten")
    );
}
