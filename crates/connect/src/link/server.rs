//! The hub's listening side of the link: a server whose certificate its own CA issues and renews while it runs.
//! A file of its own because only here a private key lives in memory and nowhere else.

use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

use super::authority::Authority;
use super::decide::Life;
use super::{Error, tls};
use crate::serve::{HttpLimits, HttpServer, Security};

/// The written limits of a link server.
#[derive(Debug, Clone)]
pub struct LinkLimits {
    /// Those of every server.
    pub http: HttpLimits,
    /// The longest body taken, before and after decompression.
    pub body_bytes_max: usize,
    /// How long a request may take from its head to its answer; the stream is none of these.
    pub request_timeout: Duration,
    /// How often an idle stream shows that it lives.
    pub heartbeat: Duration,
}

impl Default for LinkLimits {
    fn default() -> Self {
        Self {
            http: HttpLimits::default(),
            body_bytes_max: 8 * 1024 * 1024,
            request_timeout: Duration::from_secs(30),
            heartbeat: Duration::from_secs(15),
        }
    }
}

/// Binds the link's address; its certificate names `names` and is issued by the hub's own CA.
pub async fn bind(
    address: SocketAddr,
    names: &[String],
    authority: Arc<Authority>,
    limits: &LinkLimits,
) -> Result<HttpServer, Error> {
    let certificate = Arc::new(OwnCertificate::new(authority, names.to_vec())?);
    let acceptor = TlsAcceptor::from(Arc::new(tls::server(certificate)?));
    HttpServer::bind(address, Security::Tls(acceptor), limits.http.clone())
        .await
        .map_err(|problem| Error::Unreachable(format!("cannot listen on {address}: {problem}")))
}

/// The server's certificate: issued at start, issued anew at half of its life, in memory only.
struct OwnCertificate {
    authority: Arc<Authority>,
    names: Vec<String>,
    current: RwLock<(Arc<CertifiedKey>, Life)>,
}

impl std::fmt::Debug for OwnCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OwnCertificate").field("names", &self.names).finish_non_exhaustive()
    }
}

impl OwnCertificate {
    fn new(authority: Arc<Authority>, names: Vec<String>) -> Result<Self, Error> {
        let current = RwLock::new(issue(&authority, &names)?);
        Ok(Self { authority, names, current })
    }

    fn get(&self) -> Arc<CertifiedKey> {
        let (key, life) = self.current.read().unwrap_or_else(PoisonError::into_inner).clone();
        if !life.renew_due(tls::now().as_secs()) {
            return key;
        }
        match issue(&self.authority, &self.names) {
            Ok(fresh) => {
                let key = Arc::clone(&fresh.0);
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
                key
            }
            Err(problem) => {
                tracing::error!(%problem, "link: the server certificate could not be renewed");
                key
            }
        }
    }
}

fn issue(authority: &Authority, names: &[String]) -> Result<(Arc<CertifiedKey>, Life), Error> {
    let now = tls::now();
    let issued = authority.issue_server(names, now)?;
    let life = Life { from_s: now.as_secs(), until_s: issued.until_s };
    let key = CertifiedKey::from_der(issued.chain, issued.key, &tls::provider())?;
    Ok((Arc::new(key), life))
}

impl ResolvesServerCert for OwnCertificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.get())
    }
}
