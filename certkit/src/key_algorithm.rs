//! The kinds of keys that certificates carry here.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use thiserror::Error;

/// A kind of key, with its size: what DPS's TLS servers take, and what devices have. Written as in `p-256`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub enum KeyAlgorithm {
    /// ECDSA on NIST P-256 (secp256r1): the usual one for devices.
    P256,
    /// ECDSA on NIST P-384 (secp384r1).
    P384,
    /// RSA of 2048 bits.
    Rsa2048,
    /// RSA of 3072 bits.
    Rsa3072,
    /// RSA of 4096 bits.
    Rsa4096,
}

/// A text that names no kind of key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text:?} is no kind of key: use p-256, p-384, rsa-2048, rsa-3072 or rsa-4096")]
pub struct KeyAlgorithmError {
    /// The text.
    text: String,
}

impl KeyAlgorithm {
    /// All of them, the smallest first.
    pub const ALL: [Self; 5] = [Self::P256, Self::P384, Self::Rsa2048, Self::Rsa3072, Self::Rsa4096];

    /// Its name, as in `p-256`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::P256 => "p-256",
            Self::P384 => "p-384",
            Self::Rsa2048 => "rsa-2048",
            Self::Rsa3072 => "rsa-3072",
            Self::Rsa4096 => "rsa-4096",
        }
    }

    /// Whether it is RSA, of any size.
    #[must_use]
    pub fn is_rsa(self) -> bool {
        matches!(self, Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096)
    }
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for KeyAlgorithm {
    type Err = KeyAlgorithmError;

    fn from_str(text: &str) -> Result<Self, KeyAlgorithmError> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.as_str() == text)
            .ok_or_else(|| KeyAlgorithmError { text: text.to_owned() })
    }
}

impl TryFrom<String> for KeyAlgorithm {
    type Error = KeyAlgorithmError;

    fn try_from(text: String) -> Result<Self, KeyAlgorithmError> {
        text.parse()
    }
}
