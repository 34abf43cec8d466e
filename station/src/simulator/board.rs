//! The kinds of units that can be simulated.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::esp::EspChip;
use super::unit_number::UnitNumber;

/// A kind of unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Board {
    /// A Linux gateway with a login and a shell.
    #[default]
    Gateway,
    /// An MXChip AZ3166 with its configuration console.
    Mxchip,
    /// A board with an ESP32, in its loader.
    Esp32,
    /// A board with an ESP32-C3, in its loader.
    Esp32c3,
    /// A board with an ESP32-S3, in its loader.
    Esp32s3,
    /// A board with an ESP32-C6, in its loader.
    Esp32c6,
}

impl Board {
    /// All of them.
    pub(super) const ALL: [Self; 6] =
        [Self::Gateway, Self::Mxchip, Self::Esp32, Self::Esp32c3, Self::Esp32s3, Self::Esp32c6];

    /// What the label of that unit says, unless it has another's by a fault.
    pub(super) fn label(self, unit: UnitNumber) -> String {
        let prefix = match self {
            Self::Gateway => "gateway",
            Self::Mxchip => "az3166",
            Self::Esp32 | Self::Esp32c3 | Self::Esp32s3 | Self::Esp32c6 => &self.to_string(),
        };
        format!("{prefix}-{:06}", unit.get())
    }

    /// About so many bytes from the host write a unit.
    pub(super) fn bytes_of_a_unit(self) -> u64 {
        match self {
            Self::Gateway => 8192,
            Self::Mxchip => 384,
            Self::Esp32 | Self::Esp32c3 | Self::Esp32s3 | Self::Esp32c6 => 128 << 10,
        }
    }

    /// About so many frames from the host write a unit; 0 of a board that knows no frames.
    pub(super) fn frames_of_a_unit(self) -> u64 {
        match self {
            Self::Gateway | Self::Mxchip => 0,
            Self::Esp32 | Self::Esp32c3 | Self::Esp32s3 | Self::Esp32c6 => 64,
        }
    }

    /// The chip of an ESP32 board.
    pub(super) fn esp_chip(self) -> Option<EspChip> {
        match self {
            Self::Gateway | Self::Mxchip => None,
            Self::Esp32 => Some(EspChip::Esp32),
            Self::Esp32c3 => Some(EspChip::Esp32c3),
            Self::Esp32s3 => Some(EspChip::Esp32s3),
            Self::Esp32c6 => Some(EspChip::Esp32c6),
        }
    }
}

impl fmt::Display for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gateway => "gateway",
            Self::Mxchip => "mxchip",
            Self::Esp32 => "esp32",
            Self::Esp32c3 => "esp32c3",
            Self::Esp32s3 => "esp32s3",
            Self::Esp32c6 => "esp32c6",
        })
    }
}
