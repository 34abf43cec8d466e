//! What a verification found.

use serde::Serialize;

use crate::ledger::IdentityState;
use crate::ledger::entry::Grade;

/// What became of one unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The order.
    pub order: String,
    /// What the unit shows.
    pub hardware_id: Option<String>,
    /// What of it is locked, in words.
    pub locks: Option<String>,
    /// The identity that the ledger has for it.
    pub registration_id: Option<String>,
    /// That identity's state.
    pub state: Option<IdentityState>,
    /// What was asked, in the product's order.
    pub items: Vec<Examined>,
    /// Never: the unit is looked at as it stands.
    pub after_restart: bool,
    /// Whether it is what the ledger says.
    pub verdict: ReportVerdict,
    /// Why it is not proven.
    pub reason: Option<String>,
}

/// Whether a unit is what the ledger says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReportVerdict {
    /// All that could be asked for agreed, and the unit proved its credential.
    Proven,
    /// Anything else.
    Unproven,
}

/// One item of a unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Examined {
    /// The product's name for it.
    pub item: String,
    /// The evidence that the product asks for.
    pub grade: Grade,
    /// What came of it.
    pub result: ItemResult,
    /// Why it does not agree, or was not asked.
    pub reason: Option<String>,
}

/// What came of one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ItemResult {
    /// The unit holds it, or proves it.
    Agrees,
    /// It does not.
    Differs,
    /// The unit cannot be asked for it again.
    NotAsked,
}
