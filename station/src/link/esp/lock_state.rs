//! What is burnt into a unit to keep others out.

use std::fmt;

/// The locks of a unit, as its loader or its eFuses tell them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LockState {
    /// It boots signed images alone.
    pub secure_boot: bool,
    /// Its flash is encrypted.
    pub flash_encryption: bool,
    /// Its loader runs no stub, reads nothing and gives no digest.
    pub secure_download: bool,
}

impl LockState {
    /// Of GET_SECURITY_INFO: bit 0 secure boot, bit 2 secure download; encrypted where the count has an odd number of
    /// bits.
    pub(super) fn of_security_info(flags: u32, flash_crypt_count: u8) -> Self {
        Self {
            secure_boot: flags & 1 != 0,
            secure_download: flags & 1 << 2 != 0,
            flash_encryption: flash_crypt_count.count_ones() % 2 == 1,
        }
    }

    /// Whether any of them is on.
    pub fn is_locked(self) -> bool {
        self != Self::default()
    }
}

/// For records: `open`, or the locks that are on.
impl fmt::Display for LockState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { secure_boot, flash_encryption, secure_download } = *self;
        let locks = [
            (secure_boot, "secure boot"),
            (flash_encryption, "flash encryption"),
            (secure_download, "secure download"),
        ];
        let on: Vec<&str> = locks.into_iter().filter_map(|(is_on, name)| is_on.then_some(name)).collect();
        f.write_str(if on.is_empty() { "open".to_owned() } else { on.join(", ") }.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locks_that_are_on_are_named() {
        let state = LockState::of_security_info(0b101, 0b111);
        assert!(state.is_locked());
        assert_eq!(state.to_string(), "secure boot, flash encryption, secure download");
        let state = LockState::of_security_info(0b1010, 0b011);
        assert!(!state.is_locked());
        assert_eq!(state.to_string(), "open");
    }
}
