//! What a TPM shows of itself.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::vault::Secret;

/// Makers whose TPMs are programs: IBM (swtpm and IBM's simulator), Microsoft (Hyper-V, the reference code), VMware.
const PROGRAMS: [&str; 3] = ["IBM", "MSFT", "VMW"];

/// Who made a TPM, by its own word (TPM 2.0 Library, part 2, §6.13: TPM_PT_MANUFACTURER and on).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TpmMake {
    /// The maker's letters in the TCG's registry of vendors, as in `STM`.
    pub manufacturer: String,
    /// The maker's name for it.
    pub model: String,
    /// The firmware's version: four numbers, as Windows writes it.
    pub firmware: String,
    /// Whether too many wrong authorisations have locked it.
    pub locked_out: bool,
}

impl TpmMake {
    /// Whether its maker is known for TPMs that are programs. A hint and no more: a program can say what it likes.
    pub fn seems_software(&self) -> bool {
        PROGRAMS.contains(&self.manufacturer.as_str())
    }
}

/// fixedTPM, restricted and decrypt of TPMA_OBJECT (TPM 2.0 Library, part 2, §8.3): what makes a key one that keeps others.
const STORAGE: u32 = 1 << 1 | 1 << 16 | 1 << 17;
/// sign of TPMA_OBJECT.
const SIGN: u32 = 1 << 18;
/// TPM_ALG_RSA and TPM_ALG_ECC.
const ASYMMETRIC: [[u8; 2]; 2] = [[0, 0x01], [0, 0x23]];

/// A key of a TPM, and where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrimaryKey<K> {
    /// The key's public part.
    pub key: K,
    /// Where it was found.
    pub origin: KeyOrigin,
}

/// Where a key was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyOrigin {
    /// At its persistent handle: whoever uses this TPM finds the same one.
    Persistent,
    /// Made from the TCG's template, since nothing lay at the handle. Another template makes another key.
    Template,
    /// Made from the template or the nonce that the maker left in the TPM, since nothing lay at the handle.
    MakersTemplate,
}

/// A storage root key: its TPM2B_PUBLIC, as DPS takes it beside the endorsement key.
#[derive(Clone, PartialEq, Eq)]
pub struct StorageRootKey(Vec<u8>);

impl StorageRootKey {
    /// Takes a TPM2B_PUBLIC, as a TPM gives it.
    pub fn from_tpm2b_public(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The TPM2B_PUBLIC.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether it keeps other keys, also those that come from outside, as DPS's do.
    pub fn can_store(&self) -> bool {
        // Size, type, nameAlg, objectAttributes (part 2, §12.2.4).
        let [_, _, kind @ .., _, _, a, b, c, d] = self.0.get(..10).unwrap_or_default() else { return false };
        let attributes = u32::from_be_bytes([*a, *b, *c, *d]);
        ASYMMETRIC.iter().any(|known| known == kind) && attributes & (STORAGE | SIGN) == STORAGE
    }

    /// The same in base64 (`attestation.tpm.storageRootKey`).
    pub fn to_base64(&self) -> String {
        STANDARD.encode(&self.0)
    }
}

impl fmt::Debug for StorageRootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StorageRootKey({})", self.to_base64())
    }
}

/// A hierarchy of keys in a TPM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hierarchy {
    /// The endorsement key's.
    Endorsement,
    /// The storage root key's; it also decides what becomes persistent.
    Owner,
}

impl fmt::Display for Hierarchy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Endorsement => "endorsement",
            Self::Owner => "owner",
        })
    }
}

/// The hierarchies' authorisations, where they are set: mostly they are empty.
#[derive(Debug, Clone, Default)]
pub struct HierarchyAuths {
    /// Of the endorsement hierarchy.
    pub endorsement: Option<Secret>,
    /// Of the owner's hierarchy.
    pub owner: Option<Secret>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first bytes of a TPM2B_PUBLIC.
    fn key(kind: u16, attributes: u32) -> StorageRootKey {
        let head = [&[1, 0x1a][..], &kind.to_be_bytes(), &[0, 0x0b], &attributes.to_be_bytes(), &[0; 20]];
        StorageRootKey::from_tpm2b_public(head.concat())
    }

    #[test]
    fn a_storage_root_key_keeps_others() {
        // As the TCG's templates make them, and as EKs are.
        for (kind, attributes) in [(0x01, 0x0003_0472), (0x23, 0x0003_0472), (0x01, 0x0003_00b2)] {
            assert!(key(kind, attributes).can_store(), "{kind:#x} {attributes:#x}");
        }
        for (kind, attributes, what) in [
            (0x01, 0x0004_0472, "signs"),
            (0x23, 0x0005_0472, "signs, restricted"),
            (0x01, 0x0006_0472, "signs and decrypts"),
            (0x01, 0x0002_0472, "decrypts, unrestricted"),
            (0x01, 0x0003_0460, "goes from TPM to TPM"),
            (0x08, 0x0003_0472, "is no key pair"),
        ] {
            assert!(!key(kind, attributes).can_store(), "{what}");
        }
        assert!(!StorageRootKey::from_tpm2b_public(vec![0; 9]).can_store());
    }
}
