//! Which simulated unit: its number.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use thiserror::Error;

/// A text is the number of no unit.
#[derive(Debug, Error)]
#[error("`{0}` is no unit: units have numbers from 1 to 9999")]
pub struct UnitNumberError(String);

/// Which unit, from 1. Written with four digits, as its folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnitNumber(u16);

impl UnitNumber {
    /// The number.
    pub fn get(self) -> u16 {
        self.0
    }

    /// The first unit to this one.
    pub(super) fn all_up_to(self) -> impl Iterator<Item = Self> {
        (1..=self.0).map(Self)
    }
}

impl FromStr for UnitNumber {
    type Err = UnitNumberError;

    fn from_str(text: &str) -> Result<Self, UnitNumberError> {
        match text.parse() {
            Ok(number @ 1..=9999) => Ok(Self(number)),
            _ => Err(UnitNumberError(text.to_owned())),
        }
    }
}

impl fmt::Display for UnitNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.0)
    }
}

impl Serialize for UnitNumber {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
