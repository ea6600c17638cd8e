//! Lines of `key=value key="quoted value"`, as FortiGate, Sophos and many appliances write them.
//! A file of its own because the quoting rules are theirs alone (CEF and LEEF have others).

use std::borrow::Cow;

use super::cursor::Cursor;
use super::pairs::Pairs;

/// Whether a body is FortiGate's: it begins with one of its leading keys and carries a log id or device.
pub fn is_fortigate(body: &str) -> bool {
    let leads = ["date=", "logver=", "devname=", "timestamp=", "itime=", "eventtime="];
    let marks = ["devid=", "logid=", "devname=", "log_id="];
    leads.iter().any(|lead| body.starts_with(lead)) && marks.iter().any(|mark| body.contains(mark))
}

/// Whether a body is made of at least three pairs from its first character on.
pub fn is_pairs(body: &str) -> bool {
    let mut cursor = Cursor::new(body);
    (0..3).all(|_| next(&mut cursor).is_some())
}

/// Reads pairs until the end; a word without `=` is passed over.
pub fn read<'a>(body: &'a str, pairs: &mut Pairs<'a>) {
    let mut cursor = Cursor::new(body);
    loop {
        cursor.skip_spaces();
        if cursor.is_empty() {
            return;
        }
        match next(&mut cursor) {
            Some((key, value)) => pairs.push(key, value),
            None => {
                let passed = cursor.take_while(|c| c != ' ' && c != '\t');
                if passed.is_empty() {
                    return;
                }
            }
        }
    }
}

/// Reads FortiGate's pairs and joins its `date`, `time` and `tz` to one `datetime`, as no single field is a whole time.
pub fn read_fortigate<'a>(body: &'a str, pairs: &mut Pairs<'a>) {
    read(body, pairs);
    let part = |name: &str| pairs.get(name).unwrap_or("");
    if let (Some(date), Some(time)) = (pairs.get("date"), pairs.get("time")) {
        let joined = format!("{date}T{time}{}", part("tz"));
        pairs.push("datetime", joined);
    }
}

/// The next pair; the cursor stays where it was when there is none.
fn next<'a>(cursor: &mut Cursor<'a>) -> Option<(&'a str, Cow<'a, str>)> {
    let mut trial = *cursor;
    trial.skip_spaces();
    let key = trial.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/'));
    if key.is_empty() || !trial.eat("=") {
        return None;
    }
    let value = match trial.peek() {
        Some(quote @ ('"' | '\'')) => quoted(&mut trial, quote)?,
        _ => Cow::Borrowed(trial.take_while(|c| c != ' ' && c != '\t').trim_end_matches(',')),
    };
    *cursor = trial;
    Some((key, value))
}

/// A quoted value; a backslash protects the quote. A missing closing quote takes the rest.
fn quoted<'a>(cursor: &mut Cursor<'a>, quote: char) -> Option<Cow<'a, str>> {
    let text = cursor.rest().get(1..)?;
    let mut escaped = false;
    let mut seen_escape = false;
    let end = text.find(|c: char| {
        let closes = c == quote && !escaped;
        escaped = c == '\\' && !escaped;
        seen_escape |= escaped;
        closes
    });
    let end = end.unwrap_or(text.len());
    let inside = text.get(..end)?;
    *cursor = Cursor::new(text.get(end + 1..).unwrap_or(""));
    let _ = cursor.eat(",");
    if !seen_escape {
        return Some(Cow::Borrowed(inside));
    }
    let doubled = inside.replace("\\\"", "\"").replace("\\'", "'");
    Some(Cow::Owned(doubled))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(body: &str) -> Vec<(String, String)> {
        let mut pairs = Pairs::new();
        read(body, &mut pairs);
        pairs.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect()
    }

    const VPN: &str = r#"date=2026-11-24 time=08:16:53 devname="FG-KH-01" devid="FG100F0000000001" logid="0101039424" type="event" subtype="vpn" level="information" vd="root" action="ssl-login-fail" user="o'brien" remip=198.51.100.7 msg="SSL user failed to log in, \"x\""#;

    #[test]
    fn fortigate_lines() {
        assert!(is_fortigate(VPN) && is_pairs(VPN));
        let pairs = found(VPN);
        assert_eq!(pairs.len(), 13);
        assert!(pairs.contains(&("remip".into(), "198.51.100.7".into())));
        assert!(pairs.contains(&("user".into(), "o'brien".into())));
        assert!(pairs.contains(&("msg".into(), "SSL user failed to log in, \"x\"".into())));
    }

    #[test]
    fn odd_lines() {
        assert_eq!(found("noise a=1 more b=\"x y"), [("a".into(), "1".into()), ("b".into(), "x y".into())]);
        assert_eq!(
            found("a=1, b='p q', c="),
            [("a".into(), "1".into()), ("b".into(), "p q".into()), ("c".into(), "".into())]
        );
        assert!(found("=====").is_empty());
        assert!(!is_pairs("Failed password for root from 10.0.0.9"));
    }
}
