//! RFC 5424 STRUCTURED-DATA, read tolerantly: Veeam writes a space between elements, an element without an id,
//! unquoted values and unescaped quotes inside XML values.
//! A file of its own because this tolerance is the whole difficulty.

use std::borrow::Cow;

use super::cursor::Cursor;
use super::pairs::Pairs;

/// Reads every `[…]` element at the start of the text and returns what comes behind them.
/// Shape: a parameter of an element with an id becomes `sd.<id>.<name>`, of one without an id just `<name>`.
/// Limits: stops at the first element that is not closed; the rest is then the message.
pub(crate) fn read<'a>(text: &'a str, pairs: &mut Pairs<'a>) -> &'a str {
    let mut cursor = Cursor::new(text);
    if cursor.eat("- ") || cursor.rest() == "-" {
        return cursor.rest().trim_start_matches('-');
    }
    while cursor.peek() == Some('[') {
        let Some(behind) = element(cursor.rest(), pairs) else { break };
        cursor = Cursor::new(behind);
        let mut next = cursor;
        next.skip_spaces();
        // Veeam's second element stands behind a space; a bracketed message behind strict data does too, but has no `=`.
        if next.rest() != cursor.rest() && starts_element(next.rest()) {
            cursor = next;
        } else if next.rest() != cursor.rest() {
            break;
        }
    }
    let _ = cursor.eat(" ");
    cursor.rest()
}

/// Whether `[name=` comes next, as in an element without an id.
fn starts_element(text: &str) -> bool {
    let mut cursor = Cursor::new(text);
    cursor.eat("[") && !cursor.take_while(is_name).is_empty() && cursor.peek() == Some('=')
}

fn is_name(c: char) -> bool {
    c.is_ascii_graphic() && !matches!(c, '=' | ']' | '"' | '[' | ' ')
}

/// Reads one element; `None` where its end is missing.
fn element<'a>(text: &'a str, pairs: &mut Pairs<'a>) -> Option<&'a str> {
    let mut cursor = Cursor::new(text);
    cursor.eat("[").then_some(())?;
    let first = cursor.take_while(is_name);
    let mut found: Vec<(&'a str, Cow<'a, str>)> = Vec::new();
    let id = if cursor.eat("=") {
        found.push((first, value(&mut cursor)?));
        ""
    } else {
        first
    };
    loop {
        cursor.skip_spaces();
        if cursor.eat("]") {
            break;
        }
        let name = cursor.take_while(is_name);
        if name.is_empty() || !cursor.eat("=") || found.len() >= super::pairs::PAIRS_MAX {
            return None;
        }
        found.push((name, value(&mut cursor)?));
    }
    for (name, value) in found {
        match id {
            "" => pairs.push(name, value),
            id => pairs.push(format!("sd.{id}.{name}"), value),
        }
    }
    Some(cursor.rest())
}

/// Reads a quoted value with its escapes undone, or an unquoted one up to a space or `]`.
fn value<'a>(cursor: &mut Cursor<'a>) -> Option<Cow<'a, str>> {
    if !cursor.eat("\"") {
        return Some(Cow::Borrowed(cursor.take_while(|c| c != ' ' && c != ']')));
    }
    let text = cursor.rest();
    let length = quoted_length(text)?;
    let inside = text.get(..length)?;
    *cursor = Cursor::new(text.get(length + 1..)?);
    Some(unescape(inside))
}

/// Where the closing quote stands. A quote closes only if an element end or a new parameter follows; inside an XML
/// value, only behind a `>`.
fn quoted_length(text: &str) -> Option<usize> {
    let is_xml = text.starts_with('<');
    let mut before = b' ';
    let mut skip = false;
    for (at, byte) in text.bytes().enumerate() {
        if skip {
            skip = false;
        } else if byte == b'\\' {
            skip = true;
        } else if byte == b'"' && (!is_xml || before == b'>') && closes(text.get(at + 1..)?) {
            return Some(at);
        }
        before = byte;
    }
    None
}

/// Whether what follows a quote shows that it was the closing one.
fn closes(behind: &str) -> bool {
    let mut cursor = Cursor::new(behind);
    if cursor.peek() == Some(']') {
        return true;
    }
    cursor.skip_spaces();
    if cursor.rest().len() == behind.len() {
        return false;
    }
    if cursor.peek() == Some(']') {
        return true;
    }
    !cursor.take_while(is_name).is_empty() && cursor.peek() == Some('=')
}

/// Undoes `\"`, `\\` and `\]`; any other backslash stays (RFC 5424 §6.3.3).
fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some(&next @ ('"' | '\\' | ']'))) => {
                out.push(next);
                chars.next();
            }
            _ => out.push(c),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, &str)], rest: &str) {
        let mut pairs = Pairs::new();
        assert_eq!(read(text, &mut pairs), rest, "{text}");
        let found: Vec<_> = pairs.iter().map(|(n, v)| (n.as_ref(), v.as_ref())).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn strict_elements() {
        check("- hello", &[], "hello");
        check("-", &[], "");
        check(
            r#"[timeQuality tzKnown="1" isSynced="0"][audit@32473 user="mueller"] octet"#,
            &[("sd.timeQuality.tzKnown", "1"), ("sd.timeQuality.isSynced", "0"), ("sd.audit@32473.user", "mueller")],
            "octet",
        );
        check(r#"[a@1 p="x \"y\" \] \\ \n"] m"#, &[("sd.a@1.p", r#"x "y" ] \ \n"#)], "m");
        check("[id@1] [not data] m", &[], "[not data] m");
    }

    #[test]
    fn veeam_elements() {
        check(
            r#"[origin enterpriseId="31023"] [categoryId=0 instanceId=23090 JobID="6e-1" ChangesXML="<changes><c old="1" new="2"/></changes>"] Job deleted"#,
            &[
                ("sd.origin.enterpriseId", "31023"),
                ("categoryId", "0"),
                ("instanceId", "23090"),
                ("JobID", "6e-1"),
                ("ChangesXML", r#"<changes><c old="1" new="2"/></changes>"#),
            ],
            "Job deleted",
        );
        check(
            r#"[categoryId=0 Description="it said "no" today"]"#,
            &[("categoryId", "0"), ("Description", r#"it said "no" today"#)],
            "",
        );
    }

    #[test]
    fn an_unclosed_element_is_message() {
        check(r#"[a@1 p="x m"#, &[], r#"[a@1 p="x m"#);
        check("[Originator@6876 sub=Hostd", &[], "[Originator@6876 sub=Hostd");
    }
}
