//! Tells whether the device behind a port's name is still the one that was there before.

use std::path::{Path, PathBuf};

/// The device that a port's name stands for at one moment. Another one comes when a unit is unplugged and plugged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortMark {
    target: PathBuf,
    node: Option<Node>,
}

impl PortMark {
    /// The mark of what is there now; none where nothing is.
    pub fn of(port: &Path) -> Option<Self> {
        let target = std::fs::read_link(port).unwrap_or_else(|_| port.to_owned());
        // `COM7` is no path that can be looked at: it counts as there, and opening it tells.
        let node = match port.metadata() {
            Ok(_) => Node::of(port),
            Err(_) if cfg!(unix) => return None,
            Err(_) => None,
        };
        Some(Self { target, node })
    }
}

#[cfg(unix)]
#[derive(Debug, Clone, PartialEq, Eq)]
struct Node {
    device: u64,
    /// Number and birth of the name: a link by position is made anew for each unit.
    name: (u64, i64, i64),
}

#[cfg(unix)]
impl Node {
    fn of(port: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let device = port.metadata().ok()?.rdev();
        let name = port.symlink_metadata().ok()?;
        // The times of a device node itself move with its traffic; those of a link do not.
        let born = if name.is_symlink() { (name.ctime(), name.ctime_nsec()) } else { (0, 0) };
        Some(Self { device, name: (name.ino(), born.0, born.1) })
    }
}

#[cfg(not(unix))]
#[derive(Debug, Clone, PartialEq, Eq)]
struct Node;

#[cfg(not(unix))]
impl Node {
    fn of(_port: &Path) -> Option<Self> {
        None
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_went_and_came_back_is_another_device() {
        let folder = tempfile::tempdir().unwrap();
        let port = folder.path().join("1");
        assert_eq!(PortMark::of(&port), None);
        std::os::unix::fs::symlink("/dev/null", &port).unwrap();
        let first = PortMark::of(&port).unwrap();
        assert_eq!(PortMark::of(&port).unwrap(), first);
        std::fs::remove_file(&port).unwrap();
        std::os::unix::fs::symlink("/dev/null", &port).unwrap();
        assert_ne!(PortMark::of(&port).unwrap(), first);
    }
}
