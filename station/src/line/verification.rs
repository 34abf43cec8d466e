//! One unit against the ledger, as it stands: nothing is written anywhere, and nothing is done to the unit.

use super::attestation::{Symmetric, recall};
use super::evidence::{Written, link_is_gone};
use super::report::{Examined, ItemResult, Report, ReportVerdict};
use super::{Instruments, StationFault, Trouble};
use crate::error_text::with_causes;
use crate::ledger::entry::Grade;
use crate::ledger::{CredentialRecord, IdentityRecord, IdentityState, LedgerError, LedgerReader};
use crate::link::DeviceLink;
use crate::unit::{
    Credential, Decision, Facts, HardwareId, History, Plan, PlannedItem, decide, refuse_locked,
};

/// What a unit is compared with. It can read the ledger, and not write it.
#[derive(Debug, Clone, Copy)]
pub struct Verification<'a> {
    /// What it is looked at with.
    pub instruments: Instruments<'a>,
    /// The order that it is to belong to.
    pub order: &'a str,
    /// What the ledger says.
    pub reader: &'a LedgerReader,
}

/// The unit that is there, and what the ledger has of it.
#[derive(Debug)]
pub struct Present {
    hardware_id: Option<String>,
    locks: Option<String>,
    record: Option<IdentityRecord>,
    /// Whether that is an identity of the order, so that the product is the unit's.
    of_order: bool,
    /// Why it cannot count as proven, whatever it shows.
    unfit: Option<String>,
}

impl Present {
    /// The identity's credential that the unit is to hold, where its items can be asked at all.
    pub fn credential(&self) -> Option<&CredentialRecord> {
        let record = self.record.as_ref()?;
        let asked = self.of_order && matches!(record.state, IdentityState::Live | IdentityState::OnHold);
        record.credential.as_ref().filter(|_| asked)
    }
}

impl Verification<'_> {
    /// Finds out who is there, and what the ledger has of it. `label` is what was scanned, where anything was.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn identify(&self, label: Option<String>, link: &mut dyn DeviceLink) -> Result<Present, LedgerError> {
        let shown = match link.identify() {
            Ok(shown) => shown,
            Err(error) => return Ok(Present::unknown(None, with_causes(&error))),
        };
        let facts = Facts::new(shown, label);
        if let Some(refusal) = refuse_locked(&self.instruments.product.link, &facts) {
            let shown = Some(facts.shown).filter(|shown| !shown.is_empty());
            return Ok(Present::unknown(shown, refusal.reason));
        }
        let unit = match HardwareId::parse(&facts.shown) {
            Ok(unit) => unit,
            Err(error) => return Ok(Present::unknown(Some(facts.shown), error.to_string())),
        };
        let locks = facts.locks.is_locked().then(|| facts.locks.to_string());
        let history = History {
            bound_to: self.reader.bound_to(unit.as_str())?,
            scrapped: self.reader.scrapped(unit.as_str())?,
            scanned: facts.scanned,
            ..History::default()
        };
        let unfit = self.unfit(&unit, &history);
        let burnt = || -> Result<Option<IdentityRecord>, LedgerError> {
            let found = self.reader.find(unit.as_str())?.into_iter();
            let of_unit = |record: &IdentityRecord| record.unit.as_deref() == Some(unit.as_str());
            Ok(found.rev().find(of_unit))
        };
        let record = match history.bound_to {
            Some(record) => Some(record),
            None => burnt()?,
        };
        let of_order = record.as_ref().is_some_and(|record| record.order == self.order);
        Ok(Present { hardware_id: Some(unit.to_string()), locks, record, of_order, unfit })
    }

    /// Why a unit is none of this order's live ones.
    fn unfit(&self, unit: &HardwareId, history: &History) -> Option<String> {
        if history.bound_to.is_none() && history.scrapped.is_none() {
            return Some(format!(
                "the ledger has no identity for unit {unit}: it was never taken to a verdict"
            ));
        }
        match decide(unit, history, self.order, self.instruments.product.assign) {
            Decision::SameAgain(_) => None,
            Decision::Refuse(refusal) => Some(refusal.reason),
            // A unit that has no identity was told of above.
            Decision::Named(identity) => {
                Some(format!("no unit was taken to a verdict as {}", identity.registration_id))
            }
            Decision::New(record) | Decision::Resume(record) | Decision::Reissue(record, _) => Some(format!(
                "unit {unit} ({}) has no verdict yet: take it to one with `station flash` or `station run`",
                record.identity.registration_id
            )),
        }
    }

    /// Asks the unit for each of its items. `keys` are those that its credential came from; none
    /// of a certificate.
    ///
    /// # Errors
    /// [`StationFault`].
    pub fn judge(
        &self,
        present: Present,
        keys: Option<&Symmetric>,
        link: &mut dyn DeviceLink,
    ) -> Result<Report, StationFault> {
        let found = self.examine_all(&present, keys, link)?;
        let proven = self.proven(&found, present.unfit.clone());
        let Present { hardware_id, locks, record, of_order: _, unfit: _ } = present;
        Ok(Report {
            order: self.order.to_owned(),
            hardware_id,
            locks,
            registration_id: record.as_ref().map(|record| record.identity.registration_id.to_string()),
            state: record.map(|record| record.state),
            items: found.items,
            after_restart: false,
            verdict: if proven.is_ok() { ReportVerdict::Proven } else { ReportVerdict::Unproven },
            reason: proven.err(),
        })
    }

    fn examine_all(
        &self,
        present: &Present,
        keys: Option<&Symmetric>,
        link: &mut dyn DeviceLink,
    ) -> Result<Found, StationFault> {
        let (Some(record), Some(issued)) = (&present.record, present.credential()) else {
            return Ok(Found::default());
        };
        let planned = self.plan(record, issued, keys);
        let (plan, credential) = match planned {
            Ok(planned) => planned,
            Err(Trouble::Station(fault)) => return Err(fault),
            Err(trouble) => return Ok(Found::cut_short(trouble)),
        };
        let mut found = Found::default();
        for item in &plan.items {
            match self.examine(item, &credential, link) {
                Ok(examined) => found.items.push(examined),
                Err(Trouble::Station(fault)) => return Err(fault),
                Err(trouble) => {
                    found.cut_short = Some(trouble.reason());
                    break;
                }
            }
        }
        Ok(found)
    }

    /// What the unit is to hold: of its flash, what the ledger says was written.
    fn plan(
        &self,
        record: &IdentityRecord,
        issued: &CredentialRecord,
        keys: Option<&Symmetric>,
    ) -> Result<(Plan, Credential), Trouble> {
        let credential = recall(issued, &record.identity, keys)?.ok_or_else(|| {
            Trouble::held(format!(
                "{} was accepted with a key that the station has no longer: it cannot be verified",
                record.identity.registration_id
            ))
        })?;
        let plan = self.instruments.personaliser().plan(&record.identity, &credential);
        let written = self.reader.written(issued.attempt)?;
        Ok((
            plan.map_err(Trouble::plan)?.as_accepted(&written, self.reader.keeps_keys(issued.attempt)?),
            credential,
        ))
    }

    /// Errs where the unit can no longer be asked.
    fn examine(
        &self,
        item: &PlannedItem,
        credential: &Credential,
        link: &mut dyn DeviceLink,
    ) -> Result<Examined, Trouble> {
        let examined =
            |result, reason| Examined { item: item.name.clone(), grade: item.evidence, result, reason };
        let not_asked = |why: &str| Ok(examined(ItemResult::NotAsked, Some(why.to_owned())));
        if item.is_forgotten() {
            return not_asked(
                "the ledger does not say what was written there: the image is laid out in another way now",
            );
        }
        let shown = match item.evidence {
            Grade::Acknowledged => self.instruments.observe(item, link).map(|_| ()),
            _ => self.instruments.obtain(item, credential, Written::Before, link),
        };
        match shown {
            Ok(()) if item.evidence == Grade::Acknowledged => not_asked(
                "its writing was acknowledged, and the product asks for nothing that could be asked again",
            ),
            Ok(()) => Ok(examined(ItemResult::Agrees, None)),
            Err(Trouble::Unit { reason, .. }) if !link_is_gone(link) => {
                Ok(examined(ItemResult::Differs, Some(reason)))
            }
            Err(trouble) => Err(trouble),
        }
    }

    /// Errs with the reason why the unit is not proven.
    fn proven(&self, found: &Found, unfit: Option<String>) -> Result<(), String> {
        let differs = found.items.iter().find(|item| item.result == ItemResult::Differs);
        let differs = differs.and_then(|item| item.reason.clone());
        if let Some(reason) = unfit.or_else(|| found.cut_short.clone()).or(differs) {
            return Err(reason);
        }
        let agrees = |name: &str| {
            found.items.iter().any(|item| item.item == name && item.result == ItemResult::Agrees)
        };
        let items = &self.instruments.product.items;
        if items.iter().any(|item| item.holds_key() && agrees(&item.name)) {
            return Ok(());
        }
        Err("nothing that holds the unit's credential can be asked for again: whether it is still there is not known"
            .to_owned())
    }
}

impl Present {
    fn unknown(hardware_id: Option<String>, why: String) -> Self {
        Self { hardware_id, locks: None, record: None, of_order: false, unfit: Some(why) }
    }
}

/// The items that were asked, and why not all of them, where not.
#[derive(Debug, Default)]
struct Found {
    items: Vec<Examined>,
    cut_short: Option<String>,
}

impl Found {
    fn cut_short(trouble: Trouble) -> Self {
        Self { items: Vec::new(), cut_short: Some(trouble.reason()) }
    }
}
