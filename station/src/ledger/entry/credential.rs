//! A credential as it is announced, and where its key comes from.

use certkit::RegistrationId;
use serde::{Deserialize, Serialize};

use super::TpmKey;

/// A credential as it is announced: everything public about it, and of a secret only a keyed digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "credential_kind", rename_all = "kebab-case")]
pub enum IssuedCredential {
    /// An X.509 chain; the private key is the unit's.
    Certificate {
        /// The leaf's certificate serial, hex.
        certificate_serial: String,
        /// SHA-256 of the leaf's SubjectPublicKeyInfo, hex.
        public_key: String,
        /// PEM, leaf first.
        chain: String,
        /// Label of the issuing authority; none where the leaf is signed by its own key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        authority: Option<String>,
        /// Who made the private key.
        #[serde(default, skip_serializing_if = "KeyMaker::is_station")]
        key_maker: KeyMaker,
    },
    /// A symmetric key.
    DeviceKey {
        /// Where it comes from.
        #[serde(flatten)]
        origin: KeyOrigin,
        /// HMAC-SHA256 of the key under a key of the vault, hex: shows whether two keys are the same, and nothing else.
        key_mac: String,
    },
    /// The endorsement key of the unit's TPM.
    EndorsementKey(Box<TpmKey>),
}

/// A credential that was issued without a unit. Of a certificate's chain it holds the leaf.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AheadCredential {
    /// Whom it is for.
    pub registration_id: RegistrationId,
    /// The credential.
    #[serde(flatten)]
    pub credential: IssuedCredential,
}

/// Who made a unit's private key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyMaker {
    /// The station, which then wrote it into the unit.
    #[default]
    Station,
    /// The unit: the key never left it.
    Device,
}

impl KeyMaker {
    fn is_station(&self) -> bool {
        *self == KeyMaker::Station
    }
}

/// Where a device's symmetric key comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "key_origin", rename_all = "kebab-case")]
pub enum KeyOrigin {
    /// Derived from an enrollment group's key.
    Derived {
        /// The group key's name in the vault.
        group_key: String,
        /// Which of the group's two keys that is.
        group_entry: GroupEntry,
    },
    /// Given with the order.
    Given,
    /// Made at random for this device alone, with a second one that only the service gets.
    Random {
        /// The HMAC of the secondary key, as `key_mac` is of the primary.
        secondary_mac: String,
    },
}

/// An enrollment group has two keys (and an X.509 group two CAs), so that one can be exchanged while the other serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GroupEntry {
    /// The primary.
    Primary,
    /// The secondary.
    Secondary,
}
