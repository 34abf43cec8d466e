//! Symmetric keys: an enrollment group's key, and the device keys derived from it.
//!
//! `device_key = HMAC-SHA256(group_key, registration_id)`, both keys written in base64 (DPS, "Symmetric key
//! attestation", *Group enrollments*).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{RegistrationId, RegistrationIdError};

/// Octets of a derived key: those of SHA-256.
const DERIVED: usize = 32;
/// Characters that base64 makes of them.
const DERIVED_TEXT: usize = 44;

/// Fewest bytes of a key that DPS takes.
const SHORTEST: usize = 16;
/// Most bytes of a key that DPS takes.
const LONGEST: usize = 64;

/// Why a text is no symmetric key. The text itself is never shown: it may be a key with one slip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SymmetricKeyError {
    /// Nothing was there.
    #[error("the key is empty: copy it whole from the enrollment's page")]
    Empty,
    /// A line break within: `openssl rand -base64 64` and mail programs wrap.
    #[error(
        "the key is wrapped: a line break stands at index {index}; join its lines into one (a line break at the end does \
         no harm)"
    )]
    Wrapped {
        /// Character index from 0.
        index: usize,
    },
    /// A character that base64 does not have.
    #[error(
        "the key holds a character at index {index} that base64 does not have: copy it again, as it stands in the portal"
    )]
    Character {
        /// Character index from 0.
        index: usize,
    },
    /// Characters of base64 that no bytes encode to.
    #[error(
        "the key has {characters} characters and is no base64 of whole bytes: a part of it is missing, or its `=`"
    )]
    Incomplete {
        /// How many there are.
        characters: usize,
    },
    /// Too few bytes, or too many.
    #[error("the key has {bytes} bytes, DPS takes {SHORTEST} to {LONGEST}: is it the right key?")]
    Length {
        /// How many there are.
        bytes: usize,
    },
}

/// The key of a symmetric enrollment group. It stays in the factory: only keys derived from it reach a device.
#[derive(Clone)]
pub struct GroupKey(Hmac<Sha256>);

impl GroupKey {
    /// Parses strict base64 of 16 to 64 bytes. A line end behind it is no part of it.
    ///
    /// # Errors
    /// [`SymmetricKeyError`].
    ///
    /// ```
    /// let group = certkit::GroupKey::parse("AAECAwQFBgcICQoLDA0ODw==\n")?;
    /// let key = group.derive(&"sensor-001".parse()?);
    /// assert_eq!(*key.to_base64(), "cOx1t/yA7A2NxpG/5VKaIB9mQOVkFt6SKIRMykd8udQ=");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, SymmetricKeyError> {
        Ok(Self(keyed(&decode(text)?)))
    }

    /// Whether both are one key: all that they derive is the same. Compared in constant time.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        other.0.clone().verify(&self.0.clone().finalize().into_bytes()).is_ok()
    }

    /// The key of one device.
    #[must_use]
    pub fn derive(&self, id: &RegistrationId) -> DeviceKey {
        // Cloning the keyed state spares two of the four blocks that HMAC costs.
        let derived = self.0.clone().chain_update(id.as_str()).finalize().into_bytes();
        DeviceKey(Zeroizing::new(derived.to_vec()))
    }

    /// The key of one device in base64, without a heap allocation: for long lists, whose IDs lie in a buffer that is
    /// used again.
    ///
    /// # Errors
    /// [`RegistrationIdError`] where the text is no registration ID.
    ///
    /// ```
    /// let group = certkit::GroupKey::parse("AAECAwQFBgcICQoLDA0ODw==")?;
    /// let mut key = certkit::DerivedKeyText::default();
    /// assert_eq!(group.derive_into("sensor-001", &mut key)?, "cOx1t/yA7A2NxpG/5VKaIB9mQOVkFt6SKIRMykd8udQ=");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn derive_into<'a>(
        &self,
        id: &str,
        key: &'a mut DerivedKeyText,
    ) -> Result<&'a str, RegistrationIdError> {
        RegistrationId::check(id)?;
        let derived = Zeroizing::new(<[u8; DERIVED]>::from(
            self.0.clone().chain_update(id.as_bytes()).finalize().into_bytes(),
        ));
        Ok(key.set(&derived))
    }
}

/// Room for a derived key in base64, wiped when dropped.
#[derive(Clone)]
pub struct DerivedKeyText(Zeroizing<[u8; DERIVED_TEXT]>);

impl DerivedKeyText {
    #[expect(clippy::expect_used, reason = "32 octets are 44 characters of base64, all ASCII")]
    fn set(&mut self, derived: &[u8; DERIVED]) -> &str {
        STANDARD.encode_slice(derived, &mut self.0[..]).expect("44 characters");
        std::str::from_utf8(&self.0[..]).expect("ASCII")
    }
}

impl Default for DerivedKeyText {
    fn default() -> Self {
        Self(Zeroizing::new([0; DERIVED_TEXT]))
    }
}

impl fmt::Debug for DerivedKeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DerivedKeyText(…)")
    }
}

impl fmt::Debug for GroupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GroupKey(…)")
    }
}

/// The symmetric key of one device: derived from a group's, or its own.
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceKey(Zeroizing<Vec<u8>>);

impl DeviceKey {
    /// Parses strict base64 of 16 to 64 bytes. A line end behind it is no part of it.
    ///
    /// # Errors
    /// [`SymmetricKeyError`].
    pub fn parse(text: &str) -> Result<Self, SymmetricKeyError> {
        decode(text).map(Self)
    }

    /// Takes a key's own bytes, fresh random ones among them: 16 to 64, as DPS takes them.
    ///
    /// # Errors
    /// [`SymmetricKeyError::Length`].
    ///
    /// ```
    /// let key = certkit::DeviceKey::from_bytes(vec![7; 64].into())?;
    /// assert_eq!(key.to_base64().len(), 88);
    /// assert!(certkit::DeviceKey::from_bytes(vec![7; 15].into()).is_err());
    /// # Ok::<(), certkit::SymmetricKeyError>(())
    /// ```
    pub fn from_bytes(bytes: Zeroizing<Vec<u8>>) -> Result<Self, SymmetricKeyError> {
        of_lawful_length(bytes).map(Self)
    }

    /// The key's bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Base64 (RFC 4648 §4), as SDKs take it.
    #[must_use]
    pub fn to_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(&*self.0))
    }

    /// HMAC-SHA256 of a message under this key: what a device that holds it can compute.
    #[must_use]
    pub fn mac(&self, message: &[u8]) -> [u8; 32] {
        keyed(&self.0).chain_update(message).finalize().into_bytes().into()
    }

    /// Whether `mac` is this key's HMAC-SHA256 of the message. Takes the same time for every wrong answer.
    #[must_use]
    pub fn vouches_for(&self, message: &[u8], mac: &[u8]) -> bool {
        keyed(&self.0).chain_update(message).verify_slice(mac).is_ok()
    }
}

impl fmt::Debug for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceKey(…)")
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length (RFC 2104 §2)")]
    Hmac::new_from_slice(key).expect("any length")
}

fn decode(text: &str) -> Result<Zeroizing<Vec<u8>>, SymmetricKeyError> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Err(SymmetricKeyError::Empty);
    }
    let in_base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
    match text.chars().enumerate().find(|(_, c)| !in_base64(*c)) {
        Some((index, '\n' | '\r')) => return Err(SymmetricKeyError::Wrapped { index }),
        Some((index, _)) => return Err(SymmetricKeyError::Character { index }),
        None => {}
    }
    let bytes = STANDARD
        .decode(text)
        .map(Zeroizing::new)
        .map_err(|_| SymmetricKeyError::Incomplete { characters: text.len() })?;
    of_lawful_length(bytes)
}

fn of_lawful_length(bytes: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, SymmetricKeyError> {
    if (SHORTEST..=LONGEST).contains(&bytes.len()) {
        Ok(bytes)
    } else {
        Err(SymmetricKeyError::Length { bytes: bytes.len() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_slip_has_its_own_error() {
        let key = "AAECAwQFBgcICQoLDA0ODw==";
        assert!(GroupKey::parse(key).is_ok());
        assert!(GroupKey::parse(&format!("{key}\r\n")).is_ok());
        let wrapped = format!("{}\n{}", &key[..8], &key[8..]);
        for (text, error) in [
            ("", SymmetricKeyError::Empty),
            ("\n", SymmetricKeyError::Empty),
            (wrapped.as_str(), SymmetricKeyError::Wrapped { index: 8 }),
            ("AAEC AwQ", SymmetricKeyError::Character { index: 4 }),
            ("AAEC-wQF", SymmetricKeyError::Character { index: 4 }),
            ("AAECAwQFBgcICQoLDA0ODw=", SymmetricKeyError::Incomplete { characters: 23 }),
            ("AAECAwQFBgcICQoLDA0ODx==", SymmetricKeyError::Incomplete { characters: 24 }),
            ("AAECAwQFBgcICQoLDA0O", SymmetricKeyError::Length { bytes: 15 }),
        ] {
            assert_eq!(GroupKey::parse(text).unwrap_err(), error, "{text:?}");
            assert_eq!(DeviceKey::parse(text).unwrap_err(), error, "{text:?}");
        }
        let long = STANDARD.encode([7; 65]);
        assert_eq!(GroupKey::parse(&long).unwrap_err(), SymmetricKeyError::Length { bytes: 65 });
    }

    #[test]
    fn a_key_vouches_for_its_own_macs_alone() {
        let key = DeviceKey::parse("AAECAwQFBgcICQoLDA0ODw==").unwrap();
        let mac = key.mac(b"nonce");
        assert!(key.vouches_for(b"nonce", &mac));
        assert!(!key.vouches_for(b"other", &mac));
        assert!(!key.vouches_for(b"nonce", &mac[..31]));
        assert!(!key.vouches_for(b"nonce", b""));
    }

    #[test]
    fn debug_shows_nothing() {
        let text = "AAECAwQFBgcICQoLDA0ODw==";
        assert_eq!(format!("{:?}", GroupKey::parse(text).unwrap()), "GroupKey(…)");
        assert_eq!(format!("{:?}", DeviceKey::parse(text).unwrap()), "DeviceKey(…)");
    }
}
