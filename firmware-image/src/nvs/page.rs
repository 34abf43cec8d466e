//! One page: header, states, 126 entries.
//!
//! Header: state (4 bytes), sequence number (4), version (1), 0xff (19), CRC-32 of bytes 4 to 27 (4).

use zeroize::Zeroizing;

use super::entry::{Entry, LENGTH};
use crate::crc::esp_crc32;

/// Bytes of a page.
pub(super) const PAGE: usize = super::PAGE as usize;
/// Entries of a page.
pub(super) const ENTRIES: usize = 126;
/// Where the first entry lies in its page.
pub(super) const FIRST: usize = 64;
/// The page is written to.
pub(super) const ACTIVE: u32 = 0xffff_fffe;
/// The page is full.
pub(super) const FULL: u32 = 0xffff_fffc;
/// Version 2 of the format: blobs over several pages.
pub(super) const VERSION_2: u8 = 0xfe;
/// Version 1.
pub(super) const VERSION_1: u8 = 0xff;

/// A page that is being filled.
pub(super) struct Page {
    bytes: Zeroizing<Vec<u8>>,
    used: usize,
}

impl Page {
    pub(super) fn new(sequence: u32) -> Self {
        let mut bytes = Zeroizing::new(vec![0xff; PAGE]);
        bytes[..4].copy_from_slice(&ACTIVE.to_le_bytes());
        bytes[4..8].copy_from_slice(&sequence.to_le_bytes());
        bytes[8] = VERSION_2;
        let crc = header_crc(&bytes);
        bytes[28..32].copy_from_slice(&crc.to_le_bytes());
        Self { bytes, used: 0 }
    }

    /// Entries that are free.
    pub(super) fn free(&self) -> usize {
        ENTRIES - self.used
    }

    /// Entries that are written.
    pub(super) fn used(&self) -> usize {
        self.used
    }

    pub(super) fn close(&mut self) {
        self.bytes[..4].copy_from_slice(&FULL.to_le_bytes());
    }

    pub(super) fn push(&mut self, entry: &Entry) {
        self.push_bytes(entry.bytes());
    }

    /// Bytes in entries of their own; what is left of the last stays 0xff.
    pub(super) fn push_bytes(&mut self, bytes: &[u8]) {
        let from = FIRST + self.used * LENGTH;
        self.bytes[from..from + bytes.len()].copy_from_slice(bytes);
        for _ in 0..super::entry::entries_of(bytes.len()) {
            // Two bits an entry, the lower one cleared: written.
            self.bytes[32 + self.used / 4] &= !(1 << (self.used % 4 * 2));
            self.used += 1;
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// CRC-32 of what a header says.
pub(super) fn header_crc(page: &[u8]) -> u32 {
    esp_crc32(&[&page[4..28]])
}
