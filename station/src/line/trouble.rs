//! Why a unit did not get its PASS, and how that is recorded.

use std::error::Error;

use certkit::{IssueError, SignerError};

use super::{Case, Station, StationFault};
use crate::error_text::with_causes;
use crate::event::Outcome;
use crate::ledger::entry::{Disposition, Fact};
use crate::ledger::{LedgerError, ProjectionError};
use crate::link::LinkError;
use crate::unit::{PlanError, Refusal};
use crate::vault::VaultError;

/// A bound unit that failed so often in a row goes on hold: an engineer looks, not the operator again.
const REWORKS: usize = 3;

/// What stops the straight line.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The unit, or its link, is at fault.
    Unit {
        /// In words for the person at the line.
        reason: String,
        /// What happens next.
        disposition: Disposition,
    },
    /// The unit must not be touched.
    Refused(Refusal),
    /// The station is at fault: the line stops.
    Station(StationFault),
}

impl Trouble {
    /// A credential could not be made: nothing was announced, and the unit is as it was.
    pub(super) fn credential(error: impl Error) -> Self {
        Trouble::Unit {
            reason: format!("no credential could be issued: {}", with_causes(&error)),
            disposition: Disposition::Retry,
        }
    }

    /// An authority issued nothing. Where its key lies in a token that does not sign, no unit can be helped.
    pub(super) fn issuing(error: IssueError, authority: &str) -> Self {
        match error {
            IssueError::Sign(SignerError::Token(_)) => {
                let source = Box::new(error);
                Trouble::Station(StationFault::Token { authority: authority.to_owned(), source })
            }
            error => Self::credential(error),
        }
    }

    /// The vault gave nothing, or took nothing: no unit can be helped.
    pub(super) fn vault(error: VaultError) -> Self {
        Trouble::Station(StationFault::Vault(error))
    }

    /// An engineer must look.
    pub(super) fn held(reason: String) -> Self {
        Trouble::Unit { reason, disposition: Disposition::Hold }
    }

    /// In words for the person at the line.
    pub(super) fn reason(self) -> String {
        match self {
            Trouble::Unit { reason, .. } => reason,
            Trouble::Refused(refusal) => refusal.reason,
            Trouble::Station(fault) => with_causes(&fault),
        }
    }

    /// The unit's items cannot be what its device takes: nothing was written.
    pub(super) fn plan(error: PlanError) -> Self {
        Trouble::Unit { reason: with_causes(&error), disposition: Disposition::Hold }
    }
}

impl From<LinkError> for Trouble {
    fn from(error: LinkError) -> Self {
        Trouble::Unit { reason: with_causes(&error), disposition: error.disposition() }
    }
}

impl From<LedgerError> for Trouble {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Refused(ProjectionError::BudgetUsedUp { .. }) => Trouble::Station(error.into()),
            // What contradicts the ledger is this unit's matter; everything else is the station's.
            LedgerError::Refused(_) => {
                Trouble::Unit { reason: with_causes(&error), disposition: Disposition::Hold }
            }
            other => Trouble::Station(other.into()),
        }
    }
}

impl Station<'_> {
    /// Records, where the ledger still works, that the station is at fault and the unit is not: it may come again.
    pub(super) fn record_interruption(
        &self,
        fault: &StationFault,
        case: &mut Case,
    ) -> Result<(), StationFault> {
        if let StationFault::Ledger(_) = fault {
            return Ok(());
        }
        let reason = with_causes(fault);
        self.record(Trouble::Unit { reason, disposition: Disposition::Retry }, case).map(|_| ())
    }

    /// Records why the unit failed, as far as it got.
    pub(super) fn record(&self, trouble: Trouble, case: &mut Case) -> Result<Outcome, StationFault> {
        let (mut reason, mut disposition, failure) = match trouble {
            Trouble::Station(fault) => return Err(fault),
            Trouble::Unit { reason, disposition } => (reason, disposition, true),
            Trouble::Refused(refusal) => (refusal.reason, refusal.disposition, refusal.failure),
        };
        if disposition == Disposition::Rework && self.was_reworked_enough(case)? {
            disposition = Disposition::Hold;
            reason = format!("{reason}; this is failure {REWORKS} in a row, so the unit goes on hold");
        }
        let fact = match (case.attempt, &case.identity) {
            (Some(attempt), Some(identity)) if failure => {
                Fact::Failed { attempt, identity: identity.clone(), disposition, reason: reason.clone() }
            }
            _ => Fact::Refused {
                attempt: case.attempt,
                order: self.line.order.to_owned(),
                fixture: self.fixture.clone(),
                hardware_id: case.hardware_id.clone(),
                locks: case.locks.clone(),
                disposition,
                reason: reason.clone(),
            },
        };
        let numbers = self.ledger.append((self.line.edge.now)(), vec![fact])?;
        case.attempt = case.attempt.or(numbers.first().copied());
        Ok(if failure { Outcome::Failed { disposition, reason } } else { Outcome::NotNeeded { reason } })
    }

    /// Whether this bound unit failed so often in a row that doing it again would not help.
    fn was_reworked_enough(&self, case: &Case) -> Result<bool, LedgerError> {
        let (Some(unit), Some(_)) = (&case.hardware_id, &case.identity) else { return Ok(false) };
        let attempts = self.reader.attempts_of(unit)?;
        let in_a_row = attempts
            .iter()
            .rev()
            .filter(|attempt| Some(attempt.attempt) != case.attempt)
            .take_while(|attempt| attempt.disposition.as_deref() == Some("rework"))
            .count();
        Ok(in_a_row + 1 >= REWORKS)
    }
}
