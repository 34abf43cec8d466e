//! Opens serial ports, and says what it means when one cannot be opened.

use std::path::Path;
use std::time::Duration;

use serialport::{ErrorKind, SerialPort, SerialPortBuilder};

use super::error::PortFault;
use super::port_mark::PortMark;

/// Opens a port for this process alone. Nothing is sent.
///
/// # Errors
/// [`PortFault`].
pub fn open_port(path: &Path, baud: u32, timeout: Duration) -> Result<Box<dyn SerialPort>, PortFault> {
    explained(path, baud, timeout, SerialPortBuilder::open)
}

/// The same, as the type of this system: the ESP link hands copies of it to a library.
pub(super) fn open_native(
    path: &Path,
    baud: u32,
    timeout: Duration,
) -> Result<espflash::connection::Port, PortFault> {
    explained(path, baud, timeout, SerialPortBuilder::open_native)
}

fn explained<P>(
    path: &Path,
    baud: u32,
    timeout: Duration,
    open: impl FnOnce(SerialPortBuilder) -> serialport::Result<P>,
) -> Result<P, PortFault> {
    open(serialport::new(path.to_string_lossy(), baud).timeout(timeout)).map_err(|source| {
        if PortMark::of(path).is_none() {
            return PortFault::Missing(path.to_owned());
        }
        match source.kind() {
            ErrorKind::NoDevice => PortFault::Busy(path.to_owned()),
            ErrorKind::Io(std::io::ErrorKind::NotFound) => PortFault::Missing(path.to_owned()),
            _ => PortFault::Failed { path: path.to_owned(), source },
        }
    })
}

/// Opens a port and closes it again: is it there, and free?
///
/// # Errors
/// [`PortFault`].
pub fn try_port(path: &Path) -> Result<(), PortFault> {
    open_port(path, 115_200, Duration::from_millis(20)).map(|_| ())
}
