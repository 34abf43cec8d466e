//! What the ledger answers with: orders, identities, credentials, attempts and authorities as they stand now.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use serde::Serialize;

use super::entry::{Evidence, Identity, IssuedCredential, TokenKey};

/// The one state that an identity is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum IdentityState {
    /// No verdict yet.
    Open,
    /// Accepted.
    Live,
    /// Quarantined.
    OnHold,
    /// Scrapped; never used again.
    Burnt,
    /// Its credential was issued ahead, for whoever writes it elsewhere.
    CheckedOut,
}

/// What was announced to be written to a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenRecord {
    /// Offset and length of what was flashed.
    pub region: Option<(u32, u32)>,
    /// MAC of the digest of its content, under the vault's ledger key, hex.
    pub content_mac: String,
    /// SHA-256 of the text of the product that the run was of, hex.
    pub product_sha256: Option<String>,
}

/// An order, as it was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrderRecord {
    /// Its name.
    pub name: String,
    /// File name of the product.
    pub product: String,
    /// SHA-256 of the product's text when the order was taken, hex.
    pub product_sha256: String,
    /// The DPS instance.
    pub id_scope: String,
    /// Units ordered.
    pub quantity: u64,
    /// The most credentials that may ever be issued for it, where there is a limit.
    pub issue_budget: Option<u64>,
    /// Credentials that were issued for it, those that were superseded or revoked included.
    pub issued: u64,
}

/// How an order stands: ordered = accepted + open + on hold + checked out. An identity that comes with its unit, and has
/// not come yet, is as open as one that is reserved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Units ordered.
    pub ordered: u64,
    /// Identities that are live.
    pub accepted: u64,
    /// Ordered and not accepted: no verdict yet, or the identity was burnt and the unit is still owed.
    pub open: u64,
    /// Identities that are quarantined.
    pub on_hold: u64,
    /// Identities that were burnt.
    pub burnt: u64,
    /// Identities that no unit is bound to yet, or brought yet.
    pub unbound: u64,
    /// Identities that have no verdict yet, bound or not, reserved or yet to come: with none of them the order is done.
    pub waiting: u64,
    /// Identities whose credentials were issued ahead, to be written elsewhere.
    pub checked_out: u64,
}

/// An identity with what is bound to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IdentityRecord {
    /// The identity.
    #[serde(flatten)]
    pub identity: Identity,
    /// The order that reserved it.
    pub order: String,
    /// Display name, where the order gave one.
    pub name: Option<String>,
    /// The label's number, where the order gave one.
    pub serial_number: Option<String>,
    /// The unit that the order means it for, where it says so.
    pub meant_for: Option<String>,
    /// Its state.
    pub state: IdentityState,
    /// The unit bound to it.
    pub unit: Option<String>,
    /// Its current credential.
    pub credential: Option<CredentialRecord>,
    /// Why the next attempt gets a new credential, where it must.
    pub reissue: Option<String>,
    /// Why it is in this state, where there is a reason.
    pub reason: Option<String>,
}

/// A credential that was issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CredentialRecord {
    /// What was announced.
    #[serde(flatten)]
    pub credential: IssuedCredential,
    /// The attempt that issued it; of one that was issued ahead, the entry.
    pub attempt: u64,
    /// `issued`, `live`, `superseded`, `revoked`; issued ahead, `announced`, `handed-over` and the latter two.
    pub state: String,
    /// Why it was superseded or revoked.
    pub reason: Option<String>,
    /// When it was superseded or revoked: RFC 3339.
    pub ended_at: Option<String>,
}

/// One attempt on one unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttemptRecord {
    /// Its number: the entry that opened it.
    pub attempt: u64,
    /// The order that was run.
    pub order: String,
    /// The fixture.
    pub fixture: String,
    /// What the unit showed, as far as it got.
    pub hardware_id: Option<String>,
    /// The identity that it was bound to, as far as it got.
    pub registration_id: Option<String>,
    /// `open`, `accepted`, `failed`, `refused`, `interrupted`.
    pub state: String,
    /// What happens next to a unit that failed.
    pub disposition: Option<String>,
    /// Why it failed.
    pub reason: Option<String>,
    /// What was obtained.
    pub evidence: Vec<Evidence>,
    /// RFC 3339.
    pub opened_at: String,
    /// RFC 3339.
    pub closed_at: Option<String>,
}

/// A certificate authority of this station.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuthorityRecord {
    /// The station's name for it.
    pub label: String,
    /// `root` or `intermediate`.
    pub role: String,
    /// Label of its issuer; none for a root.
    pub issuer: Option<String>,
    /// PEM.
    pub certificate: String,
    /// Where its private key lies, where that is a token.
    pub token_key: Option<TokenKey>,
}

/// What takes the place of an authority or a group key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RollOver {
    /// The label, or the group key's name.
    #[serde(skip)]
    pub retiring: String,
    /// Of the same kind.
    pub successor: String,
    /// Whether both still serve.
    pub state: RollOverState,
    /// When that state began: RFC 3339.
    pub since: String,
}

/// A certificate that no unit is to use any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedCertificate {
    /// Hex.
    pub certificate_serial: String,
    /// When it was superseded or revoked: RFC 3339.
    pub ended_at: String,
    /// Whether its unit was scrapped with it; else the unit got another one, or is to get it.
    pub scrapped: bool,
}

/// How far a roll-over has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RollOverState {
    /// Both serve.
    InProgress,
    /// Retired, since its time came.
    Expiry,
    /// Retired, since its key may be known.
    Breach,
}

impl RollOverState {
    /// Whether the one that is rolled over may no longer issue.
    pub fn is_retired(self) -> bool {
        self != RollOverState::InProgress
    }
}

impl std::fmt::Display for RollOverState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            RollOverState::InProgress => "in progress",
            RollOverState::Expiry => "expiry",
            RollOverState::Breach => "breach",
        })
    }
}

/// Enrollments with keys that left the station.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeliveryRecord {
    /// Its number: the entry that records it.
    pub delivery: u64,
    /// The order.
    pub order: String,
    /// `sealed` or `clear`.
    pub form: String,
    /// age recipients.
    pub recipients: Vec<String>,
    /// How many enrollments it held.
    pub identities: u64,
    /// SHA-256 of what was written, hex.
    pub sha256: String,
    /// RFC 3339.
    pub at: String,
    /// RFC 3339; none while it waits for that.
    pub acknowledged_at: Option<String>,
}

impl FromSql for RollOverState {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_str()? {
            "in-progress" => Ok(Self::InProgress),
            "expiry" => Ok(Self::Expiry),
            "breach" => Ok(Self::Breach),
            _ => Err(FromSqlError::InvalidType),
        }
    }
}

impl FromSql for IdentityState {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_str()? {
            "open" => Ok(Self::Open),
            "live" => Ok(Self::Live),
            "on-hold" => Ok(Self::OnHold),
            "burnt" => Ok(Self::Burnt),
            "checked-out" => Ok(Self::CheckedOut),
            _ => Err(FromSqlError::InvalidType),
        }
    }
}
