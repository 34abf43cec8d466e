//! Links: how the station speaks to a device, by a text console or with an ESP32's loader. What the line asks of each is
//! [`DeviceLink`].

pub mod console;
mod device_link;
mod error;
pub mod esp;
mod place;
mod port;
mod port_mark;
mod step;
mod stop;
mod tpm;

pub use console::{ConsoleLink, Dialogue, DialogueError, Section, Variable, Variables};
pub use device_link::{DeviceLink, Leaving, Shown};
pub use error::{LinkError, PortFault};
pub use esp::{Chip, Deflations, EspLink, LockState, SECTOR};
pub use place::{Observed, Place};
pub use port::{open_port, try_port};
pub use port_mark::PortMark;
pub use step::{FlashItem, OwnKey, ShownIn, Step, WriteItem};
pub use stop::{Stop, StopSignal};
pub use tpm::TpmLink;
