//! What goes wrong with a loader, and what it means once nothing helps.

use std::io;
use std::time::Duration;

use super::chip::Chip;
use super::span::Span;
use crate::ledger::entry::Disposition;
use crate::link::LinkError;

/// What went wrong.
#[derive(Debug)]
pub(super) enum Trouble {
    Stopped,
    /// The port failed.
    Gone(io::Error),
    /// No loader answers at any speed.
    NoLoader(Duration),
    /// The stub still answers after it was told to restart the unit.
    NoRestart(Duration),
    /// No answer to a command.
    Silent(Duration),
    /// What came is no answer to what was asked.
    Garbled,
    /// Bytes without end.
    Babble(usize),
    /// The loader will not.
    Refused {
        command: &'static str,
        status: u8,
    },
    /// What the library says.
    Library(espflash::Error),
    /// The digest is not that of what was sent.
    Differs,
    /// So often that it is no accident.
    NeverAgrees,
    WrongChip {
        found: String,
        wanted: Chip,
    },
    /// Another unit answers, and nothing has been written yet.
    OtherUnit {
        found: String,
        known: String,
    },
    /// Another unit answers, and something was written.
    MixedUp {
        found: String,
        known: String,
    },
    NotSectors(Span),
    Beyond {
        region: Span,
        flash: u32,
    },
    /// The loader of a unit in secure download mode shows nothing.
    SecureDownload,
}

/// The loaders' codes for a frame that did not arrive whole. ROM: message, checksum. Stub: length, checksum, block
/// size, command.
const GARBLED_ON_THE_WAY: [u8; 7] = [0x05, 0x07, 0xc0, 0xc1, 0xc2, 0xc3, 0xff];

impl Trouble {
    /// Whether trying again may help.
    pub(super) fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Silent(_)
                | Self::NoRestart(_)
                | Self::Garbled
                | Self::Babble(_)
                | Self::Refused { .. }
                | Self::Library(_)
                | Self::Differs
        )
    }

    /// One line for the transcript.
    pub(super) fn short(&self) -> String {
        match self {
            Self::Silent(within) => format!("no answer within {} s", within.as_secs_f32()),
            Self::Garbled => "what came is no answer".to_owned(),
            Self::Babble(bytes) => format!("{bytes} bytes that are no answer"),
            Self::Refused { command, status } => format!("{command} refused with status {status:#04x}"),
            Self::Library(error) => crate::error_text::with_causes(error),
            Self::Differs => "the digest is another".to_owned(),
            Self::Gone(source) => format!("the port failed: {source}"),
            Self::NoLoader(_) => "no loader answers".to_owned(),
            Self::NoRestart(within) => format!("no restart within {} s", within.as_secs()),
            other => format!("{other:?}"),
        }
    }

    /// Once it is given up, after so many tries.
    pub(super) fn given_up(self, during: &str, tries: u32) -> LinkError {
        let during = during.to_owned();
        let again = match tries {
            0 | 1 => String::new(),
            tries => format!(", {tries} times over"),
        };
        let (disposition, means) = match self {
            Self::Stopped => return LinkError::Stopped(during),
            Self::Gone(source) => return LinkError::Unplugged { during, source },
            Self::NoLoader(within) => return LinkError::NoLoader { during, within },
            Self::Babble(bytes) => return LinkError::Babble { during, bytes },
            Self::NoRestart(_) => {
                (Disposition::Rework, format!("the unit did not restart when it was told to{again}: rework it"))
            }
            Self::Silent(_) => {
                (Disposition::Retry, format!("the loader did not answer{again}: check cable and supply"))
            }
            Self::Garbled => {
                (Disposition::Retry, format!("the loader's answer came garbled{again}: check the cable"))
            }
            Self::Refused { command, status } if GARBLED_ON_THE_WAY.contains(&status) => (
                Disposition::Retry,
                format!("{command} did not arrive whole{again} (status {status:#04x}): check the cable"),
            ),
            Self::Refused { command, status } => (
                Disposition::Rework,
                format!("the loader refuses {command}{again} (status {status:#04x}): rework the unit"),
            ),
            Self::Library(error) => (
                Disposition::Retry,
                format!("{}{again}: check cable and supply", crate::error_text::with_causes(&error)),
            ),
            Self::Differs | Self::NeverAgrees => (
                Disposition::Rework,
                format!("the flash does not hold what was written{again}: rework the unit"),
            ),
            Self::WrongChip { found, wanted } => (
                Disposition::Hold,
                format!("the unit has an {found}, the product is for an {wanted}: wrong unit or wrong product"),
            ),
            Self::OtherUnit { found, known } => (
                Disposition::Retry,
                format!("unit {found} is in the place of unit {known}: put that one back in"),
            ),
            Self::MixedUp { found, known } => (
                Disposition::Hold,
                format!(
                    "two units were mixed up: unit {known} was identified and written, and unit {found} answers; keep \
                     both"
                ),
            ),
            Self::NotSectors(region) => (
                Disposition::Hold,
                format!("{region} does not begin and end with a sector of 4096 bytes: correct the product"),
            ),
            Self::Beyond { region, flash } => (
                Disposition::Hold,
                format!("{region} is beyond the end of the unit's flash, {flash:#x}: wrong unit or wrong product"),
            ),
            Self::SecureDownload => (
                Disposition::Hold,
                "a unit in secure download mode shows nothing of its flash, so that nothing about it can be proven"
                    .to_owned(),
            ),
        };
        LinkError::Refused { during, means, disposition }
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Gone(error)
    }
}
