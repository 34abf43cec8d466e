//! The units that sit in a fixture now. One hardware ID on two fixtures at once is two units: neither passes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::trouble::Trouble;
use crate::ledger::LedgerError;
use crate::ledger::entry::Disposition;
use crate::unit::HardwareId;

type Hands = Arc<Mutex<HashMap<HardwareId, Hand>>>;

/// Who holds which unit.
#[derive(Debug, Clone, Default)]
pub struct UnitsInHand(Hands);

#[derive(Debug)]
struct Hand {
    fixture: String,
    contested_by: Option<String>,
}

/// One unit in one fixture's hand, until dropped.
#[derive(Debug)]
pub(crate) struct InHand {
    hands: Hands,
    unit: HardwareId,
}

impl UnitsInHand {
    /// Takes a unit into a fixture's hand.
    pub(super) fn take(&self, unit: &HardwareId, fixture: &str) -> Result<InHand, Trouble> {
        // A fixture that panicked leaves the map as it was, which is still true.
        let mut hands = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(hand) = hands.get_mut(unit) {
            hand.contested_by = Some(fixture.to_owned());
            return Err(both_on_hold(unit, &hand.fixture, fixture));
        }
        hands.insert(unit.clone(), Hand { fixture: fixture.to_owned(), contested_by: None });
        Ok(InHand { hands: self.0.clone(), unit: unit.clone() })
    }
}

impl InHand {
    /// Errs where another fixture showed the same hardware ID meanwhile.
    pub(super) fn check_single(&self) -> Result<(), Trouble> {
        let hands = self.hands.lock().unwrap_or_else(PoisonError::into_inner);
        match hands.get(&self.unit) {
            Some(Hand { fixture, contested_by: Some(other) }) => {
                Err(both_on_hold(&self.unit, fixture, other))
            }
            _ => Ok(()),
        }
    }

    /// What the ledger refused, it refused because the other fixture has put the identity on hold: then that is the
    /// reason to tell.
    pub(super) fn contested_or(&self, error: LedgerError) -> Trouble {
        match (error, self.check_single()) {
            (LedgerError::Refused(_), Err(contested)) => contested,
            (error, _) => error.into(),
        }
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        self.hands.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.unit);
    }
}

fn both_on_hold(unit: &HardwareId, one: &str, other: &str) -> Trouble {
    Trouble::Unit {
        reason: format!(
            "fixtures {one} and {other} show the same hardware ID {unit} at once: two units share it, both go on hold"
        ),
        disposition: Disposition::Hold,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_hardware_id_twice_at_once_stops_both() {
        let hands = UnitsInHand::default();
        let unit = HardwareId::parse("10000000abcdef01").unwrap();
        let first = hands.take(&unit, "1").unwrap();
        assert!(first.check_single().is_ok());
        assert!(hands.take(&unit, "2").is_err());
        assert!(first.check_single().is_err());
        drop(first);
        assert!(hands.take(&unit, "2").is_ok());
    }
}
