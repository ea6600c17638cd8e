//! The invite code: all that a new member needs to find its hub and to know that it is the right one.
//! A file of its own because the hub's console, the hub's command line and the member's command line must agree on it.
//!
//! Shape: `lazaret1.` followed by base64url (no padding) of a small JSON object. It is a secret until it is used.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What every code begins with; the digit is the format.
const PREFIX: &str = "lazaret1.";
/// The longest code that is read, in bytes.
const CODE_BYTES_MAX: usize = 4096;
/// The most addresses one code may carry.
const URLS_MAX: usize = 4;

/// What an invite code says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InviteCode {
    /// Where the hub's link answers, e.g. `https://link.hub.example`; tried in order. Limits: 1 to 4.
    pub urls: Vec<String>,
    /// SHA-256 of the hub's CA certificate (DER), 64 lower-case hexadecimal digits.
    pub ca_fingerprint: String,
    /// What the hub asks for once; it keeps only a hash.
    pub secret: String,
    /// After this the hub refuses it.
    pub expires_at: Timestamp,
}

/// Why a text is no invite code; each says what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InviteCodeError {
    /// It does not begin as one.
    #[error("an invite code begins with `{PREFIX}`; copy the whole line that `lazaret invite` printed")]
    NotACode,
    /// The rest cannot be read.
    #[error("the invite code is cut short or changed; copy the whole line that `lazaret invite` printed")]
    Damaged,
}

impl InviteCode {
    /// The one line to hand over.
    pub fn text(&self) -> String {
        let json = serde_json::to_vec(self).unwrap_or_default();
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(json))
    }

    /// Reads a line back; space around it and line breaks inside it (mail) do not matter.
    pub fn read(text: &str) -> Result<Self, InviteCodeError> {
        let text: String = text.chars().filter(|c| !c.is_whitespace()).take(CODE_BYTES_MAX).collect();
        let body = text.strip_prefix(PREFIX).ok_or(InviteCodeError::NotACode)?;
        let json = URL_SAFE_NO_PAD.decode(body).map_err(|_| InviteCodeError::Damaged)?;
        let code: Self = serde_json::from_slice(&json).map_err(|_| InviteCodeError::Damaged)?;
        let fingerprint = code.ca_fingerprint.len() == 64 && code.ca_fingerprint.bytes().all(|b| b.is_ascii_hexdigit());
        let urls = (1..=URLS_MAX).contains(&code.urls.len()) && code.urls.iter().all(|url| url.starts_with("https://"));
        if fingerprint && urls { Ok(code) } else { Err(InviteCodeError::Damaged) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code() -> InviteCode {
        InviteCode {
            urls: vec!["https://link.hub.example".to_owned()],
            ca_fingerprint: "ab".repeat(32),
            secret: "s3cret".to_owned(),
            expires_at: "2026-12-02T10:00:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn a_code_survives_being_wrapped_by_a_mail_program() {
        let mut text = code().text();
        text.insert_str(40, "\r\n ");
        assert_eq!(InviteCode::read(&text), Ok(code()));
    }

    #[test]
    fn a_code_that_is_none_says_so() {
        assert_eq!(InviteCode::read("hello"), Err(InviteCodeError::NotACode));
        let text = code().text();
        assert_eq!(InviteCode::read(&text[..text.len() - 7]), Err(InviteCodeError::Damaged));
    }

    #[test]
    fn a_code_never_leads_away_from_https() {
        let plain = InviteCode { urls: vec!["http://hub.example".to_owned()], ..code() };
        assert_eq!(InviteCode::read(&plain.text()), Err(InviteCodeError::Damaged));
    }
}
