//! What enrollments have no place for: where the TPMs of their units come from.

use certkit::RegistrationId;

use super::{ManifestError, may_register};
use crate::ledger::LedgerReader;
use crate::ledger::entry::IssuedCredential;

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
