//! The acts that a link performs on a unit. Each is announced in the ledger first.

use std::collections::BTreeMap;

use crate::ledger::Announce;
use crate::ledger::entry::Act;
use crate::vault::Secret;

/// One act on a unit.
#[derive(Debug, Clone)]
pub enum Step {
    /// Write an item.
    Write(WriteItem),
    /// Restart the unit.
    Restart,
}

/// An item with this unit's content.
#[derive(Debug, Clone)]
pub struct WriteItem {
    /// The product's name for it.
    pub name: String,
    /// What to write. Held as a secret, whether or not it is one.
    pub content: Secret,
    /// Whether the content must not be shown.
    pub secret: bool,
    /// The dialogue's variables that place it.
    pub place: BTreeMap<String, String>,
}

impl Announce for Step {
    fn act(&self) -> Act {
        match self {
            Step::Write(item) => Act::Write { item: item.name.clone() },
            Step::Restart => Act::Restart,
        }
    }
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Step::Write(item) => write!(f, "write {}", item.name),
            Step::Restart => f.write_str("restart"),
        }
    }
}
