//! What the relay needs of a unit's console, whatever the board.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Instant;

use super::event::Reason;

/// What has happened on a console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Happening {
    LoggedIn,
    LoginRefused,
    LoggedOut,
    Rebooted,
    /// A command was answered with an error.
    CommandRefused,
    /// A fault that the console itself has strikes.
    FaultStruck,
}

/// The console of a unit that has power.
pub(super) trait Console {
    /// Takes what it has printed, so many bytes at most.
    fn take_printed(&mut self, most: usize) -> Vec<u8>;

    /// Forgets what it has printed: nobody can see it.
    fn discard_printed(&mut self);

    /// What has happened since it was last asked.
    fn take_happenings(&mut self) -> Vec<Happening>;

    /// Whether the unit leaves if the host closes the port now, and why.
    fn is_done_with(&self) -> Option<Reason>;

    /// Whether a fault has pulled the unit out.
    fn has_vanished(&self) -> bool {
        false
    }

    /// What the host's end of the line runs at, in bits a second; 0 where it has set nothing.
    fn host_runs_at(&mut self, _bits_a_second: u32) {}

    /// The host has closed the port, and the unit stays.
    fn host_left(&mut self) {}

    /// When it has to be looked after, even if nothing arrives.
    fn deadline(&self) -> Option<Instant>;

    /// A terminal behind the console, and whether it is worth waiting until it can be read, and be written.
    fn terminal(&self) -> Option<(BorrowedFd<'_>, bool, bool)>;

    /// Takes what was typed.
    ///
    /// # Errors
    /// What lies behind the console cannot go on.
    fn type_in(&mut self, bytes: &[u8], now: Instant) -> io::Result<()>;

    /// Moves on what can be moved on now.
    ///
    /// # Errors
    /// What lies behind the console cannot go on.
    fn advance(&mut self, now: Instant) -> io::Result<()>;
}
