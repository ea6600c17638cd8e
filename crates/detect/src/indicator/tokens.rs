//! A folded text taken apart into the tokens that can be an indicator.
//! A file of its own because it decides, byte by byte, what is worth a lookup; the tables are in `indicator.rs`.

/// What a token can be, by the bytes it is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// An address, perhaps with a port or brackets.
    Address,
    /// 32, 40 or 64 hexadecimal digits.
    Hash,
    /// Something with an `@`.
    Mail,
    /// A name with dots and letters.
    Name,
}

const HEX: u8 = 1;
const DOT: u8 = 2;
const COLON: u8 = 4;
const AT: u8 = 8;
/// A letter beyond `f`, or any other byte that neither addresses nor hashes have.
const OTHER: u8 = 16;

/// What a byte adds to a token; 0 separates tokens. Letters are lower case already.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte as u8 {
            b'0'..=b'9' | b'a'..=b'f' => HEX,
            b'.' => DOT,
            b':' => COLON,
            b'@' => AT,
            b'g'..=b'z' | b'A'..=b'Z' | b'-' | b'_' | b'%' | b'+' | 128..=255 => OTHER,
            _ => 0,
        };
        byte += 1;
    }
    classes
};

/// Calls `see` with every token that can be an indicator.
pub(super) fn each_token<'t>(text: &'t str, see: &mut impl FnMut(&'t str, Form)) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        let (mut classes, mut dots, mut colons) = (0, 0_u32, 0_u32);
        while let Some(class) = bytes.get(at).map(|byte| CLASSES[*byte as usize]).filter(|class| *class != 0) {
            classes |= class;
            dots += u32::from(class == DOT);
            colons += u32::from(class == COLON);
            at += 1;
        }
        if at - start >= 3
            && let Some(form) = form(classes, dots, colons, at - start)
        {
            // Separators are ASCII, so both ends are character boundaries.
            let token = text.get(start..at).unwrap_or("").trim_matches(['.', '-', ':', '+', '%']);
            // A trailing colon pair is part of an address such as `fe80::`.
            let token = if form == Form::Address { text.get(start..at).unwrap_or("") } else { token };
            see(token, form);
        }
        at += 1;
    }
}

fn form(classes: u8, dots: u32, colons: u32, length: usize) -> Option<Form> {
    if classes == HEX {
        return matches!(length, 32 | 40 | 64).then_some(Form::Hash);
    }
    if classes & AT != 0 {
        return Some(Form::Mail);
    }
    if classes & OTHER == 0 && (dots >= 3 || colons >= 2) {
        return Some(Form::Address);
    }
    // `fe80::1%eth0` has a zone; `a.b:443` and names have dots.
    match (dots, colons) {
        (_, 2..) if dots == 0 => Some(Form::Address),
        (1.., _) => Some(Form::Name),
        _ => None,
    }
}

/// Calls `see` with everything that has a scheme, up to the next blank, quote or bracket.
pub(super) fn each_url<'t>(text: &'t str, see: &mut impl FnMut(&'t str)) {
    for mark in memchr::memmem::find_iter(text.as_bytes(), "://") {
        let before = text.get(..mark).unwrap_or("");
        let scheme = before.bytes().rev().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'+').count();
        let from = text.get(mark - scheme..).unwrap_or("");
        let end =
            from.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '|' | '\\' | '^' | '`'));
        see(from[..end.unwrap_or(from.len())].trim_end_matches(['.', ',', ';', ')', ']', '}']));
    }
}

/// Calls `see` with everything that can be a file name: the last part of each path, and of the whole text, which may hold blanks.
pub(super) fn each_file<'t>(text: &'t str, see: &mut impl FnMut(&'t str)) {
    let last_part = |path: &'t str| path.rsplit(['\\', '/']).next().unwrap_or(path);
    see(last_part(text.trim()));
    for part in text.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '|' | ',' | ';' | '=')) {
        see(last_part(part));
    }
}
