//! Seeded damage to an input, for the tests that run every reader.
//!
//! Apart from the readers because it knows none of them: bytes in, bytes out,
//! the same for the same seed, so that a failing test names what to repeat.
//! It is no replacement for a fuzzer that sees which branches were taken.

/// The longest input that damage may produce, in bytes.
pub const INPUT_BYTES_MAX: usize = 80 * 1024;

/// Pieces that readers have stumbled over: depth, size, signs, encodings, ends.
const PIECES: &[&[u8]] = &[
    b"\0",
    b"\r\n",
    b"\n\n",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\xe2\x80\xae",
    b"4294967296 ",
    b"99999999999999999999999999",
    b"-9223372036854775808",
    b"1e308",
    b"0x",
    b"%s%n",
    b"\\u0000",
    b"\\ud800",
    b"{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{",
    b"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    b"((((((((((((((((((((((((((((((((",
    b"*&a &a [*a, *a]",
    b"<!DOCTYPE a [<!ENTITY b \"b\"><!ENTITY c \"&b;&b;&b;\">]>",
    b"(a*)*(a*)*(a*)*$",
    b": ",
    b"- ",
    b"\"",
    b"'",
    b"\\",
    b"=",
    b"|",
];

/// A small generator with a full period; the quality that damage needs, no more.
pub struct Dice(u64);

impl Dice {
    /// Dice for one seed. Equal seeds throw equal numbers.
    pub fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `limit`; 0 if `limit` is 0.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        match limit {
            0 => 0,
            _ => (self.0 >> 11) as usize % limit,
        }
    }
}

/// Damages `input` in one to four places, sometimes with parts of `other`.
pub fn damaged(input: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=dice.below(4) {
        damage(&mut bytes, other, dice);
    }
    bytes.truncate(INPUT_BYTES_MAX);
    bytes
}

fn damage(bytes: &mut Vec<u8>, other: &[u8], dice: &mut Dice) {
    let at = dice.below(bytes.len() + 1);
    match dice.below(7) {
        0 => flip(bytes, at, dice),
        1 => bytes.truncate(at),
        2 => drop(bytes.drain(at..end(at, bytes.len(), dice))),
        3 => {
            let piece = PIECES[dice.below(PIECES.len())];
            splice(bytes, at, &piece.repeat(1 + dice.below(3) * dice.below(40)));
        }
        4 => {
            let span = bytes[at..end(at, bytes.len(), dice)].to_vec();
            splice(bytes, at, &span.repeat(1 + dice.below(8)));
        }
        5 => {
            let from = dice.below(other.len() + 1);
            splice(bytes, at, &other[from..end(from, other.len(), dice)]);
        }
        _ => {
            let digits = bytes.iter().position(u8::is_ascii_digit);
            let piece = PIECES[dice.below(PIECES.len())];
            splice(bytes, digits.unwrap_or(at), piece);
        }
    }
}

fn flip(bytes: &mut [u8], at: usize, dice: &mut Dice) {
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1 << dice.below(8);
    }
}

/// The end of a span that begins at `from`: mostly short, at most 256 bytes.
fn end(from: usize, length: usize, dice: &mut Dice) -> usize {
    let reach = [4, 16, 256][dice.below(3)];
    (from + dice.below(reach)).min(length)
}

fn splice(bytes: &mut Vec<u8>, at: usize, piece: &[u8]) {
    bytes.splice(at..at, piece.iter().copied());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_repeats_with_its_seed_and_changes_the_input() {
        let input = b"title: a rule\nlogsource: {product: windows}\n";
        let once: Vec<Vec<u8>> = (0..200).map(|seed| damaged(input, b"other", &mut Dice::new(seed))).collect();
        let again: Vec<Vec<u8>> = (0..200).map(|seed| damaged(input, b"other", &mut Dice::new(seed))).collect();
        assert_eq!(once, again);
        let distinct: std::collections::BTreeSet<_> = once.iter().collect();
        assert!(distinct.len() > 150, "only {} different", distinct.len());
        assert!(once.iter().all(|bytes| bytes.len() <= INPUT_BYTES_MAX));
    }
}
