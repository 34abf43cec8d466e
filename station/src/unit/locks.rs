//! Units that are locked: which of them a product's units may be.

use super::{Facts, Refusal};
use crate::ledger::entry::Disposition;
use crate::product::{ProductLink, SecureBoot};

/// Why a unit with these locks is not touched, where it is not.
pub fn refuse_locked(link: &ProductLink, facts: &Facts) -> Option<Refusal> {
    let locks = facts.locks;
    let signed = matches!(link, ProductLink::Loader { secure_boot: SecureBoot::SignedFirmware, .. });
    let why = if locks.secure_download {
        "its loader tells no MAC and shows nothing of its flash, so that nothing about it could be proven: take another unit"
    } else if locks.flash_encryption {
        "what is written in clear would not run, and only the chip has the key: take a unit whose flash is not encrypted yet"
    } else if locks.secure_boot && !signed {
        "it boots signed firmware alone; where the product's is signed, say secure_boot = \"signed-firmware\" in its [link]"
    } else {
        return None;
    };
    let unit = if facts.shown.is_empty() { "the unit".to_owned() } else { format!("unit {}", facts.shown) };
    Some(Refusal {
        reason: format!("{unit} is locked ({locks}): {why}"),
        disposition: Disposition::Hold,
        failure: true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::{Chip, LockState, Shown};

    fn refused(locks: LockState, secure_boot: SecureBoot) -> Option<String> {
        let link = ProductLink::Loader { baud: 921_600, chip: Chip::Esp32c3, secure_boot };
        let shown = Shown { hardware_id: Some("aa:bb:cc:00:00:01".to_owned()), locks, ..Shown::default() };
        refuse_locked(&link, &Facts::new(shown, None)).map(|refusal| refusal.reason)
    }

    #[test]
    fn only_what_the_product_says_how_to_write_is_written() {
        let open = LockState::default();
        let signed = LockState { secure_boot: true, ..open };
        assert_eq!(refused(open, SecureBoot::Refuse), None);
        assert_eq!(refused(signed, SecureBoot::SignedFirmware), None);
        assert!(refused(signed, SecureBoot::Refuse).unwrap().contains("signed-firmware"));
        for locked in
            [LockState { flash_encryption: true, ..signed }, LockState { secure_download: true, ..open }]
        {
            assert!(
                refused(locked, SecureBoot::SignedFirmware).unwrap().contains("aa:bb:cc:00:00:01 is locked")
            );
        }
    }
}
