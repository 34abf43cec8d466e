//! Links: how the station speaks to a device. One kind so far, the text console.

pub mod console;
mod error;
mod port;
mod port_mark;
mod step;
mod stop;

pub use console::{ConsoleLink, Dialogue, DialogueError, Observed, Section, Variable, Variables};
pub use error::{LinkError, PortFault};
pub use port::{open_port, try_port};
pub use port_mark::PortMark;
pub use step::{OwnKey, ShownIn, Step, WriteItem};
pub use stop::{Stop, StopSignal};
