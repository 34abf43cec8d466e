//! One entry.

use std::fmt;

use zeroize::Zeroizing;

use crate::plan::{Holding, Shown};

/// What an entry is (`esp_secure_cert_tlv_type_t`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryType(pub u8);

impl EntryType {
    /// The CA certificate, DER or PEM.
    pub const CA_CERTIFICATE: Self = Self(0);
    /// The device's certificate, DER or PEM; PEM may hold the chain.
    pub const DEVICE_CERTIFICATE: Self = Self(1);
    /// The device's private key, DER or PEM; empty where the chip keeps it.
    pub const PRIVATE_KEY: Self = Self(2);
    /// The encrypted RSA key of the Digital Signature peripheral.
    pub const DS_DATA: Self = Self(3);
    /// Which eFuse key decrypts it, and how long the RSA key is.
    pub const DS_CONTEXT: Self = Self(4);
    /// The salt from which the chip derives an ECDSA key.
    pub const ECDSA_KEY_SALT: Self = Self(5);
    /// Which eFuse block holds the ECDSA key.
    pub const SECURITY_CONFIG: Self = Self(6);
    /// The key of the TEE's secure storage.
    pub const TEE_STORAGE_KEY: Self = Self(7);
    /// A signature of the entries before.
    pub const SIGNATURE_BLOCK: Self = Self(8);
    /// SHA-256 of all entries before.
    pub const INTEGRITY: Self = Self(9);
    /// Data of the firmware's own: 51 to 55.
    pub const USER_DATA_1: Self = Self(51);

    fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::CA_CERTIFICATE => "CA certificate",
            Self::DEVICE_CERTIFICATE => "device certificate",
            Self::PRIVATE_KEY => "private key",
            Self::DS_DATA => "DS data",
            Self::DS_CONTEXT => "DS context",
            Self::ECDSA_KEY_SALT => "ECDSA key salt",
            Self::SECURITY_CONFIG => "security configuration",
            Self::TEE_STORAGE_KEY => "TEE storage key",
            Self::SIGNATURE_BLOCK => "signature block",
            Self::INTEGRITY => "integrity",
            _ => return None,
        })
    }

    /// What is not known to be public is not shown.
    fn is_public(self) -> bool {
        matches!(
            self,
            Self::CA_CERTIFICATE
                | Self::DEVICE_CERTIFICATE
                | Self::DS_CONTEXT
                | Self::SECURITY_CONFIG
                | Self::SIGNATURE_BLOCK
                | Self::INTEGRITY
        )
    }
}

impl fmt::Display for EntryType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None if (51..=55).contains(&self.0) => write!(f, "user data {}", self.0 - 50),
            None => write!(f, "type {}", self.0),
        }
    }
}

impl fmt::Debug for EntryType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How a private key is protected: an entry's flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyProtection {
    /// It lies there as it is; and what is no private key.
    Plain,
    /// Encrypted under a key that the HMAC peripheral derives.
    HmacEncrypted,
    /// An ECDSA key that the HMAC peripheral derives from the salt.
    HmacDerived,
    /// It lies in an eFuse block for the ECDSA peripheral.
    EcdsaPeripheral,
}

impl KeyProtection {
    const ALL: [Self; 4] = [Self::Plain, Self::HmacEncrypted, Self::HmacDerived, Self::EcdsaPeripheral];

    pub(super) fn flags(self) -> u8 {
        match self {
            Self::Plain => 0,
            Self::HmacEncrypted => 1 << 7,
            Self::HmacDerived => 1 << 6,
            Self::EcdsaPeripheral => 1 << 3,
        }
    }

    pub(super) fn from_flags(flags: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|protection| protection.flags() == flags)
    }
}

/// An entry: type, subtype, data. The data may be a private key: they are never printed, and wiped.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub entry_type: EntryType,
    /// Which one of that type: 0 for the first.
    pub subtype: u8,
    /// How it is protected, if it is a private key.
    pub protection: KeyProtection,
    data: Zeroizing<Vec<u8>>,
}

impl Entry {
    /// The first entry of its type; a private key lies there as it is.
    #[must_use]
    pub fn new(entry_type: EntryType, data: &[u8]) -> Self {
        let data = Zeroizing::new(data.to_vec());
        Self { entry_type, subtype: 0, protection: KeyProtection::Plain, data }
    }

    /// The same for a text, PEM above all: the firmware's PEM parser wants a NUL at its end, which is added.
    #[must_use]
    pub fn text(entry_type: EntryType, text: &str) -> Self {
        let mut data = Zeroizing::new(Vec::with_capacity(text.len() + 1));
        data.extend_from_slice(text.as_bytes());
        data.push(0);
        Self { entry_type, subtype: 0, protection: KeyProtection::Plain, data }
    }

    /// The data, with the NUL of a text.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// What a plan says about it.
    #[must_use]
    pub fn holding(&self) -> Holding {
        let shown = if self.entry_type.is_public() { Shown::Bytes } else { Shown::Secret };
        let name = match self.subtype {
            0 => self.entry_type.to_string(),
            subtype => format!("{} ({subtype})", self.entry_type),
        };
        Holding { name, bytes: self.data.len(), shown }
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entry({})", self.holding())
    }
}
