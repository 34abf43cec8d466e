//! Public keys, and the signatures that they check.

use std::fmt;

use p256::ecdsa::signature::hazmat::PrehashVerifier;
use rsa::pkcs8::{DecodePublicKey, EncodePublicKey};
use rsa::traits::PublicKeyParts;
use sha2::{Digest, Sha256, Sha384, Sha512};
use thiserror::Error;

use crate::KeyAlgorithm;
use crate::signature_algorithm::{Hash, Scheme, SignatureAlgorithm};

/// What precedes the point in the SubjectPublicKeyInfo of a P-256 key (RFC 5480 §2.1.1): two headers, the
/// identifiers id-ecPublicKey and secp256r1, and the header of the bit string.
const P256_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// The same for P-384, with the identifier secp384r1.
const P384_PREFIX: [u8; 23] = [
    0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81,
    0x04, 0x00, 0x22, 0x03, 0x62, 0x00,
];
/// The RSA exponent that everything takes.
const RSA_EXPONENT: u64 = 65_537;

/// A public key: P-256, P-384, or RSA of 2048, 3072 or 4096 bits. One key has one encoding here (points uncompressed on
/// a named curve; RSA with the exponent 65537), so equal keys have equal fingerprints.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PublicKey {
    algorithm: KeyAlgorithm,
    spki: Vec<u8>,
    /// Where the contents of the bit string begin in `spki`.
    contents: usize,
}

/// A public key of another kind, in another encoding, or one that is no point of its curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "the public key is of no kind that is used here, or in an unusual form: take P-256, P-384 (uncompressed, named \
     curve), or RSA of 2048, 3072 or 4096 bits with the exponent 65537"
)]
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
        if let Some(point) = der.strip_prefix(&P256_PREFIX) {
            p256::ecdsa::VerifyingKey::from_sec1_bytes(uncompressed(point)?).map_err(|_| KeyNotSupported)?;
            return Ok(Self::made(KeyAlgorithm::P256, der.to_vec(), P256_PREFIX.len()));
        }
        if let Some(point) = der.strip_prefix(&P384_PREFIX) {
            p384::ecdsa::VerifyingKey::from_sec1_bytes(uncompressed(point)?).map_err(|_| KeyNotSupported)?;
            return Ok(Self::made(KeyAlgorithm::P384, der.to_vec(), P384_PREFIX.len()));
        }
        Self::rsa(der)
    }

    /// A point that this process just made with a library that checks its own keys.
    pub(crate) fn from_own_point(algorithm: KeyAlgorithm, point: &[u8]) -> Result<Self, KeyNotSupported> {
        match algorithm {
            KeyAlgorithm::P256 if point.len() == 65 => {
                Ok(Self::made(algorithm, [&P256_PREFIX, point].concat(), P256_PREFIX.len()))
            }
            KeyAlgorithm::P384 if point.len() == 97 => {
                Ok(Self::made(algorithm, [&P384_PREFIX, point].concat(), P384_PREFIX.len()))
            }
            _ => Err(KeyNotSupported),
        }
    }

    fn made(algorithm: KeyAlgorithm, spki: Vec<u8>, contents: usize) -> Self {
        Self { algorithm, spki, contents }
    }

    fn rsa(der: &[u8]) -> Result<Self, KeyNotSupported> {
        let key = rsa::PublicKey::from_public_key_der(der).map_err(|_| KeyNotSupported)?;
        let algorithm = match key.n().bit_width() {
            2048 => KeyAlgorithm::Rsa2048,
            3072 => KeyAlgorithm::Rsa3072,
            4096 => KeyAlgorithm::Rsa4096,
            _ => return Err(KeyNotSupported),
        };
        let usual = key.to_public_key_der().map_err(|_| KeyNotSupported)?;
        let usual_exponent = rsa::BoxedUint::from(RSA_EXPONENT);
        if usual.as_bytes() != der || *key.e() != usual_exponent {
            return Err(KeyNotSupported);
        }
        let parsed = x509_cert::spki::SubjectPublicKeyInfoRef::try_from(der).map_err(|_| KeyNotSupported)?;
        let contents = der.len() - parsed.subject_public_key.raw_bytes().len();
        Ok(Self::made(algorithm, der.to_vec(), contents))
    }

    /// Its kind.
    #[must_use]
    pub fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// What the bit string of the SubjectPublicKeyInfo holds: the uncompressed point (SEC 1 §2.3.3), or the
    /// RSAPublicKey (RFC 8017, appendix A.1.1).
    pub(crate) fn contents(&self) -> &[u8] {
        &self.spki[self.contents..]
    }

    /// The key as DER SubjectPublicKeyInfo (RFC 5280 §4.1.2.7).
    #[must_use]
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// SHA-256 of the DER SubjectPublicKeyInfo: what `openssl pkey -pubin -outform DER | sha256sum` prints.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        Sha256::digest(&self.spki).into()
    }

    /// The identifier that certificates carry for this key (RFC 7093 §2, method 1): the first 160 bits of the
    /// SHA-256 of what the bit string holds.
    pub(crate) fn key_id(&self) -> Vec<u8> {
        Sha256::digest(self.contents())[..20].to_vec()
    }

    /// Checks a signature as X.509 carries it, by an implementation that is not the signer's: ECDSA with the hash of
    /// the curve's size (DER, RFC 3279 §2.2.3), or RSA PKCS#1 v1.5 with SHA-256.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        self.verify_as(SignatureAlgorithm::of(self.algorithm), message, signature)
    }

    fn verify_digest(
        &self,
        algorithm: SignatureAlgorithm,
        digest: &[u8],
        signature: &[u8],
    ) -> Result<(), BadSignature> {
        let bad = |_| BadSignature;
        match (self.algorithm, algorithm.scheme) {
            (KeyAlgorithm::P256, Scheme::Ecdsa) => {
                let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(self.contents()).map_err(bad)?;
                let signature = p256::ecdsa::Signature::from_der(signature).map_err(bad)?;
                key.verify_prehash(digest, &signature).map_err(bad)
            }
            (KeyAlgorithm::P384, Scheme::Ecdsa) => {
                let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(self.contents()).map_err(bad)?;
                let signature = p384::ecdsa::Signature::from_der(signature).map_err(bad)?;
                key.verify_prehash(digest, &signature).map_err(bad)
            }
            (KeyAlgorithm::Rsa2048 | KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096, Scheme::Rsa) => {
                let key = rsa::PublicKey::from_public_key_der(&self.spki).map_err(|_| BadSignature)?;
                let padding = match algorithm.hash {
                    Hash::Sha256 => rsa::Pkcs1v15Sign::new::<Sha256>(),
                    Hash::Sha384 => rsa::Pkcs1v15Sign::new::<Sha384>(),
                    Hash::Sha512 => rsa::Pkcs1v15Sign::new::<Sha512>(),
                };
                key.verify(padding, digest, signature).map_err(|_| BadSignature)
            }
            _ => Err(BadSignature),
        }
    }
}

/// What certificates and requests are checked with.
pub(crate) trait VerifyingKey {
    /// Checks a signature with the hash that a certificate or request names.
    fn verify_as(
        &self,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), BadSignature>;
}

impl VerifyingKey for PublicKey {
    fn verify_as(
        &self,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), BadSignature> {
        match algorithm.hash {
            Hash::Sha256 => self.verify_digest(algorithm, &Sha256::digest(message), signature),
            Hash::Sha384 => self.verify_digest(algorithm, &Sha384::digest(message), signature),
            Hash::Sha512 => self.verify_digest(algorithm, &Sha512::digest(message), signature),
        }
    }
}

/// The form that has one encoding for each point (SEC 1 §2.3.3).
fn uncompressed(point: &[u8]) -> Result<&[u8], KeyNotSupported> {
    if point.first() == Some(&0x04) { Ok(point) } else { Err(KeyNotSupported) }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({} ", self.algorithm)?;
        self.fingerprint().iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Signer, SoftwareSigner};

    fn signer(algorithm: KeyAlgorithm) -> SoftwareSigner {
        SoftwareSigner::generate(algorithm).expect("key")
    }

    #[test]
    fn a_signature_fits_its_message_and_key_only() {
        for algorithm in [KeyAlgorithm::P256, KeyAlgorithm::P384, KeyAlgorithm::Rsa2048] {
            let signer = signer(algorithm);
            let signature = signer.sign(b"nonce").expect("signature");
            assert_eq!(signer.public_key().verify(b"nonce", &signature), Ok(()), "{algorithm}");
            assert_eq!(signer.public_key().verify(b"nonse", &signature), Err(BadSignature));
            assert_eq!(signer.public_key().verify(b"nonce", &signature[1..]), Err(BadSignature));
            assert_eq!(signer.public_key().verify(b"nonce", b""), Err(BadSignature));
            let other = SoftwareSigner::generate(algorithm).expect("key");
            assert_eq!(other.public_key().verify(b"nonce", &signature), Err(BadSignature));
        }
    }

    #[test]
    fn spki_goes_out_and_comes_back() {
        for algorithm in KeyAlgorithm::ALL.into_iter().take(4) {
            let key = signer(algorithm).public_key().clone();
            assert_eq!(key.algorithm(), algorithm);
            assert_eq!(PublicKey::from_spki_der(key.spki_der()), Ok(key.clone()));
            assert_eq!(PublicKey::from_spki_der(&key.spki_der()[..80]), Err(KeyNotSupported));
            let trailing = [key.spki_der(), &[0]].concat();
            assert_eq!(PublicKey::from_spki_der(&trailing), Err(KeyNotSupported));
        }
        let mut off_the_curve = signer(KeyAlgorithm::P256).public_key().spki_der().to_vec();
        off_the_curve[90] ^= 1;
        assert_eq!(PublicKey::from_spki_der(&off_the_curve), Err(KeyNotSupported));
    }

    #[test]
    fn a_compressed_point_is_another_form() {
        let key = signer(KeyAlgorithm::P256).public_key().clone();
        let mut compressed = key.spki_der()[..P256_PREFIX.len() + 33].to_vec();
        compressed[P256_PREFIX.len()] = 2;
        assert_eq!(PublicKey::from_spki_der(&compressed), Err(KeyNotSupported));
    }
}
