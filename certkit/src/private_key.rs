//! Private keys on their way to a device, in the forms that devices read.

use std::fmt;

use aws_lc_rs::encoding::AsBigEndian;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    KeyPair,
};
use pkcs8::PrivateKeyInfoRef;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{KeyAlgorithm, PublicKey, SignerError, SoftwareSigner, pem};

/// A private key, wiped when dropped. It is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct PrivateKey {
    algorithm: KeyAlgorithm,
    pkcs8: Zeroizing<Vec<u8>>,
}

/// How a private key is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyFormat {
    /// PKCS#8 (RFC 5958): any kind of key.
    Pkcs8,
    /// SEC 1 (RFC 5915), with the curve named: P-256 and P-384.
    Sec1,
    /// PKCS#1 (RFC 8017, appendix A.1.2): RSA.
    Pkcs1,
}

/// A form that keys of this kind do not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a {algorithm} key has no {format} form: take {}", other_format(*algorithm))]
pub struct KeyFormatError {
    /// The key's kind.
    pub algorithm: KeyAlgorithm,
    /// The form.
    pub format: KeyFormat,
}

/// What stands around scalar and point in the encodings of a curve's keys.
struct Curve {
    signing: &'static EcdsaSigningAlgorithm,
    scalar: usize,
    /// Up to the scalar.
    pkcs8_head: &'static [u8],
    sec1_head: &'static [u8],
    /// `[0]`, the curve's name, between scalar and point: SEC 1 alone needs it.
    sec1_name: &'static [u8],
    /// `[1]` and the header of the bit string.
    point_head: &'static [u8],
}

const P256: Curve = Curve {
    signing: &ECDSA_P256_SHA256_ASN1_SIGNING,
    scalar: 32,
    pkcs8_head: &[
        0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
        0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x04, 0x6d, 0x30, 0x6b, 0x02, 0x01, 0x01,
        0x04, 0x20,
    ],
    sec1_head: &[0x30, 0x77, 0x02, 0x01, 0x01, 0x04, 0x20],
    sec1_name: &[0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
    point_head: &[0xa1, 0x44, 0x03, 0x42, 0x00],
};

const P384: Curve = Curve {
    signing: &ECDSA_P384_SHA384_ASN1_SIGNING,
    scalar: 48,
    pkcs8_head: &[
        0x30, 0x81, 0xb6, 0x02, 0x01, 0x00, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
        0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22, 0x04, 0x81, 0x9e, 0x30, 0x81, 0x9b, 0x02, 0x01, 0x01, 0x04,
        0x30,
    ],
    sec1_head: &[0x30, 0x81, 0xa4, 0x02, 0x01, 0x01, 0x04, 0x30],
    sec1_name: &[0xa0, 0x07, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22],
    point_head: &[0xa1, 0x64, 0x03, 0x62, 0x00],
};

impl PrivateKey {
    /// Makes a new key with its own randomness, and gives its public key beside it. RSA takes a tenth of a second, or
    /// some of them.
    ///
    /// # Errors
    /// [`SignerError::Generate`].
    ///
    /// ```
    /// let (key, public_key) = certkit::PrivateKey::generate(certkit::KeyAlgorithm::P256)?;
    /// let text = key.to_pem(certkit::KeyFormat::Sec1)?;
    /// assert!(text.starts_with("-----BEGIN EC PRIVATE KEY-----\n"));
    /// assert_eq!(public_key.algorithm(), key.algorithm());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn generate(algorithm: KeyAlgorithm) -> Result<(Self, PublicKey), SignerError> {
        match curve(algorithm) {
            Some(curve) => generate_on(algorithm, curve).map_err(SignerError::Generate),
            None => {
                use crate::Signer;
                let signer = SoftwareSigner::generate(algorithm)?;
                Ok((signer.private_key(), signer.public_key().clone()))
            }
        }
    }

    pub(crate) fn from_pkcs8(algorithm: KeyAlgorithm, der: &[u8]) -> Self {
        Self { algorithm, pkcs8: Zeroizing::new(der.to_vec()) }
    }

    #[cfg(feature = "pkcs12")]
    pub(crate) fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// Its kind.
    #[must_use]
    pub fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// The key in clear, as DER. The bytes are wiped when dropped.
    ///
    /// # Errors
    /// [`KeyFormatError`] where keys of this kind have no such form.
    pub fn to_der(&self, format: KeyFormat) -> Result<Zeroizing<Vec<u8>>, KeyFormatError> {
        let refused = KeyFormatError { algorithm: self.algorithm, format };
        match (format, curve(self.algorithm)) {
            (KeyFormat::Pkcs8, _) => Ok(self.pkcs8.clone()),
            (KeyFormat::Sec1, Some(curve)) => curve.sec1(&self.pkcs8).ok_or(refused),
            (KeyFormat::Pkcs1, None) => {
                let info = PrivateKeyInfoRef::try_from(self.pkcs8.as_slice()).map_err(|_| refused)?;
                Ok(Zeroizing::new(info.private_key.as_bytes().to_vec()))
            }
            (KeyFormat::Sec1, None) | (KeyFormat::Pkcs1, Some(_)) => Err(refused),
        }
    }

    /// The key in clear, as PEM (RFC 7468, and for the older forms RFC 5915 §4). The text is wiped when dropped.
    ///
    /// # Errors
    /// [`KeyFormatError`] where keys of this kind have no such form.
    pub fn to_pem(&self, format: KeyFormat) -> Result<Zeroizing<String>, KeyFormatError> {
        let label = match format {
            KeyFormat::Pkcs8 => "PRIVATE KEY",
            KeyFormat::Sec1 => "EC PRIVATE KEY",
            KeyFormat::Pkcs1 => "RSA PRIVATE KEY",
        };
        Ok(Zeroizing::new(pem::encode(label, &self.to_der(format)?)))
    }
}

/// Puts scalar and point into place: the library's own encoder is twenty times slower, as slow as half a signature.
fn generate_on(algorithm: KeyAlgorithm, curve: &Curve) -> Result<(PrivateKey, PublicKey), Unspecified> {
    let pair = EcdsaKeyPair::generate(curve.signing)?;
    let scalar = pair.private_key().as_be_bytes()?;
    let point = pair.public_key().as_ref();
    let length = curve.pkcs8_head.len() + curve.scalar + curve.point_head.len() + 2 * curve.scalar + 1;
    let mut pkcs8 = Zeroizing::new(Vec::with_capacity(length));
    for part in [curve.pkcs8_head, scalar.as_ref(), curve.point_head, point] {
        pkcs8.extend_from_slice(part);
    }
    let public_key = PublicKey::from_own_point(algorithm, point).map_err(|_| Unspecified)?;
    if pkcs8.len() != length {
        return Err(Unspecified);
    }
    Ok((PrivateKey { algorithm, pkcs8 }, public_key))
}

impl Curve {
    /// The same key as SEC 1: none where the PKCS#8 is not what is written here.
    fn sec1(&self, pkcs8: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (scalar, point) = pkcs8.strip_prefix(self.pkcs8_head)?.split_at_checked(self.scalar)?;
        let length = self.sec1_head.len() + scalar.len() + self.sec1_name.len() + point.len();
        let mut sec1 = Zeroizing::new(Vec::with_capacity(length));
        for part in [self.sec1_head, scalar, self.sec1_name, point] {
            sec1.extend_from_slice(part);
        }
        Some(sec1)
    }
}

fn curve(algorithm: KeyAlgorithm) -> Option<&'static Curve> {
    match algorithm {
        KeyAlgorithm::P256 => Some(&P256),
        KeyAlgorithm::P384 => Some(&P384),
        KeyAlgorithm::Rsa2048 | KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096 => None,
    }
}

fn other_format(algorithm: KeyAlgorithm) -> &'static str {
    if algorithm.is_rsa() { "pkcs8 or pkcs1" } else { "pkcs8 or sec1" }
}

impl fmt::Display for KeyFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pkcs8 => "PKCS#8",
            Self::Sec1 => "SEC 1",
            Self::Pkcs1 => "PKCS#1",
        })
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({}, …)", self.algorithm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Signer;

    /// Again and again: a scalar may begin with zeros.
    #[test]
    fn fresh_keys_are_encoded_as_the_library_encodes_them() {
        for (algorithm, curve) in [(KeyAlgorithm::P256, &P256), (KeyAlgorithm::P384, &P384)] {
            for _ in 0..600 {
                let (key, public_key) = PrivateKey::generate(algorithm).unwrap();
                let pair = EcdsaKeyPair::from_pkcs8(curve.signing, &key.pkcs8).unwrap();
                assert_eq!(pair.to_pkcs8v1().unwrap().as_ref(), &key.pkcs8[..]);
                assert_eq!(pair.public_key().as_ref(), public_key.contents());
            }
        }
    }

    #[test]
    fn a_signer_s_key_is_the_same_key() {
        for algorithm in [KeyAlgorithm::P256, KeyAlgorithm::P384, KeyAlgorithm::Rsa2048] {
            let signer = SoftwareSigner::generate(algorithm).unwrap();
            let key = signer.private_key();
            assert_eq!(key.to_pem(KeyFormat::Pkcs8).unwrap(), signer.to_pkcs8_pem());
            assert_eq!(signer.public_key().algorithm(), key.algorithm());
        }
    }

    #[test]
    fn a_form_that_a_key_does_not_have_is_named() {
        let (ec, _) = PrivateKey::generate(KeyAlgorithm::P384).unwrap();
        let error = ec.to_pem(KeyFormat::Pkcs1).unwrap_err();
        assert_eq!(error.to_string(), "a p-384 key has no PKCS#1 form: take pkcs8 or sec1");
        let (rsa, _) = PrivateKey::generate(KeyAlgorithm::Rsa2048).unwrap();
        assert_eq!(
            rsa.to_der(KeyFormat::Sec1).unwrap_err().to_string(),
            "a rsa-2048 key has no SEC 1 form: take pkcs8 or pkcs1"
        );
    }

    #[test]
    fn debug_shows_nothing() {
        let (key, _) = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
        assert_eq!(format!("{key:?}"), "PrivateKey(p-256, …)");
    }
}
