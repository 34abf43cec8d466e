//! All the evidence that a product asks for. Nothing else makes a PASS.

use super::claim::{Claimed, Course};
use super::evidence::{Written, link_is_gone};
use super::{Station, Trouble};
use crate::event::Event;
use crate::ledger::CredentialRecord;
use crate::ledger::entry::{Disposition, Evidence, Grade};
use crate::link::DeviceLink;
use crate::unit::{Credential, Plan, Refusal};

/// All required evidence, obtained. Only [`Station::verify`] makes one.
#[derive(Debug)]
pub(super) struct Verified {
    evidence: Vec<Evidence>,
}

impl Verified {
    pub(super) fn into_evidence(self) -> Vec<Evidence> {
        self.evidence
    }
}

/// When evidence is taken.
#[derive(Debug, Clone, Copy)]
struct Look {
    written: Written,
    after_restart: bool,
}

impl Station<'_> {
    /// A unit that may hold its credential already is verified as it stands: none where it must be issued anew.
    pub(super) fn verify_what_is_there(
        &self,
        claimed: &Claimed,
        link: &mut dyn DeviceLink,
    ) -> Result<Option<Verified>, Trouble> {
        match &claimed.course {
            Course::Issue | Course::Reissue(_) => Ok(None),
            Course::Resume(record) => self.resume(claimed, record, link),
            Course::Verify(record) => self.verify_again(claimed, record, link).map(Some),
        }
    }

    /// The attempt that wrote this credential was cut off: does the unit prove it?
    fn resume(
        &self,
        claimed: &Claimed,
        record: &CredentialRecord,
        link: &mut dyn DeviceLink,
    ) -> Result<Option<Verified>, Trouble> {
        let Some(credential) = self.line.attestation.recall(record, &claimed.identity)? else {
            return Ok(None);
        };
        let plan = self.personalise(&claimed.identity, &credential)?;
        let written = self.reader.written(record.attempt)?;
        let plan = plan.as_cut_off(&written, &self.line.product.sha256);
        let look = Look { written: Written::Before, after_restart: false };
        match self.evidence(&plan, &credential, look, link) {
            Ok(_) => {}
            Err(Trouble::Unit { .. }) if !link_is_gone(link) => return Ok(None),
            Err(trouble) => return Err(trouble),
        }
        self.restart(claimed, link)?;
        self.verify(claimed, &plan, &credential, Written::Before, link).map(Some)
    }

    /// The unit is live: it proves what it was accepted with, or something is wrong with it.
    fn verify_again(
        &self,
        claimed: &Claimed,
        record: &CredentialRecord,
        link: &mut dyn DeviceLink,
    ) -> Result<Verified, Trouble> {
        let Some(credential) = self.line.attestation.recall(record, &claimed.identity)? else {
            let what = "was accepted with a key that the station has no longer, and cannot be verified again";
            return Err(nothing_done(claimed, what));
        };
        let plan = self.personalise(&claimed.identity, &credential)?;
        let written = self.reader.written(record.attempt)?;
        let plan = plan.as_accepted(&written, self.reader.keeps_keys(record.attempt)?);
        if let Some(item) = plan.items.iter().find(|item| item.is_forgotten()) {
            let what = format!(
                "was flashed with no {}: the product's image is laid out in another way now",
                item.name
            );
            return Err(nothing_done(claimed, &what));
        }
        if let Some(item) = plan.items.iter().find(|item| item.evidence == Grade::Acknowledged) {
            let what =
                format!("acknowledged its {} when that was written, and cannot be verified again", item.name);
            return Err(nothing_done(claimed, &what));
        }
        self.restart(claimed, link)?;
        self.verify(claimed, &plan, &credential, Written::Before, link).map_err(|trouble| match trouble {
            Trouble::Unit { reason, disposition: Disposition::Rework } if link_is_gone(link) => {
                Trouble::Unit { reason, disposition: Disposition::Retry }
            }
            Trouble::Unit { reason, disposition: Disposition::Rework } => Trouble::Unit {
                reason: format!(
                    "unit {} shows the hardware ID of {}, which is live, and does not prove it ({reason}): either it \
                     was changed or it is a second unit; both go on hold",
                    claimed.unit, claimed.identity.registration_id
                ),
                disposition: Disposition::Hold,
            },
            other => other,
        })
    }

    /// Obtains all the evidence that the product asks for.
    pub(super) fn verify(
        &self,
        claimed: &Claimed,
        plan: &Plan,
        credential: &Credential,
        written: Written,
        link: &mut dyn DeviceLink,
    ) -> Result<Verified, Trouble> {
        claimed.in_hand.check_single()?;
        let look = Look { written, after_restart: self.line.product.link.restarts() };
        let evidence = self.evidence(plan, credential, look, link)?;
        Ok(Verified { evidence })
    }

    fn evidence(
        &self,
        plan: &Plan,
        credential: &Credential,
        look: Look,
        link: &mut dyn DeviceLink,
    ) -> Result<Vec<Evidence>, Trouble> {
        let of = plan.items.len();
        let mut evidence = Vec::with_capacity(of);
        for (index, item) in plan.items.iter().enumerate() {
            let step = format!("verify {}", item.name);
            self.tell(Event::Step { fixture: self.fixture.clone(), number: index + 1, of, step });
            self.line.instruments().obtain(item, credential, look.written, link)?;
            // What the device said when it was written, it said before the restart.
            let after_restart = look.after_restart && item.evidence != Grade::Acknowledged;
            evidence.push(Evidence { item: item.name.clone(), grade: item.evidence, after_restart });
        }
        Ok(evidence)
    }
}

/// A live unit that cannot be asked again: neither a pass nor a failure.
fn nothing_done(claimed: &Claimed, what: &str) -> Trouble {
    Trouble::Refused(Refusal {
        reason: format!(
            "unit {} is live as {}; it {what}: nothing was done",
            claimed.unit, claimed.identity.registration_id
        ),
        disposition: Disposition::Retry,
        failure: false,
    })
}
