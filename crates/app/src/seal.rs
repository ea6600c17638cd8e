//! Secrets that must be read back are sealed with a key made from the node's own, which is in a file and not in the
//! database: a copy of the database alone gives no code away.
//! A file of its own because nothing else encrypts.

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Salt};

use crate::keys::random;
use crate::{App, Error, Result};

const NONCE_BYTES: usize = 12;

fn broken() -> Error {
    Error::Input { code: "error-internal" }
}

impl App {
    /// Seals bytes; only for the same `purpose` and `owner` can they be opened.
    pub(crate) fn seal(&self, purpose: &str, owner: &[u8], secret: &[u8]) -> Result<Vec<u8>> {
        let nonce = random::<NONCE_BYTES>()?;
        let mut bytes = secret.to_vec();
        self.seal_key(purpose)?
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(owner), &mut bytes)
            .map_err(|_| broken())?;
        Ok([&nonce[..], &bytes].concat())
    }

    /// Opens what [`App::seal`] sealed; none where the node has another key by now, or bytes were changed.
    pub(crate) fn unseal(&self, purpose: &str, owner: &[u8], sealed: &[u8]) -> Result<Option<Vec<u8>>> {
        let Some((nonce, sealed)) = sealed.split_first_chunk::<NONCE_BYTES>() else { return Ok(None) };
        let mut bytes = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let key = self.seal_key(purpose)?;
        Ok(key.open_in_place(nonce, Aad::from(owner), &mut bytes).ok().map(|opened| opened.to_vec()))
    }

    fn seal_key(&self, purpose: &str) -> Result<LessSafeKey> {
        let salt = Salt::new(HKDF_SHA256, b"lazaret sealed secrets 1");
        let info = [purpose.as_bytes()];
        let made = salt.extract(self.keys.pkcs8());
        let okm = made.expand(&info, &CHACHA20_POLY1305).map_err(|_| broken())?;
        Ok(LessSafeKey::new(UnboundKey::from(okm)))
    }
}
