//! What the simulator tells, in the order in which it happens. Part of its interface: `--json` prints these.
//!
//! The first units' `unit_in` come before `ready`. Of one unit in a fixture: `unit_in`, then what happens on its
//! console and its scans, then `unit_out`.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use super::fault::LineFaultKind;
use super::unit_number::UnitNumber;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The first units are in; the ports can be opened.
    Ready {
        /// How many units there are.
        units: u16,
        /// The fixtures' ports, in order. That of a fixture without a unit does not exist now.
        ports: Vec<PathBuf>,
        /// The scanners' ports, in order; they are always there.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        scanners: Vec<PathBuf>,
    },
    /// A unit was put into a fixture: its port is there.
    UnitIn {
        /// The fixture, from 1.
        fixture: u16,
        /// The unit.
        unit: UnitNumber,
        /// What the unit shows, if it is a board that can.
        #[serde(skip_serializing_if = "Option::is_none")]
        hardware_id: Option<String>,
        /// What its label says.
        label: String,
        /// How often it was put in since the simulator started, from 1.
        insertion: u32,
        /// The port.
        port: PathBuf,
    },
    /// Somebody logged in on the unit's console.
    LoggedIn {
        /// The fixture.
        fixture: u16,
        /// The unit.
        unit: UnitNumber,
    },
    /// A name or password was wrong.
    LoginRefused {
        /// The fixture.
        fixture: u16,
        /// The unit.
        unit: UnitNumber,
    },
    /// The shell on the unit's console has ended.
    LoggedOut {
        /// The fixture.
        fixture: u16,
        /// The unit.
        unit: UnitNumber,
    },
    /// The unit answered a command with an error.
    CommandRefused {
        /// The fixture.
        fixture: u16,
        /// The unit.
        unit: UnitNumber,
    },
    /// The fixture's scanner has sent the unit's label.
    Scanned {
        /// The fixture.
        fixture: u16,
        /// The unit.
        unit: UnitNumber,
        /// What the label says.
        label: String,
    },
    /// The unit was told to reboot.
    Rebooted {
        /// The fixture.
        fixture: u16,
        /// The unit.
        unit: UnitNumber,
    },
    /// A fault of the line, or of a frame on it, strikes.
    Fault {
        /// The fixture.
        fixture: u16,
        /// The unit.
        unit: UnitNumber,
        /// Which.
        fault: LineFaultKind,
        /// After so many bytes from the host since the unit was put in; a fault of a frame: at which frame.
        after: u64,
    },
    /// The unit was taken out: its port is gone.
    UnitOut {
        /// The fixture.
        fixture: u16,
        /// The unit.
        unit: UnitNumber,
        /// Why.
        reason: Reason,
    },
    /// The fixture cannot go on. The others do.
    FixtureFailed {
        /// The fixture.
        fixture: u16,
        /// Why.
        reason: String,
    },
}

/// Why a unit was taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The host closed the port after it had logged out.
    LoggedOut,
    /// The host closed the port after its login was refused.
    LoginRefused,
    /// The host closed the port after it had told the board to reboot.
    Rebooted,
    /// The host closed the port after the board had answered its last command with an error.
    CommandRefused,
    /// The host closed the port after it had only looked whether the board is there.
    LeftAlone,
    /// The host closed the port of a board on which it had written nothing.
    NotWritten,
    /// The host closed the port after a fault of a frame had struck.
    AfterFault,
    /// The host closed the port of a unit that was silent or babbled.
    Mute,
    /// The unit was unplugged by a fault, and comes back to the same fixture.
    Unplugged,
    /// The simulator ends.
    Stopped,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready { units, ports, scanners } => {
                write!(f, "ready: {units} units, {} fixtures", ports.len())?;
                let mut paths = ports.iter().chain(scanners);
                paths.try_for_each(|path| write!(f, "\n  {}", path.display()))
            }
            Self::UnitIn { fixture, unit, hardware_id, label, insertion, port: _ } => {
                write!(f, "fixture {fixture}: unit {unit} is in, ")?;
                match hardware_id {
                    Some(hardware_id) => write!(f, "hardware ID {hardware_id}")?,
                    None => write!(f, "label {label}")?,
                }
                if *insertion > 1 { write!(f, " (insertion {insertion})") } else { Ok(()) }
            }
            Self::LoggedIn { fixture, unit } => write!(f, "fixture {fixture}: unit {unit}: logged in"),
            Self::LoginRefused { fixture, unit } => {
                write!(f, "fixture {fixture}: unit {unit}: login refused")
            }
            Self::LoggedOut { fixture, unit } => write!(f, "fixture {fixture}: unit {unit}: logged out"),
            Self::CommandRefused { fixture, unit } => {
                write!(f, "fixture {fixture}: unit {unit}: answered with an error")
            }
            Self::Scanned { fixture, unit, label } => {
                write!(f, "fixture {fixture}: unit {unit}: scanned {label}")
            }
            Self::Rebooted { fixture, unit } => write!(f, "fixture {fixture}: unit {unit}: reboots"),
            Self::Fault { fixture, unit, fault, after } => {
                write!(f, "fixture {fixture}: unit {unit}: fault: {fault}, ")?;
                match fault {
                    LineFaultKind::Frame(_) => write!(f, "at frame {after}"),
                    _ => write!(f, "after {after} bytes"),
                }
            }
            Self::UnitOut { fixture, unit, reason } => {
                write!(f, "fixture {fixture}: unit {unit} is out: {reason}")
            }
            Self::FixtureFailed { fixture, reason } => write!(f, "fixture {fixture}: failed: {reason}"),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LoggedOut => "the host logged out and closed the port",
            Self::LoginRefused => "the host closed the port after a refused login",
            Self::Rebooted => "the host had it reboot and closed the port",
            Self::CommandRefused => "the host closed the port after an error",
            Self::LeftAlone => "the host closed the port and had asked nothing of it",
            Self::NotWritten => "the host closed the port and had written nothing",
            Self::AfterFault => "the host closed the port after a fault",
            Self::Mute => "the host closed the port of a silent or babbling unit",
            Self::Unplugged => "unplugged",
            Self::Stopped => "the simulator ends",
        })
    }
}

impl fmt::Display for LineFaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unplug => f.write_str("unplug"),
            Self::Babble => f.write_str("babble"),
            Self::Silence => f.write_str("silence"),
            Self::Frame(kind) => kind.fmt(f),
        }
    }
}
