//! A fixture's port: there while a unit is in it.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::pty::Master;

/// A port that exists: a pseudo-terminal, and the name under which the host finds it. Dropping it removes both.
#[derive(Debug)]
pub(super) struct Port {
    master: Master,
    link: PathBuf,
}

impl Port {
    /// Makes it. The name appears when the line is ready.
    pub(super) fn plug_in(link: &Path) -> io::Result<Self> {
        let master = new_line()?;
        symlink(master.slave(), link)?;
        Ok(Self { master, link: link.to_owned() })
    }

    pub(super) fn master(&self) -> &Master {
        &self.master
    }

    /// Leaves nothing of the last host to the next.
    pub(super) fn make_ready_for_next_host(&mut self) -> io::Result<()> {
        self.master.discard_unread();
        if !self.master.release_exclusive() {
            // Only root may open what a dead host had for itself. Nobody has it open, so another can take its place.
            self.master = new_line()?;
            fs::remove_file(&self.link)?;
            symlink(self.master.slave(), &self.link)?;
        }
        Ok(())
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        // Somebody else may have removed it; then it is gone as well.
        let _ = fs::remove_file(&self.link);
    }
}

fn new_line() -> io::Result<Master> {
    let master = Master::open()?;
    // Opened and closed once: from here on it shows whether somebody has it open.
    let slave = master.open_slave()?;
    master.make_raw()?;
    drop(slave);
    Ok(master)
}
