//! Where ports are names that the system lists.

use std::path::Path;

use serialport::SerialPortType;

/// The device that a port's name stands for at one moment. Another one comes when a unit is unplugged and plugged in:
/// while it is away, its port is not listed. One with a USB serial number of its own is another even without that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortMark(SerialPortType);

impl PortMark {
    /// The mark of what is there now; none where nothing is.
    pub fn of(port: &Path) -> Option<Self> {
        let name = port.to_str()?;
        // The form that names ports beyond COM9 too.
        let name = name.strip_prefix(r"\\.\").unwrap_or(name);
        // Where there is no list it counts as there, and opening it tells.
        let Ok(listed) = serialport::available_ports() else { return Some(Self(SerialPortType::Unknown)) };
        let found = listed.into_iter().find(|found| found.port_name.eq_ignore_ascii_case(name))?;
        Some(Self(found.port_type))
    }
}
