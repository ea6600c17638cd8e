//! IBM QRadar's Log Event Extended Format 1.0 and 2.0.
//! A file of its own because version 2 chooses its own delimiter in the header.

use super::pairs::Pairs;

/// Reads a body that begins with `LEEF:`; `None` where the header is not whole.
/// Shape: header as `leefVersion`, `vendor`, `product`, `productVersion`, `eventId`; attributes as written.
pub fn read<'a>(body: &'a str, pairs: &mut Pairs<'a>) -> Option<()> {
    let mut rest = body.strip_prefix("LEEF:")?;
    let mut version = "";
    for name in ["leefVersion", "vendor", "product", "productVersion", "eventId"] {
        let (value, behind) = rest.split_once('|')?;
        if name == "leefVersion" {
            version = value;
        }
        pairs.push(name, value);
        rest = behind;
    }
    let mut delimiter = '\t';
    if version.starts_with('2')
        && let Some((word, behind)) = rest.split_once('|')
        && let Some(chosen) = delimiter_of(word)
    {
        delimiter = chosen;
        rest = behind;
    }
    for part in rest.split(delimiter) {
        if let Some((key, value)) = part.trim().split_once('=') {
            pairs.push(key, value);
        }
    }
    Some(())
}

/// `^`, `x5E`, `0x5E` or nothing (a tab); `None` where the word is already an attribute.
fn delimiter_of(word: &str) -> Option<char> {
    let hex = word.strip_prefix("0x").or_else(|| word.strip_prefix('x'));
    if let Some(hex) = hex.filter(|hex| !hex.is_empty()) {
        return u32::from_str_radix(hex, 16).ok().and_then(char::from_u32);
    }
    let mut chars = word.chars();
    match (chars.next(), chars.next()) {
        (None, _) => Some('\t'),
        (Some(one), None) => Some(one),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions() {
        let check = |line: &str| {
            let mut pairs = Pairs::new();
            read(line, &mut pairs).unwrap();
            assert_eq!(pairs.get("eventId"), Some("blocked"), "{line}");
            assert_eq!(pairs.get("src"), Some("10.0.0.5"), "{line}");
            assert_eq!(pairs.get("usrName"), Some("a b"), "{line}");
        };
        check("LEEF:1.0|V|P|3|blocked|src=10.0.0.5\tusrName=a b");
        check("LEEF:2.0|V|P|3|blocked|^|src=10.0.0.5^usrName=a b");
        check("LEEF:2.0|V|P|3|blocked|x5E|src=10.0.0.5^usrName=a b");
        check("LEEF:2.0|V|P|3|blocked||src=10.0.0.5\tusrName=a b");
        assert_eq!(read("LEEF:2.0|V|P", &mut Pairs::new()), None);
    }
}
