//! A private key in this process' memory.

use std::fmt;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use der::asn1::{ObjectIdentifier, OctetStringRef};
use der::pem::LineEnding;
use der::{Decode, Encode, ErrorKind, Tag};
use pkcs8::pkcs5::pbes2::Parameters;
use pkcs8::{EncryptedPrivateKeyInfoRef, PrivateKeyInfoRef, SecretDocument, pkcs5};
use zeroize::Zeroizing;

use super::{Signer, SignerError};
use crate::{KeyAlgorithm, PemError, PrivateKey, PublicKey};

const PRIVATE_KEY: &str = "PRIVATE KEY";
const ENCRYPTED_PRIVATE_KEY: &str = "ENCRYPTED PRIVATE KEY";
/// PBKDF2 rather than scrypt: every openssl reads it, and openssl's memory limit for scrypt (32 MiB) leaves that
/// no stronger. The count is OWASP's for HMAC-SHA256 (Password Storage Cheat Sheet, 2023).
const ITERATIONS: u32 = 600_000;

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const SECP256R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const SECP384R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// A private key in memory, wiped when dropped. It is never printed.
pub struct SoftwareSigner {
    private: Private,
    pkcs8: SecretDocument,
    public_key: PublicKey,
}

enum Private {
    Ec(EcdsaKeyPair),
    Rsa(Box<RsaKeyPair>),
}

impl Signer for SoftwareSigner {
    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        match &self.private {
            Private::Ec(pair) => {
                let signature = pair.sign(&SystemRandom::new(), message).map_err(SignerError::Sign)?;
                Ok(signature.as_ref().to_vec())
            }
            Private::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
                    .map_err(SignerError::Sign)?;
                Ok(signature)
            }
        }
    }
}

impl SoftwareSigner {
    /// Makes a new key. It takes its own randomness. RSA takes a tenth of a second, or some of them.
    ///
    /// # Errors
    /// [`SignerError::Generate`].
    pub fn generate(algorithm: KeyAlgorithm) -> Result<Self, SignerError> {
        let rsa = |size| RsaKeyPair::generate(size).map_err(SignerError::Generate).and_then(Self::from_rsa);
        match algorithm {
            KeyAlgorithm::P256 | KeyAlgorithm::P384 => {
                let pair = EcdsaKeyPair::generate(curve(algorithm)).map_err(SignerError::Generate)?;
                Self::from_ec(algorithm, pair)
            }
            KeyAlgorithm::Rsa2048 => rsa(KeySize::Rsa2048),
            KeyAlgorithm::Rsa3072 => rsa(KeySize::Rsa3072),
            KeyAlgorithm::Rsa4096 => rsa(KeySize::Rsa4096),
        }
    }

    fn from_ec(algorithm: KeyAlgorithm, pair: EcdsaKeyPair) -> Result<Self, SignerError> {
        // As aws-lc writes it (RFC 5958 around RFC 5915), the public key is inside.
        let document = pair.to_pkcs8v1().map_err(SignerError::Generate)?;
        let pkcs8 = SecretDocument::try_from(document.as_ref()).map_err(SignerError::Damaged)?;
        let public_key = PublicKey::from_own_point(algorithm, pair.public_key().as_ref())
            .map_err(|_| SignerError::Generate(Unspecified))?;
        Ok(Self { private: Private::Ec(pair), pkcs8, public_key })
    }

    fn from_rsa(pair: RsaKeyPair) -> Result<Self, SignerError> {
        let document = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).map_err(SignerError::Generate)?;
        let pkcs8 = SecretDocument::try_from(document.as_ref()).map_err(SignerError::Damaged)?;
        let spki = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).map_err(SignerError::Generate)?;
        let public_key = PublicKey::from_spki_der(spki.as_ref()).map_err(|_| SignerError::NotSupported)?;
        Ok(Self { private: Private::Rsa(Box::new(pair)), pkcs8, public_key })
    }

    /// The key, to be written for a device.
    #[must_use]
    pub fn private_key(&self) -> PrivateKey {
        PrivateKey::from_pkcs8(self.public_key.algorithm(), self.pkcs8.as_bytes())
    }

    /// The key in clear, as PEM of PKCS#8 (RFC 5958) with the public key inside. The text is wiped when dropped.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the label is a constant, and the key is far below PEM's limits")]
    pub fn to_pkcs8_pem(&self) -> Zeroizing<String> {
        self.pkcs8.to_pem(PRIVATE_KEY, LineEnding::LF).expect("some kilobytes have a PEM text")
    }

    /// The key under a passphrase: PBES2 (RFC 8018 §6.2) with PBKDF2-HMAC-SHA256 and AES-256-CBC, as
    /// `openssl pkey` reads it. `random` becomes salt and initialisation vector: fresh for each call.
    ///
    /// # Errors
    /// [`SignerError::Encryption`], in practice never.
    pub fn to_encrypted_pem(&self, passphrase: &[u8], random: [u8; 32]) -> Result<String, SignerError> {
        let mut initialisation_vector = [0; 16];
        let (salt, vector) = random.split_at(16);
        initialisation_vector.copy_from_slice(vector);
        let refused = |error: pkcs5::Error| SignerError::Encryption(error.into());
        let parameters =
            Parameters::generate_pbkdf2_sha256_aes256cbc(ITERATIONS, salt, initialisation_vector)
                .map_err(refused)?;
        let encrypted = parameters.encrypt(passphrase, self.pkcs8.as_bytes()).map_err(refused)?;
        let info = EncryptedPrivateKeyInfoRef {
            encryption_algorithm: parameters.into(),
            encrypted_data: OctetStringRef::new(&encrypted).map_err(SignerError::Damaged)?,
        };
        Ok(crate::pem::encode(ENCRYPTED_PRIVATE_KEY, &info.to_der().map_err(SignerError::Damaged)?))
    }

    /// Opens a key that [`to_encrypted_pem`](Self::to_encrypted_pem) or `openssl genpkey -aes256` wrote.
    ///
    /// # Errors
    /// [`SignerError::WrongPassphrase`], or what is wrong with the text.
    pub fn from_encrypted_pem(text: &str, passphrase: &[u8]) -> Result<Self, SignerError> {
        // Before the text is decoded: the decoder would leave a clear key behind in memory.
        if let Some(label) = first_label(text).filter(|label| *label != ENCRYPTED_PRIVATE_KEY) {
            return Err(SignerError::NotEncrypted { label: crate::pem::label(label) });
        }
        let blocks = crate::pem::blocks(text).map_err(SignerError::Pem)?;
        let block = blocks.first().ok_or(SignerError::Pem(PemError::Framing))?;
        let info =
            EncryptedPrivateKeyInfoRef::from_der(block.contents()).map_err(|error| match error.kind() {
                // It is written as it should be, and names a cipher or derivation that is unknown here.
                ErrorKind::OidUnknown { .. } | ErrorKind::Value { tag: Tag::ObjectIdentifier } => {
                    SignerError::Encryption(error.into())
                }
                _ => SignerError::Damaged(error),
            })?;
        let document = info.decrypt(passphrase).map_err(|error| match error {
            pkcs8::Error::EncryptedPrivateKey(error) if error != pkcs5::Error::DecryptFailed => {
                SignerError::Encryption(error.into())
            }
            _ => SignerError::WrongPassphrase,
        })?;
        // One wrong passphrase in some 256 leaves a padding that looks right, and noise before it.
        let info =
            PrivateKeyInfoRef::try_from(document.as_bytes()).map_err(|_| SignerError::WrongPassphrase)?;
        Self::from_pkcs8(&info, document.as_bytes())
    }

    #[cfg(feature = "pkcs12")]
    pub(crate) fn from_pkcs8_der(der: &[u8]) -> Result<Self, SignerError> {
        let info = PrivateKeyInfoRef::try_from(der).map_err(|_| SignerError::NotSupported)?;
        Self::from_pkcs8(&info, der)
    }

    fn from_pkcs8(info: &PrivateKeyInfoRef<'_>, der: &[u8]) -> Result<Self, SignerError> {
        if info.algorithm.oid == RSA_ENCRYPTION {
            return Self::from_rsa(RsaKeyPair::from_pkcs8(der).map_err(SignerError::Rejected)?);
        }
        let named_curve =
            (info.algorithm.oid == EC_PUBLIC_KEY).then(|| info.algorithm.parameters_oid().ok()).flatten();
        let algorithm = match named_curve {
            Some(SECP256R1) => KeyAlgorithm::P256,
            Some(SECP384R1) => KeyAlgorithm::P384,
            _ => return Err(SignerError::NotSupported),
        };
        let pair = EcdsaKeyPair::from_pkcs8(curve(algorithm), der).map_err(SignerError::Rejected)?;
        Self::from_ec(algorithm, pair)
    }
}

fn curve(algorithm: KeyAlgorithm) -> &'static EcdsaSigningAlgorithm {
    match algorithm {
        KeyAlgorithm::P384 => &ECDSA_P384_SHA384_ASN1_SIGNING,
        _ => &ECDSA_P256_SHA256_ASN1_SIGNING,
    }
}

fn first_label(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("-----BEGIN ")?;
    rest.split_once("-----").map(|(label, _)| label)
}

impl fmt::Debug for SoftwareSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SoftwareSigner").field("public_key", &self.public_key).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_with_its_passphrase_only() {
        let mut sealed = String::new();
        for algorithm in [KeyAlgorithm::Rsa2048, KeyAlgorithm::P384, KeyAlgorithm::P256] {
            let signer = SoftwareSigner::generate(algorithm).expect("key");
            sealed = signer.to_encrypted_pem(b"right", [7; 32]).expect("sealed");
            assert!(sealed.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
            let opened = SoftwareSigner::from_encrypted_pem(&sealed, b"right").expect("opened");
            assert_eq!(opened.to_pkcs8_pem(), signer.to_pkcs8_pem());
            assert_eq!(opened.public_key(), signer.public_key());
        }
        for wrong in ["wrong", "", "right "] {
            let error = SoftwareSigner::from_encrypted_pem(&sealed, wrong.as_bytes()).expect_err(wrong);
            assert!(matches!(error, SignerError::WrongPassphrase), "{error:?}");
        }
    }

    #[test]
    fn what_is_no_encrypted_key_says_so() {
        let clear = SoftwareSigner::generate(KeyAlgorithm::P256).expect("key").to_pkcs8_pem();
        let open = |text: &str| SoftwareSigner::from_encrypted_pem(text, b"x").expect_err("refused");
        assert!(matches!(open(&clear), SignerError::NotEncrypted { label } if label == "PRIVATE KEY"));
        assert!(matches!(open("no key at all"), SignerError::Pem(_)));
        let damaged = crate::pem::encode(ENCRYPTED_PRIVATE_KEY, b"noise");
        assert!(matches!(open(&damaged), SignerError::Damaged(_)));
    }

    #[test]
    fn debug_shows_no_secret() {
        let signer = SoftwareSigner::generate(KeyAlgorithm::P256).expect("key");
        let shown = format!("{signer:?}");
        assert!(shown.contains("public_key") && shown.ends_with(".. }"), "{shown}");
    }
}
