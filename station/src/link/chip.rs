//! The chips whose loaders the station speaks to.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A chip of the ESP32 family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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

impl fmt::Display for Chip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Esp32 => "esp32",
            Self::Esp32c3 => "esp32c3",
            Self::Esp32s3 => "esp32s3",
            Self::Esp32c6 => "esp32c6",
        })
    }
}
