//! Nothing is issued from what was retired.

use super::AuthorityError;
use crate::ledger::LedgerReader;
use crate::ledger::entry::Hold;

/// Refuses an authority that was retired, and one that hangs on such a one: its leaves would be refused with it.
///
/// # Errors
/// [`AuthorityError::Retired`], [`AuthorityError::Unknown`], [`AuthorityError::Ledger`].
pub fn refuse_retired(label: &str, reader: &LedgerReader) -> Result<(), AuthorityError> {
    let mut next = Some(label.to_owned());
    while let Some(current) = next {
        if let Some(roll_over) = reader.retired(&Hold::Authority(current.clone()))? {
            let (label, reason, successor) = (label.to_owned(), roll_over.state, roll_over.successor);
            return Err(AuthorityError::Retired { label, retired: current, reason, successor });
        }
        next = reader.authority(&current)?.ok_or(AuthorityError::Unknown(current))?.issuer;
    }
    Ok(())
}
