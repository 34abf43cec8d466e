//! The kinds of units that can be simulated.

use std::fmt;

use serde::{Deserialize, Serialize};

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
}

impl Board {
    /// What the label of that unit says, unless it has another's by a fault.
    pub(super) fn label(self, unit: UnitNumber) -> String {
        let prefix = match self {
            Self::Gateway => "gateway",
            Self::Mxchip => "az3166",
        };
        format!("{prefix}-{:06}", unit.get())
    }

    /// About so many bytes from the host write a unit.
    pub(super) fn bytes_of_a_unit(self) -> u64 {
        match self {
            Self::Gateway => 8192,
            Self::Mxchip => 384,
        }
    }
}

impl fmt::Display for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gateway => "gateway",
            Self::Mxchip => "mxchip",
        })
    }
}
