//! Units whose flash is not what the product is for.

use super::{Facts, Refusal};
use crate::ledger::entry::Disposition;
use crate::product::Firmware;

/// Why a unit with this flash is not touched, where it is not. The firmware's own boot loader would not run in a flash
/// that is smaller than it was built for. A larger one does no harm.
pub fn refuse_small(firmware: Option<&Firmware>, facts: &Facts) -> Option<Refusal> {
    let (wanted, has) = (firmware?.flash.length(), facts.flash?);
    (has < wanted).then(|| Refusal {
        reason: format!(
            "unit {} has {has:#x} bytes of flash, and the product is for {wanted:#x}: wrong unit or wrong product",
            facts.shown
        ),
        disposition: Disposition::Hold,
        failure: true,
    })
}
