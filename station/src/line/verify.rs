//! Evidence: what shows that the unit holds what it is to hold. Nothing else makes a PASS.

use certkit::{Chain, PublicKey};
use sha2::{Digest, Sha256};

use super::claim::{Claimed, Course};
use super::{Station, Trouble};
use crate::event::Event;
use crate::ledger::CredentialRecord;
use crate::ledger::entry::{Disposition, Evidence, Grade, hex};
use crate::link::ConsoleLink;
use crate::unit::{Plan, PlannedItem, Refusal};

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

impl Station<'_> {
    /// A unit that may hold its credential already is verified as it stands: none where it must be issued anew.
    pub(super) fn verify_what_is_there(
        &self,
        claimed: &Claimed,
        link: &mut ConsoleLink<'_>,
    ) -> Result<Option<Verified>, Trouble> {
        match &claimed.course {
            Course::Issue | Course::Reissue(_) => Ok(None),
            Course::Resume(credential) => {
                let (plan, public_key) = self.known(claimed, credential)?;
                match self.evidence(&plan, &public_key, false, link) {
                    Ok(_) => {}
                    Err(Trouble::Unit { .. }) if !self.link_is_gone(link) => return Ok(None),
                    Err(trouble) => return Err(trouble),
                }
                self.restart(claimed, link)?;
                self.verify(claimed, &plan, &public_key, link).map(Some)
            }
            Course::Verify(credential) => {
                let (plan, public_key) = self.known(claimed, credential)?;
                cannot_be_verified_again(claimed, &plan)?;
                self.restart(claimed, link)?;
                self.verify(claimed, &plan, &public_key, link).map(Some).map_err(|trouble| match trouble {
                    Trouble::Unit { reason, disposition: Disposition::Rework } if self.link_is_gone(link) => {
                        Trouble::Unit { reason, disposition: Disposition::Retry }
                    }
                    Trouble::Unit { reason, disposition: Disposition::Rework } => Trouble::Unit {
                        reason: format!(
                            "unit {} shows the hardware ID of {}, which is live, and does not prove it ({reason}): \
                             either it was changed or it is a second unit; both go on hold",
                            claimed.unit, claimed.identity.registration_id
                        ),
                        disposition: Disposition::Hold,
                    },
                    other => other,
                })
            }
        }
    }

    /// What a unit with this credential must hold, but for the private key's own bytes.
    fn known(&self, claimed: &Claimed, credential: &CredentialRecord) -> Result<(Plan, PublicKey), Trouble> {
        let chain = Chain::from_pem(&credential.chain).map_err(Trouble::credential)?;
        let plan = self.personalise(&claimed.identity, &chain, None);
        Ok((plan, chain.leaf().public_key().clone()))
    }

    /// Obtains all the evidence that the product asks for.
    pub(super) fn verify(
        &self,
        claimed: &Claimed,
        plan: &Plan,
        public_key: &PublicKey,
        link: &mut ConsoleLink<'_>,
    ) -> Result<Verified, Trouble> {
        claimed.in_hand.check_single()?;
        let evidence = self.evidence(plan, public_key, self.line.product.restarts(), link)?;
        Ok(Verified { evidence })
    }

    fn evidence(
        &self,
        plan: &Plan,
        public_key: &PublicKey,
        after_restart: bool,
        link: &mut ConsoleLink<'_>,
    ) -> Result<Vec<Evidence>, Trouble> {
        let of = plan.items.len();
        let mut evidence = Vec::with_capacity(of);
        for (index, item) in plan.items.iter().enumerate() {
            let step = format!("verify {}", item.name);
            self.tell(Event::Step { fixture: self.fixture.clone(), number: index + 1, of, step });
            self.observe(item, link)?;
            match item.evidence {
                Grade::Challenge => self.challenge(item, public_key, link)?,
                Grade::ReadBack => read_back(item, link)?,
                Grade::DeviceDigest => {}
                Grade::Acknowledged if plan.is_whole() => {}
                Grade::Acknowledged => {
                    return Err(unproven(
                        item,
                        "only its writing is acknowledged, and it was not written now",
                    ));
                }
            }
            evidence.push(Evidence { item: item.name.clone(), grade: item.evidence, after_restart });
        }
        Ok(evidence)
    }

    /// Digest, mode and owner, wherever the link can observe, whatever the product asks beyond.
    fn observe(&self, item: &PlannedItem, link: &mut ConsoleLink<'_>) -> Result<(), Trouble> {
        if !self.line.product.dialogue.has(crate::link::Section::Observe) {
            return Ok(());
        }
        let observed = link.observe(&item.name, &item.place)?;
        match &item.digest {
            Some(digest) if *digest != observed.digest => {
                Err(unproven(item, "the unit holds something else than what was written"))
            }
            _ => Ok(()),
        }
    }

    /// The unit signs our nonce, and a second implementation of the curve checks it.
    fn challenge(
        &self,
        item: &PlannedItem,
        public_key: &PublicKey,
        link: &mut ConsoleLink<'_>,
    ) -> Result<(), Trouble> {
        let random = (self.line.edge.random)().map_err(Trouble::credential)?;
        // The prefix keeps the signature from meaning anything elsewhere.
        let nonce = format!("station-challenge-{}", hex(&random));
        let signature = link.challenge(&nonce, &item.place)?;
        public_key
            .verify(nonce.as_bytes(), &signature)
            .map_err(|_| unproven(item, "the unit does not prove the private key of its certificate"))
    }

    /// Whether the unit can no longer be spoken to, so that what it did not prove says nothing about it.
    fn link_is_gone(&self, link: &mut ConsoleLink<'_>) -> bool {
        link.hardware_id().is_err()
    }
}

/// A live unit with items that were only acknowledged when they were written shows nothing by being put in again.
fn cannot_be_verified_again(claimed: &Claimed, plan: &Plan) -> Result<(), Trouble> {
    let Some(item) = plan.items.iter().find(|item| item.evidence == Grade::Acknowledged) else {
        return Ok(());
    };
    Err(Trouble::Refused(Refusal {
        reason: format!(
            "unit {} is live as {}; its {} was acknowledged when it was written and cannot be verified again: \
             nothing was done",
            claimed.unit, claimed.identity.registration_id, item.name
        ),
        disposition: Disposition::Retry,
        failure: false,
    }))
}

fn read_back(item: &PlannedItem, link: &mut ConsoleLink<'_>) -> Result<(), Trouble> {
    let content = link.read_back(&item.place)?;
    match &item.digest {
        Some(digest) if *digest == hex(&Sha256::digest(&content)) => Ok(()),
        _ => Err(unproven(item, "what was read back is not what was written")),
    }
}

fn unproven(item: &PlannedItem, what: &str) -> Trouble {
    Trouble::Unit { reason: format!("{}: {what}", item.name), disposition: Disposition::Rework }
}
