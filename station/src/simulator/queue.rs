//! Units that wait for a fixture, in order.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use super::unit::Unit;

/// A unit, and how often it has been put into a fixture since the simulator started.
#[derive(Debug)]
pub(super) struct WaitingUnit {
    pub(super) unit: Unit,
    pub(super) insertions: u32,
}

/// First in, first out.
#[derive(Debug)]
pub(super) struct Queue(Mutex<VecDeque<WaitingUnit>>);

impl Queue {
    pub(super) fn new(units: Vec<Unit>) -> Self {
        Self(Mutex::new(units.into_iter().map(|unit| WaitingUnit { unit, insertions: 0 }).collect()))
    }

    /// The unit that has waited longest.
    pub(super) fn take(&self) -> Option<WaitingUnit> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// Puts a unit at the end.
    pub(super) fn put_back(&self, unit: WaitingUnit) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(unit);
    }
}
