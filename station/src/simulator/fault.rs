//! What can be wrong with a simulated unit: with its image, for good, or with its line, for one insertion.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::board::Board;
use super::unit_number::{UnitNumber, UnitNumberError};

/// Why a fault's text was refused.
#[derive(Debug, Error)]
pub enum FaultError {
    /// No such kind.
    #[error(
        "unknown fault `{0}`: known are unplug, babble, silence, no-openssl, wrong-password, blank-hardware-id, \
         shared-hardware-id, eeprom-write-fails, eeprom-verify-fails and same-label"
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
}

/// What a line can do to the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LineFaultKind {
    /// The port vanishes.
    Unplug,
    /// Binary noise comes instead of answers.
    Babble,
    /// Nothing comes any more.
    Silence,
}

/// A fault of the line during one insertion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineFault {
    /// What it does.
    pub kind: LineFaultKind,
    /// It strikes after so many bytes from the host since the unit was put in.
    pub after: u64,
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
}

impl ImageFault {
    /// The board that can have it; `None`: any.
    pub(super) fn board(self) -> Option<Board> {
        match self {
            Self::NoOpenssl | Self::WrongPassword | Self::BlankHardwareId | Self::SharedHardwareId(_) => {
                Some(Board::Gateway)
            }
            Self::EepromWriteFails | Self::EepromVerifyFails => Some(Board::Mxchip),
            Self::SameLabel(_) => None,
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
            _ => match rest[..] {
                [unit] => Ok(Self::Image(unit.parse()?, kind.parse()?)),
                _ => {
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
            _ => match text.split_once(':') {
                Some(("shared-hardware-id", other)) => Ok(Self::SharedHardwareId(other.parse()?)),
                Some(("same-label", other)) => Ok(Self::SameLabel(other.parse()?)),
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
        let [chance, kind, after, _] = numbers(self.seed, "line fault", unit, insertion);
        let kind = match kind % 3 {
            0 => LineFaultKind::Unplug,
            1 => LineFaultKind::Babble,
            _ => LineFaultKind::Silence,
        };
        (chance % 100 < u64::from(self.percent)).then_some(LineFault { kind, after: after % self.within })
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

/// Bytes that are no text.
#[derive(Debug)]
pub(super) struct Noise(u64);

impl Noise {
    pub(super) fn new(seed: u64, unit: UnitNumber, insertion: u32) -> Self {
        // The generator stands still at 0.
        Self(numbers(seed, "noise", unit, insertion)[0] | 1)
    }

    /// A burst of up to 64 bytes.
    pub(super) fn burst(&mut self) -> Vec<u8> {
        let length = 16 + self.next() % 49;
        (0..length).map(|_| (self.next() >> 32) as u8).collect()
    }

    /// Marsaglia's xorshift64.
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
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
            let faults = LineFaults { requests: &[], seed, percent, within: 8192 };
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
    fn what_is_asked_for_strikes_once_and_in_order() {
        let requests: Vec<FaultRequest> =
            ["unplug:1:10", "silence:2", "babble:1"].map(|text| text.parse().unwrap()).into();
        let faults = LineFaults { requests: &requests, seed: 1, percent: 0, within: 8192 };
        let kinds: Vec<_> =
            (1..=3).map(|insertion| faults.at(unit("1"), insertion).map(|fault| fault.kind)).collect();
        assert_eq!(kinds, [Some(LineFaultKind::Unplug), Some(LineFaultKind::Babble), None]);
    }
}
