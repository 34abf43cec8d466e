//! From a unit that says who it is to an identity bound to it.

use super::units_in_hand::InHand;
use super::{Case, Station, Trouble};
use crate::event::Event;
use crate::ledger::entry::{Disposition, Fact, Identity};
use crate::ledger::{CredentialRecord, IdentityRecord, LedgerError, ProjectionError};
use crate::product::Assign;
use crate::unit::{Decision, Facts, HardwareId, History, decide};

/// How often a fixture that lost the race for the next identity asks again: once for each rival is enough.
const RACES: usize = 256;

/// A unit that has said who it is.
#[derive(Debug)]
pub(super) struct Identified {
    attempt: u64,
    unit: HardwareId,
    in_hand: InHand,
    scanned: Option<String>,
}

/// A unit with the identity that is bound to it.
#[derive(Debug)]
pub(crate) struct Claimed {
    pub(super) attempt: u64,
    pub(super) unit: HardwareId,
    pub(super) identity: Identity,
    pub(super) course: Course,
    pub(super) in_hand: InHand,
}

/// What is to be done with a bound unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Course {
    /// Issue its first credential.
    Issue,
    /// Issue a credential in place of an earlier one, for this reason.
    Reissue(String),
    /// See whether it proves this announced credential; issue anew where it does not.
    Resume(CredentialRecord),
    /// It is live: verify it, issue nothing.
    Verify(CredentialRecord),
}

impl Claimed {
    /// Why an earlier credential is superseded, where there is one.
    pub(super) fn supersedes(&self) -> Option<String> {
        match &self.course {
            Course::Issue => None,
            Course::Reissue(reason) => Some(reason.clone()),
            Course::Resume(_) | Course::Verify(_) => Some("interrupted".to_owned()),
        }
    }
}

impl Station<'_> {
    /// Opens the attempt on a unit whose hardware ID is plausible and on no other fixture.
    pub(super) fn open_attempt(&self, facts: &Facts, case: &mut Case) -> Result<Identified, Trouble> {
        let unit = HardwareId::parse(&facts.shown)
            .map_err(|error| Trouble::Unit { reason: error.to_string(), disposition: Disposition::Hold })?;
        let in_hand = match self.line.in_hand.take(&unit, &self.fixture) {
            Ok(in_hand) => in_hand,
            Err(trouble) => {
                self.hold_what_is_bound(&unit, &trouble)?;
                return Err(trouble);
            }
        };
        let opened = Fact::AttemptOpened {
            order: self.line.order.to_owned(),
            fixture: self.fixture.clone(),
            hardware_id: unit.to_string(),
            learnt_from: facts.learnt_from.clone(),
            scanned: facts.scanned.clone(),
            locks: facts.locks.is_locked().then(|| facts.locks.to_string()),
        };
        let numbers = self.ledger.append((self.line.edge.now)(), vec![opened])?;
        let attempt = numbers.first().copied().unwrap_or_default();
        case.attempt = Some(attempt);
        self.tell(Event::Identified {
            fixture: self.fixture.clone(),
            hardware_id: unit.to_string(),
            attempt,
        });
        Ok(Identified { attempt, unit, in_hand, scanned: facts.scanned.clone() })
    }

    /// A second unit shows a bound hardware ID: the identity goes on hold, whichever of the two holds it.
    fn hold_what_is_bound(&self, unit: &HardwareId, trouble: &Trouble) -> Result<(), Trouble> {
        let (Some(bound), Trouble::Unit { reason, .. }) = (self.reader.bound_to(unit.as_str())?, trouble)
        else {
            return Ok(());
        };
        let held = Fact::Held { identity: bound.identity, reason: reason.clone() };
        self.ledger.append((self.line.edge.now)(), vec![held])?;
        Ok(())
    }

    /// Decides, and binds identity and unit in one ledger transaction.
    pub(super) fn claim(&self, unit: Identified, case: &mut Case) -> Result<Claimed, Trouble> {
        unit.in_hand.check_single()?;
        for _ in 0..RACES {
            let decision =
                decide(&unit.unit, &self.history(&unit)?, self.line.order, self.line.product.assign);
            let (name, record, course) = into_course(decision)?;
            let claim = Fact::Claimed {
                attempt: unit.attempt,
                order: self.line.order.to_owned(),
                identity: record.identity.clone(),
                hardware_id: unit.unit.to_string(),
                decision: name.to_owned(),
            };
            match self.ledger.append((self.line.edge.now)(), vec![claim]) {
                Ok(_) => {}
                // Another fixture took the same next identity a moment ago: decide again.
                Err(LedgerError::Refused(ProjectionError::Taken { what: "registration", .. }))
                    if self.line.product.assign == Assign::Next && course == Course::Issue =>
                {
                    continue;
                }
                Err(error) => return Err(error.into()),
            }
            case.identity = Some(record.identity.clone());
            self.tell(Event::Decided {
                fixture: self.fixture.clone(),
                decision: name.to_owned(),
                registration_id: record.identity.registration_id.to_string(),
            });
            let Identified { attempt, unit, in_hand, .. } = unit;
            return Ok(Claimed { attempt, unit, identity: record.identity, course, in_hand });
        }
        Err(Trouble::Unit {
            reason: "no identity could be claimed: other fixtures were always faster; put the unit back in"
                .to_owned(),
            disposition: Disposition::Retry,
        })
    }

    fn history(&self, identified: &Identified) -> Result<History, LedgerError> {
        let (order, unit) = (self.line.order, identified.unit.as_str());
        let meant_for = match (self.line.product.assign, &identified.scanned) {
            (Assign::ByScan, Some(label)) => self.reader.labelled(order, label)?,
            (Assign::ByHardwareId, _) => self.reader.meant_for(order, unit)?,
            (Assign::Next | Assign::ByScan, _) => None,
        };
        Ok(History {
            bound_to: self.reader.bound_to(unit)?,
            scrapped: self.reader.scrapped(unit)?,
            next_unbound: self.reader.next_unbound(order)?,
            meant_for,
            scanned: identified.scanned.clone(),
        })
    }
}

/// The decision's name for ledger and screen, the identity, and the course that follows.
fn into_course(decision: Decision) -> Result<(&'static str, IdentityRecord, Course), Trouble> {
    let credential_of = |record: &IdentityRecord| record.credential.clone();
    Ok(match decision {
        Decision::New(record) => ("new", record, Course::Issue),
        Decision::Reissue(record, reason) => ("reissue", record, Course::Reissue(reason)),
        Decision::Resume(record) => match credential_of(&record) {
            Some(credential) => ("resume", record, Course::Resume(credential)),
            None => ("new", record, Course::Issue),
        },
        Decision::SameAgain(record) => match credential_of(&record) {
            Some(credential) => ("same-again", record, Course::Verify(credential)),
            None => {
                return Err(Trouble::Unit {
                    reason: format!(
                        "{} is live without a credential: run `station ledger verify`",
                        record.identity
                    ),
                    disposition: Disposition::Hold,
                });
            }
        },
        Decision::Refuse(refusal) => return Err(Trouble::Refused(refusal)),
    })
}
