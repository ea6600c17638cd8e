//! ArcSight Common Event Format: seven header fields between bars, then `key=value` whose values may hold spaces.
//! A file of its own because its escapes and its labels (`cs1Label=…`) exist nowhere else.

use std::borrow::Cow;

use super::pairs::Pairs;

const HEADER: [&str; 7] =
    ["cefVersion", "deviceVendor", "deviceProduct", "deviceVersion", "deviceEventClassId", "name", "severity"];

/// Reads a body that begins with `CEF:`; `None` where the header is not whole.
/// Shape: header fields under their CEF names, extension keys as written, and a custom field also under its label.
pub fn read<'a>(body: &'a str, pairs: &mut Pairs<'a>) -> Option<()> {
    let mut rest = body.strip_prefix("CEF:")?;
    for name in HEADER {
        let end = unescaped(rest, '|');
        match end {
            Some(at) => {
                pairs.push(name, unescape(rest.get(..at)?));
                rest = rest.get(at + 1..)?;
            }
            None if name == "severity" => {
                pairs.push(name, unescape(rest));
                rest = "";
            }
            None => return None,
        }
    }
    extension(rest, pairs);
    Some(())
}

/// Splits the extension at every ` key=` whose `=` is not escaped.
fn extension<'a>(text: &'a str, pairs: &mut Pairs<'a>) {
    let mut found: Vec<(&'a str, Cow<'a, str>)> = Vec::new();
    let mut rest = text.trim_start();
    while let Some(at) = unescaped(rest, '=') {
        let (Some(key), Some(behind)) = (rest.get(..at), rest.get(at + 1..)) else { break };
        let end = value_length(behind);
        let value = behind.get(..end).unwrap_or(behind);
        let key = key.trim();
        if !key.is_empty() && !key.contains(' ') {
            found.push((key, unescape(value.trim_end())));
        }
        rest = behind.get(end..).unwrap_or("").trim_start();
        if found.len() >= super::pairs::PAIRS_MAX {
            break;
        }
    }
    for (key, value) in &found {
        pairs.push(*key, value.clone());
        let Some(of) = key.strip_suffix("Label") else { continue };
        if let Some((_, labelled)) = found.iter().find(|(name, _)| *name == of) {
            pairs.push(value.clone(), labelled.clone());
        }
    }
}

/// A value ends before the space in front of the next `key=`.
fn value_length(text: &str) -> usize {
    let Some(equals) = unescaped(text, '=') else { return text.len() };
    let before = text.get(..equals).unwrap_or("");
    before.rfind(' ').unwrap_or(text.len())
}

/// Where the first `wanted` without a backslash in front stands.
fn unescaped(text: &str, wanted: char) -> Option<usize> {
    let mut escaped = false;
    text.find(|c: char| {
        let hit = c == wanted && !escaped;
        escaped = c == '\\' && !escaped;
        hit
    })
}

fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let next = chars.peek().copied();
        match (c, next) {
            ('\\', Some(kept @ ('=' | '|' | '\\'))) => out.push(kept),
            ('\\', Some('n' | 'r')) => out.push('\n'),
            _ => {
                out.push(c);
                continue;
            }
        }
        chars.next();
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_extension_escapes_and_labels() {
        let line = r"CEF:0|Trend \| Micro|Deep Security|20.0|4000000|Eicar_test_file|6|src=10.0.0.5 msg=Found C:\\tmp\\x in two words fname=a\=b.exe cs1Label=Rule Name cs1=No exec act=detect only";
        let mut pairs = Pairs::new();
        read(line, &mut pairs).unwrap();
        let check = |name: &str, value: &str| assert_eq!(pairs.get(name), Some(value), "{name}");
        check("deviceVendor", "Trend | Micro");
        check("deviceEventClassId", "4000000");
        check("severity", "6");
        check("src", "10.0.0.5");
        check("msg", r"Found C:\tmp\x in two words");
        check("fname", "a=b.exe");
        check("Rule Name", "No exec");
        check("act", "detect only");
    }

    #[test]
    fn a_torn_header_is_refused_and_an_empty_extension_is_fine() {
        assert_eq!(read("CEF:0|only|three", &mut Pairs::new()), None);
        assert_eq!(read("CEF:0|a|b|c|d|e|5", &mut Pairs::new()), Some(()));
        assert_eq!(read("CEF:0|a|b|c|d|e|5|=x ==", &mut Pairs::new()), Some(()));
    }
}
