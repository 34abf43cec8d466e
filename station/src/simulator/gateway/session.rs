//! A shell on a console, from login to logout.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use crate::simulator::pty::{Arrival, Master};

/// A running shell with its terminal. Dropping it ends the shell and all that it started.
#[derive(Debug)]
pub(super) struct Session {
    terminal: Master,
    child: Child,
}

impl Session {
    /// Starts the command on a terminal of its own.
    pub(super) fn start(mut command: Command) -> io::Result<Self> {
        let terminal = Master::open()?;
        let slave: OwnedFd = terminal.open_slave()?;
        terminal.set_classic_size()?;
        command
            .stdin(Stdio::from(slave.try_clone()?))
            .stdout(Stdio::from(slave.try_clone()?))
            .stderr(Stdio::from(slave))
            // A Ctrl-C that is meant for the simulator is not for the unit.
            .process_group(0);
        // `command` goes at the end, and with it our copies of the slave: the terminal hangs up with the shell.
        let child = command.spawn()?;
        Ok(Self { terminal, child })
    }

    /// What the shell and its programs print.
    pub(super) fn read(&self, buffer: &mut [u8]) -> io::Result<Arrival> {
        self.terminal.read(buffer)
    }

    /// Types. Says how much there was room for.
    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.terminal.write(bytes)
    }
}

impl AsFd for Session {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.terminal.as_fd()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // It has ended already, or it ends now; either way it is collected.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
