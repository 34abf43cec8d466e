//! What is done to a unit, what was obtained from it, and what happens next.

use serde::{Deserialize, Serialize};

/// An act on a device, as it is announced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "kebab-case")]
pub enum Act {
    /// The unit makes a key, which never leaves it.
    MakeKey {
        /// The product's name for the key.
        item: String,
    },
    /// The unit shows the certificate that its own key signed; it may have to make both first.
    ReadCertificate {
        /// The product's name for the key.
        item: String,
    },
    /// An item is written.
    Write {
        /// The product's name for the item.
        item: String,
        /// HMAC-SHA256 of the SHA-256 of its content (as hexadecimal digits), under the vault's ledger key, hex; none of
        /// what is never looked at again, and of passwords.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        content_mac: Option<String>,
    },
    /// A region of its flash is written.
    Flash {
        /// The product's name for what lies there.
        item: String,
        /// Of the region's first byte.
        offset: u32,
        /// Bytes of the region.
        length: u32,
        /// HMAC-SHA256 of the MD5 of its content, under the vault's ledger key, hex.
        content_mac: String,
    },
    /// The keys of its TPM are put at their handles, where nothing lies.
    KeepKeys,
    /// The unit is restarted.
    Restart,
}

/// What became of an item of a unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The product's name for the item.
    pub item: String,
    /// How strong the evidence is.
    pub grade: Grade,
    /// Whether the unit had been restarted between writing and looking.
    pub after_restart: bool,
}

/// Grades of evidence, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    /// The device said so.
    Acknowledged,
    /// The device computed a digest of what it holds, and it is the right one.
    DeviceDigest,
    /// The content was read back and is the same.
    ReadBack,
    /// The unit signed, or HMACed, our nonce.
    Challenge,
}

impl std::fmt::Display for Grade {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Grade::Acknowledged => "acknowledged",
            Grade::DeviceDigest => "device digest",
            Grade::ReadBack => "read-back",
            Grade::Challenge => "challenge",
        })
    }
}

/// What happens next to a unit that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Disposition {
    /// The same again: put the unit back in.
    Retry,
    /// Repair it, then again with a new credential.
    Rework,
    /// Remove it for ever.
    Scrap,
    /// Quarantine: an engineer decides.
    Hold,
}

impl std::fmt::Display for Disposition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Disposition::Retry => "retry",
            Disposition::Rework => "rework",
            Disposition::Scrap => "scrap",
            Disposition::Hold => "hold",
        })
    }
}
