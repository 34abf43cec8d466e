//! The MXChip AZ3166's configuration console, as its published firmware has it.
//!
//! The firmware is microsoft/devkit-sdk at a0267663, below `AZ3166/src/cores/arduino`; comments name its file and
//! line. It has not been compared with a board. The board enters this console when button A is held at reset
//! (_main_sys.cpp:62); the simulated fixtures hold it.
//!
//! The board's own line has a fixed speed of 115,200 (BufferedSerial.h:61). The simulated one takes any.

mod arguments;
mod commands;
mod console;
mod eeprom;
mod line_editor;

pub(super) use console::MxchipConsole;
pub(super) use eeprom::{Eeprom, EepromFault};
