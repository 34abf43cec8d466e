//! The ESP link: an ESP32-family unit in its ROM's loader, or in the stub loader that the station puts into its RAM.
//!
//! ```text
//! open ─► connect ─► write … ─► restart ─► md5, read … ─► leave
//! ```
//!
//! `espflash` knows the commands, the chips and the stubs; `library` has it read eFuses and load the stub. All else,
//! and all that carries contents, goes over `wire`, which can be stopped and always comes back in time.
//!
//! Nothing that was done to a unit is lost when an answer is: `persist` is the one place where anything is
//! tried again. It goes down in speed, finds the loader again, makes sure that it is still the same unit, and goes on.

mod chip;
mod deflations;
mod device;
mod frame;
mod identify;
mod library;
mod loader;
mod lock_state;
mod read;
#[cfg(all(test, unix))]
mod scripted;
mod span;
mod transcript;
mod trouble;
mod wire;
mod write;

use std::path::Path;
use std::time::Duration;

pub use chip::{Chip, ChipError};
pub use deflations::Deflations;
pub use lock_state::LockState;
pub use span::{SECTOR, Span};
pub use write::Secrecy;

use espflash::connection::Port;
use frame::Program;
use serialport::{SerialPort, SerialPortType, UsbPortInfo};
use trouble::Trouble;
use wire::{TICK, Wire};

use super::error::{LinkError, PortFault};
use super::port::open_native;
use super::stop::StopSignal;

/// What a ROM's loader begins with. It takes over any speed, and boots with this one.
const FIRST_BAUD: u32 = 115_200;

/// A unit's loader, and what it tells of the unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Its chip.
    pub chip: Chip,
    /// Its MAC address, `aa:bb:cc:dd:ee:ff`: the hardware ID. A unit in secure download mode tells none.
    pub mac: Option<String>,
    /// Bytes of its flash. A unit in secure download mode tells none.
    pub flash: Option<u32>,
    /// What is locked.
    pub locks: LockState,
}

/// A digest of a region of flash, as the device makes it.
pub type Md5Digest = [u8; 16];

/// One unit on one port.
#[derive(Debug)]
pub struct EspLink {
    wire: Wire,
    chip: Chip,
    /// Goes down with each setback.
    speed: u32,
    /// What the loader was last told to go to; its answer may have been lost.
    ordered_speed: u32,
    /// Reset lines, and what kind they are.
    lines: Option<UsbPortInfo>,
    program: Program,
    identity: Option<Identity>,
    /// Something went wrong: who answers, and at what speed, must be found out again.
    lost: bool,
    /// Since the last piece of work that was done.
    setbacks: u32,
    /// The unit does not run it.
    without_stub: bool,
    /// Something was written into the unit.
    sent: bool,
    /// What the flash should hold since it was written.
    written: Vec<(Span, Md5Digest)>,
    deflations: Deflations,
}

impl EspLink {
    /// Opens the port for this process alone. Nothing is sent. `baud` is the speed for contents; the loader is met at
    /// 115,200, or at `baud` where that is less. What goes to many units is deflated once for all that share `deflations`.
    ///
    /// # Errors
    /// [`PortFault`].
    pub fn open(
        path: &Path,
        chip: Chip,
        baud: u32,
        deflations: Deflations,
        stop: StopSignal,
    ) -> Result<Self, PortFault> {
        let mut port = open_native(path, baud.min(FIRST_BAUD), TICK)?;
        // A pseudo-terminal has no lines: asking is an error.
        let lines = port.read_clear_to_send().is_ok().then(|| usb_of(path));
        Ok(Self { deflations, ..Self::on(port, lines, chip, baud, stop) })
    }

    fn on(port: Port, lines: Option<UsbPortInfo>, chip: Chip, baud: u32, stop: StopSignal) -> Self {
        let first = baud.min(FIRST_BAUD);
        Self {
            wire: Wire::new(port, first, stop),
            chip,
            speed: baud,
            ordered_speed: first,
            lines,
            program: Program::Rom,
            identity: None,
            lost: true,
            setbacks: 0,
            without_stub: false,
            sent: false,
            written: Vec::new(),
            deflations: Deflations::default(),
        }
    }

    /// Resets the unit into its loader where the port has the lines for it; elsewhere it must be there already. Finds
    /// out who it is.
    ///
    /// # Errors
    /// [`LinkError`]. A unit with another chip than the product's is to be held.
    pub fn connect(&mut self) -> Result<Identity, LinkError> {
        self.wire.transcript.note(format_args!("connect at {} baud", self.wire.baud()));
        self.lost = true;
        self.persist("connecting", |esp| {
            if esp.identity.is_none() {
                esp.reset_into_loader(false);
                esp.reach()?;
            }
            esp.identity.clone().ok_or(Trouble::Garbled)
        })
    }

    /// What the unit told when it was connected to.
    pub fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// Restarts the unit; afterwards a loader answers again, and what it shows is what the flash kept.
    ///
    /// # Errors
    /// [`LinkError`].
    pub fn restart(&mut self) -> Result<(), LinkError> {
        self.wire.transcript.note("restart");
        self.persist("the restart", |esp| {
            esp.order_restart()?;
            esp.reach_rom()
        })
    }

    /// Has the unit boot its application. Nothing more can be asked of it after that.
    ///
    /// # Errors
    /// [`LinkError`].
    pub fn leave(&mut self) -> Result<(), LinkError> {
        self.wire.transcript.note("leave");
        self.persist("leaving", Self::boot_application)
    }

    /// What was said so far: commands, regions, digests, speeds, tries; never contents.
    pub fn transcript(&self) -> &str {
        self.wire.transcript.text()
    }
}

/// The USB adapter behind a port: chips with one of their own are reset in another way.
fn usb_of(path: &Path) -> UsbPortInfo {
    let name = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let ports = serialport::available_ports().unwrap_or_default();
    let usb = ports.into_iter().find_map(|port| match port.port_type {
        SerialPortType::UsbPort(usb) if Path::new(&port.port_name) == name => Some(usb),
        _ => None,
    });
    usb.unwrap_or(NO_USB)
}

/// No USB adapter that is known.
const NO_USB: UsbPortInfo =
    UsbPortInfo { vid: 0, pid: 0, serial_number: None, manufacturer: None, product: None };

/// How long a loader may take for so many bytes: never less than 3 s.
fn within(seconds_a_megabyte: u64, bytes: u32) -> Duration {
    Duration::from_micros(seconds_a_megabyte * u64::from(bytes)).max(Duration::from_secs(3))
}
