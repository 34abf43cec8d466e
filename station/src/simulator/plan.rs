//! What to simulate.

use std::path::PathBuf;
use std::time::Duration;

use super::board::Board;
use super::esp::EspChip;
use super::fault::FaultRequest;
use super::gateway::ConsolePassword;
use super::unit_number::UnitNumber;

/// What to simulate.
#[derive(Debug)]
pub struct Plan {
    /// Holds the units and the ports. Made if it is not there; units that are there are kept.
    pub folder: PathBuf,
    /// How many units.
    pub units: UnitNumber,
    /// How many fixtures.
    pub fixtures: u16,
    /// What the units are.
    pub device: Device,
    /// Whether each fixture has a scanner that reads the labels.
    pub scanners: bool,
    /// How long a unit takes to boot.
    pub boot: Duration,
    /// How long a fixture is empty between two units.
    pub exchange: Duration,
    /// Whether lines are as slow as their speed says.
    pub pacing: bool,
    /// From this come hardware IDs and random faults.
    pub seed: u64,
    /// Faults of certain units.
    pub faults: Vec<FaultRequest>,
    /// So many insertions of a hundred have a random fault of the line.
    pub fault_percent: u8,
}

/// A board, with what is the same for all units of it.
#[derive(Debug)]
pub enum Device {
    /// Linux gateways.
    Gateway {
        /// The shell, with its arguments: `sh`, `bash`, `busybox sh`.
        shell: String,
        /// The password of root on the consoles.
        console_password: ConsolePassword,
    },
    /// MXChip AZ3166 boards in their configuration console.
    Mxchip,
    /// Boards with a chip of the ESP32 family, in its loader.
    Esp(EspChip),
}

impl Device {
    /// Which board it is.
    pub fn board(&self) -> Board {
        match self {
            Self::Gateway { .. } => Board::Gateway,
            Self::Mxchip => Board::Mxchip,
            Self::Esp(EspChip::Esp32) => Board::Esp32,
            Self::Esp(EspChip::Esp32c3) => Board::Esp32c3,
            Self::Esp(EspChip::Esp32s3) => Board::Esp32s3,
            Self::Esp(EspChip::Esp32c6) => Board::Esp32c6,
        }
    }
}
