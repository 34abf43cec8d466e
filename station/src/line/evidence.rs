//! The evidence of one item: what shows that the unit holds what it is to hold.

use certkit::EndorsementKey;

use super::{Instruments, Trouble};
use crate::ledger::entry::{Disposition, Grade, hex};
use crate::link::{DeviceLink, Observed, Step};
use crate::unit::{Credential, PlannedItem};

/// Whether this attempt wrote the items that it looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// By this attempt.
    Now,
    /// By an earlier one.
    Before,
}

impl Instruments<'_> {
    /// Obtains the evidence that the product asks for of one item.
    pub(super) fn obtain(
        &self,
        item: &PlannedItem,
        credential: &Credential,
        written: Written,
        link: &mut dyn DeviceLink,
    ) -> Result<(), Trouble> {
        let agrees = self.observe(item, link)?;
        match item.evidence {
            Grade::Challenge => self.challenge(item, credential, link),
            Grade::ReadBack => self.read_back(item, link),
            Grade::DeviceDigest if agrees => Ok(()),
            Grade::DeviceDigest => Err(unproven(item, "what it is to hold is not known any more")),
            Grade::Acknowledged if written == Written::Now => Ok(()),
            Grade::Acknowledged => {
                Err(unproven(item, "only its writing is acknowledged, and it was not written now"))
            }
        }
    }

    /// Digest, mode and owner, wherever the link can observe, whatever the product asks beyond. Tells whether the digest is
    /// the right one.
    pub(super) fn observe(&self, item: &PlannedItem, link: &mut dyn DeviceLink) -> Result<bool, Trouble> {
        match link.observe(&item.name, &item.at)? {
            Some(shown) if item.expected.is(&shown, self.ledger_key) => Ok(true),
            Some(_) if item.is_known() => {
                Err(unproven(item, "the unit holds something else than what was written"))
            }
            _ => Ok(false),
        }
    }

    fn read_back(&self, item: &PlannedItem, link: &mut dyn DeviceLink) -> Result<(), Trouble> {
        let content = link.read_back(&item.at)?;
        if item.expected.is(&Observed::of(content.bytes(), &item.at), self.ledger_key) {
            return Ok(());
        }
        Err(unproven(item, "what was read back is not what was written"))
    }

    /// Seals a nonce to the endorsement key: only the TPM that holds its private part opens it.
    fn activate(
        &self,
        item: &PlannedItem,
        key: &EndorsementKey,
        link: &mut dyn DeviceLink,
    ) -> Result<(), Trouble> {
        let tpm = link.read_tpm()?;
        if tpm.endorsement_key.key != *key {
            return Err(unproven(
                item,
                "the unit's TPM shows another endorsement key than the one that was announced: see whether the fixture's `tcti` \
                 leads to this unit",
            ));
        }
        if matches!(item.step, Some(Step::KeepKeys)) && !tpm.lasts() {
            return Err(unproven(item, "the unit's TPM has not kept its keys at their handles"));
        }
        let nonce = (self.edge.random)().map_err(Trouble::credential)?;
        let object = link.activation_object()?;
        let sealed = key.make_credential(&object, &nonce).map_err(Trouble::credential)?;
        if link.activate(&sealed)?.bytes() == nonce {
            return Ok(());
        }
        Err(unproven(item, "the unit's TPM does not hold the endorsement key that it shows"))
    }

    /// The unit signs or HMACs our nonce. A signature is checked by a second implementation of the curve.
    fn challenge(
        &self,
        item: &PlannedItem,
        credential: &Credential,
        link: &mut dyn DeviceLink,
    ) -> Result<(), Trouble> {
        if let Credential::EndorsementKey(key) = credential {
            return self.activate(item, key, link);
        }
        let random = (self.edge.random)().map_err(Trouble::credential)?;
        // The prefix keeps the signature from meaning anything elsewhere.
        let nonce = format!("station-challenge-{}", hex(&random));
        let answer = link.challenge(&nonce, &item.at)?;
        if credential.proves(nonce.as_bytes(), &answer) {
            return Ok(());
        }
        Err(unproven(
            item,
            match credential {
                Credential::Certificate { .. } => {
                    "the unit does not prove the private key of its certificate"
                }
                Credential::DeviceKey(_) => "the unit does not prove its device key",
                Credential::EndorsementKey(_) => "the unit's TPM does not prove its endorsement key",
            },
        ))
    }
}

/// Whether the unit can no longer be spoken to, so that what it did not prove says nothing about it.
pub(super) fn link_is_gone(link: &mut dyn DeviceLink) -> bool {
    link.hardware_id().is_err()
}

fn unproven(item: &PlannedItem, what: &str) -> Trouble {
    Trouble::Unit { reason: format!("{}: {what}", item.name), disposition: Disposition::Rework }
}
