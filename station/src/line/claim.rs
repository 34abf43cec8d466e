//! From a unit that says who it is to an identity bound to it.

use certkit::EndorsementKey;

use super::units_in_hand::InHand;
use super::{Case, Station, Trouble};
use crate::event::Event;
use crate::ledger::entry::{Disposition, Fact, Identity, OrderRow, TpmKey};
use crate::ledger::{CredentialRecord, IdentityRecord, IdentityState, LedgerError, ProjectionError};
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
    tpm: Option<Box<TpmKey>>,
}

/// A unit with the identity that is bound to it.
#[derive(Debug)]
pub(crate) struct Claimed {
    pub(super) attempt: u64,
    pub(super) unit: HardwareId,
    pub(super) identity: Identity,
    pub(super) course: Course,
    pub(super) in_hand: InHand,
    /// What the ledger is to have of its TPM, where it attests with that.
    pub(super) tpm: Option<Box<TpmKey>>,
}

/// What was decided on.
struct Chosen {
    /// The decision's name for ledger and screen.
    name: &'static str,
    identity: Identity,
    /// Whether it is reserved only now, with the claim.
    reserves: bool,
    course: Course,
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
    pub(super) fn open_attempt(
        &self,
        facts: &Facts,
        tpm: Option<Box<TpmKey>>,
        case: &mut Case,
    ) -> Result<Identified, Trouble> {
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
        Ok(Identified { attempt, unit, in_hand, scanned: facts.scanned.clone(), tpm })
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

    /// Whether the unit is bound to an identity of this order that is live.
    pub(super) fn is_live_here(&self, facts: &Facts) -> Result<bool, LedgerError> {
        let bound = self.reader.bound_to(&facts.shown)?;
        Ok(bound.is_some_and(|bound| bound.order == self.line.order && bound.state == IdentityState::Live))
    }

    /// Decides, and binds identity and unit in one ledger transaction.
    pub(super) fn claim(&self, unit: Identified, case: &mut Case) -> Result<Claimed, Trouble> {
        unit.in_hand.check_single()?;
        self.hold_both_of_one_tpm(&unit)?;
        for _ in 0..RACES {
            let decision =
                decide(&unit.unit, &self.history(&unit)?, self.line.order, self.line.product.assign);
            let Chosen { name, identity, reserves, course } = into_course(decision)?;
            let reserved = reserves.then(|| reservation(self.line.order, &identity, unit.scanned.as_ref()));
            let claim = Fact::Claimed {
                attempt: unit.attempt,
                order: self.line.order.to_owned(),
                identity: identity.clone(),
                hardware_id: unit.unit.to_string(),
                decision: name.to_owned(),
            };
            let facts = reserved.into_iter().chain([claim]).collect();
            match self.ledger.append((self.line.edge.now)(), facts) {
                Ok(_) => {}
                // Another fixture took the same next identity a moment ago: decide again.
                Err(LedgerError::Refused(ProjectionError::Taken { what: "registration", .. }))
                    if self.line.product.assign == Assign::Next && course == Course::Issue =>
                {
                    continue;
                }
                // Or the order's last place, or the name itself.
                Err(LedgerError::Refused(
                    ProjectionError::OrderFull { .. }
                    | ProjectionError::Taken { what: "registration ID", .. },
                )) if reserves => continue,
                Err(error) => return Err(error.into()),
            }
            case.identity = Some(identity.clone());
            self.tell(Event::Decided {
                fixture: self.fixture.clone(),
                decision: name.to_owned(),
                registration_id: identity.registration_id.to_string(),
            });
            let Identified { attempt, unit, in_hand, tpm, scanned: _ } = unit;
            return Ok(Claimed { attempt, unit, identity, course, in_hand, tpm });
        }
        Err(Trouble::Unit {
            reason: "no identity could be claimed: other fixtures were always faster; put the unit back in"
                .to_owned(),
            disposition: Disposition::Retry,
        })
    }

    /// The identity that the unit's TPM names.
    fn named_by_ek(&self, identified: &Identified) -> Option<Identity> {
        let product = self.line.product;
        let tpm = identified.tpm.as_ref().filter(|_| product.assign == Assign::FromEk)?;
        let registration_id = EndorsementKey::from_base64(&tpm.endorsement_key).ok()?.registration_id();
        Some(Identity { id_scope: product.id_scope.to_string(), registration_id })
    }

    /// The endorsement key of another unit's TPM is in this one: one of the two is a copy, and nobody knows which.
    fn hold_both_of_one_tpm(&self, unit: &Identified) -> Result<(), Trouble> {
        let Some(tpm) = &unit.tpm else { return Ok(()) };
        let mut holder = self.reader.holder_of_key(&tpm.public_key)?;
        // One that is in work has claimed its name, and not yet announced its key.
        if let (None, Some(named)) = (&holder, self.named_by_ek(unit)) {
            holder = self.reader.identity(&named.id_scope, &named.registration_id)?;
        }
        let is_other =
            |holder: &IdentityRecord| holder.unit.as_deref().is_some_and(|it| it != unit.unit.as_str());
        let is_burnt = |holder: &IdentityRecord| holder.state == IdentityState::Burnt;
        let holder = holder.filter(|holder| is_other(holder) && !is_burnt(holder));
        let scrapped = self.reader.scrapped_with_key(&tpm.public_key)?.filter(is_other);
        let Some(other) = holder.as_ref().or(scrapped.as_ref()) else { return Ok(()) };
        let means = match &holder {
            Some(_) => "one TPM is in two units, or one key in two TPMs; both go on hold",
            None => "that one was scrapped, and its TPM is never used again",
        };
        let reason = format!(
            "unit {} shows the endorsement key of unit {} ({}): {means}; look first whether the `tcti` of fixture {} leads to the \
             unit in it",
            unit.unit,
            other.unit.as_deref().unwrap_or("unknown"),
            other.identity.registration_id,
            self.fixture
        );
        let both = [holder, self.reader.bound_to(unit.unit.as_str())?].into_iter().flatten();
        let held = both.map(|record| Fact::Held { identity: record.identity, reason: reason.clone() });
        self.ledger.append((self.line.edge.now)(), held.collect())?;
        Err(Trouble::held(reason))
    }

    fn history(&self, identified: &Identified) -> Result<History, LedgerError> {
        let (order, unit) = (self.line.order, identified.unit.as_str());
        let named = self.named_by_ek(identified);
        let meant_for = match (self.line.product.assign, &identified.scanned) {
            (Assign::ByScan, Some(label)) => self.reader.labelled(order, label)?,
            (Assign::ByHardwareId, _) => self.reader.meant_for(order, unit)?,
            (Assign::FromEk, _) => match &named {
                Some(identity) => self.reader.identity(&identity.id_scope, &identity.registration_id)?,
                None => None,
            },
            (Assign::Next | Assign::ByScan, _) => None,
        };
        let has_room = named.is_some() && self.reader.to_come(order)? > 0;
        Ok(History {
            bound_to: self.reader.bound_to(unit)?,
            scrapped: self.reader.scrapped(unit)?,
            next_unbound: self.reader.next_unbound(order)?,
            named_by_ek: named,
            has_room,
            meant_for,
            scanned: identified.scanned.clone(),
        })
    }
}

/// An identity that is named by its unit is reserved when the unit is there.
fn reservation(order: &str, identity: &Identity, label: Option<&String>) -> Fact {
    let row = OrderRow {
        registration_id: identity.registration_id.clone(),
        name: None,
        serial_number: label.cloned(),
        hardware_id: None,
    };
    Fact::OrderRows { order: order.to_owned(), rows: vec![row] }
}

fn into_course(decision: Decision) -> Result<Chosen, Trouble> {
    let chosen = |name, record: IdentityRecord, course| Chosen {
        name,
        identity: record.identity,
        reserves: false,
        course,
    };
    let credential_of = |record: &IdentityRecord| record.credential.clone();
    Ok(match decision {
        Decision::New(record) => chosen("new", record, Course::Issue),
        Decision::Named(identity) => Chosen { name: "new", identity, reserves: true, course: Course::Issue },
        Decision::Reissue(record, reason) => chosen("reissue", record, Course::Reissue(reason)),
        Decision::Resume(record) => match credential_of(&record) {
            Some(credential) => chosen("resume", record, Course::Resume(credential)),
            None => chosen("new", record, Course::Issue),
        },
        Decision::SameAgain(record) => match credential_of(&record) {
            Some(credential) => chosen("same-again", record, Course::Verify(credential)),
            None => {
                return Err(Trouble::held(format!(
                    "{} is live without a credential: run `station ledger verify`",
                    record.identity
                )));
            }
        },
        Decision::Refuse(refusal) => return Err(Trouble::Refused(refusal)),
    })
}
