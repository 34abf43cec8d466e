//! What a ledger entry says. The bytes are JSON, written once, never encoded again; `version` stands first.
//!
//! An entry holds all public material whole (certificates, public keys), and never a secret.

mod attempt;
mod credential;
mod delivery;
mod fact;
mod roll_over;
mod secret;
mod tpm;

use certkit::RegistrationId;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use attempt::{Act, Disposition, Evidence, Grade};
pub use credential::{AheadCredential, GroupEntry, IssuedCredential, KeyMaker, KeyOrigin};
pub use delivery::{Delivery, Door};
pub use fact::Fact;
pub use roll_over::{Hold, RetirementReason};
pub use secret::{SecretKind, TokenKey};
pub use tpm::{TpmKey, TpmKeyFrom, TpmOrigin};

/// The format of entry bytes that this program writes. Older ones are read for ever; none is migrated.
pub const VERSION: u32 = 1;

/// SHA-256 of an entry's bytes.
pub type EntryHash = [u8; 32];

/// One link of a station's chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Format of these bytes: [`VERSION`].
    pub version: u32,
    /// The station whose chain this is.
    pub station: String,
    /// Position in the chain, from 1, without a gap.
    pub seq: u64,
    /// When it was written: RFC 3339, UTC.
    pub at: String,
    /// Hex of the hash of the entry before; of the first one, 64 zeros.
    pub previous: String,
    /// What happened.
    pub fact: Fact,
}

/// The hash that a chain's first entry names as the one before it.
pub const NO_PREVIOUS: EntryHash = [0; 32];

/// Hashes an entry's bytes as they stand.
pub fn hash(bytes: &[u8]) -> EntryHash {
    Sha256::digest(bytes).into()
}

/// Lower-case hex, as entries and messages spell hashes.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An identity: unique within its DPS instance.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// The DPS instance.
    pub id_scope: String,
    /// The name under which the unit registers there.
    pub registration_id: RegistrationId,
}

impl std::fmt::Display for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (ID scope {})", self.registration_id, self.id_scope)
    }
}

/// One row of an order, as it was added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRow {
    /// Identity that this row reserves.
    pub registration_id: RegistrationId,
    /// Display name for IoT Central, where the order gives one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The customer's number on the label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial_number: Option<String>,
    /// The unit that the row is meant for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hardware_id: Option<String>,
}
