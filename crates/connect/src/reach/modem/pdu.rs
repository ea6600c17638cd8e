//! Short messages as a modem carries them: SMS-SUBMIT out, SMS-DELIVER in, as hexadecimal lines (PDU mode). Not text
//! mode: there, a reply that says *OK* looks like the modem's own *OK*. Source: 3GPP TS 23.040 §9.2, TS 23.038 §6.

use std::fmt::Write as _;

/// Septets of one message. Source: 3GPP TS 23.040 §9.2.3.24.
const SEPTETS_MAX: usize = 160;
/// The longest line of hexadecimal digits that is read; a message has at most about 350.
const PDU_CHARS_MAX: usize = 600;
/// Escape: the next septet is of the extension table.
const ESCAPE: u8 = 0x1b;

/// The GSM 7-bit default alphabet by code. Source: 3GPP TS 23.038 §6.2.1.
const ALPHABET: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\u{1b}ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZ\
                        ÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// The extension table. Source: 3GPP TS 23.038 §6.2.1.1.
const EXTENSION: [(u8, char); 9] = [
    (0x14, '^'),
    (0x28, '{'),
    (0x29, '}'),
    (0x2f, '\\'),
    (0x3c, '['),
    (0x3d, '~'),
    (0x3e, ']'),
    (0x40, '|'),
    (0x65, '€'),
];
/// Letters that the alphabet lacks and their nearest ones; what stands in neither becomes a question mark.
const NEAREST: [(&str, char); 23] = [
    ("ăâáãąā", 'a'),
    ("ĂÂÁÀÃĄĀ", 'A'),
    ("ćčç", 'c'),
    ("ĆČ", 'C'),
    ("ďđ", 'd'),
    ("ĎĐ", 'D'),
    ("êëęěėē", 'e'),
    ("ÊËĘĚÈĖĒ", 'E'),
    ("îíïī", 'i'),
    ("ÎÍÏĪ", 'I'),
    ("łľĺ", 'l'),
    ("ŁĽĹ", 'L'),
    ("ńň", 'n'),
    ("ŃŇ", 'N'),
    ("óôőõ", 'o'),
    ("ÓÔŐÕ", 'O'),
    ("řŕ", 'r'),
    ("șşšś", 's'),
    ("ȘŞŠŚ", 'S'),
    ("țţť", 't'),
    ("ȚŢŤ", 'T'),
    ("úűůûū", 'u'),
    ("źżž", 'z'),
];

/// A message that somebody sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Its place in the modem's memory.
    pub index: u32,
    /// The sender's number, with `+` where it is international; or their name, which cannot be answered.
    pub from: String,
    /// What it says.
    pub text: String,
}

/// A message to a number: its hexadecimal line, and how many octets the modem is told (without the service centre).
pub fn submit(to: &str, text: &str) -> (String, usize) {
    let digits: Vec<u8> = to.bytes().filter(u8::is_ascii_digit).map(|digit| digit - b'0').collect();
    let septets = septets_of(text);
    // first octet: SMS-SUBMIT, no validity period; then the reference, which the modem sets
    let mut octets = vec![0x01, 0x00, u8::try_from(digits.len()).unwrap_or(u8::MAX), 0x91];
    for pair in digits.chunks(2) {
        octets.push(pair.get(1).copied().unwrap_or(0x0f) << 4 | pair.first().copied().unwrap_or_default());
    }
    octets.extend([0x00, 0x00, u8::try_from(septets.len()).unwrap_or(u8::MAX)]);
    octets.extend(packed(&septets));
    let mut line = String::from("00");
    for octet in &octets {
        let _ = write!(line, "{octet:02X}");
    }
    (line, octets.len())
}

/// Reads a message that came in; none where it is no text message or not readable.
pub fn deliver(index: u32, line: &str) -> Option<Received> {
    let octets = octets_of(line)?;
    let mut rest = Reader(&octets);
    let centre = rest.octet()?;
    rest.take(usize::from(centre))?;
    let first = rest.octet()?;
    if first & 0b11 != 0 {
        return None;
    }
    let from = address(&mut rest)?;
    rest.octet()?;
    let coding = rest.octet()?;
    rest.take(7)?;
    let length = usize::from(rest.octet()?);
    let header = first & 0x40 != 0;
    let text = match coding & 0x0c {
        0x08 => {
            let data = rest.take(length)?;
            let skip = if header { usize::from(*data.first()?) + 1 } else { 0 };
            let units = data.get(skip..)?.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            String::from_utf16_lossy(&units.collect::<Vec<u16>>())
        }
        0x00 => {
            let data = rest.take((length * 7).div_ceil(8))?;
            // a header takes whole septets: it is followed by fill bits
            let skip = if header { ((usize::from(*data.first()?) + 1) * 8).div_ceil(7) } else { 0 };
            text_of(unpacked(data, length).get(skip..)?)
        }
        _ => return None,
    };
    Some(Received { index, from, text })
}

/// Bytes read in order.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn octet(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }
}

fn address(rest: &mut Reader<'_>) -> Option<String> {
    let digits = usize::from(rest.octet()?);
    let kind = rest.octet()?;
    let octets = rest.take(digits.div_ceil(2))?;
    if kind & 0x70 == 0x50 {
        return Some(text_of(&unpacked(octets, digits * 4 / 7)));
    }
    let mut number = if kind & 0x70 == 0x10 { String::from("+") } else { String::new() };
    let halves = octets.iter().flat_map(|octet| [octet & 0x0f, octet >> 4]);
    number.extend(halves.take(digits).filter(|half| *half < 10).map(|half| char::from(b'0' + half)));
    Some(number)
}

fn octets_of(line: &str) -> Option<Vec<u8>> {
    let line = line.trim();
    if line.len() > PDU_CHARS_MAX || !line.len().is_multiple_of(2) || !line.is_ascii() {
        return None;
    }
    let pairs = line.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// A text in the alphabet, cut to one message.
fn septets_of(text: &str) -> Vec<u8> {
    let mut septets = Vec::with_capacity(SEPTETS_MAX);
    for letter in text.chars() {
        let code = septet_of(letter).or_else(|| {
            let near = NEAREST.iter().find(|(letters, _)| letters.contains(letter)).map(|(_, near)| *near);
            septet_of(near?)
        });
        let extended = EXTENSION.iter().find(|(_, own)| *own == letter);
        let needed = match (code, extended) {
            (Some(code), _) => vec![code],
            (None, Some((code, _))) => vec![ESCAPE, *code],
            (None, None) => septet_of('?').into_iter().collect(),
        };
        if septets.len() + needed.len() > SEPTETS_MAX {
            break;
        }
        septets.extend(needed);
    }
    septets
}

fn septet_of(letter: char) -> Option<u8> {
    let place = ALPHABET.chars().position(|own| own == letter && own != char::from(ESCAPE))?;
    u8::try_from(place).ok()
}

fn text_of(septets: &[u8]) -> String {
    let mut text = String::with_capacity(septets.len());
    let mut rest = septets.iter();
    while let Some(septet) = rest.next() {
        if *septet == ESCAPE {
            let code = rest.next();
            text.push(EXTENSION.iter().find(|(own, _)| Some(own) == code).map_or('?', |(_, letter)| *letter));
        } else {
            text.push(ALPHABET.chars().nth(usize::from(*septet)).unwrap_or('?'));
        }
    }
    text
}

fn packed(septets: &[u8]) -> Vec<u8> {
    let mut octets = vec![0_u8; (septets.len() * 7).div_ceil(8)];
    for (place, septet) in septets.iter().enumerate() {
        for bit in (0..7).filter(|bit| septet >> bit & 1 == 1) {
            let at = place * 7 + bit;
            if let Some(octet) = octets.get_mut(at / 8) {
                *octet |= 1 << (at % 8);
            }
        }
    }
    octets
}

fn unpacked(octets: &[u8], count: usize) -> Vec<u8> {
    let bit = |at: usize| octets.get(at / 8).map_or(0, |octet| octet >> (at % 8) & 1);
    (0..count).map(|place| (0..7).fold(0, |septet, own| septet | bit(place * 7 + own) << own)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alphabet_has_128_places() {
        assert_eq!(ALPHABET.chars().count(), 128);
        assert_eq!((septet_of('A'), septet_of('a'), septet_of('à')), (Some(0x41), Some(0x61), Some(0x7f)));
    }

    /// Worked through by hand from TS 23.040: +31628870634 and *hellohello*, the example that textbooks use.
    #[test]
    fn a_message_is_written_as_the_standard_says() {
        let (line, octets) = submit("+31628870634", "hellohello");
        assert_eq!(line, "0001000B911326880736F400000AE8329BFD4697D9EC37");
        assert_eq!(octets, line.len() / 2 - 1);
    }

    #[test]
    fn a_message_is_read_as_the_standard_says() {
        let line = "07917283010010F5040BC87238880900F10000993092516195800AE8329BFD4697D9EC37";
        let read = deliver(3, line).unwrap();
        assert_eq!((read.index, read.from.as_str(), read.text.as_str()), (3, "27838890001", "hellohello"));
        for cut in 0..line.len() {
            // cut anywhere it is refused or shorter, and nothing panics
            let _ = deliver(3, &line[..cut]);
        }
        assert_eq!(deliver(1, "nonsense"), None);
    }

    /// A message from +1234 with this first octet, coding, length and data.
    fn incoming(first: u8, coding: u8, length: usize, data: &[u8]) -> String {
        let mut octets = vec![0x00, first, 0x04, 0x91, 0x21, 0x43, 0x00, coding];
        octets.extend([0_u8; 7]);
        octets.push(u8::try_from(length).unwrap());
        octets.extend(data);
        octets.iter().map(|octet| format!("{octet:02X}")).collect()
    }

    #[test]
    fn a_message_in_ucs2_and_one_in_parts_are_read() {
        let ucs2 = deliver(1, &incoming(0x04, 0x08, 4, &[0x00, 0x48, 0x01, 0x03])).unwrap();
        assert_eq!((ucs2.from.as_str(), ucs2.text.as_str()), ("+1234", "Hă"));
        // a header of six octets (part 1 of 1) takes seven septets; the text follows
        let mut septets = vec![0_u8; 7];
        septets.extend(septets_of("OK 482193"));
        let mut data = packed(&septets);
        data.splice(0..6, [5, 0, 3, 1, 1, 1]);
        let part = deliver(1, &incoming(0x44, 0x00, septets.len(), &data)).unwrap();
        assert_eq!(part.text, "OK 482193");
        assert_eq!(deliver(1, &incoming(0x04, 0x04, 1, &[1])), None, "data is no text");
    }

    #[test]
    fn letters_outside_the_alphabet_become_their_nearest() {
        let there_and_back = |text: &str| text_of(&septets_of(text));
        assert_eq!(there_and_back("Știre: spitalul județean, 5 € [x_1]"), "Stire: spitalul judetean, 5 € [x_1]");
        assert_eq!(there_and_back("Кабинет"), "???????");
        assert_eq!(septets_of(&"x".repeat(200)).len(), SEPTETS_MAX);
        assert_eq!(unpacked(&packed(&septets_of("test@_")), 6), septets_of("test@_"));
    }
}
