//! A pseudo-terminal, seen from its master: the end that a device would hold.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{
    OptionalActions, QueueSelector, Winsize, ioctl_tiocnxcl, tcflush, tcgetattr, tcsetattr, tcsetwinsize,
};

use super::stop::wait_for;

/// The master of a pseudo-terminal. Reads and writes never block.
#[derive(Debug)]
pub(super) struct Master {
    descriptor: OwnedFd,
    slave: PathBuf,
}

/// What reading a master gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// So many bytes.
    Bytes(usize),
    /// Nothing now.
    Nothing,
    /// Nothing, and nobody has the other end open.
    HungUp,
}

impl Master {
    pub(super) fn open() -> io::Result<Self> {
        let descriptor = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&descriptor)?;
        unlockpt(&descriptor)?;
        rustix::io::ioctl_fionbio(&descriptor, true)?;
        let slave = ptsname(&descriptor, Vec::new())?;
        Ok(Self { descriptor, slave: OsString::from_vec(slave.into_bytes()).into() })
    }

    /// Path of the other end.
    pub(super) fn slave(&self) -> &Path {
        &self.slave
    }

    /// Opens the other end. It does not become our controlling terminal.
    pub(super) fn open_slave(&self) -> io::Result<OwnedFd> {
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        Ok(rustix::fs::open(&self.slave, flags, Mode::empty())?)
    }

    /// Makes it a bare line, as a serial port is: nothing is echoed, translated or interpreted.
    pub(super) fn make_raw(&self) -> io::Result<()> {
        let mut settings = tcgetattr(self)?;
        settings.make_raw();
        Ok(tcsetattr(self, OptionalActions::Now, &settings)?)
    }

    /// Gives it the size of a classic terminal.
    pub(super) fn set_classic_size(&self) -> io::Result<()> {
        Ok(tcsetwinsize(self, Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 })?)
    }

    /// The speed that the other end has set; 0 where it has set none.
    pub(super) fn bits_a_second(&self) -> u32 {
        tcgetattr(self).map_or(0, |settings| settings.output_speed())
    }

    pub(super) fn read(&self, buffer: &mut [u8]) -> io::Result<Arrival> {
        match rustix::io::read(self, buffer) {
            Ok(0) | Err(Errno::IO) => Ok(Arrival::HungUp),
            Ok(count) => Ok(Arrival::Bytes(count)),
            Err(Errno::AGAIN | Errno::INTR) => Ok(Arrival::Nothing),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes what there is room for, and says how much that was.
    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        match rustix::io::write(self, bytes) {
            Ok(count) => Ok(count),
            // A hang-up is found by reading.
            Err(Errno::AGAIN | Errno::INTR | Errno::IO) => Ok(0),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether somebody has the other end open, or has left bytes behind.
    pub(super) fn is_attended(&self) -> io::Result<bool> {
        use rustix::event::{PollFd, PollFlags};
        let mut descriptors = [PollFd::new(self, PollFlags::IN)];
        wait_for(&mut descriptors, Some(std::time::Duration::ZERO))?;
        let found = descriptors[0].revents();
        Ok(found.contains(PollFlags::IN) || !found.contains(PollFlags::HUP))
    }

    /// Forgets what was sent to the other end and not read there: nobody reads it any more.
    pub(super) fn discard_unread(&self) {
        // Where it cannot be discarded, the next reader finds a few stale bytes, as on many an adapter.
        let _ = tcflush(self, QueueSelector::OFlush);
        // What has crossed already lies with the other end.
        let _ = self.open_slave().map(|slave| tcflush(slave, QueueSelector::IFlush));
    }

    /// Lets the other end be opened again after a host that had it for itself died. A serial port forgets this by
    /// itself, a pseudo-terminal does not. `false`: the system does not let us; a new one is needed.
    pub(super) fn release_exclusive(&self) -> bool {
        self.open_slave().is_ok_and(|slave| ioctl_tiocnxcl(slave).is_ok())
    }
}

impl AsFd for Master {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}
