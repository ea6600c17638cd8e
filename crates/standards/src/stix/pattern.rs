//! The part of the STIX pattern language (STIX 2.1 §9) that says *this value* or *one of these values*.
//! A file of its own because it is a small language with its own reader; what needs more than one value at once (AND,
//! FOLLOWEDBY, LIKE, MATCHES, negation) is refused, since half a pattern would match too much.

use std::net::IpAddr;

use domain::telemetry::ObservableKind;

/// The longest pattern that is read, in bytes.
const PATTERN_BYTES_MAX: usize = 256 * 1024;
/// The most values one pattern may name.
const VALUES_MAX: usize = 4_096;

/// Why a pattern is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternRefused {
    /// Longer than the limit, or with more values than it allows.
    #[error("its pattern is longer than 256 KiB or names more than 4,096 values")]
    TooLarge,
    /// It needs something besides OR and equality.
    #[error("its pattern uses {0}, only OR of = comparisons is read")]
    Operator(String),
    /// It tests an object or property that no event is searched for.
    #[error("its pattern tests {0}, which is not searched for")]
    Property(String),
    /// A value that is not of the property's kind.
    #[error("its pattern compares {property} with {value:?}, which is no such value")]
    Value {
        /// The object path.
        property: String,
        /// The constant.
        value: String,
    },
    /// It does not follow the grammar.
    #[error("its pattern is not well-formed at byte {0}")]
    Malformed(usize),
}

/// The values that a pattern names, normalised.
pub(super) fn values(pattern: &str) -> Result<Vec<(ObservableKind, String)>, PatternRefused> {
    if pattern.len() > PATTERN_BYTES_MAX {
        return Err(PatternRefused::TooLarge);
    }
    let mut reader = Reader { text: pattern, at: 0 };
    let mut found = Vec::new();
    loop {
        observation(&mut reader, &mut found)?;
        match reader.word() {
            None => break,
            Some("OR") => {}
            Some(other) => return Err(PatternRefused::Operator(other.to_owned())),
        }
    }
    if found.is_empty() { Err(PatternRefused::Malformed(0)) } else { Ok(found) }
}

type Values = Vec<(ObservableKind, String)>;

/// `[ comparison OR comparison … ]`, or one in parentheses.
fn observation(reader: &mut Reader<'_>, found: &mut Values) -> Result<(), PatternRefused> {
    let mut parentheses = 0;
    while reader.eat('(') {
        parentheses += 1;
    }
    reader.expect('[')?;
    loop {
        comparison(reader, found)?;
        while reader.eat(')') {}
        if reader.eat(']') {
            break;
        }
        match reader.word() {
            Some("OR") => {}
            Some(other) => return Err(PatternRefused::Operator(other.to_owned())),
            None => return Err(PatternRefused::Malformed(reader.at)),
        }
    }
    for _ in 0..parentheses {
        reader.expect(')')?;
    }
    Ok(())
}

fn comparison(reader: &mut Reader<'_>, found: &mut Values) -> Result<(), PatternRefused> {
    while reader.eat('(') {}
    let property = reader.property()?;
    let operator = reader.operator()?;
    let constants = match operator {
        "=" | "==" => vec![reader.constant()?],
        "IN" => reader.constants()?,
        "ISSUBSET" if property.ends_with("-addr:value") => vec![reader.constant()?],
        other => return Err(PatternRefused::Operator(other.to_owned())),
    };
    for constant in constants {
        if found.len() >= VALUES_MAX {
            return Err(PatternRefused::TooLarge);
        }
        found.push(value_of(&property, &constant)?);
    }
    Ok(())
}

/// The kind by object path (STIX 2.1 §6), the value in the form that indicators have.
fn value_of(property: &str, constant: &str) -> Result<(ObservableKind, String), PatternRefused> {
    let wrong = || PatternRefused::Value { property: property.to_owned(), value: constant.to_owned() };
    let plain = property.replace(['\'', '"'], "");
    let text = constant.trim();
    match plain.as_str() {
        "ipv4-addr:value" | "ipv6-addr:value" | "network-traffic:dst_ref.value" | "network-traffic:src_ref.value" => {
            address(text).ok_or_else(wrong)
        }
        "domain-name:value" => {
            let name = text.trim_end_matches('.').to_lowercase();
            let fits = name.contains('.') && !name.contains([' ', '/', '*']);
            fits.then_some((ObservableKind::DomainName, name)).ok_or_else(wrong)
        }
        "url:value" => text.contains("://").then(|| (ObservableKind::Url, text.to_owned())).ok_or_else(wrong),
        "email-addr:value" | "email-message:from_ref.value" | "email-message:sender_ref.value" => {
            text.contains('@').then(|| (ObservableKind::EmailAddr, text.to_lowercase())).ok_or_else(wrong)
        }
        "file:name" => {
            let fits = !text.is_empty() && !text.contains(['/', '\\']);
            fits.then(|| (ObservableKind::FileName, text.to_lowercase())).ok_or_else(wrong)
        }
        _ if is_hash_property(&plain) => {
            let fits = matches!(text.len(), 32 | 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit());
            fits.then(|| (ObservableKind::FileHash, text.to_lowercase())).ok_or_else(wrong)
        }
        _ => Err(PatternRefused::Property(property.to_owned())),
    }
}

/// `file:hashes.'SHA-256'` and the spellings that feeds use.
fn is_hash_property(plain: &str) -> bool {
    let algorithm = plain.strip_prefix("file:hashes.").unwrap_or("").replace(['-', '_'], "").to_uppercase();
    matches!(algorithm.as_str(), "MD5" | "SHA1" | "SHA256")
}

/// An address or a block.
fn address(text: &str) -> Option<(ObservableKind, String)> {
    let (host, length) = text.split_once('/').map_or((text, None), |(host, length)| (host, Some(length)));
    let host: IpAddr = host.parse().ok()?;
    let (kind, most) = match host {
        IpAddr::V4(_) => (ObservableKind::Ipv4Addr, 32),
        IpAddr::V6(_) => (ObservableKind::Ipv6Addr, 128),
    };
    match length {
        None => Some((kind, host.to_string())),
        Some(length) => {
            let length: u8 = length.parse().ok().filter(|length| *length <= most)?;
            Some((kind, format!("{host}/{length}")))
        }
    }
}

/// Where the reader is in the pattern.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&mut self) -> &'a str {
        let rest = self.text.get(self.at..).unwrap_or("");
        let trimmed = rest.trim_start();
        self.at += rest.len() - trimmed.len();
        trimmed
    }

    fn eat(&mut self, c: char) -> bool {
        let hit = self.rest().starts_with(c);
        if hit {
            self.at += c.len_utf8();
        }
        hit
    }

    fn expect(&mut self, c: char) -> Result<(), PatternRefused> {
        if self.eat(c) { Ok(()) } else { Err(PatternRefused::Malformed(self.at)) }
    }

    /// A keyword such as OR; `None` at the end.
    fn word(&mut self) -> Option<&'a str> {
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let end = if end == 0 { rest.chars().next()?.len_utf8() } else { end };
        self.at += end;
        rest.get(..end)
    }

    /// `file:hashes.'SHA-256'`, up to a space or an operator outside quotes.
    fn property(&mut self) -> Result<String, PatternRefused> {
        let rest = self.rest();
        let mut quoted = false;
        let end = rest.find(|c: char| {
            if matches!(c, '\'' | '"') {
                quoted = !quoted;
            }
            !quoted && (c.is_whitespace() || matches!(c, '=' | '!' | '<' | '>' | ']' | '['))
        });
        let property = rest.get(..end.unwrap_or(rest.len())).unwrap_or("");
        if !property.contains(':') {
            return Err(PatternRefused::Malformed(self.at));
        }
        self.at += property.len();
        Ok(property.to_owned())
    }

    fn operator(&mut self) -> Result<&'a str, PatternRefused> {
        let rest = self.rest();
        let symbols = rest.find(|c: char| !matches!(c, '=' | '!' | '<' | '>')).unwrap_or(rest.len());
        if symbols > 0 {
            self.at += symbols;
            return rest.get(..symbols).ok_or(PatternRefused::Malformed(self.at));
        }
        self.word().ok_or(PatternRefused::Malformed(self.at))
    }

    /// `'…'` with `\'` and `\\` undone (STIX 2.1 §9.2).
    fn constant(&mut self) -> Result<String, PatternRefused> {
        self.expect('\'')?;
        let rest = self.text.get(self.at..).unwrap_or("");
        let mut out = String::new();
        let mut escaped = false;
        for (offset, c) in rest.char_indices() {
            if escaped || !matches!(c, '\'' | '\\') {
                out.push(c);
                escaped = false;
            } else if c == '\\' {
                escaped = true;
            } else {
                self.at += offset + 1;
                return Ok(out);
            }
        }
        Err(PatternRefused::Malformed(self.at))
    }

    fn constants(&mut self) -> Result<Vec<String>, PatternRefused> {
        self.expect('(')?;
        let mut list = vec![self.constant()?];
        while self.eat(',') {
            list.push(self.constant()?);
            if list.len() > VALUES_MAX {
                return Err(PatternRefused::TooLarge);
            }
        }
        self.expect(')')?;
        Ok(list)
    }
}
