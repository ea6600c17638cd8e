//! TLS towards other people's servers: the system's roots, and a hospital's own CA where its file is named.
//! A file of its own because the link (`link::tls`) trusts one pinned CA only and must never use these.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls_platform_verifier::Verifier;

use crate::link::{certificates, provider};

/// A client that trusts the system's roots and the certificates of `authority_pem`. Errors: in words.
pub(super) fn client(authority_pem: Option<&str>) -> Result<ClientConfig, String> {
    let own = authority_pem.map(certificates).transpose().map_err(|problem| problem.to_string())?;
    let verifier =
        Verifier::new_with_extra_roots(own.unwrap_or_default(), provider()).map_err(|why| why.to_string())?;
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|problem| problem.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(config)
}
