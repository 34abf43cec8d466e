//! The base image: released firmware, the same for all units, pinned by its SHA-256.

use thiserror::Error;

use crate::digest::Digest;
use crate::format::{self, IntelHexError, StartAddress};
use crate::image::{Image, ImageError};
use crate::partition::{BinaryError, FlashLayout, PartitionTable, TABLE_LENGTH};
use crate::region::{Region, RegionError};

/// How a file of firmware says what lies where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFormat {
    /// Bytes alone: the first lies at this address.
    Raw {
        /// Of the first byte.
        address: u32,
    },
    /// Intel HEX: the file tells the addresses.
    IntelHex,
}

/// Why a base image cannot be used.
#[derive(Debug, Error)]
pub enum BaseError {
    /// Another file.
    #[error("this is not the released firmware: its SHA-256 is {found}, the product names {expected}")]
    Digest {
        /// What the product names.
        expected: Digest,
        /// What the file has.
        found: Digest,
    },
    /// It does not fit.
    #[error("the image does not fit: it takes {image}, and has to stay within {within}")]
    TooLarge {
        /// What the image takes.
        image: Region,
        /// What there is.
        within: Region,
    },
    /// A HEX file without data.
    #[error("the HEX file holds no data: is it the right one?")]
    Empty,
    /// No HEX file.
    #[error("the released firmware is no Intel HEX file")]
    IntelHex(#[from] IntelHexError),
    /// Two files at one place.
    #[error("two files of the released firmware lie at the same place")]
    Image(#[from] ImageError),
    /// Empty, or past the last address.
    #[error("the released firmware has no place in the memory")]
    Region(#[from] RegionError),
    /// Two files name the address to start at, or segments and linear addresses are mixed.
    #[error("two files of the released firmware say where to start: {first} and {second}")]
    Start {
        /// What the first says.
        first: StartAddress,
        /// What the second says.
        second: StartAddress,
    },
    /// No partition table where one should be.
    #[error(
        "the base image holds nothing at {region}, where its partition table should be: look at the table's offset"
    )]
    NoTable {
        /// Where it was looked for.
        region: Region,
    },
    /// It cannot be read.
    #[error("the base image's partition table cannot be used")]
    Table(#[from] BinaryError),
}

/// Released firmware of one file or several, each of which had the digest that the product names.
///
/// ```
/// use firmware_image::{Base, Digest, FileFormat, Region};
///
/// let flash = Region::new(0, 0x40_0000)?;
/// let digest = Digest::of(b"released");
/// let base = Base::pinned(b"released", FileFormat::Raw { address: 0x10000 }, &digest, flash)?;
/// assert_eq!(base.image().span(), Some(Region::new(0x10000, 8)?));
/// assert!(Base::pinned(b"tampered", FileFormat::Raw { address: 0x10000 }, &digest, flash).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    image: Image,
    start: Option<StartAddress>,
    digests: Vec<Digest>,
}

impl Base {
    /// Takes a file's bytes, if they are the released ones and stay `within` (the flash, or the partition that they are
    /// for).
    ///
    /// # Errors
    /// [`BaseError`]: another digest; too large; no HEX file.
    pub fn pinned(
        bytes: &[u8],
        format: FileFormat,
        expected: &Digest,
        within: Region,
    ) -> Result<Self, BaseError> {
        let found = Digest::of(bytes);
        if found != *expected {
            return Err(BaseError::Digest { expected: *expected, found });
        }
        let (image, start) = match format {
            FileFormat::Raw { address } => (format::raw_at(address, bytes)?, None),
            FileFormat::IntelHex => {
                let file = format::IntelHex::parse(bytes)?;
                (file.image, file.start)
            }
        };
        let span = image.span().ok_or(BaseError::Empty)?;
        if !within.contains(span) {
            return Err(BaseError::TooLarge { image: span, within });
        }
        Ok(Self { image, start, digests: vec![found] })
    }

    /// Joins the files of one release: bootloader, partition table, application.
    ///
    /// # Errors
    /// [`BaseError`]: they overlap, or both say where to start.
    pub fn with(mut self, other: Self) -> Result<Self, BaseError> {
        for (region, bytes) in other.image.segments() {
            self.image.insert(region.offset(), bytes)?;
        }
        self.start = match (self.start, other.start) {
            (Some(first), Some(second)) if first != second => return Err(BaseError::Start { first, second }),
            (first, second) => first.or(second),
        };
        self.digests.extend(other.digests);
        Ok(self)
    }

    /// What lies where.
    #[must_use]
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// Where the program starts, if a HEX file said so.
    #[must_use]
    pub fn start(&self) -> Option<StartAddress> {
        self.start
    }

    /// The SHA-256 of each file.
    #[must_use]
    pub fn digests(&self) -> &[Digest] {
        &self.digests
    }

    /// Reads the partition table that the image holds.
    ///
    /// # Errors
    /// [`BaseError`]: none is there, or it is corrupt.
    pub fn partition_table(&self, layout: FlashLayout) -> Result<PartitionTable, BaseError> {
        let region = Region::new(layout.table_offset, TABLE_LENGTH)?;
        let (found, bytes) = self.image.within(region).next().ok_or(BaseError::NoTable { region })?;
        if found.offset() != region.offset() {
            return Err(BaseError::NoTable { region });
        }
        Ok(PartitionTable::from_binary(bytes, layout)?)
    }
}
