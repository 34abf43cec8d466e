//! How a product's units are spoken to.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::Path;

use super::ProductError;
use super::file::{LinkFile, SecureBoot};
use crate::ledger::entry::Grade;
use crate::link::{Chip, Dialogue, Section, ShownIn};
use crate::template::Kind;

/// What serial adapters can do.
const BAUD: RangeInclusive<u32> = 1200..=5_000_000;

/// How a product's units are spoken to.
#[derive(Debug, Clone)]
pub enum ProductLink {
    /// On a text console.
    Console {
        /// Baud rate of the serial line.
        baud: u32,
        /// How to speak to the unit.
        dialogue: Dialogue,
    },
    /// By the loader in the chip's ROM.
    Loader {
        /// The baud rate that is raised to.
        baud: u32,
        /// The chip that must be there.
        chip: Chip,
        /// Whether a unit with secure boot is written.
        secure_boot: SecureBoot,
    },
    /// Only by its TPM, which is written into at most what makes its keys last.
    Tpm,
    /// Not at all: another program writes the images that the station makes.
    Programmer,
}

impl ProductLink {
    /// What `[link]` says; its dialogue is loaded.
    pub(super) fn load(station_folder: &Path, product: &str, file: &LinkFile) -> Result<Self, ProductError> {
        let wrong = |what: &str| {
            Err(ProductError::Impossible { file: product.to_owned(), what: format!("[link]: {what}") })
        };
        if let Some(baud) = file.baud.filter(|baud| !BAUD.contains(baud)) {
            let (least, most) = (BAUD.start(), BAUD.end());
            return wrong(&format!("baud = {baud} is no baud rate: give one from {least} to {most}"));
        }
        if file.secure_boot.is_some() && file.loader.is_none() {
            return wrong("`secure_boot` is what a loader looks at, and there is no `loader`: remove it");
        }
        match (&file.dialogue, file.loader, file.baud) {
            (Some(_), Some(_), _) => wrong("a unit has a `dialogue` or a `loader`: remove one"),
            (Some(_), None, None) | (None, Some(_), None) => wrong("the key `baud` is missing: add it"),
            (None, None, Some(_)) => wrong(
                "`baud` says how fast, and nothing says how: add a `dialogue` or a `loader`, or remove it",
            ),
            (None, None, None) => Ok(Self::Programmer),
            (Some(name), None, Some(baud)) => {
                let text = Kind::Dialogue.text(station_folder, name)?;
                Ok(Self::Console { baud, dialogue: Dialogue::parse(&text, name)? })
            }
            (None, Some(chip), Some(baud)) => {
                Ok(Self::Loader { baud, chip, secure_boot: file.secure_boot.unwrap_or_default() })
            }
        }
    }

    /// Units that nothing else speaks to are spoken to by their TPM.
    pub(super) fn or_tpm(self) -> Self {
        match self {
            Self::Programmer => Self::Tpm,
            other => other,
        }
    }

    /// Its dialogue, where it has one.
    pub fn dialogue(&self) -> Option<&Dialogue> {
        match self {
            Self::Console { dialogue, .. } => Some(dialogue),
            Self::Loader { .. } | Self::Tpm | Self::Programmer => None,
        }
    }

    /// The chip whose loader it is, where it is one.
    pub fn chip(&self) -> Option<Chip> {
        match self {
            Self::Loader { chip, .. } => Some(*chip),
            Self::Console { .. } | Self::Tpm | Self::Programmer => None,
        }
    }

    fn says(&self, section: Section) -> bool {
        self.dialogue().is_some_and(|dialogue| dialogue.has(section))
    }

    /// Whether the device tells its hardware ID; else its label stands for it.
    pub fn tells_hardware_id(&self) -> bool {
        matches!(self, Self::Loader { .. } | Self::Tpm) || self.says(Section::Identify)
    }

    /// Whether it can restart the unit.
    pub fn restarts(&self) -> bool {
        matches!(self, Self::Loader { .. }) || self.says(Section::Restart)
    }

    /// Whether the unit can be asked for a key of its own in this way.
    pub fn shows_own_key(&self, shown_in: ShownIn) -> bool {
        self.says(Section::showing_key_in(shown_in))
    }

    /// Whether it can give evidence of this grade.
    pub fn gives(&self, grade: Grade) -> bool {
        match (self, grade) {
            (Self::Programmer | Self::Tpm, _) | (Self::Loader { .. }, Grade::Challenge) => false,
            (Self::Loader { .. }, _) | (_, Grade::Acknowledged) => true,
            (Self::Console { .. }, Grade::Challenge) => self.says(Section::Challenge),
            (Self::Console { .. }, Grade::DeviceDigest) => self.says(Section::Observe),
            (Self::Console { .. }, Grade::ReadBack) => self.says(Section::ReadBack),
        }
    }
}

impl fmt::Display for ProductLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Console { dialogue, .. } => write!(f, "dialogue {}", dialogue.file),
            Self::Loader { chip, .. } => write!(f, "the loader of {chip}"),
            Self::Tpm => f.write_str("nobody here (the TPM alone is asked)"),
            Self::Programmer => f.write_str("a programmer"),
        }
    }
}
