//! When a run is over: asked by every fixture between two units.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::ledger::{LedgerError, LedgerReader};
use crate::link::{Stop, StopSignal};

/// How far a run goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// No identity of the order waits for a verdict.
    OrderDone,
    /// One unit has its verdict.
    OneVerdict,
}

/// When a run is over, shared by its fixtures.
#[derive(Debug)]
pub(super) struct Pace {
    until: Until,
    patience: Duration,
    stop: StopSignal,
    state: Mutex<PaceState>,
}

#[derive(Debug)]
struct PaceState {
    verdicts: u64,
    /// Identities that waited for a verdict when they were last counted.
    waiting: Option<u64>,
    /// Whether a verdict has been given since.
    stale: bool,
    last_progress: Instant,
    /// Whether a fixture found the station at fault.
    station_at_fault: bool,
}

impl Pace {
    pub(super) fn new(until: Until, patience: Duration, stop: StopSignal) -> Self {
        let state = PaceState {
            verdicts: 0,
            waiting: None,
            stale: true,
            last_progress: Instant::now(),
            station_at_fault: false,
        };
        Self { until, patience, stop, state: Mutex::new(state) }
    }

    pub(super) fn stop(&self) -> &StopSignal {
        &self.stop
    }

    /// Whether the run is for one unit, which may have yet to come.
    pub(super) fn is_for_one_unit(&self) -> bool {
        self.until == Until::OneVerdict
    }

    /// The station is at fault: no fixture takes a further unit, and those in hand are finished or abandoned.
    pub(super) fn stop_the_line(&self, finish_units: bool) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).station_at_fault = true;
        if finish_units { self.stop.after_units() } else { self.stop.at_once() }
    }

    /// A verdict was given: the identities that wait are counted anew.
    pub(super) fn verdict_given(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.verdicts += 1;
        state.stale = true;
    }

    /// Why no further unit is to be taken, once that is so.
    pub(super) fn over(&self, reader: &LedgerReader, order: &str) -> Result<Option<String>, LedgerError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if self.stop.get() != Stop::No {
            let by = if state.station_at_fault { "a fault that another fixture met" } else { "the operator" };
            return Ok(Some(format!("stopped by {by}")));
        }
        if self.is_for_one_unit() {
            return Ok(self.over_for_one_unit(&state));
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

    fn over_for_one_unit(&self, state: &PaceState) -> Option<String> {
        if state.verdicts > 0 {
            return Some("the unit has its verdict".to_owned());
        }
        let waited = state.last_progress.elapsed() > self.patience;
        waited.then(|| format!("no unit came for {} s", self.patience.as_secs()))
    }
}
