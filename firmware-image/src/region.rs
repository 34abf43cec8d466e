//! Where bytes lie: an offset and a length.

use std::fmt;

use thiserror::Error;

/// Why an offset and a length are no region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RegionError {
    /// No bytes.
    #[error("the range at {offset:#x} holds no bytes: give it a length")]
    Empty {
        /// Where it was to begin.
        offset: u32,
    },
    /// Past the last address of 32 bits.
    #[error("{length} bytes from {offset:#x} on end past 0xffffffff, the last address: lower the offset")]
    PastLastAddress {
        /// Where it was to begin.
        offset: u32,
        /// How many bytes it was to hold.
        length: u64,
    },
}

/// A range of addresses: offset and length in bytes. It is never empty and ends at 2³² at the latest.
///
/// ```
/// let nvs = firmware_image::Region::new(0x9000, 0x6000)?;
/// assert_eq!(nvs.to_string(), "0x9000..0xf000");
/// # Ok::<(), firmware_image::RegionError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Region {
    offset: u32,
    length: u32,
}

impl Region {
    /// `length` bytes from `offset` on.
    ///
    /// # Errors
    /// [`RegionError`]: no bytes, or past the last address.
    pub fn new(offset: u32, length: u32) -> Result<Self, RegionError> {
        if length == 0 {
            return Err(RegionError::Empty { offset });
        }
        if u64::from(offset) + u64::from(length) > 1 << 32 {
            return Err(RegionError::PastLastAddress { offset, length: length.into() });
        }
        Ok(Self { offset, length })
    }

    /// Where these bytes lie if the first lies at `offset`.
    ///
    /// # Errors
    /// [`RegionError`]: no bytes, or past the last address.
    pub fn of(offset: u32, bytes: &[u8]) -> Result<Self, RegionError> {
        let length = u32::try_from(bytes.len())
            .map_err(|_| RegionError::PastLastAddress { offset, length: bytes.len() as u64 })?;
        Self::new(offset, length)
    }

    /// The first address.
    #[must_use]
    pub fn offset(self) -> u32 {
        self.offset
    }

    /// Bytes.
    #[must_use]
    pub fn length(self) -> u32 {
        self.length
    }

    /// The first address behind it; 2³² where it reaches to the last one.
    #[must_use]
    pub fn end(self) -> u64 {
        u64::from(self.offset) + u64::from(self.length)
    }

    /// Whether an address lies in both.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        u64::from(self.offset) < other.end() && u64::from(other.offset) < self.end()
    }

    /// Whether all of `other` lies in this one.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.offset <= other.offset && other.end() <= self.end()
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}..{:#x}", self.offset, self.end())
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(offset: u32, length: u32) -> Region {
        Region::new(offset, length).unwrap()
    }

    #[test]
    fn neighbours_do_not_overlap() {
        assert!(!region(0, 16).overlaps(region(16, 16)));
        assert!(!region(16, 16).overlaps(region(0, 16)));
        assert!(region(0, 17).overlaps(region(16, 16)));
        assert!(region(16, 16).overlaps(region(0, 17)));
    }

    #[test]
    fn a_region_may_end_at_the_last_address_and_not_behind_it() {
        assert_eq!(region(0xffff_fff0, 16).end(), 1 << 32);
        assert_eq!(
            Region::new(0xffff_fff0, 17),
            Err(RegionError::PastLastAddress { offset: 0xffff_fff0, length: 17 })
        );
        assert_eq!(Region::new(4, 0), Err(RegionError::Empty { offset: 4 }));
    }
}
