//! A fixture's barcode scanner: a port of its own, always there, on which the label of the unit in the fixture comes.

use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};

use super::event::Event;
use super::port::Port;
use super::pty::Arrival;
use super::stop::{Stop, wait_for};
use super::unit_number::UnitNumber;

/// It looks this often whether there is a label to send, or whether somebody has opened the port. Who opens a port
/// may begin by throwing away what is there, so nothing is sent on the first look.
const LOOK: Duration = Duration::from_millis(50);

/// What a fixture shows to its scanner.
#[derive(Debug, Default)]
pub(super) struct Window(Mutex<Option<Label>>);

#[derive(Debug)]
struct Label {
    unit: UnitNumber,
    text: String,
    scanned: bool,
}

impl Window {
    /// A unit comes in.
    pub(super) fn show(&self, unit: UnitNumber, text: &str) {
        *self.label() = Some(Label { unit, text: text.to_owned(), scanned: false });
    }

    /// It goes. From here on nothing is scanned any more.
    pub(super) fn clear(&self) {
        *self.label() = None;
    }

    fn label(&self) -> MutexGuard<'_, Option<Label>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One scanner.
#[derive(Debug)]
pub(super) struct Scanner<'a> {
    fixture: u16,
    port: Port,
    window: &'a Window,
}

impl<'a> Scanner<'a> {
    /// Its port is there.
    pub(super) fn plug_in(fixture: u16, link: &Path, window: &'a Window) -> io::Result<Self> {
        Ok(Self { fixture, port: Port::plug_in(link)?, window })
    }

    /// Whose it is.
    pub(super) fn fixture(&self) -> u16 {
        self.fixture
    }

    /// Scans until the simulator ends.
    pub(super) fn run(mut self, report: &dyn Fn(Event), stop: &Stop) -> io::Result<()> {
        loop {
            while !self.is_attended()? {
                if stop.wait(LOOK)? {
                    return Ok(());
                }
            }
            // Who opens the port gets the label of the unit that is in, also if it was sent to another before.
            if let Some(label) = &mut *self.window.label() {
                label.scanned = false;
            }
            loop {
                if self.wait(stop)? {
                    return Ok(());
                }
                if !self.is_attended()? {
                    self.port.make_ready_for_next_host()?;
                    break;
                }
                self.scan(report)?;
            }
        }
    }

    /// Whether somebody has the port open. A scanner does not listen to what it is told.
    fn is_attended(&self) -> io::Result<bool> {
        let mut buffer = [0; 64];
        Ok(self.port.master().read(&mut buffer)? != Arrival::HungUp)
    }

    /// Waits for the next look, or for less if the port is closed. Says whether the simulator is to end.
    fn wait(&self, stop: &Stop) -> io::Result<bool> {
        let mut descriptors =
            [PollFd::new(stop, PollFlags::IN), PollFd::new(self.port.master(), PollFlags::empty())];
        wait_for(&mut descriptors, Some(LOOK))?;
        Ok(!descriptors[0].revents().is_empty())
    }

    /// Sends the label, once. The event is told while the unit cannot leave.
    fn scan(&self, report: &dyn Fn(Event)) -> io::Result<()> {
        if let Some(Label { unit, text, scanned }) = &mut *self.window.label()
            && !*scanned
        {
            *scanned = true;
            self.port.master().write(format!("{text}\r\n").as_bytes())?;
            report(Event::Scanned { fixture: self.fixture, unit: *unit, label: text.clone() });
        }
        Ok(())
    }
}
