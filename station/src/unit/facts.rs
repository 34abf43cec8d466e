//! What a unit shows of itself, before anything is decided.

use std::fmt;

use serde::Serialize;
use thiserror::Error;

use crate::link::{LockState, Shown};
use crate::tpm::TpmReading;

/// What is known of a unit before anything is decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Its hardware ID; of a device that cannot tell one, its label.
    pub shown: String,
    /// Where that was learnt.
    pub learnt_from: String,
    /// The label that was scanned, where one was.
    pub scanned: Option<String>,
    /// What of it is locked.
    pub locks: LockState,
    /// Bytes of its flash, where it tells them.
    pub flash: Option<u32>,
    /// What its TPM shows, where it is asked.
    pub tpm: Option<Box<TpmReading>>,
}

impl Facts {
    /// What the unit showed, and what was scanned.
    pub fn new(shown: Shown, scanned: Option<String>) -> Self {
        let Shown { hardware_id, learnt_from, locks, flash, tpm } = shown;
        match hardware_id {
            Some(shown) => Self { shown: shown.trim().to_owned(), learnt_from, scanned, locks, flash, tpm },
            None => {
                let shown = scanned.clone().unwrap_or_default();
                Self { shown, learnt_from: "scan".to_owned(), scanned, locks, flash, tpm }
            }
        }
    }
}

/// A unit's own identity, plausible enough to be bound.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct HardwareId(String);

/// A hardware ID that is never bound.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HardwareIdError {
    /// Nothing was there.
    #[error("the hardware ID is empty: check that the product reads it from the right place")]
    Blank,
    /// The same character over and over: an unprogrammed memory.
    #[error("the hardware ID `{0}` is what an unprogrammed board shows: rework the board")]
    Unprogrammed(String),
    /// A placeholder that boards and adapters carry by the thousand.
    #[error(
        "the hardware ID `{0}` is a maker's placeholder that many boards share: rework the board, or let the product read another place"
    )]
    Placeholder(String),
    /// A character that no identity has.
    #[error(
        "the hardware ID has {character:?} at index {index}, which no identity has: check the place that it is read from, and the baud rate"
    )]
    Character {
        /// Character index from 0.
        index: usize,
        /// The character.
        character: char,
    },
    /// Longer than any identity.
    #[error("the hardware ID has {0} characters (at most 128): check the place that the product reads")]
    TooLong(usize),
}

/// What makers leave in when nobody fills it in, and what adapters carry by the thousand (`0001`: espflash issue 409).
const PLACEHOLDERS: [&str; 9] = [
    "0001",
    "0123456789",
    "123456789",
    "0123456789abcdef",
    "default string",
    "none",
    "not specified",
    "system serial number",
    "to be filled by o.e.m.",
];

impl HardwareId {
    /// Parses what a unit shows. White space around it is dropped.
    ///
    /// # Errors
    /// [`HardwareIdError`]: it is implausible and must not be bound.
    pub fn parse(shown: &str) -> Result<Self, HardwareIdError> {
        let text = shown.trim();
        if text.is_empty() {
            return Err(HardwareIdError::Blank);
        }
        if text.chars().count() > 128 {
            return Err(HardwareIdError::TooLong(text.chars().count()));
        }
        if PLACEHOLDERS.contains(&text.to_ascii_lowercase().as_str()) {
            return Err(HardwareIdError::Placeholder(text.to_owned()));
        }
        if let Some((index, character)) = text.chars().enumerate().find(|(_, c)| !c.is_ascii_graphic()) {
            return Err(HardwareIdError::Character { index, character });
        }
        let mut digits = text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase());
        let first = digits.next();
        if first.is_none_or(|first| matches!(first, '0' | 'f' | 'x') && digits.all(|digit| digit == first)) {
            return Err(HardwareIdError::Unprogrammed(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HardwareId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_taken_as_it_is() {
        assert_eq!(HardwareId::parse(" 10000000abcdef01\n").unwrap().as_str(), "10000000abcdef01");
        assert_eq!(HardwareId::parse("02:00:5e:10:00:01").unwrap().as_str(), "02:00:5e:10:00:01");
    }

    #[test]
    fn implausible_identities_are_refused() {
        for shown in [
            "",
            "  ",
            "0000000000000000",
            "ff:ff:ff:ff:ff:ff",
            "FFFF",
            "---",
            "0001",
            "Default string",
            "a\u{7}b",
            "ü1",
        ] {
            assert!(HardwareId::parse(shown).is_err(), "{shown:?}");
        }
        assert!(HardwareId::parse(&"a1".repeat(65)).is_err());
    }
}
