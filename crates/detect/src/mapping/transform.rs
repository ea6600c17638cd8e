//! What mappings may do to a value on its way to a rule. A closed list: content is data and cannot compute.

use std::borrow::Cow;

/// A change of one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transform {
    /// `0x1a4` → `420`, as 4688 writes process ids; decimal stays.
    HexToDecimal,
    /// A signed 64-bit number → `0x8020000000000000`, as NXLog writes Keywords; hexadecimal stays.
    SignedToHex,
    /// The part of a composite `SHA1=…,MD5=…,IMPHASH=…` under this (upper-case) name.
    HashPart(Box<str>),
    /// Values by a table of the mapping (lower-case keys); others stay.
    Table(Vec<(String, String)>),
    /// `\device\harddiskvolume3\windows\…`, as the firewall of Windows names programs, → `C:\windows\…` with this letter;
    /// other values stay. The log does not say which letter a volume has: the letter is the mapping's assumption.
    Drive(char),
    /// Only the part behind the last `\` or `/`.
    BaseName,
    /// A short digest in place of the value, so that patients can be counted without being named in detections. It hides
    /// from who reads a list, not from who can try every number.
    Opaque,
}

impl Transform {
    /// Applies it; `None` where the value has nothing of the kind (the field is then absent).
    pub fn apply<'v>(&self, value: Cow<'v, str>) -> Option<Cow<'v, str>> {
        match self {
            Self::HexToDecimal => Some(hex_to_decimal(value)),
            Self::SignedToHex => Some(signed_to_hex(value)),
            Self::HashPart(part) => hash_part(&value, part).map(|hash| Cow::Owned(hash.to_owned())),
            Self::Table(rows) => {
                let row = rows.iter().find(|(from, _)| from.eq_ignore_ascii_case(&value));
                Some(row.map_or(value, |(_, to)| Cow::Owned(to.clone())))
            }
            Self::Drive(letter) => Some(drive(value, *letter)),
            Self::Opaque => Some(Cow::Owned(opaque(&value))),
            Self::BaseName => {
                let name = value.rsplit(['\\', '/']).next().unwrap_or("").to_owned();
                Some(Cow::Owned(name))
            }
        }
    }

    /// Reads the word of a mapping file: `hex-to-decimal`, `signed-to-hex`, `base-name`, `opaque`, `drive:C`, `hash:MD5`. Tables are separate.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        match word {
            "hex-to-decimal" => Some(Self::HexToDecimal),
            "signed-to-hex" => Some(Self::SignedToHex),
            "base-name" => Some(Self::BaseName),
            "opaque" => Some(Self::Opaque),
            _ => match word.strip_prefix("drive:") {
                Some(letter) => single_letter(letter).map(Self::Drive),
                None => word.strip_prefix("hash:").map(|part| Self::HashPart(part.to_uppercase().into())),
            },
        }
    }
}

fn single_letter(text: &str) -> Option<char> {
    let mut chars = text.chars();
    let letter = chars.next().filter(char::is_ascii_uppercase)?;
    chars.next().is_none().then_some(letter)
}

fn drive(value: Cow<'_, str>, letter: char) -> Cow<'_, str> {
    const VOLUME: &str = r"\device\harddiskvolume";
    let behind = value.get(..VOLUME.len()).filter(|head| head.eq_ignore_ascii_case(VOLUME)).map(|_| VOLUME.len());
    let rest = behind.and_then(|at| value.get(at..)).map(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
    match rest {
        Some(rest) if rest.starts_with('\\') => Cow::Owned(format!("{letter}:{rest}")),
        _ => value,
    }
}

fn opaque(value: &str) -> String {
    use sha2::Digest as _;
    let digest = sha2::Sha256::new().chain_update(b"lazaret opaque 1\0").chain_update(value.as_bytes()).finalize();
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn hex_to_decimal(value: Cow<'_, str>) -> Cow<'_, str> {
    let hex = value.strip_prefix("0x").or_else(|| value.strip_prefix("0X"));
    match hex.and_then(|hex| u64::from_str_radix(hex, 16).ok()) {
        Some(number) => Cow::Owned(number.to_string()),
        None => value,
    }
}

fn signed_to_hex(value: Cow<'_, str>) -> Cow<'_, str> {
    match value.parse::<i64>() {
        Ok(number) => Cow::Owned(format!("{number:#x}")),
        Err(_) => value,
    }
}

/// `SHA1=…,MD5=…,SHA256=…,IMPHASH=…` in any order.
fn hash_part<'v>(value: &'v str, part: &str) -> Option<&'v str> {
    value.split(',').find_map(|piece| {
        let (name, hash) = piece.trim().split_once('=')?;
        name.eq_ignore_ascii_case(part).then_some(hash)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_transform() {
        let check = |word: &str, from: &str, to: Option<&str>| {
            let transform = Transform::from_word(word).unwrap();
            assert_eq!(transform.apply(Cow::Borrowed(from)).as_deref(), to, "{word} {from}");
        };
        check("hex-to-decimal", "0x1a4", Some("420"));
        check("hex-to-decimal", "420", Some("420"));
        check("hex-to-decimal", "0xzz", Some("0xzz"));
        check("signed-to-hex", "-9214364837600034816", Some("0x8020000000000000"));
        check("signed-to-hex", "0x80", Some("0x80"));
        check("base-name", r"C:\Windows\cmd.exe", Some("cmd.exe"));
        check("drive:C", r"\device\harddiskvolume12\windows\system32\cmd.exe", Some(r"C:\windows\system32\cmd.exe"));
        check("drive:C", r"\Device\HarddiskVolume3", Some(r"\Device\HarddiskVolume3"));
        check(
            "drive:C",
            r"\device\harddiskvolumeshadowcopy3\ntds.dit",
            Some(r"\device\harddiskvolumeshadowcopy3\ntds.dit"),
        );
        check("drive:C", "System", Some("System"));
        assert_eq!(Transform::from_word("drive:"), None);
        assert_eq!(Transform::from_word("drive:CD"), None);
        check("hash:md5", "SHA1=aa,MD5=bb,IMPHASH=cc", Some("bb"));
        check("hash:SHA256", "SHA1=aa", None);
        assert_eq!(Transform::from_word("rot13"), None);
        let opaque = |value: &'static str| Transform::Opaque.apply(Cow::Borrowed(value)).unwrap().into_owned();
        assert_eq!(opaque("4711"), opaque("4711"));
        assert_ne!(opaque("4711"), opaque("4712"));
        assert_eq!(opaque("4711").len(), 16);
        let table = Transform::Table(vec![("s-1-16-12288".into(), "High".into())]);
        assert_eq!(table.apply(Cow::Borrowed("S-1-16-12288")).as_deref(), Some("High"));
        assert_eq!(table.apply(Cow::Borrowed("other")).as_deref(), Some("other"));
    }
}
