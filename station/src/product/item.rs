//! What is written into a unit, one thing after another.

use std::collections::BTreeMap;

use super::{Document, Slot, Variable};
use crate::ledger::entry::Grade;

/// One thing that is written into a unit.
#[derive(Debug, Clone)]
pub struct Item {
    /// What messages and the ledger call it.
    pub name: String,
    /// What it is.
    pub content: ItemContent,
    /// The evidence that a PASS needs.
    pub evidence: Grade,
}

/// What an item is.
#[derive(Debug, Clone)]
pub enum ItemContent {
    /// A document that the device's console takes.
    Document {
        /// The text.
        document: Document,
        /// Whether it must not be shown.
        secret: bool,
        /// Most bytes that its place on the device takes.
        longest: Option<usize>,
        /// Whether the console takes it within quotes: no quotes in it, nothing but printable ASCII.
        in_quotes: bool,
        /// The dialogue's variables that place it: path, owner, mode …
        place: BTreeMap<String, String>,
    },
    /// The key that the unit makes itself: never written.
    OwnKey {
        /// The dialogue's variables that place it.
        place: BTreeMap<String, String>,
    },
    /// A slot of the firmware's image, with all its entries.
    Slot(Slot),
}

impl Item {
    /// The documents that it consists of.
    pub fn documents(&self) -> impl Iterator<Item = &Document> {
        let (one, many) = match &self.content {
            ItemContent::Document { document, .. } => (Some(document), None),
            ItemContent::OwnKey { .. } => (None, None),
            ItemContent::Slot(slot) => (None, Some(slot.documents())),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }

    /// Whether it names this variable.
    pub fn uses(&self, variable: Variable) -> bool {
        self.documents().any(|document| document.uses(variable))
    }

    /// Whether it is, or holds, what proves the unit's identity.
    pub fn holds_key(&self) -> bool {
        self.is_own_key() || self.documents().any(Document::holds_key)
    }

    /// Whether it is the key that the unit makes itself.
    pub fn is_own_key(&self) -> bool {
        matches!(self.content, ItemContent::OwnKey { .. })
    }

    /// The slot of the firmware's image, where it is one.
    pub fn slot(&self) -> Option<&Slot> {
        match &self.content {
            ItemContent::Slot(slot) => Some(slot),
            ItemContent::Document { .. } | ItemContent::OwnKey { .. } => None,
        }
    }

    /// The dialogue's variables that place it; none of a slot.
    pub fn console_place(&self) -> Option<&BTreeMap<String, String>> {
        match &self.content {
            ItemContent::Document { place, .. } | ItemContent::OwnKey { place } => Some(place),
            ItemContent::Slot(_) => None,
        }
    }
}
