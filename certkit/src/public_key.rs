//! A P-256 public key.

use std::fmt;

use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{Signature, VerifyingKey};
use sha2::{Digest, Sha256};
use thiserror::Error;

/// Octets of an uncompressed point (SEC 1 §2.3.3).
const POINT: usize = 65;
/// What precedes the point in the SubjectPublicKeyInfo of a P-256 key (RFC 5480 §2.1.1): two headers, the
/// identifiers id-ecPublicKey and secp256r1, and the header of the bit string.
const SPKI_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// A public key on P-256. One key has one encoding here (uncompressed, named curve), so equal keys have equal
/// fingerprints.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PublicKey {
    point: [u8; POINT],
}

/// A public key of another kind, in another encoding, or one that is no point of the curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the public key is not a P-256 key in the usual (uncompressed, named curve) form; make a P-256 key")]
pub struct KeyNotSupported;

/// A signature that this key did not make over this message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "the signature does not fit the message and the public key; sign again with the key that belongs to it"
)]
pub struct BadSignature;

impl PublicKey {
    /// Reads a DER SubjectPublicKeyInfo (RFC 5280 §4.1.2.7).
    ///
    /// # Errors
    /// [`KeyNotSupported`].
    pub fn from_spki_der(der: &[u8]) -> Result<Self, KeyNotSupported> {
        Self::from_point(der.strip_prefix(&SPKI_PREFIX).ok_or(KeyNotSupported)?)
    }

    pub(crate) fn from_point(point: &[u8]) -> Result<Self, KeyNotSupported> {
        let point = <[u8; POINT]>::try_from(point).map_err(|_| KeyNotSupported)?;
        VerifyingKey::from_sec1_bytes(&point).map_err(|_| KeyNotSupported)?;
        Ok(Self { point })
    }

    /// The uncompressed point (SEC 1 §2.3.3).
    pub(crate) fn point(&self) -> &[u8] {
        &self.point
    }

    /// The key as DER SubjectPublicKeyInfo (RFC 5280 §4.1.2.7).
    #[must_use]
    pub fn spki_der(&self) -> Vec<u8> {
        [&SPKI_PREFIX[..], &self.point].concat()
    }

    /// SHA-256 of the DER SubjectPublicKeyInfo: what `openssl pkey -pubin -outform DER | sha256sum` prints.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        Sha256::digest(self.spki_der()).into()
    }

    /// The identifier that certificates carry for this key (RFC 7093 §2, method 1): the first 160 bits of the
    /// SHA-256 of the point.
    pub(crate) fn key_id(&self) -> Vec<u8> {
        Sha256::digest(self.point)[..20].to_vec()
    }

    /// Checks a DER signature (RFC 3279 §2.2.3), ECDSA with SHA-256, by an implementation of the curve that is not
    /// the signer's.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify(&self, message: &[u8], signature_der: &[u8]) -> Result<(), BadSignature> {
        let key = VerifyingKey::from_sec1_bytes(&self.point).map_err(|_| BadSignature)?;
        let signature = Signature::from_der(signature_der).map_err(|_| BadSignature)?;
        key.verify(message, &signature).map_err(|_| BadSignature)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicKey(")?;
        self.fingerprint().iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SoftwareSigner;

    #[test]
    fn a_signature_fits_its_message_and_key_only() {
        let signer = SoftwareSigner::generate().expect("key");
        let signature = signer.sign(b"nonce").expect("signature");
        assert_eq!(signer.public_key().verify(b"nonce", &signature), Ok(()));
        assert_eq!(signer.public_key().verify(b"nonse", &signature), Err(BadSignature));
        assert_eq!(signer.public_key().verify(b"nonce", &signature[1..]), Err(BadSignature));
        assert_eq!(signer.public_key().verify(b"nonce", b""), Err(BadSignature));
        let other = SoftwareSigner::generate().expect("key");
        assert_eq!(other.public_key().verify(b"nonce", &signature), Err(BadSignature));
    }

    #[test]
    fn spki_goes_out_and_comes_back() {
        let key = SoftwareSigner::generate().expect("key").public_key().clone();
        assert_eq!(PublicKey::from_spki_der(&key.spki_der()), Ok(key.clone()));
        let mut off_the_curve = key.spki_der();
        off_the_curve[90] ^= 1;
        assert_eq!(PublicKey::from_spki_der(&off_the_curve), Err(KeyNotSupported));
        assert_eq!(PublicKey::from_spki_der(&key.spki_der()[..90]), Err(KeyNotSupported));
    }
}
