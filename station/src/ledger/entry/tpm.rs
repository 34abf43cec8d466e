//! What the ledger has of a unit's TPM.

use serde::{Deserialize, Serialize};

/// The endorsement key that a unit came with, and what vouches for it: the marks stay with the unit for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TpmKey {
    /// TPM2B_PUBLIC in base64, as DPS takes it.
    pub endorsement_key: String,
    /// The same of the storage root key.
    pub storage_root_key: String,
    /// SHA-256 of the endorsement key's SubjectPublicKeyInfo, hex.
    pub public_key: String,
    /// The template that made the endorsement key: `l-1`, `l-2` or `other`.
    pub template: String,
    /// Where the endorsement key was found.
    pub endorsement_key_from: TpmKeyFrom,
    /// The endorsement key's certificate, PEM; none where the TPM has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// Whether a maker vouches for it.
    #[serde(flatten)]
    pub origin: TpmOrigin,
    /// The TPM's maker, by its own word.
    pub manufacturer: String,
    /// The maker's name for it.
    pub model: String,
    /// The firmware's version.
    pub firmware: String,
    /// Whether it is a program, by its maker's name.
    pub software: bool,
}

/// Where a TPM's key was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TpmKeyFrom {
    /// At its persistent handle.
    Persistent,
    /// Made from the TCG's template, since nothing lay at the handle.
    Template,
    /// Made from the template or the nonce that the maker left in the TPM.
    MakersTemplate,
}

/// Where a TPM comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "origin", rename_all = "kebab-case")]
pub enum TpmOrigin {
    /// A chain of certificates leads from its endorsement key to one of the makers' roots.
    Proven {
        /// The root's subject.
        root: String,
    },
    /// It has no certificate, and the product takes it as it is.
    Unproven,
}

impl TpmKey {
    /// What is to be known of it wherever the unit is listed; nothing of a TPM whose maker vouches for it.
    pub fn marks(&self) -> Vec<&'static str> {
        let unproven = (self.origin == TpmOrigin::Unproven).then_some("origin unproven");
        unproven.into_iter().chain(self.software.then_some("software TPM")).collect()
    }
}
