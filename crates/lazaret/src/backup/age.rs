//! Sealing with the `age` format, version 1: to a public key, so that the node that seals cannot open. Any tool that
//! speaks `age` opens what is written here, and the other way round. Source: C2SP `age` specification (v1), X25519
//! recipients only. A file of its own because it is one public format; the primitives are ring's and curve25519's.
//!
//! Not the `age` crate: see `docs/dependencies.md`.

use std::io::{self, Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::{hkdf, hmac};
use x25519_dalek::{PublicKey, StaticSecret};

use super::bech32;

const VERSION_LINE: &str = "age-encryption.org/v1";
const X25519_INFO: &[u8] = b"age-encryption.org/v1/X25519";
const CHUNK_BYTES: usize = 64 * 1024;
const TAG_BYTES: usize = 16;
const FILE_KEY_BYTES: usize = 16;
const NONCE_BYTES: usize = 16;
/// The longest header read. Units: bytes.
const HEADER_BYTES_MAX: usize = 16 * 1024;

/// A public key: `age1…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient(PublicKey);

/// A private key: `AGE-SECRET-KEY-1…`.
#[derive(Clone)]
pub struct Identity(StaticSecret);

/// Why something could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is no public key.
    #[error("{0:?} is no age public key (age1… with 62 characters)")]
    NoRecipient(String),
    /// The text is no private key.
    #[error("this is no age private key (a line AGE-SECRET-KEY-1…)")]
    NoIdentity,
    /// It was sealed for somebody else.
    #[error("it was sealed for another key than this one")]
    OtherKey,
    /// The bytes are not what was written.
    #[error("it is damaged or was changed: {0}")]
    Damaged(&'static str),
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    Random,
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Recipient {
    /// Reads `age1…`.
    pub fn read(text: &str) -> Result<Self, Error> {
        let bytes = bech32::decode("age", text.trim()).ok_or_else(|| Error::NoRecipient(text.trim().to_owned()))?;
        Ok(Self(PublicKey::from(bytes)))
    }
}

impl std::fmt::Display for Recipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&bech32::encode("age", self.0.as_bytes()))
    }
}

impl Identity {
    /// Makes a new one.
    pub fn generate() -> Result<Self, Error> {
        Ok(Self(StaticSecret::from(random::<32>()?)))
    }

    /// Reads a key file: the first line that is no comment, as `age-keygen` writes it.
    pub fn read(text: &str) -> Result<Self, Error> {
        let line = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
        let line = line.ok_or(Error::NoIdentity)?.to_ascii_lowercase();
        let bytes = bech32::decode("age-secret-key-", &line).ok_or(Error::NoIdentity)?;
        Ok(Self(StaticSecret::from(bytes)))
    }

    /// As `age-keygen` writes it. A secret: it belongs on paper or on another machine.
    pub fn text(&self) -> String {
        bech32::encode("age-secret-key-", self.0.as_bytes()).to_ascii_uppercase()
    }

    /// Its public half.
    pub fn recipient(&self) -> Recipient {
        Recipient(PublicKey::from(&self.0))
    }
}

/// Seals everything that `from` gives.
pub fn seal(recipient: &Recipient, mut from: impl Read, mut to: impl Write) -> Result<(), Error> {
    let file_key = random::<FILE_KEY_BYTES>()?;
    let secret = StaticSecret::from(random::<32>()?);
    let share = PublicKey::from(&secret);
    let shared = secret.diffie_hellman(&recipient.0);
    let mut body = file_key.to_vec();
    wrap_key(shared.as_bytes(), &share, &recipient.0)?
        .seal_in_place_append_tag(zero_nonce(), Aad::empty(), &mut body)
        .map_err(|_| Error::Damaged("the file key cannot be wrapped"))?;
    let header =
        format!("{VERSION_LINE}\n-> X25519 {}\n{}\n---", BASE64.encode(share.as_bytes()), BASE64.encode(&body));
    let mac = hmac::sign(&header_key(&file_key)?, header.as_bytes());
    to.write_all(format!("{header} {}\n", BASE64.encode(mac.as_ref())).as_bytes())?;
    let nonce = random::<NONCE_BYTES>()?;
    to.write_all(&nonce)?;
    seal_chunks(&payload_key(&file_key, &nonce)?, &mut from, &mut to)
}

/// Opens what was sealed for this key. What was written to `to` before an error is not to be used.
pub fn open(identity: &Identity, mut from: impl Read, mut to: impl Write) -> Result<(), Error> {
    let header = read_header(&mut from)?;
    let file_key = file_key_of(identity, &header)?;
    let (signed, mac) = header.rsplit_once(' ').ok_or(Error::Damaged("its header has no check sum"))?;
    let mac = BASE64.decode(mac).map_err(|_| Error::Damaged("its header's check sum is unreadable"))?;
    hmac::verify(&header_key(&file_key)?, signed.as_bytes(), &mac).map_err(|_| Error::Damaged("its header"))?;
    let mut nonce = [0; NONCE_BYTES];
    from.read_exact(&mut nonce).map_err(|_| Error::Damaged("it ends after its header"))?;
    open_chunks(&payload_key(&file_key, &nonce)?, &mut from, &mut to)
}

fn seal_chunks(key: &LessSafeKey, from: &mut impl Read, to: &mut impl Write) -> Result<(), Error> {
    let mut chunk = read_chunk(from, CHUNK_BYTES)?;
    for number in 0_u64.. {
        let next = if chunk.len() == CHUNK_BYTES { read_chunk(from, CHUNK_BYTES)? } else { Vec::new() };
        let last = next.is_empty();
        key.seal_in_place_append_tag(chunk_nonce(number, last), Aad::empty(), &mut chunk)
            .map_err(|_| Error::Damaged("a chunk cannot be sealed"))?;
        to.write_all(&chunk)?;
        if last {
            break;
        }
        chunk = next;
    }
    Ok(to.flush()?)
}

fn open_chunks(key: &LessSafeKey, from: &mut impl Read, to: &mut impl Write) -> Result<(), Error> {
    let mut chunk = read_chunk(from, CHUNK_BYTES + TAG_BYTES)?;
    for number in 0_u64.. {
        let next = if chunk.len() == CHUNK_BYTES + TAG_BYTES {
            read_chunk(from, CHUNK_BYTES + TAG_BYTES)?
        } else {
            Vec::new()
        };
        let last = next.is_empty();
        let plain = key
            .open_in_place(chunk_nonce(number, last), Aad::empty(), &mut chunk)
            .map_err(|_| Error::Damaged("its content, or its end is missing"))?;
        if plain.is_empty() && number > 0 {
            return Err(Error::Damaged("its last part is empty"));
        }
        to.write_all(plain)?;
        if last {
            break;
        }
        chunk = next;
    }
    Ok(to.flush()?)
}

fn read_chunk(from: &mut impl Read, bytes_max: usize) -> io::Result<Vec<u8>> {
    let mut chunk = Vec::with_capacity(bytes_max + TAG_BYTES);
    from.take(bytes_max as u64).read_to_end(&mut chunk)?;
    Ok(chunk)
}

/// The header up to and with its check sum, without the last newline.
fn read_header(from: &mut impl Read) -> Result<String, Error> {
    let mut header = Vec::new();
    let mut byte = [0];
    loop {
        from.read_exact(&mut byte).map_err(|_| Error::Damaged("it ends inside its header"))?;
        let [read] = byte;
        let last_line = header.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
        if read == b'\n' && last_line.starts_with(b"--- ") {
            break;
        }
        header.push(read);
        if header.len() > HEADER_BYTES_MAX {
            return Err(Error::Damaged("its header is too long"));
        }
    }
    let header = String::from_utf8(header).map_err(|_| Error::Damaged("its header is no text"))?;
    match header.starts_with(&format!("{VERSION_LINE}\n")) {
        true => Ok(header),
        false => Err(Error::Damaged("it is no age file of version 1")),
    }
}

/// The file key, from the first X25519 stanza that this identity opens.
fn file_key_of(identity: &Identity, header: &str) -> Result<[u8; FILE_KEY_BYTES], Error> {
    let own = PublicKey::from(&identity.0);
    let mut lines = header.lines();
    while let Some(line) = lines.next() {
        let Some(share) = line.strip_prefix("-> X25519 ") else { continue };
        let share: [u8; 32] = decoded(share)?;
        let body = lines.next().ok_or(Error::Damaged("its header"))?;
        let mut body: [u8; FILE_KEY_BYTES + TAG_BYTES] = decoded(body)?;
        let share = PublicKey::from(share);
        let shared = identity.0.diffie_hellman(&share);
        if !shared.was_contributory() {
            return Err(Error::Damaged("its header holds a weak key"));
        }
        let key = wrap_key(shared.as_bytes(), &share, &own)?;
        if let Ok(plain) = key.open_in_place(zero_nonce(), Aad::empty(), &mut body) {
            return <[u8; FILE_KEY_BYTES]>::try_from(&*plain).map_err(|_| Error::Damaged("its header"));
        }
    }
    Err(Error::OtherKey)
}

fn decoded<const N: usize>(text: &str) -> Result<[u8; N], Error> {
    let bytes = BASE64.decode(text).map_err(|_| Error::Damaged("its header"))?;
    bytes.try_into().map_err(|_| Error::Damaged("its header"))
}

fn wrap_key(shared: &[u8], share: &PublicKey, recipient: &PublicKey) -> Result<LessSafeKey, Error> {
    let salt = [share.as_bytes().as_slice(), recipient.as_bytes()].concat();
    aead_key(shared, &salt, X25519_INFO)
}

fn payload_key(file_key: &[u8], nonce: &[u8]) -> Result<LessSafeKey, Error> {
    aead_key(file_key, nonce, b"payload")
}

fn aead_key(secret: &[u8], salt: &[u8], info: &[u8]) -> Result<LessSafeKey, Error> {
    let parts = [info];
    let expanded = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(secret);
    let key = expanded.expand(&parts, &CHACHA20_POLY1305).map_err(|_| Error::Damaged("no key can be derived"))?;
    Ok(LessSafeKey::new(UnboundKey::from(key)))
}

fn header_key(file_key: &[u8]) -> Result<hmac::Key, Error> {
    let expanded = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(file_key);
    let key = expanded.expand(&[b"header"], hmac::HMAC_SHA256).map_err(|_| Error::Damaged("no key can be derived"))?;
    Ok(hmac::Key::from(key))
}

fn zero_nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

/// Eleven bytes of the chunk's number, big end first, and whether it is the last.
fn chunk_nonce(number: u64, last: bool) -> Nonce {
    let mut nonce = [0; 12];
    nonce[3..11].copy_from_slice(&number.to_be_bytes());
    nonce[11] = u8::from(last);
    Nonce::assume_unique_for_key(nonce)
}

fn random<const N: usize>() -> Result<[u8; N], Error> {
    app::random::<N>().map_err(|_| Error::Random)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(recipient: &Recipient, plain: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        seal(recipient, plain, &mut bytes).unwrap();
        bytes
    }

    fn opened(identity: &Identity, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        let mut plain = Vec::new();
        open(identity, bytes, &mut plain).map(|()| plain)
    }

    #[test]
    fn only_the_key_it_was_sealed_for_opens() {
        let (one, other) = (Identity::generate().unwrap(), Identity::generate().unwrap());
        // empty, short, one whole chunk, one more byte, several chunks
        for length in [0, 5, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES] {
            let plain = vec![7; length];
            let bytes = sealed(&one.recipient(), &plain);
            assert_eq!(opened(&one, &bytes).unwrap(), plain, "{length} bytes");
            assert!(matches!(opened(&other, &bytes), Err(Error::OtherKey)));
        }
    }

    #[test]
    fn a_changed_byte_and_a_cut_end_are_noticed() {
        let identity = Identity::generate().unwrap();
        let bytes = sealed(&identity.recipient(), &vec![7; 2 * CHUNK_BYTES]);
        for at in (0..bytes.len()).step_by(997).chain([0, 40, 120, 200, bytes.len() - 1]) {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(opened(&identity, &changed).is_err(), "a change at {at}");
        }
        for cut in [1, TAG_BYTES, CHUNK_BYTES + TAG_BYTES, bytes.len() - 10] {
            assert!(opened(&identity, &bytes[..bytes.len() - cut]).is_err(), "{cut} bytes less");
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert!(opened(&identity, &longer).is_err(), "a byte more");
    }

    #[test]
    fn keys_are_written_as_age_writes_them() {
        let identity = Identity::generate().unwrap();
        let file = format!("# created: today\n# public key: {}\n{}\n", identity.recipient(), identity.text());
        assert_eq!(Identity::read(&file).unwrap().recipient(), identity.recipient());
        assert_eq!(Recipient::read(&identity.recipient().to_string()).unwrap(), identity.recipient());
        let mut wrong = identity.recipient().to_string();
        wrong.replace_range(10..11, if wrong.as_bytes()[10] == b'q' { "p" } else { "q" });
        assert!(Recipient::read(&wrong).is_err(), "a mistyped letter");
        assert!(Recipient::read(&identity.text()).is_err() && Identity::read("# nothing").is_err());
    }

    /// Made by `pyrage`, whose core is the `age` crate.
    #[test]
    fn what_another_age_sealed_opens() {
        let identity = Identity::read(include_str!("../../../../fixtures/backup/age-key.txt")).unwrap();
        let bytes = include_bytes!("../../../../fixtures/backup/sealed-by-age.bin");
        let plain = opened(&identity, bytes).unwrap();
        assert_eq!(plain.len(), 70_000);
        assert!(plain.iter().enumerate().all(|(at, byte)| usize::from(*byte) == at % 251));
    }
}
