//! Forms as they arrive: who sent them, whether the form was ours, and its fields.
//! A file of its own because no handler that changes something may read a body any other way.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};

use super::Console;
use super::fault::Fault;
use super::guard::is_own;
use super::visitor::Visitor;

/// The most fields a form may have; the supplier list is the longest.
const FIELDS_MAX: usize = 4_000;

/// The fields of a form, in their order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields(pub Vec<(String, String)>);

impl Fields {
    /// The last value of a field, without blanks around it; empty where it is missing.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().rev().find(|(field, _)| field == name).map_or("", |(_, value)| value.trim())
    }

    /// The last value of a field exactly as it was typed.
    pub fn exact(&self, name: &str) -> &str {
        self.0.iter().rev().find(|(field, _)| field == name).map_or("", |(_, value)| value)
    }

    /// Reads a query or form body.
    pub fn read(text: &str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).take(FIELDS_MAX).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        });
        Self(pairs.collect())
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let mut peek = rest.clone();
                let digits = peek.next().and_then(hex).zip(peek.next().and_then(hex));
                if let Some((high, low)) = digits {
                    bytes.push(high * 16 + low);
                    rest = peek;
                } else {
                    bytes.push(b'%');
                }
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// A value as it stands in a query.
pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' | b':' => {
                out.push(char::from(byte))
            }
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

/// A form that somebody who is logged in sent from one of our pages in this very session.
pub(crate) struct Signed {
    pub visitor: Visitor,
    pub fields: Fields,
}

impl FromRequest<Arc<Console>> for Signed {
    type Rejection = Fault;

    async fn from_request(request: Request, console: &Arc<Console>) -> Result<Self, Fault> {
        let (parts, body) = request.into_parts();
        if !is_own(&parts) {
            return Err(Fault::Foreign);
        }
        let visitor = Visitor::of(&parts, console).await?.ok_or(Fault::LoginFirst("/".to_owned()))?;
        let fields = read(Request::from_parts(parts, body), console).await?;
        if !same(fields.exact("csrf"), &visitor.session.csrf) {
            return Err(Fault::Foreign);
        }
        Ok(Self { visitor, fields })
    }
}

/// A form of somebody who is not logged in: only the origin is checked.
pub(crate) struct Open(pub Fields);

impl FromRequest<Arc<Console>> for Open {
    type Rejection = Fault;

    async fn from_request(request: Request, console: &Arc<Console>) -> Result<Self, Fault> {
        let (parts, body) = request.into_parts();
        if !is_own(&parts) {
            return Err(Fault::Foreign);
        }
        Ok(Self(read(Request::from_parts(parts, body), console).await?))
    }
}

async fn read(request: Request, console: &Arc<Console>) -> Result<Fields, Fault> {
    let bytes = Bytes::from_request(request, console).await.map_err(|_| Fault::Unreadable)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| Fault::Unreadable)?;
    Ok(Fields::read(text))
}

/// Compares secrets in a time that does not depend on where they differ.
fn same(one: &str, other: &str) -> bool {
    one.len() == other.len()
        && !one.is_empty()
        && one.bytes().zip(other.bytes()).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_as_browsers_write_them() {
        let fields = Fields::read("title=Files+%26+folders&at=1&at=2&bad=%zz&%C3%A9=1");
        assert_eq!(fields.get("title"), "Files & folders");
        assert_eq!(fields.get("at"), "2");
        assert_eq!(fields.get("bad"), "%zz");
        assert_eq!(fields.get("é"), "1");
        assert_eq!(fields.get("missing"), "");
        assert_eq!(encoded("/a b?c"), "/a%20b%3Fc");
    }

    #[test]
    fn an_empty_token_is_no_token() {
        assert!(!same("", ""));
        assert!(same("abc", "abc"));
        assert!(!same("abc", "abd"));
    }
}
