//! Where an item lies on a unit, and what the unit shows of it.

use std::collections::BTreeMap;

use firmware_image::Region;
use md5::Md5;
use sha2::{Digest, Sha256};

use crate::ledger::entry::hex;

/// Where an item lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The variables of the console's dialogue: path, owner, mode …
    Console(BTreeMap<String, String>),
    /// A region of the flash.
    Flash(Region),
    /// Its TPM.
    Tpm,
}

/// What a unit shows of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observed {
    /// SHA-256 of the content, lower-case hex, as the unit computed it.
    Sha256(String),
    /// MD5 of a region of its flash, as its loader computed it.
    Md5([u8; 16]),
}

impl Observed {
    /// What a unit would show that holds this.
    pub fn of(content: &[u8], at: &Place) -> Self {
        match at {
            Place::Console(_) | Place::Tpm => Self::Sha256(hex(&Sha256::digest(content))),
            Place::Flash(_) => Self::Md5(Md5::digest(content).into()),
        }
    }
}
