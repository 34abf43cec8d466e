//! TPM2_MakeCredential in software: a secret that one TPM alone can open, and only while it holds one object
//! (TPM 2.0 Library, part 1, §24; annex B.10 for RSA, annex C.6 for curves).

use std::fmt;

use aws_lc_rs::cipher::{AES_128, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::rand::SecureRandom;
use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey};
use aws_lc_rs::{agreement, rand};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use thiserror::Error;
use zeroize::Zeroizing;

use super::{EndorsementKey, TpmObjectName};
use crate::PublicKey;

/// Octets of SHA-256: of the seed and the integrity key, and most of a secret.
const DIGEST: usize = 32;
/// Octets of the key of AES-128, which the TCG's templates name.
const AES_KEY: usize = 16;
/// The label of credentials, with the zero that ends it.
const IDENTITY: &[u8] = b"IDENTITY\0";
const COORDINATE: usize = 32;
/// What tpm2-tools put before the two structures: a mark, and the version of what follows.
const FILE_HEADER: [u8; 8] = [0xba, 0xdc, 0xc0, 0xde, 0, 0, 0, 1];

/// Octets that are wiped when dropped.
type Octets = Zeroizing<[u8; DIGEST]>;

/// A secret, sealed to an endorsement key and to the name of an object: TPM2_ActivateCredential opens it.
#[derive(Clone, PartialEq, Eq)]
pub struct TpmCredential {
    id_object: Vec<u8>,
    encrypted_secret: Vec<u8>,
}

/// Why no credential could be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MakeCredentialError {
    /// A TPM takes no longer ones.
    #[error("a credential holds 1 to {DIGEST} bytes, and the secret has {length}: take one of {DIGEST}")]
    Length {
        /// How many bytes it has.
        length: usize,
    },
    /// The library gave nothing: its randomness failed.
    #[error("no credential could be made for the endorsement key; check the system's random source")]
    Library(#[source] Unspecified),
}

impl EndorsementKey {
    /// Seals a secret of 1 to 32 bytes: only the TPM that holds this key can open it, and only while an object of this
    /// name is loaded. The randomness is the library's own.
    ///
    /// # Errors
    /// [`MakeCredentialError`].
    pub fn make_credential(
        &self,
        object: &TpmObjectName,
        secret: &[u8],
    ) -> Result<TpmCredential, MakeCredentialError> {
        if !(1..=DIGEST).contains(&secret.len()) {
            return Err(MakeCredentialError::Length { length: secret.len() });
        }
        let key = self.public_key();
        let shared = if key.algorithm().is_rsa() { seed_by_rsa(key) } else { seed_by_curve(key) };
        let (seed, encrypted_secret) = shared.map_err(MakeCredentialError::Library)?;
        let id_object = seal(&seed, object, secret).map_err(MakeCredentialError::Library)?;
        Ok(TpmCredential { id_object, encrypted_secret: sized(&encrypted_secret) })
    }
}

impl TpmCredential {
    /// The TPM2B_ID_OBJECT (part 2, §12.4.3), size and all.
    #[must_use]
    pub fn id_object(&self) -> &[u8] {
        &self.id_object
    }

    /// The TPM2B_ENCRYPTED_SECRET (part 2, §11.4.33), size and all.
    #[must_use]
    pub fn encrypted_secret(&self) -> &[u8] {
        &self.encrypted_secret
    }

    /// The file that `tpm2_makecredential` writes and `tpm2_activatecredential` reads.
    #[must_use]
    pub fn to_file(&self) -> Vec<u8> {
        [&FILE_HEADER[..], &self.id_object, &self.encrypted_secret].concat()
    }

    /// Reads such a file.
    #[must_use]
    pub fn from_file(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.strip_prefix(&FILE_HEADER)?;
        let (id_object, rest) = split_sized(bytes)?;
        let (encrypted_secret, rest) = split_sized(rest)?;
        rest.is_empty()
            .then(|| Self { id_object: id_object.to_vec(), encrypted_secret: encrypted_secret.to_vec() })
    }
}

/// A random seed, and what it looks like under the key: OAEP with SHA-256.
fn seed_by_rsa(key: &PublicKey) -> Result<(Octets, Vec<u8>), Unspecified> {
    let mut seed = Octets::default();
    rand::SystemRandom::new().fill(&mut *seed)?;
    let key = PublicEncryptingKey::from_der(key.spki_der()).map_err(|_| Unspecified)?;
    let key = OaepPublicEncryptingKey::new(key)?;
    let mut encrypted = vec![0; key.ciphertext_size()];
    let length = key.encrypt(&OAEP_SHA256_MGF1SHA256, &*seed, &mut encrypted, Some(IDENTITY))?.len();
    encrypted.truncate(length);
    Ok((seed, encrypted))
}

/// The seed that a fresh key agrees with the TPM's, and the fresh key's point.
fn seed_by_curve(key: &PublicKey) -> Result<(Octets, Vec<u8>), Unspecified> {
    let own = agreement::PrivateKey::generate(&agreement::ECDH_P256)?;
    let point = own.compute_public_key()?;
    let coordinates = |point: &[u8]| -> Option<(Vec<u8>, Vec<u8>)> {
        let (x, y) = point.get(1..)?.split_at_checked(COORDINATE)?;
        Some((x.to_vec(), y.to_vec()))
    };
    let (x, y) = coordinates(point.as_ref()).ok_or(Unspecified)?;
    let (their_x, _) = coordinates(key.contents()).ok_or(Unspecified)?;
    let theirs = agreement::UnparsedPublicKey::new(&agreement::ECDH_P256, key.contents());
    let seed = agreement::agree(&own, theirs, Unspecified, |z| Ok(kdf_e(z, &x, &their_x)))?;
    Ok((seed, [sized(&x), sized(&y)].concat()))
}

/// The TPM2B_ID_OBJECT: the secret, encrypted and authenticated with keys from the seed and the name.
fn seal(seed: &Octets, object: &TpmObjectName, secret: &[u8]) -> Result<Vec<u8>, Unspecified> {
    let key = kdf_a(seed, b"STORAGE\0", object.as_bytes(), AES_KEY);
    let cipher = EncryptingKey::cfb128(UnboundCipherKey::new(&AES_128, &key[..AES_KEY])?)?;
    let mut identity = sized(secret);
    // The key is used once, so that the vector may be zero; the specification says that it is.
    let zero = EncryptionContext::Iv128(FixedLength::from([0; 16]));
    cipher.less_safe_encrypt(&mut identity, zero)?;
    let mut integrity = keyed(&*kdf_a(seed, b"INTEGRITY\0", &[], DIGEST));
    integrity.update(&identity);
    integrity.update(object.as_bytes());
    Ok(sized(&[sized(&integrity.finalize().into_bytes()), identity].concat()))
}

/// KDFa (part 1, §11.4.10.2) with SHA-256, of as many octets; no more than one round is needed.
fn kdf_a(key: &Octets, label: &[u8], context: &[u8], octets: usize) -> Octets {
    let bits = u32::try_from(octets * 8).unwrap_or(u32::MAX);
    let mut mac = keyed(&**key);
    for part in [&1_u32.to_be_bytes()[..], label, context, &bits.to_be_bytes()] {
        mac.update(part);
    }
    Zeroizing::new(mac.finalize().into_bytes().into())
}

/// KDFe (part 1, §11.4.10.3) with SHA-256, of 256 bits.
fn kdf_e(z: &[u8], party_u: &[u8], party_v: &[u8]) -> Octets {
    let mut hash = Sha256::new();
    for part in [&1_u32.to_be_bytes()[..], z, IDENTITY, party_u, party_v] {
        hash.update(part);
    }
    Zeroizing::new(hash.finalize().into())
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("any length")
}

/// A TPM2B: the size in two octets, then the contents. All contents here are far below 65,536 octets.
fn sized(contents: &[u8]) -> Vec<u8> {
    let size = u16::try_from(contents.len()).unwrap_or(u16::MAX);
    let mut bytes = Vec::with_capacity(2 + contents.len());
    bytes.extend_from_slice(&size.to_be_bytes());
    bytes.extend_from_slice(contents);
    bytes
}

/// A TPM2B, and what follows it.
fn split_sized(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let size = bytes.first_chunk().map(|size| usize::from(u16::from_be_bytes(*size)))?;
    bytes.split_at_checked(2 + size)
}

impl fmt::Debug for TpmCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TpmCredential({} + {} bytes)", self.id_object.len(), self.encrypted_secret.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{KeyAlgorithm, Signer, SoftwareSigner};

    /// Made by tpm2_makecredential 5.4 for a key of openssl's: `-T none -G rsa -u ek.pem -s secret -n NAME`. The seed was
    /// taken out of the encrypted secret with `openssl pkeyutl -decrypt` (OAEP, SHA-256, label IDENTITY and a zero).
    const SEED: &str = "fcac88e5c228679d9f1ee22ea7e80d896195eca81ad2740350ec7d29e7969b7a";
    const SECRET: &[u8] = b"0123456789abcdef0123456789abcde";
    const NAME: &str = "000b645b5785713aa49b2ba51aa132fc04b9da13354a8c614fa60c2fcf9da9e54c07";
    const ID_OBJECT: &str = "004300201216a7cd11c8bb2905b19a0c8ac722ed825cf5c537dc8ca8713268ffc06bb152d7893f2fe294ade\
                             f72c4a8c57ddc8ca7fd823b2b1499ed5adcbe000727263edca6";

    fn bytes(hex: &str) -> Vec<u8> {
        let digit = |index| u8::from_str_radix(&hex[index..index + 2], 16).expect("hex");
        (0..hex.len()).step_by(2).map(digit).collect()
    }

    fn name() -> TpmObjectName {
        TpmObjectName::from_bytes(&bytes(NAME)).expect("name")
    }

    fn key(algorithm: KeyAlgorithm) -> EndorsementKey {
        let key = SoftwareSigner::generate(algorithm).expect("key");
        EndorsementKey::from_public_key(key.public_key()).expect("key")
    }

    #[test]
    fn under_the_same_seed_it_is_what_tpm2_tools_make() {
        let seed = Zeroizing::new(bytes(SEED).try_into().expect("32 bytes"));
        assert_eq!(seal(&seed, &name(), SECRET).expect("sealed"), bytes(ID_OBJECT));
    }

    #[test]
    fn no_two_are_the_same_and_the_file_is_read_again() {
        for (algorithm, encrypted) in [(KeyAlgorithm::Rsa2048, 258), (KeyAlgorithm::P256, 70)] {
            let key = key(algorithm);
            let made = || key.make_credential(&name(), &[7; 32]).expect("credential");
            let (one, other) = (made(), made());
            assert_ne!(one, other);
            assert_eq!((one.id_object().len(), one.encrypted_secret().len()), (2 + 34 + 34, encrypted));
            let file = one.to_file();
            assert_eq!(TpmCredential::from_file(&file), Some(one));
            for length in 0..file.len() {
                assert_eq!(TpmCredential::from_file(&file[..length]), None, "{length}");
            }
            assert_eq!(TpmCredential::from_file(&[&file[..], &[0]].concat()), None);
        }
    }

    #[test]
    fn a_secret_has_1_to_32_bytes() {
        let key = key(KeyAlgorithm::P256);
        for length in [0, 33] {
            let error = key.make_credential(&name(), &vec![7; length]).expect_err("refused");
            assert!(
                matches!(error, MakeCredentialError::Length { length: found } if found == length),
                "{error}"
            );
        }
    }
}
