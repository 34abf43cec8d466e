//! The straight line: one unit, from identification to verdict. The only place where the steps are joined.

mod attestation;
mod budget;
mod claim;
mod evidence;
mod fault;
mod fixture;
mod instruments;
mod own_key;
mod pace;
mod report;
mod run;
mod trouble;
mod units_in_hand;
mod verification;
mod verify;

use std::path::Path;
use std::sync::mpsc::Sender;

use certkit::DeviceKey;
use time::OffsetDateTime;

use crate::event::{Event, Outcome};
use crate::ledger::entry::{Disposition, Fact, Identity, IssuedCredential, TpmKey};
use crate::ledger::{Ledger, LedgerReader};
use crate::link::{Deflations, DeviceLink, Step, Variables};
use crate::product::Product;
use crate::tpm::HierarchyAuths;
use crate::unit::{Credential, Facts, Plan, Random, refuse_locked, refuse_small};

pub use attestation::{Attestation, Signs, Symmetric, SymmetricKeys, Tpms, X509};
pub use budget::IssueBudget;
use budget::Leave;
pub use claim::Course;
use claim::{Claimed, Identified};
use evidence::Written;
pub use fault::StationFault;
pub use fixture::Closing;
pub use instruments::{Instruments, Ways};
use own_key::Asked;
pub use pace::Until;
pub use report::{Examined, ItemResult, Report, ReportVerdict};
pub use run::{Ended, Run, RunError, RunOptions, Summary};
use trouble::Trouble;
pub use units_in_hand::UnitsInHand;
pub use verification::{Present, Verification};
use verify::Verified;

/// Everything that the units of one run share.
#[derive(Debug)]
pub struct Line<'a> {
    /// What is built.
    pub product: &'a Product,
    /// The order that it is built for.
    pub order: &'a str,
    /// Where its units' credentials come from.
    pub attestation: &'a Attestation,
    /// Values of the dialogue's variables, and the documents'.
    pub variables: &'a Variables,
    /// The vault's ledger key: of what is flashed the ledger holds a MAC under it.
    pub ledger_key: &'a DeviceKey,
    /// Authorisations of its units' TPMs.
    pub tpm_auths: &'a HierarchyAuths,
    /// What its units get alike.
    pub deflations: Deflations,
    /// The ledger's file, for reading.
    pub ledger_file: &'a Path,
    /// Where time and randomness come from.
    pub edge: Edge,
    /// The units that are in a fixture now.
    pub in_hand: UnitsInHand,
    /// Who issues now.
    pub budget: IssueBudget,
}

/// What the line takes from outside.
#[derive(Debug, Clone, Copy)]
pub struct Edge {
    /// The time.
    pub now: fn() -> OffsetDateTime,
    /// Randomness.
    pub random: Random,
}

impl Line<'_> {
    /// What its units are looked at with.
    pub fn instruments(&self) -> Instruments<'_> {
        Instruments {
            product: self.product,
            variables: self.variables,
            ledger_key: self.ledger_key,
            tpm_auths: self.tpm_auths,
            deflations: &self.deflations,
            edge: self.edge,
        }
    }
}

/// One fixture's own view of the line.
pub(crate) struct Station<'l> {
    line: &'l Line<'l>,
    ledger: Ledger,
    reader: LedgerReader,
    events: Sender<Event>,
    fixture: String,
}

/// A credential that nobody has been told of.
struct MadeCredential<'l> {
    credential: Credential,
    announced: IssuedCredential,
    leave: Leave<'l>,
}

/// What is known of the unit in hand; what is recorded when it fails.
#[derive(Debug, Default)]
pub(crate) struct Case {
    pub(crate) hardware_id: Option<String>,
    pub(crate) attempt: Option<u64>,
    pub(crate) identity: Option<Identity>,
    /// What of it is locked, in words.
    pub(crate) locks: Option<String>,
    /// The label that was scanned for it.
    pub(crate) scanned: Option<String>,
}

impl Station<'_> {
    /// Takes one unit to its verdict. Errs only where the station itself is at fault; the line then stops. The unit can be
    /// put back in later.
    pub(crate) fn process(
        &self,
        link: &mut dyn DeviceLink,
        case: &mut Case,
    ) -> Result<Outcome, StationFault> {
        match self.straight_line(link, case) {
            Ok(outcome) => Ok(outcome),
            Err(Trouble::Station(fault)) => {
                self.record_interruption(&fault, case)?;
                Err(fault)
            }
            Err(trouble) => Ok(self.record(trouble, case)?),
        }
    }

    fn straight_line(&self, link: &mut dyn DeviceLink, case: &mut Case) -> Result<Outcome, Trouble> {
        let unit = self.identify(link, case)?;
        let claimed = self.claim(unit, case)?;
        if let Some(verified) = self.verify_what_is_there(&claimed, link)? {
            return self.accept(claimed, verified);
        }
        let made = self.make_credential(&claimed, link)?;
        let plan = self.personalise(&claimed.identity, &made.credential)?;
        let credential = self.issue(&claimed, made)?;
        self.write(&claimed, &plan, link)?;
        self.restart(&claimed, link)?;
        let verified = self.verify(&claimed, &plan, &credential, Written::Now, link)?;
        self.accept(claimed, verified)
    }

    /// Obtains the credential. It counts as issued only once it is announced: what cannot be written spends none.
    fn make_credential(
        &self,
        claimed: &Claimed,
        link: &mut dyn DeviceLink,
    ) -> Result<MadeCredential<'_>, Trouble> {
        let leave = self.line.budget.take(self.line.order, &self.reader).map_err(Trouble::Station)?;
        let unit = Asked { station: self, claimed, link };
        let (credential, announced) = self.line.attestation.issue(unit, &self.line.edge)?;
        Ok(MadeCredential { credential, announced, leave })
    }

    /// Announces what is public about the credential before the unit sees anything of it.
    fn issue(&self, claimed: &Claimed, made: MadeCredential<'_>) -> Result<Credential, Trouble> {
        let fact = Fact::Issued {
            attempt: claimed.attempt,
            identity: claimed.identity.clone(),
            credential: made.announced,
            supersedes: claimed.supersedes(),
        };
        let now = (self.line.edge.now)();
        self.ledger.append(now, vec![fact]).map_err(|error| self.refused(claimed, error))?;
        drop(made.leave);
        Ok(made.credential)
    }

    fn personalise(&self, identity: &Identity, credential: &Credential) -> Result<Plan, Trouble> {
        self.line.instruments().personaliser().plan(identity, credential).map_err(Trouble::plan)
    }

    fn write(&self, claimed: &Claimed, plan: &Plan, link: &mut dyn DeviceLink) -> Result<(), Trouble> {
        let steps = plan.steps().ok_or_else(|| {
            Trouble::held(format!(
                "nothing can be written for {}: its private key is not here",
                claimed.identity.registration_id
            ))
        })?;
        let of = steps.len();
        for (index, step) in steps.into_iter().enumerate() {
            self.act(claimed, step, index + 1, of, link)?;
        }
        Ok(())
    }

    /// Restarts the unit where the link can, and makes sure that the same unit came back.
    fn restart(&self, claimed: &Claimed, link: &mut dyn DeviceLink) -> Result<(), Trouble> {
        if !self.line.product.link.restarts() {
            return Ok(());
        }
        self.act(claimed, Step::Restart, 1, 1, link)?;
        let Some(shown) = link.hardware_id()?.filter(|shown| shown.trim() != claimed.unit.as_str()) else {
            return Ok(());
        };
        let reason = format!(
            "unit {} was on the fixture before the restart, and {} after it: two units were mixed up; keep both",
            claimed.unit,
            shown.trim()
        );
        Err(Trouble::Unit { reason, disposition: Disposition::Hold })
    }

    /// Announces one act, then does it.
    fn act(
        &self,
        claimed: &Claimed,
        step: Step,
        number: usize,
        of: usize,
        link: &mut dyn DeviceLink,
    ) -> Result<(), Trouble> {
        let announced = self.ledger.announce((self.line.edge.now)(), claimed.attempt, step)?;
        let fixture = || self.fixture.clone();
        self.tell(Event::Step { fixture: fixture(), number, of, step: announced.get().to_string() });
        link.perform(&announced, &mut |done, total| {
            self.tell(Event::Progress { fixture: fixture(), done, total })
        })?;
        Ok(())
    }

    /// The one entry that makes an identity live. It takes what only `verify` can make.
    fn accept(&self, claimed: Claimed, verified: Verified) -> Result<Outcome, Trouble> {
        claimed.in_hand.check_single()?;
        let evidence = verified.into_evidence();
        let fact = Fact::Accepted {
            attempt: claimed.attempt,
            identity: claimed.identity.clone(),
            evidence: evidence.clone(),
        };
        self.ledger
            .append((self.line.edge.now)(), vec![fact])
            .map_err(|error| self.refused(&claimed, error))?;
        Ok(Outcome::Accepted { evidence })
    }

    fn identify(&self, link: &mut dyn DeviceLink, case: &mut Case) -> Result<Identified, Trouble> {
        let shown = link.identify()?;
        let facts = Facts::new(shown, case.scanned.clone());
        case.hardware_id = Some(facts.shown.clone()).filter(|shown| !shown.is_empty());
        case.locks = facts.locks.is_locked().then(|| facts.locks.to_string());
        let product = self.line.product;
        let refusal =
            refuse_locked(&product.link, &facts).or_else(|| refuse_small(product.firmware.as_ref(), &facts));
        match refusal {
            Some(refusal) => Err(Trouble::Refused(refusal)),
            None => {
                let tpm = match self.line.attestation.judge(&facts, &self.line.edge) {
                    Ok(tpm) => tpm,
                    // It is judged by what it was given, whatever the product takes by now.
                    Err(_) if self.is_live_here(&facts)? => None,
                    Err(refusal) => return Err(Trouble::Refused(refusal)),
                };
                self.tell_marks(&facts, tpm.as_deref());
                self.open_attempt(&facts, tpm, case)
            }
        }
    }

    /// What the product takes, and whoever is at the line should know.
    fn tell_marks(&self, facts: &Facts, tpm: Option<&TpmKey>) {
        let marks = tpm.map(TpmKey::marks).unwrap_or_default();
        if !marks.is_empty() {
            let text = format!("unit {}: {}, which the product takes", facts.shown, marks.join(", "));
            self.tell(Event::Warning { fixture: self.fixture.clone(), text });
        }
    }

    fn tell(&self, event: Event) {
        // Nobody listens any more where the run is being torn down.
        let _ = self.events.send(event);
    }
}
