//! One entry: 32 bytes.
//!
//! | bytes | what |
//! |---|---|
//! | 0 | index of the namespace; 0 for the entry that names a namespace |
//! | 1 | type |
//! | 2 | span: entries that belong together, this one included |
//! | 3 | number of the chunk; 0xff where it is none |
//! | 4–7 | CRC-32 of the other 28 bytes |
//! | 8–23 | key, filled with NULs |
//! | 24–31 | a number; or length (2), 0xffff, CRC-32 of the bytes that follow; or what an index says |

use crate::crc::esp_crc32;

use super::Key;

pub(super) const LENGTH: usize = 32;
/// The number of the chunk of what is no chunk.
pub(super) const NO_CHUNK: u8 = 0xff;
const KEY: std::ops::Range<usize> = 8..24;
const DATA: std::ops::Range<usize> = 24..32;

/// `nvs::ItemType`.
pub(super) mod kind {
    pub(in crate::nvs) const U8: u8 = 0x01;
    pub(in crate::nvs) const I8: u8 = 0x11;
    pub(in crate::nvs) const U16: u8 = 0x02;
    pub(in crate::nvs) const I16: u8 = 0x12;
    pub(in crate::nvs) const U32: u8 = 0x04;
    pub(in crate::nvs) const I32: u8 = 0x14;
    pub(in crate::nvs) const U64: u8 = 0x08;
    pub(in crate::nvs) const I64: u8 = 0x18;
    pub(in crate::nvs) const TEXT: u8 = 0x21;
    /// A blob of one page at most: written by ESP-IDF before version 3.3, read still.
    pub(in crate::nvs) const OLD_BLOB: u8 = 0x41;
    pub(in crate::nvs) const CHUNK: u8 = 0x42;
    pub(in crate::nvs) const INDEX: u8 = 0x48;
}

/// The 32 bytes of an entry.
pub(super) struct Entry([u8; LENGTH]);

impl Entry {
    /// An entry with its CRC; `data` is up to eight bytes, the rest stays 0xff.
    pub(super) fn new(namespace: u8, kind: u8, span: u8, chunk: u8, key: &Key, data: &[u8]) -> Self {
        let mut bytes = [0xff; LENGTH];
        bytes[..4].copy_from_slice(&[namespace, kind, span, chunk]);
        bytes[KEY].fill(0);
        bytes[KEY.start..KEY.start + key.as_str().len()].copy_from_slice(key.as_str().as_bytes());
        bytes[DATA.start..DATA.start + data.len()].copy_from_slice(data);
        let mut entry = Self(bytes);
        let crc = entry.computed_crc();
        entry.0[4..8].copy_from_slice(&crc.to_le_bytes());
        entry
    }

    /// The head of bytes that follow in entries of their own.
    pub(super) fn head(namespace: u8, kind: u8, chunk: u8, key: &Key, bytes: &[u8]) -> Self {
        let mut data = [0xff; 8];
        // The caller gives no more than a page has room for, 4000 bytes in 125 entries.
        data[..2].copy_from_slice(&(bytes.len() as u16).to_le_bytes());
        data[4..].copy_from_slice(&esp_crc32(&[bytes]).to_le_bytes());
        Self::new(namespace, kind, 1 + entries_of(bytes.len()) as u8, chunk, key, &data)
    }

    pub(super) fn from_bytes(bytes: [u8; LENGTH]) -> Self {
        Self(bytes)
    }

    pub(super) fn bytes(&self) -> &[u8; LENGTH] {
        &self.0
    }

    pub(super) fn namespace(&self) -> u8 {
        self.0[0]
    }

    pub(super) fn kind(&self) -> u8 {
        self.0[1]
    }

    pub(super) fn span(&self) -> usize {
        self.0[2].into()
    }

    pub(super) fn chunk(&self) -> u8 {
        self.0[3]
    }

    pub(super) fn stored_crc(&self) -> u32 {
        self.word(4)
    }

    pub(super) fn computed_crc(&self) -> u32 {
        esp_crc32(&[&self.0[..4], &self.0[8..]])
    }

    /// The key as it stands there.
    pub(super) fn key(&self) -> String {
        let key = &self.0[KEY];
        let length = key.iter().position(|byte| *byte == 0).unwrap_or(key.len());
        String::from_utf8_lossy(&key[..length]).into_owned()
    }

    /// Length of the bytes that follow.
    pub(super) fn following(&self) -> usize {
        u16::from_le_bytes([self.0[24], self.0[25]]).into()
    }

    /// CRC-32 of the bytes that follow.
    pub(super) fn following_crc(&self) -> u32 {
        self.word(28)
    }

    /// Of an index: bytes of the whole blob, how many chunks, the number of the first.
    pub(super) fn index(&self) -> (u32, u8, u8) {
        (self.word(24), self.0[28], self.0[29])
    }

    /// The first bytes of a number.
    pub(super) fn number<const N: usize>(&self) -> [u8; N] {
        std::array::from_fn(|index| self.0[DATA.start + index])
    }

    fn word(&self, at: usize) -> u32 {
        u32::from_le_bytes([self.0[at], self.0[at + 1], self.0[at + 2], self.0[at + 3]])
    }
}

/// Entries that this many bytes take.
pub(super) fn entries_of(bytes: usize) -> usize {
    bytes.div_ceil(LENGTH)
}
