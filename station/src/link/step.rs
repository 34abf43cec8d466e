//! The acts that a link performs on a unit. Each is announced in the ledger first.

use std::collections::BTreeMap;

use firmware_image::Region;

use super::Place;
use crate::ledger::Announce;
use crate::ledger::entry::Act;
use crate::vault::Secret;

/// One act on a unit.
#[derive(Debug, Clone)]
pub enum Step {
    /// Write an item.
    Write(WriteItem),
    /// Write a region of its flash.
    Flash(FlashItem),
    /// Put the keys of its TPM at their handles, where nothing lies.
    KeepKeys,
    /// Restart the unit.
    Restart,
}

/// A unit is asked for the public part of a key that it makes itself.
#[derive(Debug, Clone)]
pub struct OwnKey {
    /// What it shows it in.
    pub shown_in: ShownIn,
    /// The product's name for the key.
    pub name: String,
    /// Where it lies.
    pub place: Place,
    /// The registration ID, for the subject.
    pub registration_id: String,
}

/// In what a unit shows the public part of its own key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShownIn {
    /// A PKCS#10 request: it makes a key for each.
    Request,
    /// A certificate that the key signed.
    Certificate,
}

impl Announce for OwnKey {
    fn act(&self) -> Act {
        let item = self.name.clone();
        match self.shown_in {
            ShownIn::Request => Act::MakeKey { item },
            ShownIn::Certificate => Act::ReadCertificate { item },
        }
    }
}

impl std::fmt::Display for OwnKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.shown_in {
            ShownIn::Request => write!(f, "make {}", self.name),
            ShownIn::Certificate => write!(f, "read the certificate of {}", self.name),
        }
    }
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
    /// MAC of the content's SHA-256 under the vault's ledger key, hex; none of what is never looked at again, and of
    /// passwords.
    pub content_mac: Option<String>,
}

/// A region of flash with this unit's content, or the released firmware's.
#[derive(Debug, Clone)]
pub struct FlashItem {
    /// What messages and the ledger call it.
    pub name: String,
    /// Where it lies. It begins with a sector.
    pub region: Region,
    /// What to write. Held as a secret, whether or not it is one.
    pub content: Secret,
    /// Whether the content must not be shown.
    pub secret: bool,
    /// MAC of the content's MD5 under the vault's ledger key, hex: by it the unit is known again.
    pub content_mac: String,
}

impl Announce for Step {
    fn act(&self) -> Act {
        match self {
            Step::Flash(item) => Act::Flash {
                item: item.name.clone(),
                offset: item.region.offset(),
                length: item.region.length(),
                content_mac: item.content_mac.clone(),
            },
            Step::Write(item) => {
                Act::Write { item: item.name.clone(), content_mac: item.content_mac.clone() }
            }
            Step::KeepKeys => Act::KeepKeys,
            Step::Restart => Act::Restart,
        }
    }
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Step::Write(item) => write!(f, "write {}", item.name),
            Step::Flash(item) => write!(f, "flash {}", item.name),
            Step::KeepKeys => f.write_str("keep the TPM's keys"),
            Step::Restart => f.write_str("restart"),
        }
    }
}
