//! The table as it lies in the flash: rows of 32 bytes, an MD5 row, and 0xff to the end.

use md5::{Digest as _, Md5};
use thiserror::Error;

use super::name::LONGEST;
use super::{
    FlashLayout, Kind, Partition, PartitionName, PartitionNameError, PartitionTable, PartitionTableError,
};
use crate::region::{Region, RegionError};

const ROW: usize = 32;
/// Bytes that rows, MD5 row and end marker may take (`ESP_PARTITION_TABLE_MAX_LEN`).
const MOST: usize = 0xc00;
/// Rows of partitions: behind them come the MD5 row and the end.
pub(super) const MOST_PARTITIONS: usize = MOST / ROW - 2;
const MAGIC: [u8; 2] = [0xaa, 0x50];
const MD5_MAGIC: [u8; 2] = [0xeb, 0xeb];
const ENCRYPTED: u32 = 1;
const READONLY: u32 = 2;

/// Why bytes are no partition table.
#[derive(Debug, Error)]
pub enum BinaryError {
    /// It begins with something else.
    #[error(
        "there is no partition table: its first bytes are {found:02x?}, not [aa, 50]; look at its offset"
    )]
    NoTable {
        /// The first bytes.
        found: Vec<u8>,
    },
    /// A row begins with something else.
    #[error("row {row} of the partition table begins with {found:02x?}: it is corrupt, build it again")]
    Magic {
        /// From 0.
        row: usize,
        /// Its first two bytes.
        found: Vec<u8>,
    },
    /// The rows are not those that the MD5 was made of.
    #[error(
        "the partition table is corrupt: its rows have MD5 {computed}, its MD5 row says {stored}; build it again"
    )]
    Md5 {
        /// Of the rows.
        computed: String,
        /// What stands in the table.
        stored: String,
    },
    /// Rows behind the MD5 row, or bytes behind the end.
    #[error("the partition table is corrupt: there is something behind its end, at byte {at:#x} of it")]
    BehindEnd {
        /// From the table's beginning.
        at: usize,
    },
    /// Cut off.
    #[error("the partition table has no end: {bytes} bytes were given, and no row of 0xff is among them")]
    NoEnd {
        /// How many were given.
        bytes: usize,
    },
    /// A row's flags.
    #[error("row {row} of the partition table has the flags {flags:#x}, of which only 0x3 are known")]
    Flags {
        /// From 0.
        row: usize,
        /// All of them.
        flags: u32,
    },
    /// A row's name.
    #[error("the name in row {row} of the partition table is none")]
    Name {
        /// From 0.
        row: usize,
        /// What is wrong with it.
        source: PartitionNameError,
    },
    /// A row's offset and size.
    #[error("offset and size in row {row} of the partition table are no range")]
    Region {
        /// From 0.
        row: usize,
        /// What is wrong with them.
        source: RegionError,
    },
    /// The rows contradict one another, or the flash.
    #[error(transparent)]
    Table(#[from] PartitionTableError),
}

impl PartitionTable {
    /// Reads a table as it lies in the flash; `bytes` may hold more than the table, up to the end of its sector. A table
    /// without MD5 row is read (`CONFIG_PARTITION_TABLE_MD5` can be switched off).
    ///
    /// # Errors
    /// [`BinaryError`]: corrupt, or contradictory.
    pub fn from_binary(bytes: &[u8], layout: FlashLayout) -> Result<Self, BinaryError> {
        let bytes = &bytes[..bytes.len().min(MOST)];
        if !bytes.starts_with(&MAGIC) {
            return Err(BinaryError::NoTable { found: bytes.iter().take(2).copied().collect() });
        }
        let mut partitions = Vec::new();
        let mut sealed = false;
        for (index, row) in bytes.chunks_exact(ROW).enumerate() {
            let rows = &bytes[..index * ROW];
            if row.iter().all(|byte| *byte == 0xff) {
                return match bytes.iter().skip(rows.len()).position(|byte| *byte != 0xff) {
                    Some(behind) => Err(BinaryError::BehindEnd { at: rows.len() + behind }),
                    None => Ok(Self::new(partitions, layout)?),
                };
            }
            if sealed {
                return Err(BinaryError::BehindEnd { at: rows.len() });
            }
            if row.starts_with(&MD5_MAGIC) {
                check_md5(rows, &row[16..])?;
                sealed = true;
            } else {
                partitions.push(partition(index, row)?);
            }
        }
        Err(BinaryError::NoEnd { bytes: bytes.len() })
    }

    /// The 0xc00 bytes that `gen_esp32part.py` writes, with the MD5 row.
    #[must_use]
    pub fn to_binary(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(MOST);
        for partition in &self.partitions {
            let Partition { name, kind, region, encrypted, readonly } = partition;
            let flags = u32::from(*encrypted) * ENCRYPTED + u32::from(*readonly) * READONLY;
            let mut label = [0; LONGEST];
            label[..name.as_str().len()].copy_from_slice(name.as_str().as_bytes());
            bytes.extend_from_slice(&MAGIC);
            bytes.extend_from_slice(&[kind.partition_type, kind.subtype]);
            bytes.extend_from_slice(&region.offset().to_le_bytes());
            bytes.extend_from_slice(&region.length().to_le_bytes());
            bytes.extend_from_slice(&label);
            bytes.extend_from_slice(&flags.to_le_bytes());
        }
        let digest = Md5::digest(&bytes);
        bytes.extend_from_slice(&MD5_MAGIC);
        bytes.extend_from_slice(&[0xff; 14]);
        bytes.extend_from_slice(&digest);
        bytes.resize(MOST, 0xff);
        bytes
    }
}

fn check_md5(rows: &[u8], stored: &[u8]) -> Result<(), BinaryError> {
    let computed = Md5::digest(rows);
    if computed.as_slice() == stored {
        return Ok(());
    }
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Err(BinaryError::Md5 { computed: hex(&computed), stored: hex(stored) })
}

fn partition(row: usize, bytes: &[u8]) -> Result<Partition, BinaryError> {
    if !bytes.starts_with(&MAGIC) {
        return Err(BinaryError::Magic { row, found: bytes[..2].to_vec() });
    }
    let label = &bytes[12..12 + LONGEST];
    let label = &label[..label.iter().position(|byte| *byte == 0).unwrap_or(LONGEST)];
    let name = String::from_utf8_lossy(label).parse::<PartitionName>();
    let flags = word(bytes, 28);
    if flags & !(ENCRYPTED | READONLY) != 0 {
        return Err(BinaryError::Flags { row, flags });
    }
    Ok(Partition {
        name: name.map_err(|source| BinaryError::Name { row, source })?,
        kind: Kind { partition_type: bytes[2], subtype: bytes[3] },
        region: Region::new(word(bytes, 4), word(bytes, 8))
            .map_err(|source| BinaryError::Region { row, source })?,
        encrypted: flags & ENCRYPTED != 0,
        readonly: flags & READONLY != 0,
    })
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
