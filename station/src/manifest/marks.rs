//! Where the TPMs of enrolled units come from, where no maker vouches for them or they are programs.

use certkit::RegistrationId;
use serde::Serialize;

use super::{ManifestError, may_register};
use crate::ledger::LedgerReader;
use crate::ledger::entry::{IssuedCredential, TpmOrigin};

/// A unit whose TPM is not what a maker vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    /// The unit.
    pub registration_id: RegistrationId,
    /// What is to be known of its TPM.
    pub marks: Vec<&'static str>,
}

/// The units of an order that may register and have marks, in the order's own sequence.
///
/// # Errors
/// [`ManifestError`].
pub fn marked(ledger: &LedgerReader, order: &str) -> Result<Vec<Marked>, ManifestError> {
    let marked = may_register(ledger, order)?.into_iter().filter_map(|record| {
        let marks = match record.credential?.credential {
            IssuedCredential::EndorsementKey(tpm) => tpm.marks(),
            _ => Vec::new(),
        };
        let registration_id = record.identity.registration_id;
        (!marks.is_empty()).then_some(Marked { registration_id, marks })
    });
    Ok(marked.collect())
}

/// What a device's twin begins with, where its TPM is marked: whoever looks at the device in the cloud sees the marks
/// (service.json, `InitialTwin`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct InitialTwin {
    tags: Tags,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Tags {
    tpm: TpmTag,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct TpmTag {
    origin: &'static str,
    software: bool,
}

impl InitialTwin {
    pub(super) fn of(credential: &IssuedCredential) -> Option<Self> {
        let IssuedCredential::EndorsementKey(tpm) = credential else { return None };
        let origin = match tpm.origin {
            TpmOrigin::Proven { .. } => "proven",
            TpmOrigin::Unproven => "unproven",
        };
        let tag = TpmTag { origin, software: tpm.software };
        (!tpm.marks().is_empty()).then_some(Self { tags: Tags { tpm: tag } })
    }
}
