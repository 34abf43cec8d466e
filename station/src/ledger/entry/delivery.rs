//! What leaves the station, and by which door.

use serde::{Deserialize, Serialize};

/// By which of its doors a secret leaves the station.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Door {
    /// Sealed to named recipients.
    Sealed,
    /// In clear, asked for by name.
    Clear,
}

impl std::fmt::Display for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Door::Sealed => "sealed",
            Door::Clear => "clear",
        })
    }
}

/// Enrollments with keys, as they left the station.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The order.
    pub order: String,
    /// How it leaves.
    pub form: Door,
    /// To whom it is sealed: age recipients.
    pub recipients: Vec<String>,
    /// How many enrollments it holds.
    pub identities: u64,
    /// SHA-256 of what was written, hex.
    pub sha256: String,
    /// The attempts that made the keys that it carries; of keys that were made without units, the entries.
    pub attempts: Vec<u64>,
}
