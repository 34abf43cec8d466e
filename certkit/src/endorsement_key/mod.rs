//! A TPM's endorsement key, as DPS takes it: the whole TPM2B_PUBLIC, in base64.

mod certificate;
mod credential;
mod maker_key;
mod object_name;
mod tpm2b_public;

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::{PublicKey, RegistrationId};
pub use certificate::{EndorsementCertificate, EndorsementCertificateError, TpmAttributes};
pub use credential::{MakeCredentialError, TpmCredential};
pub use maker_key::{MakerCertificate, MakerKey};
pub use object_name::{TpmObjectName, TpmObjectNameError};
use tpm2b_public::Parsed;

/// The endorsement key of a TPM 2.0: RSA-2048, or P-256 for reading. It can only decrypt, and never leaves its TPM.
///
/// ```
/// let text = include_str!("../../tests/vectors/endorsement-key.txt");
/// let key = certkit::EndorsementKey::from_base64(text.trim())?;
/// assert_eq!(key.registration_id().as_str(), "codm2knmvyqkrvdkwrrmq7bndamjjl6eduyqidyljvw4b5jum6ga");
/// # Ok::<(), certkit::EndorsementKeyError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EndorsementKey {
    bytes: Vec<u8>,
    public_key: PublicKey,
    template: EndorsementKeyTemplate,
}

/// The template that an endorsement key was made from (TCG EK Credential Profile, annex B). Two templates give two keys
/// of one TPM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndorsementKeyTemplate {
    /// L-1, RSA-2048, with the TCG's policy.
    L1,
    /// L-2, P-256, with the TCG's policy.
    L2,
    /// Another policy than the TCG's.
    Other,
}

/// Why bytes are no endorsement key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EndorsementKeyError {
    /// The text is no base64.
    #[error("the endorsement key is no base64: copy it whole, without line breaks")]
    Base64,
    /// The structure ends too early.
    #[error("the endorsement key is cut off at byte {at}: read it from the TPM again")]
    CutOff {
        /// Where, in bytes from 0.
        at: usize,
    },
    /// Something follows the structure.
    #[error("{extra} bytes follow the endorsement key: give the TPM2B_PUBLIC alone")]
    Trailing {
        /// How many bytes.
        extra: usize,
    },
    /// A field has a value that no endorsement key has here.
    #[error(
        "this is no endorsement key that DPS takes: {field} is 0x{found:x} at byte {at}; read the key at 0x81010001"
    )]
    Field {
        /// Which field, as the TPM's specification names it.
        field: &'static str,
        /// What stands there.
        found: u64,
        /// Where, in bytes from 0.
        at: usize,
    },
    /// The numbers are no public key.
    #[error("the endorsement key's numbers are no public key: read it from the TPM again")]
    Key,
}

impl EndorsementKey {
    /// Reads a TPM2B_PUBLIC (TPM 2.0 Library, part 2, §12.2.5), strictly: an RSA-2048 or P-256 key that is fixed to its
    /// TPM and only decrypts.
    ///
    /// # Errors
    /// [`EndorsementKeyError`], naming the field.
    pub fn from_tpm2b_public(bytes: &[u8]) -> Result<Self, EndorsementKeyError> {
        let Parsed { public_key, tcg_policy } = tpm2b_public::parse(bytes)?;
        let template = match (tcg_policy, public_key.algorithm().is_rsa()) {
            (true, true) => EndorsementKeyTemplate::L1,
            (true, false) => EndorsementKeyTemplate::L2,
            (false, _) => EndorsementKeyTemplate::Other,
        };
        Ok(Self { bytes: bytes.to_vec(), public_key, template })
    }

    /// Reads the base64 that tools print and DPS takes.
    ///
    /// # Errors
    /// [`EndorsementKeyError`].
    pub fn from_base64(text: &str) -> Result<Self, EndorsementKeyError> {
        Self::from_tpm2b_public(&STANDARD.decode(text).map_err(|_| EndorsementKeyError::Base64)?)
    }

    /// Writes the TPM2B_PUBLIC that a TPM gives for a key of the TCG's template: RSA-2048 (L-1) or P-256 (L-2).
    ///
    /// # Errors
    /// [`EndorsementKeyError::Key`] for keys of other kinds.
    pub fn from_public_key(public_key: &PublicKey) -> Result<Self, EndorsementKeyError> {
        Self::from_tpm2b_public(&tpm2b_public::build(public_key).ok_or(EndorsementKeyError::Key)?)
    }

    /// The TPM2B_PUBLIC, byte for byte as it was read.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The key as DPS takes it in an individual enrollment (`attestation.tpm.endorsementKey`).
    #[must_use]
    pub fn to_base64(&self) -> String {
        STANDARD.encode(&self.bytes)
    }

    /// The public key in it.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// The template that it was made from.
    #[must_use]
    pub fn template(&self) -> EndorsementKeyTemplate {
        self.template
    }

    /// The key's name in its TPM.
    #[must_use]
    pub fn object_name(&self) -> TpmObjectName {
        TpmObjectName::of_public_area(&self.bytes[2..])
    }

    /// The registration ID that Microsoft's tools derive from it: SHA-256 of the TPM2B_PUBLIC in base32 (RFC 4648 §6),
    /// lower case, without padding.
    #[must_use]
    #[expect(clippy::expect_used, reason = "52 letters and digits are a registration ID")]
    pub fn registration_id(&self) -> RegistrationId {
        RegistrationId::parse(&base32(&Sha256::digest(&self.bytes))).expect("52 letters and digits")
    }
}

fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let bit = |index: usize| bytes.get(index / 8).map_or(0, |byte| byte >> (7 - index % 8) & 1);
    (0..bytes.len() * 8)
        .step_by(5)
        .map(|start| (start..start + 5).fold(0, |digit, index| digit << 1 | bit(index)))
        .map(|digit| char::from(ALPHABET[usize::from(digit)]))
        .collect()
}

impl fmt::Debug for EndorsementKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EndorsementKey({}, {:?})", self.registration_id(), self.template)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{KeyAlgorithm, Signer, SoftwareSigner};

    /// Of a software TPM (swtpm 0.7), as Microsoft's npm package azure-iot-security-tpm 1.9.3 read it, with the registration
    /// ID that it derived; `tpm2_readpublic -f tss` gave the same bytes.
    const TEXT: &str = include_str!("../../tests/vectors/endorsement-key.txt");

    fn key() -> EndorsementKey {
        EndorsementKey::from_base64(TEXT.trim()).expect("the vector")
    }

    #[test]
    fn a_tpm_s_key_goes_in_and_out() {
        assert_eq!(key().to_base64(), TEXT.trim());
        assert_eq!(key().template(), EndorsementKeyTemplate::L1);
        assert_eq!(key().public_key().algorithm(), KeyAlgorithm::Rsa2048);
        assert_eq!(EndorsementKey::from_public_key(key().public_key()), Ok(key()));
    }

    #[test]
    fn keys_are_built_and_read_again() {
        for (algorithm, template) in [
            (KeyAlgorithm::Rsa2048, EndorsementKeyTemplate::L1),
            (KeyAlgorithm::P256, EndorsementKeyTemplate::L2),
        ] {
            let public = SoftwareSigner::generate(algorithm).expect("key").public_key().clone();
            let built = EndorsementKey::from_public_key(&public).expect("built");
            assert_eq!((built.public_key(), built.template()), (&public, template));
        }
        let other = SoftwareSigner::generate(KeyAlgorithm::P384).expect("key");
        assert_eq!(EndorsementKey::from_public_key(other.public_key()), Err(EndorsementKeyError::Key));
    }

    #[test]
    fn each_fault_is_named_with_its_place() {
        use EndorsementKeyError as Error;
        let bytes = key().as_bytes().to_vec();
        let refused = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut bytes = bytes.clone();
            change(&mut bytes);
            EndorsementKey::from_tpm2b_public(&bytes).expect_err("refused")
        };
        assert_eq!(EndorsementKey::from_base64(&format!("{} ", TEXT.trim())), Err(Error::Base64));
        for length in 0..bytes.len() {
            assert!(EndorsementKey::from_tpm2b_public(&bytes[..length]).is_err(), "{length}");
        }
        assert_eq!(EndorsementKey::from_tpm2b_public(&[]), Err(Error::CutOff { at: 0 }));
        assert_eq!(refused(&|bytes| bytes.push(0)), Error::Trailing { extra: 1 });
        let field = |field, found, at| Error::Field { field, found, at };
        assert_eq!(refused(&|bytes| bytes[1] = 0x3b), field("size", 0x13b, 0));
        assert_eq!(refused(&|bytes| bytes[3] = 8), field("type", 8, 2));
        assert_eq!(refused(&|bytes| bytes[5] = 4), field("nameAlg", 4, 4));
        assert_eq!(refused(&|bytes| bytes[9] |= 4), field("objectAttributes", 0x300b6, 6));
        assert_eq!(refused(&|bytes| bytes[315] ^= 1), Error::Key);
    }

    #[test]
    fn another_policy_is_another_template() {
        let mut bytes = key().as_bytes().to_vec();
        bytes[20] ^= 1;
        let other = EndorsementKey::from_tpm2b_public(&bytes).expect("a key");
        assert_eq!(other.template(), EndorsementKeyTemplate::Other);
    }
}
