//! When a run is over: asked by every fixture between two units.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::ledger::{LedgerError, LedgerReader};
use crate::link::{Stop, StopSignal};

/// When a run is over, shared by its fixtures.
#[derive(Debug)]
pub(super) struct Pace {
    patience: Duration,
    stop: StopSignal,
    state: Mutex<PaceState>,
}

#[derive(Debug)]
struct PaceState {
    /// Identities that waited for a verdict when they were last counted.
    waiting: Option<u64>,
    /// Whether a verdict has been given since.
    stale: bool,
    last_progress: Instant,
    /// Whether a fixture found the station at fault.
    station_at_fault: bool,
}

impl Pace {
    pub(super) fn new(patience: Duration, stop: StopSignal) -> Self {
        let state =
            PaceState { waiting: None, stale: true, last_progress: Instant::now(), station_at_fault: false };
        Self { patience, stop, state: Mutex::new(state) }
    }

    pub(super) fn stop(&self) -> &StopSignal {
        &self.stop
    }

    /// The station is at fault: no fixture takes a further unit, and those in hand are finished or abandoned.
    pub(super) fn stop_the_line(&self, finish_units: bool) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).station_at_fault = true;
        if finish_units { self.stop.after_units() } else { self.stop.at_once() }
    }

    /// A verdict was given: the identities that wait are counted anew.
    pub(super) fn verdict_given(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).stale = true;
    }

    /// Why no further unit is to be taken, once that is so.
    pub(super) fn over(&self, reader: &LedgerReader, order: &str) -> Result<Option<String>, LedgerError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if self.stop.get() != Stop::No {
            let by = if state.station_at_fault { "a fault that another fixture met" } else { "the operator" };
            return Ok(Some(format!("stopped by {by}")));
        }
        if state.stale {
            let waiting = Some(reader.counts(order)?.waiting);
            // A unit that comes again and is accepted again is no progress.
            if state.waiting != waiting {
                state.last_progress = Instant::now();
            }
            (state.waiting, state.stale) = (waiting, false);
        }
        if state.waiting == Some(0) {
            return Ok(Some("the order is done".to_owned()));
        }
        if state.last_progress.elapsed() > self.patience {
            return Ok(Some(format!("the order came no further for {} s", self.patience.as_secs())));
        }
        Ok(None)
    }
}
