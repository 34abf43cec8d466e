//! A private key in this process' memory.

use std::fmt;

use aws_lc_rs::error::{KeyRejected, Unspecified};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use der::asn1::OctetStringRef;
use der::pem::LineEnding;
use der::{Decode, Encode, ErrorKind, Tag};
use pkcs8::pkcs5::pbes2::Parameters;
use pkcs8::{EncryptedPrivateKeyInfoRef, PrivateKeyInfoRef, SecretDocument, pkcs5};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::PublicKey;

const PRIVATE_KEY: &str = "PRIVATE KEY";
const ENCRYPTED_PRIVATE_KEY: &str = "ENCRYPTED PRIVATE KEY";
/// PBKDF2 rather than scrypt: every openssl reads it, and openssl's memory limit for scrypt (32 MiB) leaves that
/// no stronger. The count is OWASP's for HMAC-SHA256 (Password Storage Cheat Sheet, 2023).
const ITERATIONS: u32 = 600_000;

/// A P-256 private key in memory, wiped when dropped. It is never printed.
pub struct SoftwareSigner {
    key_pair: EcdsaKeyPair,
    pkcs8: SecretDocument,
    public_key: PublicKey,
}

/// Why a private key could not be made, used or read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SignerError {
    /// The library gave no key: its randomness failed.
    #[error("no private key could be made; check the system's random source")]
    Generate(#[source] Unspecified),
    /// The library gave no signature.
    #[error("the private key did not sign; check the system's random source")]
    Sign(#[source] Unspecified),
    /// The text is no PEM.
    #[error(
        "the private key is no PEM text; give the file that `openssl genpkey -aes256` or `station` wrote"
    )]
    Pem(#[source] ::pem::PemError),
    /// The PEM block is of another kind.
    #[error(
        "expected an ENCRYPTED PRIVATE KEY, found {label:?}; encrypt it with `openssl pkcs8 -topk8 -v2 aes256`"
    )]
    NotEncrypted {
        /// The block's label.
        label: String,
    },
    /// The block holds no encrypted PKCS#8 (RFC 5958 §3).
    #[error("the ENCRYPTED PRIVATE KEY is damaged: it is no encrypted PKCS#8; take it from its backup")]
    Damaged(#[source] der::Error),
    /// It is encrypted in a way that is not read here.
    #[error(
        "the private key is encrypted in a way that is not read here; encrypt it anew with \
         `openssl pkcs8 -topk8 -v2 aes256`"
    )]
    Encryption(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The passphrase does not open the key.
    #[error("wrong passphrase: it does not open the private key; give the one that it was encrypted with")]
    WrongPassphrase,
    /// The passphrase opens it, and it is a key of another kind.
    #[error("the private key is not a P-256 key; make one with `openssl genpkey -algorithm EC`, curve P-256")]
    NotP256(#[source] KeyRejected),
}

impl SoftwareSigner {
    /// Makes a new key. It takes its own randomness.
    ///
    /// # Errors
    /// [`SignerError::Generate`].
    pub fn generate() -> Result<Self, SignerError> {
        let key_pair =
            EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map_err(SignerError::Generate)?;
        Self::from_key_pair(key_pair)
    }

    fn from_key_pair(key_pair: EcdsaKeyPair) -> Result<Self, SignerError> {
        // As aws-lc writes it (RFC 5958 around RFC 5915), the public key is inside.
        let document = key_pair.to_pkcs8v1().map_err(SignerError::Generate)?;
        let pkcs8 = SecretDocument::try_from(document.as_ref()).map_err(SignerError::Damaged)?;
        let public_key = PublicKey::from_point(key_pair.public_key().as_ref())
            .map_err(|_| SignerError::Generate(Unspecified))?;
        Ok(Self { key_pair, pkcs8, public_key })
    }

    /// The public key.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// Signs with ECDSA and SHA-256; the signature is DER (RFC 3279 §2.2.3).
    ///
    /// # Errors
    /// [`SignerError::Sign`].
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        let signature = self.key_pair.sign(&SystemRandom::new(), message).map_err(SignerError::Sign)?;
        Ok(signature.as_ref().to_vec())
    }

    /// The key in clear, as PEM of PKCS#8 (RFC 5958) with the public key inside. The text is wiped when dropped.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the label is a constant, and the key is far below PEM's limits")]
    pub fn to_pkcs8_pem(&self) -> Zeroizing<String> {
        self.pkcs8.to_pem(PRIVATE_KEY, LineEnding::LF).expect("138 bytes have a PEM text")
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
            return Err(SignerError::NotEncrypted { label: label.to_owned() });
        }
        let block = ::pem::parse(text).map_err(SignerError::Pem)?;
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
        PrivateKeyInfoRef::try_from(document.as_bytes()).map_err(|_| SignerError::WrongPassphrase)?;
        let key_pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_bytes())
            .map_err(SignerError::NotP256)?;
        Self::from_key_pair(key_pair)
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
        let signer = SoftwareSigner::generate().expect("key");
        let sealed = signer.to_encrypted_pem(b"right", [7; 32]).expect("sealed");
        assert!(sealed.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
        let opened = SoftwareSigner::from_encrypted_pem(&sealed, b"right").expect("opened");
        assert_eq!(opened.to_pkcs8_pem(), signer.to_pkcs8_pem());
        for wrong in ["wrong", "", "right "] {
            let error = SoftwareSigner::from_encrypted_pem(&sealed, wrong.as_bytes()).expect_err(wrong);
            assert!(matches!(error, SignerError::WrongPassphrase), "{error:?}");
        }
    }

    #[test]
    fn what_is_no_encrypted_key_says_so() {
        let clear = SoftwareSigner::generate().expect("key").to_pkcs8_pem();
        let open = |text: &str| SoftwareSigner::from_encrypted_pem(text, b"x").expect_err("refused");
        assert!(matches!(open(&clear), SignerError::NotEncrypted { label } if label == "PRIVATE KEY"));
        assert!(matches!(open("no key at all"), SignerError::Pem(_)));
        let damaged = crate::pem::encode(ENCRYPTED_PRIVATE_KEY, b"noise");
        assert!(matches!(open(&damaged), SignerError::Damaged(_)));
    }

    #[test]
    fn debug_shows_no_secret() {
        let signer = SoftwareSigner::generate().expect("key");
        let shown = format!("{signer:?}");
        assert!(shown.contains("public_key") && shown.ends_with(".. }"), "{shown}");
    }
}
