//! The order's issue budget: asked before anything is signed, however many fixtures issue at a time.

use std::sync::{Condvar, Mutex, PoisonError};

use super::fault::StationFault;
use crate::ledger::LedgerReader;

/// How many credentials are being issued now, and are not in the ledger yet.
#[derive(Debug, Default)]
pub struct IssueBudget {
    in_flight: Mutex<u64>,
    landed: Condvar,
}

/// Leave to issue one credential, until dropped: by then the ledger counts it, or it was not issued.
#[derive(Debug)]
pub(super) struct Leave<'a>(&'a IssueBudget);

impl IssueBudget {
    /// Leave to issue one credential for the order. Waits where only what others are issuing now could use the budget up.
    pub(super) fn take(&self, order: &str, reader: &LedgerReader) -> Result<Leave<'_>, StationFault> {
        let mut in_flight = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match reader.budget(order)? {
                Some((budget, issued)) if issued >= budget => {
                    return Err(StationFault::BudgetUsedUp { order: order.to_owned(), budget, issued });
                }
                Some((budget, issued)) if issued + *in_flight >= budget => {
                    in_flight = self.landed.wait(in_flight).unwrap_or_else(PoisonError::into_inner);
                }
                _ => break,
            }
        }
        *in_flight += 1;
        Ok(Leave(self))
    }
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        *self.0.in_flight.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.landed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::ledger::entry::{Fact, Identity, IssuedCredential, KeyMaker};
    use crate::ledger::{LedgerOwner, sample};

    const UNITS: usize = 8;
    const BUDGET: u64 = 5;

    fn facts_of_order() -> Vec<Fact> {
        let ids: Vec<String> = (0..UNITS).map(|unit| format!("gw-{unit}")).collect();
        let mut facts = sample::order("april", &ids.iter().map(String::as_str).collect::<Vec<_>>());
        let Fact::OrderAdded { issue_budget, .. } = &mut facts[0] else { panic!("{facts:?}") };
        *issue_budget = Some(BUDGET);
        facts
    }

    /// Fixtures that ask at the same moment get as many leaves as there is budget: nobody signs what the ledger then
    /// refuses, and nobody is turned away while there is budget left.
    #[test]
    fn as_many_are_let_through_at_once_as_the_budget_has() {
        let now = datetime!(2026-11-24 12:00 UTC);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.db");
        let owner = LedgerOwner::create(&path, "line-1", now).unwrap();
        owner.ledger().append(now, facts_of_order()).unwrap();
        let budget = IssueBudget::default();
        let at_once = std::sync::Barrier::new(UNITS);
        let results: Vec<bool> = std::thread::scope(|scope| {
            let fixture = |unit: usize| {
                let (ledger, reader) = (owner.ledger(), LedgerReader::open(&path).unwrap());
                let identity = Identity {
                    id_scope: "0ne00ABCDEF".into(),
                    registration_id: format!("gw-{unit}").parse().unwrap(),
                };
                let (budget, at_once) = (&budget, &at_once);
                scope.spawn(move || {
                    let hardware_id = format!("unit-{unit}");
                    let opened = Fact::AttemptOpened {
                        order: "april".into(),
                        fixture: unit.to_string(),
                        hardware_id: hardware_id.clone(),
                        learnt_from: "console".into(),
                        scanned: None,
                        locks: None,
                    };
                    let attempt = ledger.append(now, vec![opened]).unwrap()[0];
                    let claimed = Fact::Claimed {
                        attempt,
                        order: "april".into(),
                        identity: identity.clone(),
                        hardware_id,
                        decision: "new".into(),
                    };
                    ledger.append(now, vec![claimed]).unwrap();
                    at_once.wait();
                    let Ok(leave) = budget.take("april", &reader) else { return false };
                    let credential = IssuedCredential::Certificate {
                        certificate_serial: format!("s{unit}"),
                        public_key: format!("k{unit}"),
                        chain: "PEM".into(),
                        authority: Some("intermediate".into()),
                        key_maker: KeyMaker::Station,
                    };
                    let issued = Fact::Issued { attempt, identity, credential, supersedes: None };
                    ledger.append(now, vec![issued]).unwrap();
                    drop(leave);
                    true
                })
            };
            let threads: Vec<_> = (0..UNITS).map(fixture).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(results.iter().filter(|issued| **issued).count() as u64, BUDGET, "{results:?}");
    }
}
