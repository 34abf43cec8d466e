//! A place for a unit's data in firmware without a file system: found by a marker, filled with records.
//!
//! The firmware reserves it, so that its linker decides where it lies (C; all numbers are little-endian):
//!
//! ```c
//! __attribute__((aligned(4), used, section(".unit_data")))
//! const struct { char marker[16]; uint32_t capacity; uint8_t content[2048]; } unit_data = {
//!     "unit-data-slot-1", 2048, { [0 ... 2047] = 0xff },
//! };
//! ```
//!
//! Marker and capacity stay; the content becomes records, one behind the other, each at a multiple of four bytes:
//!
//! | bytes | what |
//! |---|---|
//! | 2 | type; 0xffff: no more records (erased flash) |
//! | 2 | length of the value |
//! | length | the value |
//! | 0 to 3 | 0xff up to a multiple of four |
//! | 4 | CRC-32 (IEEE 802.3, as zlib has it) of all of the record before |
//!
//! The format is this project's own. The reader in the firmware has to read it through a `volatile` pointer: the compiler
//! believes the constant to be 0xff.

mod record;

use std::fmt;

use thiserror::Error;

pub use record::{Record, RecordsError, read, write};

use crate::image::Image;
use crate::region::{Region, RegionError};
use crate::slot::Slot;

/// Fewest bytes of a marker: fewer would be found by chance.
const SHORTEST: usize = 8;
/// Most bytes of a marker.
const LONGEST: usize = 64;
/// Bytes of the capacity, behind the marker.
const CAPACITY: usize = 4;
const ALIGNMENT: u32 = 4;

/// Why a slot cannot be found.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MarkedSlotError {
    /// A marker that would be found by chance, or is no text of reasonable length.
    #[error("a marker has {SHORTEST} to {LONGEST} bytes, not all alike; this one has {bytes}")]
    Marker {
        /// How many it has.
        bytes: usize,
    },
    /// It is not there.
    #[error("the image does not hold the marker {marker}: was it built with a slot, and is that `used`?")]
    Missing {
        /// The marker.
        marker: String,
    },
    /// It is there more than once.
    #[error(
        "the image holds the marker {marker} more than once, at {first} and {second}: make the other \
         text different"
    )]
    Doubled {
        /// The marker.
        marker: String,
        /// The first place.
        first: Region,
        /// The second place.
        second: Region,
    },
    /// Not where a number can be read.
    #[error(
        "the marker lies at {found}, which is no multiple of {ALIGNMENT}: {aligned} would be; add aligned(4)"
    )]
    Misaligned {
        /// Where it lies.
        found: Region,
        /// The next place that is right.
        aligned: Region,
    },
    /// No capacity behind the marker, or none that is possible.
    #[error(
        "the four bytes behind the marker ({marker}) say that {capacity} bytes follow: a multiple of \
         four is wanted, and room for them"
    )]
    Capacity {
        /// Where the marker lies.
        marker: Region,
        /// What they say.
        capacity: u32,
    },
    /// Past the last address.
    #[error(transparent)]
    Region(#[from] RegionError),
}

/// The bytes by which a slot is found.
#[derive(Clone, PartialEq, Eq)]
pub struct Marker(Vec<u8>);

impl Marker {
    /// Takes 8 to 64 bytes that are not all alike.
    ///
    /// # Errors
    /// [`MarkedSlotError::Marker`].
    pub fn new(bytes: &[u8]) -> Result<Self, MarkedSlotError> {
        let alike = bytes.windows(2).all(|pair| pair[0] == pair[1]);
        if !(SHORTEST..=LONGEST).contains(&bytes.len()) || alike {
            return Err(MarkedSlotError::Marker { bytes: bytes.len() });
        }
        Ok(Self(bytes.to_vec()))
    }

    /// Finds the one slot that it marks: the content's place, named `name`.
    ///
    /// ```
    /// use firmware_image::{format, marked_slot::Marker};
    ///
    /// let firmware = [b"code".as_slice(), b"unit-data-slot-1", &8u32.to_le_bytes(), &[0xff; 8], b"code"].concat();
    /// let image = format::raw_at(0x0800_0000, &firmware)?;
    /// let slot = Marker::new(b"unit-data-slot-1")?.find("unit", &image)?;
    /// assert_eq!(slot.to_string(), "`unit` (0x8000018..0x8000020)");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`MarkedSlotError`]: not there, there more than once, misaligned, or without a capacity.
    pub fn find(&self, name: &str, image: &Image) -> Result<Slot, MarkedSlotError> {
        let mut places = image.segments().flat_map(|(segment, bytes)| self.places(segment, bytes));
        let marker = places.next().ok_or_else(|| MarkedSlotError::Missing { marker: self.to_string() })?;
        if let Some(second) = places.next() {
            return Err(MarkedSlotError::Doubled { marker: self.to_string(), first: marker, second });
        }
        if !marker.offset().is_multiple_of(ALIGNMENT) {
            let offset = marker.offset().saturating_add(ALIGNMENT) / ALIGNMENT * ALIGNMENT;
            let aligned = Region::new(offset, marker.length()).unwrap_or(marker);
            return Err(MarkedSlotError::Misaligned { found: marker, aligned });
        }
        let region = content(marker, image)?;
        Ok(Slot { name: name.to_owned(), region })
    }

    fn places(&self, segment: Region, bytes: &[u8]) -> Vec<Region> {
        let found = bytes.windows(self.0.len()).enumerate().filter(|(_, window)| *window == self.0);
        // Offsets within a segment are offsets of 32 bits.
        found
            .filter_map(|(index, window)| {
                Region::of(segment.offset() + u32::try_from(index).ok()?, window).ok()
            })
            .collect()
    }
}

fn content(marker: Region, image: &Image) -> Result<Region, MarkedSlotError> {
    let behind =
        u32::try_from(marker.end()).map_err(|_| MarkedSlotError::Capacity { marker, capacity: 0 })?;
    let field = Region::new(behind, CAPACITY as u32)?;
    let capacity = image.bytes(field).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_le_bytes);
    if capacity == 0 || !capacity.is_multiple_of(ALIGNMENT) {
        return Err(MarkedSlotError::Capacity { marker, capacity });
    }
    let wrong = |_| MarkedSlotError::Capacity { marker, capacity };
    let content =
        Region::new(u32::try_from(field.end()).map_err(|_| wrong(()))?, capacity).map_err(|_| wrong(()))?;
    // A capacity that reaches into other segments is none: the rest of it may be missing (a linker leaves it out), but
    // what lies there has to be the slot's own segment.
    match image.within(content).nth(1) {
        Some(_) => Err(wrong(())),
        None => Ok(content),
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

impl fmt::Debug for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
