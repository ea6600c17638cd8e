//! Sigma's strings: literal text, wildcards, escapes, placeholders, and the modifiers that rewrite a string.
//! A file of its own because the escaping rules are a trap that one place must hold.
//! Source: Sigma specification 2.x, *escaping* and *modifiers*; behaviour as pySigma.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The most strings one value may become (`windash` is a class and does not count; `base64offset`, `expand` do).
pub const VARIANTS_MAX: usize = 4_096;

/// One part of a Sigma string.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Atom {
    /// Text to be found as it is (folded unless `cased`).
    Literal(String),
    /// `?`: exactly one character.
    One,
    /// `*`: any characters, none included.
    Star,
    /// Any of the five characters Windows programs take for an option's dash.
    Dash,
    /// `%name%` under `expand`: any value of a table.
    Placeholder(String),
}

/// The characters that `windash` makes equal: hyphen, slash, en dash, em dash, horizontal bar.
pub const DASHES: [char; 5] = ['-', '/', '\u{2013}', '\u{2014}', '\u{2015}'];

/// Reads a Sigma string. A backslash makes `*`, `?` and a backslash literal, and is literal before anything else.
pub fn parse(text: &str) -> Vec<Atom> {
    let mut atoms = Vec::new();
    let mut literal = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(next @ ('*' | '?' | '\\')) => literal.push(next),
                Some(next) => literal.extend(['\\', next]),
                None => literal.push('\\'),
            },
            '*' | '?' => {
                flush(&mut literal, &mut atoms);
                atoms.push(if c == '*' { Atom::Star } else { Atom::One });
            }
            _ => literal.push(c),
        }
    }
    flush(&mut literal, &mut atoms);
    atoms
}

fn flush(literal: &mut String, atoms: &mut Vec<Atom>) {
    if !literal.is_empty() {
        atoms.push(Atom::Literal(std::mem::take(literal)));
    }
}

/// The text of a string without wildcards; `None` where it has any.
pub fn plain(atoms: &[Atom]) -> Option<String> {
    let mut text = String::new();
    for atom in atoms {
        match atom {
            Atom::Literal(part) => text.push_str(part),
            _ => return None,
        }
    }
    Some(text)
}

/// `windash`: every `-` or `/` that begins an option becomes any dash. Source: pySigma, `\B[-/]\b`.
pub fn windash(atoms: Vec<Atom>) -> Vec<Atom> {
    let mut out = Vec::new();
    for atom in atoms {
        let Atom::Literal(text) = atom else {
            out.push(atom);
            continue;
        };
        let mut literal = String::new();
        let chars: Vec<char> = text.chars().collect();
        for (at, c) in chars.iter().enumerate() {
            let after_word = at > 0 && is_word(chars[at - 1]);
            let before_word = chars.get(at + 1).is_some_and(|next| is_word(*next));
            if matches!(c, '-' | '/') && !after_word && before_word {
                flush(&mut literal, &mut out);
                out.push(Atom::Dash);
            } else {
                literal.push(*c);
            }
        }
        flush(&mut literal, &mut out);
    }
    out
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// `expand`: finds `%name%` in the literal parts.
pub fn placeholders(atoms: Vec<Atom>) -> Vec<Atom> {
    let mut out = Vec::new();
    for atom in atoms {
        match atom {
            Atom::Literal(text) => split_placeholders(&text, &mut out),
            other => out.push(other),
        }
    }
    out
}

fn split_placeholders(text: &str, out: &mut Vec<Atom>) {
    let mut rest = text;
    while let Some(start) = rest.find('%') {
        let Some(len) = rest[start + 1..].find('%') else { break };
        let name = &rest[start + 1..start + 1 + len];
        if name.is_empty() || !name.chars().all(|c| is_word(c) || c == '-' || c == '.') {
            break;
        }
        if start > 0 {
            out.push(Atom::Literal(rest[..start].to_owned()));
        }
        out.push(Atom::Placeholder(name.to_owned()));
        rest = &rest[start + len + 2..];
    }
    if !rest.is_empty() {
        out.push(Atom::Literal(rest.to_owned()));
    }
}

/// Base64 with padding, RFC 4648 §4.
pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// `base64offset`: how the bytes look inside longer Base64, for each of the three places they can begin at.
pub fn base64_offsets(bytes: &[u8]) -> Vec<String> {
    (0..3)
        .map(|offset| {
            let mut padded = vec![b' '; offset];
            padded.extend_from_slice(bytes);
            let text = base64(&padded);
            // Characters that also hold bits of the neighbours are cut off on both sides.
            let start = [0, 2, 3][offset];
            let end = text.len() - [0, 3, 2][padded.len() % 3];
            text.get(start..end).unwrap_or("").to_owned()
        })
        .collect()
}

/// The encodings of `wide`, `utf16le`, `utf16be` and `utf16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Utf16 {
    /// `wide` and `utf16le`.
    Little,
    /// `utf16be`.
    Big,
    /// `utf16`: a byte order mark, then little-endian.
    Marked,
}

/// A text's bytes in UTF-16.
pub fn utf16(text: &str, form: Utf16) -> Vec<u8> {
    let mut bytes = match form {
        Utf16::Marked => vec![0xFF, 0xFE],
        Utf16::Little | Utf16::Big => Vec::new(),
    };
    for unit in text.encode_utf16() {
        bytes.extend(if form == Utf16::Big { unit.to_be_bytes() } else { unit.to_le_bytes() });
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lit(text: &str) -> Atom {
        Atom::Literal(text.to_owned())
    }

    #[test]
    fn backslashes_escape_only_wildcards_and_themselves() {
        assert_eq!(parse(r"C:\Windows\*.exe"), [lit(r"C:\Windows*.exe")]);
        assert_eq!(parse(r"C:\Windows\\*.exe"), [lit(r"C:\Windows\"), Atom::Star, lit(".exe")]);
        assert_eq!(parse(r"\\\\server\share"), [lit(r"\\server\share")]);
        assert_eq!(parse(r"a?b\?"), [lit("a"), Atom::One, lit("b?")]);
        assert_eq!(parse(r"end\"), [lit(r"end\")]);
        assert!(parse("").is_empty());
    }

    #[test]
    fn windash_takes_option_dashes_only() {
        assert_eq!(windash(parse(" -a /b c-d")), [lit(" "), Atom::Dash, lit("a "), Atom::Dash, lit("b c-d")]);
        assert_eq!(windash(parse("-")), [lit("-")]);
    }

    #[test]
    fn base64_and_its_offsets() {
        assert_eq!(base64(b"foobar"), "Zm9vYmFy");
        assert_eq!(base64(b"fo"), "Zm8=");
        for lead in 0..3 {
            let text = base64(format!("{}/bin/bash tail", &"xyz"[..lead]).as_bytes());
            assert!(base64_offsets(b"/bin/bash").iter().any(|part| text.contains(part)), "{text}");
        }
        assert_eq!(utf16("aé", Utf16::Little), [b'a', 0, 0xE9, 0]);
        assert_eq!(utf16("a", Utf16::Marked), [0xFF, 0xFE, b'a', 0]);
        assert_eq!(utf16("a", Utf16::Big), [0, b'a']);
    }

    #[test]
    fn placeholders_are_found() {
        assert_eq!(placeholders(parse("a%x%b%y")), [lit("a"), Atom::Placeholder("x".to_owned()), lit("b%y")]);
    }
}
