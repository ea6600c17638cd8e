//! Bech32 for 32-byte keys, as `age` writes them. Source: BIP 173, without its limit on length. A file of its own
//! because it is one public format.

const CHARSET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
const CHECKSUM_CHARS: usize = 6;

/// Lower case text of a key. `prefix` is the part before the 1.
pub fn encode(prefix: &str, key: &[u8; 32]) -> String {
    let mut values = regroup(key.iter().copied().map(u32::from), 8, 5, Rest::Padded).unwrap_or_default();
    let sum = polymod(&[expanded(prefix), values.clone(), vec![0; CHECKSUM_CHARS]].concat()) ^ 1;
    values.extend((0..CHECKSUM_CHARS).map(|at| ((sum >> (5 * (5 - at))) & 31) as u8));
    let letters = values.iter().filter_map(|value| CHARSET.get(usize::from(*value)).copied().map(char::from));
    format!("{prefix}1{}", letters.collect::<String>())
}

/// The key; none where the text has another prefix, a wrong check sum or another length.
pub fn decode(prefix: &str, text: &str) -> Option<[u8; 32]> {
    let letters = text.strip_prefix(prefix)?.strip_prefix('1')?;
    let value = |letter: u8| CHARSET.iter().position(|known| *known == letter).map(|at| at as u8);
    let values: Vec<u8> = letters.bytes().map(value).collect::<Option<_>>()?;
    if polymod(&[expanded(prefix), values.clone()].concat()) != 1 {
        return None;
    }
    let data = values.get(..values.len().checked_sub(CHECKSUM_CHARS)?)?;
    regroup(data.iter().copied().map(u32::from), 5, 8, Rest::Zero)?.try_into().ok()
}

/// What to do with bits left over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    Padded,
    Zero,
}

fn regroup(values: impl Iterator<Item = u32>, from_bits: u32, to_bits: u32, rest: Rest) -> Option<Vec<u8>> {
    let (mut held, mut bits, mut out) = (0_u32, 0, Vec::new());
    for value in values {
        held = ((held << from_bits) | value) & 0xfff;
        bits += from_bits;
        while bits >= to_bits {
            bits -= to_bits;
            out.push(((held >> bits) & ((1 << to_bits) - 1)) as u8);
        }
    }
    let left = held & ((1 << bits) - 1);
    match rest {
        Rest::Padded if bits > 0 => out.push((left << (to_bits - bits)) as u8),
        Rest::Zero if bits >= from_bits || left != 0 => return None,
        Rest::Padded | Rest::Zero => {}
    }
    Some(out)
}

fn expanded(prefix: &str) -> Vec<u8> {
    let high = prefix.bytes().map(|byte| byte >> 5);
    high.chain([0]).chain(prefix.bytes().map(|byte| byte & 31)).collect()
}

fn polymod(values: &[u8]) -> u32 {
    values.iter().fold(1, |sum, value| {
        let top = sum >> 25;
        let shifted = ((sum & 0x01ff_ffff) << 5) ^ u32::from(*value);
        let mix = GENERATOR.iter().enumerate().filter(|(at, _)| (top >> at) & 1 == 1);
        mix.fold(shifted, |sum, (_, generator)| sum ^ generator)
    })
}
