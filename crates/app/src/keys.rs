//! The node's key pair: its identity, its signature. A file of its own because nothing else touches secret bytes.

use domain::party::NodeId;
use domain::record::hex;
use domain::release::{Release, SignedRelease, release_signing_input};
use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use sha2::{Digest, Sha256};

/// An Ed25519 key pair. The identity of the node is the hash of its public half.
pub struct Keys {
    pair: Ed25519KeyPair,
    pkcs8: Vec<u8>,
}

/// The bytes are no Ed25519 key in PKCS#8, or the system gave no randomness.
#[derive(Debug, thiserror::Error)]
#[error("the node key is unreadable: {0}; restore it from a backup, or enrol again with a new one")]
pub struct KeyError(String);

impl Keys {
    /// Makes a new pair.
    pub fn generate() -> Result<Self, KeyError> {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
            .map_err(|_| KeyError("the system gave no random bytes".to_owned()))?;
        Self::from_pkcs8(document.as_ref())
    }

    /// Reads a pair from its PKCS#8 bytes.
    pub fn from_pkcs8(bytes: &[u8]) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(bytes).map_err(|why| KeyError(why.to_string()))?;
        Ok(Self { pair, pkcs8: bytes.to_vec() })
    }

    /// The PKCS#8 bytes, for the key file (mode 0600) and the TLS layer.
    pub fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The raw public key, 32 bytes.
    pub fn public_key(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    /// The node's identity.
    pub fn node_id(&self) -> NodeId {
        node_id_of(self.public_key())
    }

    /// Signs bytes; the caller has put a domain-separating prefix in front.
    pub fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        self.pair.sign(bytes).as_ref().to_vec()
    }

    /// Serialises a release and signs exactly those bytes.
    pub fn sign_release(&self, release: &Release) -> Result<SignedRelease, serde_json::Error> {
        let bytes = serde_json::to_vec(release)?;
        let signature = self.sign(&release_signing_input(&bytes));
        Ok(SignedRelease { bytes, key: self.public_key().to_vec(), signature })
    }
}

/// The identity that belongs to a public key.
pub fn node_id_of(public_key: &[u8]) -> NodeId {
    NodeId(hex(&Sha256::digest(public_key)))
}

/// Whether `signature` over `bytes` was made with the private half of `public_key`.
pub fn verify(public_key: &[u8], bytes: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, public_key).verify(bytes, signature).is_ok()
}

/// `N` random bytes from the system.
pub fn random<const N: usize>() -> Result<[u8; N], KeyError> {
    use ring::rand::SecureRandom;
    let mut bytes = [0_u8; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| KeyError("the system gave no random bytes".to_owned()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_its_bytes_and_its_key_only() {
        let (one, other) = (Keys::generate().unwrap(), Keys::generate().unwrap());
        let signature = one.sign(b"warn");
        assert!(verify(one.public_key(), b"warn", &signature));
        assert!(!verify(one.public_key(), b"want", &signature));
        assert!(!verify(other.public_key(), b"warn", &signature));
        let again = Keys::from_pkcs8(one.pkcs8()).unwrap();
        assert_eq!(again.node_id(), one.node_id());
    }
}
