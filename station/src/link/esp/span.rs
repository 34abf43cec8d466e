//! A range of flash.

use std::fmt;

/// Bytes that the flash erases together.
pub const SECTOR: u32 = 4096;

/// So many bytes of flash from an offset on; none too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first byte.
    pub offset: u32,
    /// How many.
    pub length: u32,
}

impl From<firmware_image::Region> for Span {
    fn from(region: firmware_image::Region) -> Self {
        Self { offset: region.offset(), length: region.length() }
    }
}

impl Span {
    /// One past the last byte.
    pub(super) fn end(self) -> u64 {
        u64::from(self.offset) + u64::from(self.length)
    }

    /// Whether it begins and ends with a sector, and is not empty.
    pub(super) fn is_of_sectors(self) -> bool {
        self.length > 0 && self.offset.is_multiple_of(SECTOR) && self.length.is_multiple_of(SECTOR)
    }

    /// In pieces of at most so many bytes.
    pub(super) fn pieces(self, most: u32) -> impl Iterator<Item = Self> {
        (0..self.length.div_ceil(most)).map(move |number| Self {
            offset: self.offset + number * most,
            length: most.min(self.length - number * most),
        })
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}..{:#x}", self.offset, self.end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pieces_are_the_whole() {
        let pieces: Vec<String> =
            Span { offset: 0x1000, length: 0x5000 }.pieces(0x2000).map(|piece| piece.to_string()).collect();
        assert_eq!(pieces, ["0x1000..0x3000", "0x3000..0x5000", "0x5000..0x6000"]);
    }

    #[test]
    fn what_ends_within_a_sector_is_not_of_sectors() {
        assert!(Span { offset: 0x1000, length: 0x1000 }.is_of_sectors());
        for (offset, length) in [(0x1004, 0x1000), (0x1000, 0xfff), (0x1000, 0)] {
            assert!(!Span { offset, length }.is_of_sectors());
        }
    }
}
