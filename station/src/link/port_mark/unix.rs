//! Where ports are files: names, links by position, and device nodes.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The device that a port's name stands for at one moment. Another one comes when a unit is unplugged and plugged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortMark {
    target: PathBuf,
    name: Option<Name>,
    device: u64,
}

impl PortMark {
    /// The mark of what is there now; none where nothing is.
    pub fn of(port: &Path) -> Option<Self> {
        loop {
            let name = Name::of(port);
            let target = std::fs::read_link(port).unwrap_or_else(|_| port.to_owned());
            let device = device_of(&port.metadata().ok()?);
            // A unit that was exchanged between two looks would be half one and half the other, and later be taken for a
            // third.
            if Name::of(port) == name {
                return Some(Self { target, name, device });
            }
        }
    }
}

/// What tells a name from another of the same text: a link by position is made anew for each unit.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Name {
    node: u64,
    /// Seconds and nanoseconds.
    born: (i64, i64),
}

impl Name {
    fn of(port: &Path) -> Option<Self> {
        let name = port.symlink_metadata().ok()?;
        // The times of a device node itself move with its traffic; those of a link do not.
        let born = if name.is_symlink() { (name.ctime(), name.ctime_nsec()) } else { (0, 0) };
        Some(Self { node: name.ino(), born })
    }
}

fn device_of(found: &Metadata) -> u64 {
    found.rdev()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::atomic::{AtomicBool, Ordering};

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

    #[test]
    fn a_mark_is_never_half_one_device_and_half_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let port = folder.path().join("1");
        // Made before the first is used: no two of them ever have the same number.
        let targets = ["/dev/null", "/dev/zero"].into_iter().cycle();
        let links: Vec<PathBuf> =
            (0..5000).map(|number| folder.path().join(format!("link-{number}"))).collect();
        links
            .iter()
            .zip(targets)
            .for_each(|(link, target)| std::os::unix::fs::symlink(target, link).unwrap());
        let ended = AtomicBool::new(false);
        let marks = std::thread::scope(|scope| {
            let looking = scope.spawn(|| {
                let mut marks = HashSet::new();
                while !ended.load(Ordering::Relaxed) {
                    marks.extend(PortMark::of(&port).map(|mark| (mark.target, mark.device)));
                }
                marks
            });
            #[expect(clippy::disallowed_methods, reason = "the name is to stand for another device at once")]
            links.iter().for_each(|link| std::fs::rename(link, &port).unwrap());
            ended.store(true, Ordering::Relaxed);
            looking.join().unwrap()
        });
        let whole = |target: &str| (PathBuf::from(target), device_of(&Path::new(target).metadata().unwrap()));
        let whole = HashSet::from(["/dev/null", "/dev/zero"].map(whole));
        assert!(marks.is_subset(&whole), "{marks:?}");
        assert!(!marks.is_empty(), "the other thread never saw one");
    }
}
