//! What can be wrong with a simulated unit: with its image, for good, or with its line, for one insertion.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::board::Board;
use super::esp::{EspChip, EspChipError};
use super::frame_fault::{FrameFault, FrameFaultKind};
use super::unit_number::{UnitNumber, UnitNumberError};

/// Why a fault's text was refused.
#[derive(Debug, Error)]
pub enum FaultError {
    /// No such kind.
    #[error(
        "unknown fault `{0}`: known are unplug, babble, silence, no-openssl, wrong-password, blank-hardware-id, \
         shared-hardware-id, eeprom-write-fails, eeprom-verify-fails, same-label, and of ESP32 boards \
         garbled-command, garbled-answer, dropped-command, dropped-answer, stalled-answer, brown-out, wrong-md5, \
         lost-writes, pulled-out, secure-boot, flash-encryption, secure-download and other-chip"
    )]
    Kind(String),
    /// Something is missing or too much.
    #[error("`{text}`: write it as {form}")]
    Form {
        /// What was given.
        text: String,
        /// What is expected.
        form: &'static str,
    },
    /// No unit has that number.
    #[error(transparent)]
    Unit(#[from] UnitNumberError),
    /// No chip has that name.
    #[error(transparent)]
    Chip(#[from] EspChipError),
}

/// What a line can do to the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineFaultKind {
    /// The port vanishes.
    Unplug,
    /// Binary noise comes instead of answers.
    Babble,
    /// Nothing comes any more.
    Silence,
    /// One frame to a loader or from it goes wrong.
    Frame(FrameFaultKind),
}

impl Serialize for LineFaultKind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A fault of the line during one insertion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineFault {
    /// What it does.
    pub kind: LineFaultKind,
    /// It strikes after so many bytes from the host since the unit was put in. One of a frame: at that frame from
    /// the host, counted from 1.
    pub after: u64,
}

impl LineFault {
    /// The fault, if it is one of a frame.
    pub(super) fn of_frame(self) -> Option<FrameFault> {
        match self.kind {
            LineFaultKind::Frame(kind) => Some(FrameFault { kind, at: self.after }),
            LineFaultKind::Unplug | LineFaultKind::Babble | LineFaultKind::Silence => None,
        }
    }
}

/// A fault of a unit's image: made with the unit, and there to stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ImageFault {
    /// The unit has no `openssl`.
    NoOpenssl,
    /// The unit's console has another password than was agreed.
    WrongPassword,
    /// The chip was never given a hardware ID: it shows zeros.
    BlankHardwareId,
    /// It shows the hardware ID of that unit.
    SharedHardwareId(UnitNumber),
    /// Its secure chip takes nothing.
    EepromWriteFails,
    /// Its secure chip garbles what it takes.
    EepromVerifyFails,
    /// Its label says what that unit's says.
    SameLabel(UnitNumber),
    /// Its chip boots signed images alone.
    SecureBoot,
    /// Its flash is encrypted.
    FlashEncryption,
    /// Its loader neither reads nor runs anything.
    SecureDownload,
    /// It has another chip.
    OtherChip(EspChip),
}

impl ImageFault {
    /// Whether such a board can have it.
    fn fits(self, board: Board) -> bool {
        match self {
            Self::NoOpenssl | Self::WrongPassword => board == Board::Gateway,
            Self::BlankHardwareId | Self::SharedHardwareId(_) => board != Board::Mxchip,
            Self::EepromWriteFails | Self::EepromVerifyFails => board == Board::Mxchip,
            Self::SameLabel(_) => true,
            Self::SecureBoot | Self::FlashEncryption | Self::OtherChip(_) => board.esp_chip().is_some(),
            // The ESP32 has no such mode.
            Self::SecureDownload => board.esp_chip().is_some_and(|chip| chip != EspChip::Esp32),
        }
    }
}

/// A fault that was asked for, of one unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultRequest {
    /// Of its line. The first that is asked for strikes at the unit's first insertion, the second at its second.
    Line(UnitNumber, LineFault),
    /// Of its image.
    Image(UnitNumber, ImageFault),
}

impl FaultRequest {
    /// The unit that has it.
    pub fn unit(&self) -> UnitNumber {
        match self {
            Self::Line(unit, _) | Self::Image(unit, _) => *unit,
        }
    }

    /// Whether a unit of such a board can have it.
    pub(super) fn fits(&self, board: Board) -> bool {
        match self {
            Self::Line(_, fault) => fault.of_frame().is_none() || board.esp_chip().is_some(),
            Self::Image(_, fault) => fault.fits(board),
        }
    }
}

impl fmt::Display for FaultRequest {
    /// The kind, without the unit.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(_, fault) => fault.kind.fmt(f),
            Self::Image(_, fault) => fault.fmt(f),
        }
    }
}

impl FromStr for FaultRequest {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let mut parts = text.split(':');
        let kind = parts.next().unwrap_or_default();
        let rest: Vec<&str> = parts.collect();
        let line = |kind| {
            let wrong = || FaultError::Form { text: text.to_owned(), form: "KIND:UNIT or KIND:UNIT:BYTES" };
            let (unit, after) = match rest[..] {
                [unit] => (unit, 0),
                [unit, bytes] => (unit, bytes.parse().map_err(|_| wrong())?),
                _ => return Err(wrong()),
            };
            Ok(Self::Line(unit.parse()?, LineFault { kind, after }))
        };
        let frame = |kind| {
            let wrong = || FaultError::Form { text: text.to_owned(), form: "KIND:UNIT or KIND:UNIT:FRAME" };
            let (unit, after) = match rest[..] {
                [unit] => (unit, 1),
                [unit, frame] => (unit, frame.parse().ok().filter(|it| *it > 0).ok_or_else(wrong)?),
                _ => return Err(wrong()),
            };
            Ok(Self::Line(unit.parse()?, LineFault { kind: LineFaultKind::Frame(kind), after }))
        };
        let shared = |fault: fn(UnitNumber) -> ImageFault, form| match rest[..] {
            [unit, other] => Ok(Self::Image(unit.parse()?, fault(other.parse()?))),
            _ => Err(FaultError::Form { text: text.to_owned(), form }),
        };
        match kind {
            "unplug" => line(LineFaultKind::Unplug),
            "babble" => line(LineFaultKind::Babble),
            "silence" => line(LineFaultKind::Silence),
            "shared-hardware-id" => shared(
                ImageFault::SharedHardwareId,
                "shared-hardware-id:UNIT:OTHER; UNIT shows the hardware ID of OTHER",
            ),
            "same-label" => {
                shared(ImageFault::SameLabel, "same-label:UNIT:OTHER; UNIT has the label of OTHER")
            }
            "other-chip" => match rest[..] {
                [unit, chip] => Ok(Self::Image(unit.parse()?, ImageFault::OtherChip(chip.parse()?))),
                _ => Err(FaultError::Form {
                    text: text.to_owned(),
                    form: "other-chip:UNIT:CHIP; UNIT has CHIP, such as esp32s3",
                }),
            },
            _ => match (kind.parse(), &rest[..]) {
                (Ok(kind), _) => frame(kind),
                (Err(()), [unit]) => Ok(Self::Image(unit.parse()?, kind.parse()?)),
                (Err(()), _) => {
                    // The kind first: who misspelt it is not helped by the form.
                    kind.parse::<ImageFault>()?;
                    Err(FaultError::Form { text: text.to_owned(), form: "KIND:UNIT" })
                }
            },
        }
    }
}

impl FromStr for ImageFault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        match text {
            "no-openssl" => Ok(Self::NoOpenssl),
            "wrong-password" => Ok(Self::WrongPassword),
            "blank-hardware-id" => Ok(Self::BlankHardwareId),
            "eeprom-write-fails" => Ok(Self::EepromWriteFails),
            "eeprom-verify-fails" => Ok(Self::EepromVerifyFails),
            "secure-boot" => Ok(Self::SecureBoot),
            "flash-encryption" => Ok(Self::FlashEncryption),
            "secure-download" => Ok(Self::SecureDownload),
            _ => match text.split_once(':') {
                Some(("shared-hardware-id", other)) => Ok(Self::SharedHardwareId(other.parse()?)),
                Some(("same-label", other)) => Ok(Self::SameLabel(other.parse()?)),
                Some(("other-chip", chip)) => Ok(Self::OtherChip(chip.parse()?)),
                _ => Err(FaultError::Kind(text.to_owned())),
            },
        }
    }
}

impl fmt::Display for ImageFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoOpenssl => f.write_str("no-openssl"),
            Self::WrongPassword => f.write_str("wrong-password"),
            Self::BlankHardwareId => f.write_str("blank-hardware-id"),
            Self::SharedHardwareId(other) => write!(f, "shared-hardware-id:{other}"),
            Self::EepromWriteFails => f.write_str("eeprom-write-fails"),
            Self::EepromVerifyFails => f.write_str("eeprom-verify-fails"),
            Self::SameLabel(other) => write!(f, "same-label:{other}"),
            Self::SecureBoot => f.write_str("secure-boot"),
            Self::FlashEncryption => f.write_str("flash-encryption"),
            Self::SecureDownload => f.write_str("secure-download"),
            Self::OtherChip(chip) => write!(f, "other-chip:{chip}"),
        }
    }
}

impl TryFrom<String> for ImageFault {
    type Error = FaultError;

    fn try_from(text: String) -> Result<Self, FaultError> {
        text.parse()
    }
}

impl From<ImageFault> for String {
    fn from(fault: ImageFault) -> Self {
        fault.to_string()
    }
}

/// All that is to go wrong with lines.
#[derive(Debug)]
pub(super) struct LineFaults<'a> {
    pub(super) requests: &'a [FaultRequest],
    pub(super) seed: u64,
    pub(super) percent: u8,
    /// Those that are drawn strike within so many bytes from the host.
    pub(super) within: u64,
    /// Those of frames are drawn as well, and strike within so many frames; 0: none are drawn.
    pub(super) frames: u64,
}

impl LineFaults<'_> {
    /// What happens to this unit at its insertion of that number, from 1: what was asked for, else what is drawn.
    pub(super) fn at(&self, unit: UnitNumber, insertion: u32) -> Option<LineFault> {
        let asked_for = self.requests.iter().filter_map(|request| match request {
            FaultRequest::Line(of, fault) if *of == unit => Some(*fault),
            _ => None,
        });
        let nth = usize::try_from(insertion.saturating_sub(1)).unwrap_or(usize::MAX);
        asked_for.into_iter().nth(nth).or_else(|| self.drawn(unit, insertion))
    }

    /// The same seed, unit and insertion always draw the same.
    fn drawn(&self, unit: UnitNumber, insertion: u32) -> Option<LineFault> {
        let [chance, kind, after, of_frame] = numbers(self.seed, "line fault", unit, insertion);
        let kinds = FrameFaultKind::ALL;
        let kind = match kind % 3 {
            _ if self.frames > 0 && kind % 4 > 0 => {
                LineFaultKind::Frame(kinds[(of_frame % kinds.len() as u64) as usize])
            }
            0 => LineFaultKind::Unplug,
            1 => LineFaultKind::Babble,
            _ => LineFaultKind::Silence,
        };
        let after = match kind {
            LineFaultKind::Frame(_) => 1 + after % self.frames,
            _ => after % self.within,
        };
        (chance % 100 < u64::from(self.percent)).then_some(LineFault { kind, after })
    }
}

/// Four numbers that look random and depend on nothing but the arguments.
pub(super) fn numbers(seed: u64, purpose: &str, unit: UnitNumber, insertion: u32) -> [u64; 4] {
    let mut hash = Sha256::new();
    hash.update(seed.to_be_bytes());
    hash.update(purpose.as_bytes());
    hash.update(unit.get().to_be_bytes());
    hash.update(insertion.to_be_bytes());
    let digest = hash.finalize();
    std::array::from_fn(|index| {
        digest.iter().skip(index * 8).take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(number: &str) -> UnitNumber {
        number.parse().unwrap()
    }

    #[test]
    fn requests_are_read() {
        let fault = LineFault { kind: LineFaultKind::Unplug, after: 700 };
        assert_eq!("unplug:3:700".parse::<FaultRequest>().unwrap(), FaultRequest::Line(unit("3"), fault));
        let shared = ImageFault::SharedHardwareId(unit("2"));
        assert_eq!(
            "shared-hardware-id:0005:2".parse::<FaultRequest>().unwrap(),
            FaultRequest::Image(unit("5"), shared)
        );
        assert_eq!(shared.to_string().parse::<ImageFault>().unwrap(), shared);
    }

    #[test]
    fn wrong_requests_say_what_is_expected() {
        for (text, expected) in [
            ("unplugg:3", "unknown fault `unplugg`"),
            ("unplug", "write it as KIND:UNIT or KIND:UNIT:BYTES"),
            ("silence:1:many", "write it as KIND:UNIT or KIND:UNIT:BYTES"),
            ("no-openssl:1:2", "write it as KIND:UNIT"),
            ("babble:0", "`0` is no unit"),
            ("garbled-answer:1:0", "write it as KIND:UNIT or KIND:UNIT:FRAME"),
            ("other-chip:1", "UNIT has CHIP"),
            ("other-chip:1:esp8266", "`esp8266` is no chip"),
            ("same-label:1", "UNIT has the label of OTHER"),
            ("shared-hardware-id:1", "UNIT shows the hardware ID of OTHER"),
        ] {
            let error = text.parse::<FaultRequest>().unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn draws_depend_on_seed_unit_and_insertion_alone() {
        let draws = |seed, percent| -> Vec<_> {
            let faults = LineFaults { requests: &[], seed, percent, within: 8192, frames: 0 };
            (1..=200).map(|number| faults.at(unit(&number.to_string()), 1)).collect()
        };
        assert_eq!(draws(7, 30), draws(7, 30));
        assert_ne!(draws(7, 30), draws(8, 30));
        assert!(draws(7, 0).iter().all(Option::is_none));
        assert!(draws(7, 100).iter().all(Option::is_some));
        let struck = draws(7, 30).iter().flatten().count();
        assert!((30..=90).contains(&struck), "{struck} of 200 at 30 %");
    }

    #[test]
    fn a_fault_of_a_frame_is_one_of_esp32_boards_alone() {
        let request: FaultRequest = "brown-out:2:40".parse().unwrap();
        let FaultRequest::Line(_, fault) = request else { panic!("{request:?}") };
        assert_eq!(fault.of_frame(), Some(FrameFault { kind: FrameFaultKind::BrownOut, at: 40 }));
        let fits = |text: &str, board| text.parse::<FaultRequest>().unwrap().fits(board);
        assert!(fits("brown-out:2", Board::Esp32c6) && !fits("brown-out:2", Board::Gateway));
        assert!(fits("unplug:2", Board::Esp32) && fits("unplug:2", Board::Mxchip));
        assert!(fits("secure-download:1", Board::Esp32s3) && !fits("secure-download:1", Board::Esp32));
        assert!(fits("shared-hardware-id:1:2", Board::Esp32) && !fits("blank-hardware-id:1", Board::Mxchip));
    }

    #[test]
    fn of_a_board_with_frames_every_kind_of_fault_is_drawn() {
        let faults = LineFaults { requests: &[], seed: 5, percent: 100, within: 8192, frames: 64 };
        let drawn: Vec<LineFault> =
            (1..=400).filter_map(|number| faults.at(unit(&number.to_string()), 1)).collect();
        let is_drawn = |kind| drawn.iter().any(|fault| fault.kind == kind);
        assert!(FrameFaultKind::ALL.into_iter().all(|kind| is_drawn(LineFaultKind::Frame(kind))));
        for kind in [LineFaultKind::Unplug, LineFaultKind::Babble, LineFaultKind::Silence] {
            assert!(is_drawn(kind), "{kind}");
        }
        let frames = drawn.iter().filter_map(|fault| fault.of_frame());
        assert!(frames.into_iter().all(|fault| (1..=64).contains(&fault.at)));
    }

    #[test]
    fn what_is_asked_for_strikes_once_and_in_order() {
        let requests: Vec<FaultRequest> =
            ["unplug:1:10", "silence:2", "babble:1"].map(|text| text.parse().unwrap()).into();
        let faults = LineFaults { requests: &requests, seed: 1, percent: 0, within: 8192, frames: 0 };
        let kinds: Vec<_> =
            (1..=3).map(|insertion| faults.at(unit("1"), insertion).map(|fault| fault.kind)).collect();
        assert_eq!(kinds, [Some(LineFaultKind::Unplug), Some(LineFaultKind::Babble), None]);
    }
}
