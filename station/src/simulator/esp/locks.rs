//! What is burnt into a chip to keep others out.

/// The locks of a board.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::simulator) struct Locks {
    /// It boots signed images alone.
    pub(in crate::simulator) secure_boot: bool,
    /// Its flash is encrypted.
    pub(in crate::simulator) flash_encryption: bool,
    /// Its loader neither reads nor runs anything.
    pub(in crate::simulator) secure_download: bool,
}

impl Locks {
    /// As GET_SECURITY_INFO has them: bit 0 secure boot, bit 2 secure download.
    pub(super) fn flags(self) -> u32 {
        u32::from(self.secure_boot) | u32::from(self.secure_download) << 2
    }

    /// The flash encryption counter: an odd number of bits means encrypted.
    pub(super) fn flash_crypt_count(self) -> u8 {
        u8::from(self.flash_encryption)
    }
}
