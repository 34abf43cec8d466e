//! The chips of the family that can be simulated, and what they differ in.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A text names no chip.
#[derive(Debug, Error)]
#[error("`{0}` is no chip: known are esp32, esp32c3, esp32s3 and esp32c6")]
pub struct EspChipError(String);

/// A chip of the ESP32 family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EspChip {
    /// ESP32.
    Esp32,
    /// ESP32-C3.
    Esp32c3,
    /// ESP32-S3.
    Esp32s3,
    /// ESP32-C6.
    Esp32c6,
}

/// Where the registers of the SPI controller are that has the flash.
#[derive(Debug, Clone, Copy)]
pub(super) struct SpiRegisters {
    pub(super) base: u32,
    /// Of USR2, which holds the command.
    pub(super) usr2: u32,
    /// Of the first data word.
    pub(super) data: u32,
}

impl EspChip {
    /// All of them.
    pub(in crate::simulator) const ALL: [Self; 4] =
        [Self::Esp32, Self::Esp32c3, Self::Esp32s3, Self::Esp32c6];

    pub(in crate::simulator) fn name(self) -> &'static str {
        match self {
            Self::Esp32 => "esp32",
            Self::Esp32c3 => "esp32c3",
            Self::Esp32s3 => "esp32s3",
            Self::Esp32c6 => "esp32c6",
        }
    }

    /// The chip ID of images and of GET_SECURITY_INFO; the ESP32's ROM does not know that command.
    pub(super) fn id_in_security_info(self) -> Option<u32> {
        match self {
            Self::Esp32 => None,
            Self::Esp32c3 => Some(5),
            Self::Esp32s3 => Some(9),
            Self::Esp32c6 => Some(13),
        }
    }

    /// What the ROM holds at 0x4000_1000.
    pub(super) fn magic(self) -> u32 {
        match self {
            Self::Esp32 => 0x00f0_1d83,
            Self::Esp32c3 => 0x1b31_506f,
            Self::Esp32s3 => 0x0000_0009,
            Self::Esp32c6 => 0x2ce0_806f,
        }
    }

    /// Where the flash's image of the second-stage bootloader begins.
    pub(super) fn bootloader_offset(self) -> u32 {
        match self {
            Self::Esp32 => 0x1000,
            Self::Esp32c3 | Self::Esp32s3 | Self::Esp32c6 => 0,
        }
    }

    pub(super) fn spi(self) -> SpiRegisters {
        match self {
            Self::Esp32 => SpiRegisters { base: 0x3ff4_2000, usr2: 0x24, data: 0x80 },
            Self::Esp32c3 | Self::Esp32s3 => SpiRegisters { base: 0x6000_2000, usr2: 0x20, data: 0x58 },
            Self::Esp32c6 => SpiRegisters { base: 0x6000_3000, usr2: 0x20, data: 0x58 },
        }
    }

    /// The register that divides the crystal's frequency down to the UART's speed.
    pub(super) fn uart_divider_register(self) -> u32 {
        match self {
            Self::Esp32 => 0x3ff4_0014,
            Self::Esp32c3 | Self::Esp32s3 | Self::Esp32c6 => 0x6000_0014,
        }
    }
}

impl fmt::Display for EspChip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for EspChip {
    type Err = EspChipError;

    fn from_str(text: &str) -> Result<Self, EspChipError> {
        Self::ALL.into_iter().find(|chip| chip.name() == text).ok_or_else(|| EspChipError(text.to_owned()))
    }
}
