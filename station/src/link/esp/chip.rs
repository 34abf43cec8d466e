//! The chips that a product can be for.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use thiserror::Error;

/// A text names no chip.
#[derive(Debug, Error)]
#[error("`{0}` is no chip: known are esp32, esp32c3, esp32s3 and esp32c6")]
pub struct ChipError(String);

/// A chip of the ESP32 family: those that were tried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Chip {
    /// ESP32.
    Esp32,
    /// ESP32-C3.
    Esp32c3,
    /// ESP32-S3.
    Esp32s3,
    /// ESP32-C6.
    Esp32c6,
}

impl Chip {
    const ALL: [Self; 4] = [Self::Esp32, Self::Esp32c3, Self::Esp32s3, Self::Esp32c6];

    /// None for a chip that was not tried out.
    pub(super) fn of(chip: espflash::target::Chip) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == chip.to_string())
    }

    /// Where its ROM looks for the bootloader (ESP-IDF, `CONFIG_BOOTLOADER_OFFSET_IN_FLASH`).
    pub fn bootloader(self) -> u32 {
        if self == Self::Esp32 { 0x1000 } else { 0 }
    }

    /// How an image names it (ESP-IDF, `esp_chip_id_t`).
    pub fn image_id(self) -> u16 {
        match self {
            Self::Esp32 => 0,
            Self::Esp32c3 => 5,
            Self::Esp32s3 => 9,
            Self::Esp32c6 => 13,
        }
    }

    /// The one that an image names so; none for a chip that was not tried out.
    pub fn of_image(id: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.image_id() == id)
    }

    /// Whether BEGIN takes a word that tells whether to encrypt.
    pub(super) fn can_encrypt(self) -> bool {
        self != Self::Esp32
    }

    /// The register with the lower half of the MAC address; the upper one follows (esptool's `MAC_EFUSE_REG`).
    pub(super) fn mac_register(self) -> u32 {
        match self {
            Self::Esp32 => 0x3ff5_a004,
            Self::Esp32c3 => 0x6000_8844,
            Self::Esp32s3 => 0x6000_7044,
            Self::Esp32c6 => 0x600b_0844,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Esp32 => "esp32",
            Self::Esp32c3 => "esp32c3",
            Self::Esp32s3 => "esp32s3",
            Self::Esp32c6 => "esp32c6",
        }
    }
}

impl fmt::Display for Chip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Chip {
    type Err = ChipError;

    fn from_str(text: &str) -> Result<Self, ChipError> {
        Self::ALL.into_iter().find(|chip| chip.name() == text).ok_or_else(|| ChipError(text.to_owned()))
    }
}
