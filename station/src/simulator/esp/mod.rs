//! An ESP32-family board: its ROM loader, the stub loader that a host puts into its RAM, and its flash.
//!
//! The protocol is that of esptool's documentation, "Serial Protocol"; registers and eFuses are those of the chips'
//! technical reference manuals. It has been compared with esptool and with no board. What differs from a board:
//!
//! * Reset and boot pins are the fixture's: it holds the boot pin, and resets the board into the loader when the host
//!   closes the port. A pseudo-terminal has no DTR and RTS.
//! * What is put into RAM is not run. A program with an entry point is taken for the stub loader.
//! * Flash takes no time to erase and to program. The line does.

mod answer;
mod boot_log;
mod chip;
mod console;
mod download;
mod efuses;
mod flash;
mod loader;
mod locks;
mod mac;
mod reading;
mod registers;
mod request;
mod slip;

pub use chip::{EspChip, EspChipError};
pub(super) use console::{EspBoard, EspConsole};
pub(super) use flash::Flash;
pub(super) use locks::Locks;
pub(super) use mac::Mac;
