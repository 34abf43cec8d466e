//! A person's wish that the run should end, seen by everything that waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// How urgent the wish is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// Go on.
    No,
    /// Finish the units in hand, take no further ones.
    AfterUnit,
    /// Abandon the units in hand, safely.
    Now,
}

/// Shared by the signal handler, the fixtures and their links. Each call of [`StopSignal::ask`] is one step more urgent.
#[derive(Debug, Clone, Default)]
pub struct StopSignal(Arc<AtomicU8>);

impl StopSignal {
    /// Asks to stop; asked again, asks to stop now.
    pub fn ask(&self) -> Stop {
        let before =
            self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |level| Some((level + 1).min(2)));
        match before {
            Ok(0) => Stop::AfterUnit,
            _ => Stop::Now,
        }
    }

    /// Asks to stop after the units in hand, if nobody asked for more.
    pub fn after_units(&self) {
        self.0.fetch_max(1, Ordering::SeqCst);
    }

    /// Asks to stop now: the station itself cannot go on.
    pub fn at_once(&self) {
        self.0.store(2, Ordering::SeqCst);
    }

    /// What has been asked for so far.
    pub fn get(&self) -> Stop {
        match self.0.load(Ordering::SeqCst) {
            0 => Stop::No,
            1 => Stop::AfterUnit,
            _ => Stop::Now,
        }
    }
}
