//! How a simulator is told to end: a switch on one side, something that can be polled on the other.

use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Ends the simulator when turned. Dropping it does the same.
#[derive(Debug)]
pub struct StopSwitch(Mutex<Option<PipeWriter>>);

/// Becomes readable when the switch was turned.
#[derive(Debug)]
pub struct Stop(PipeReader);

/// A switch and what it acts on.
///
/// # Errors
/// The system has no file descriptors left.
pub fn stop_switch() -> io::Result<(StopSwitch, Stop)> {
    let (reader, writer) = io::pipe()?;
    Ok((StopSwitch(Mutex::new(Some(writer))), Stop(reader)))
}

impl StopSwitch {
    /// Ends the simulator. Turning it twice does no more.
    pub fn turn(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl Stop {
    /// Waits this long, less if the switch is turned. Says whether it is.
    pub(super) fn wait(&self, time: Duration) -> io::Result<bool> {
        let mut descriptors = [PollFd::new(self, PollFlags::IN)];
        wait_for(&mut descriptors, Some(time))?;
        Ok(!descriptors[0].revents().is_empty())
    }
}

impl AsFd for Stop {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Waits for one of the descriptors, or until the time is over; `None` waits without end.
pub(super) fn wait_for(descriptors: &mut [PollFd<'_>], time: Option<Duration>) -> io::Result<()> {
    let time = time.map(|time| Timespec {
        tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: time.subsec_nanos().into(),
    });
    match poll(descriptors, time.as_ref()) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
