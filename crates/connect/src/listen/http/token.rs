//! The token of a request, in the three ways that senders put it: `Bearer` (ours),
//! `ApiKey` (Elastic's, often `base64(id:key)`), `Basic` (the password).

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Longest header that is looked at.
const HEADER_BYTES_MAX: usize = 4096;

/// What may be a token of ours, at most two readings of the header.
pub(super) fn candidates(headers: &HeaderMap) -> Vec<String> {
    let Some(value) = headers.get(AUTHORIZATION).and_then(|v| v.to_str().ok()) else { return Vec::new() };
    let Some((scheme, credentials)) = value.split_once(' ').filter(|_| value.len() <= HEADER_BYTES_MAX) else {
        return Vec::new();
    };
    let credentials = credentials.trim();
    let after_colon = || {
        let decoded = STANDARD.decode(credentials).ok()?;
        let text = String::from_utf8(decoded).ok()?;
        text.split_once(':').map(|(_, secret)| secret.to_owned())
    };
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" => vec![credentials.to_owned()],
        "apikey" => [Some(credentials.to_owned()), after_colon()].into_iter().flatten().collect(),
        "basic" => after_colon().into_iter().collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: &str, expected: &[&str]) {
        let headers = HeaderMap::from_iter([(AUTHORIZATION, header.parse().expect("a header"))]);
        assert_eq!(candidates(&headers), expected, "{header}");
    }

    #[test]
    fn a_token_is_found_in_each_scheme() {
        check("Bearer abc", &["abc"]);
        check("bearer  abc ", &["abc"]);
        check("ApiKey abc", &["abc"]);
        check(&format!("ApiKey {}", STANDARD.encode("id:abc")), &[&STANDARD.encode("id:abc"), "abc"]);
        check(&format!("Basic {}", STANDARD.encode("elastic:a:c")), &["a:c"]);
        check("Basic ???", &[]);
        check("Digest abc", &[]);
        check("abc", &[]);
        assert!(candidates(&HeaderMap::new()).is_empty());
    }
}
