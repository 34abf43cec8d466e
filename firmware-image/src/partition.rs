//! ESP-IDF's partition table: which part of the flash is for what.
//!
//! Source: ESP-IDF Programming Guide, API Guides, *Partition Tables*; where that is silent, its `gen_esp32part.py`. A table
//! lies at 0x8000 unless the project says otherwise, takes one sector, and holds rows of 32 bytes.

mod binary;
mod check;
mod csv;
mod kind;
mod name;

use std::fmt;

pub use binary::BinaryError;
pub use check::PartitionTableError;
pub use csv::{CsvError, RowError};
pub use kind::{Kind, KindError};
pub use name::{PartitionName, PartitionNameError};

use crate::region::Region;
use crate::slot::Slot;

/// Bytes that the table takes in the flash: one sector, of which the rows use the first 0xc00.
pub const TABLE_LENGTH: u32 = 0x1000;

/// One row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// Its label.
    pub name: PartitionName,
    /// Type and subtype.
    pub kind: Kind,
    /// Where it lies in the flash.
    pub region: Region,
    /// Encrypted by the flash encryption, where the chip has that switched on.
    pub encrypted: bool,
    /// Never written by the firmware.
    pub readonly: bool,
}

impl Partition {
    /// It as a place for a unit's data.
    #[must_use]
    pub fn slot(&self) -> Slot {
        Slot { name: self.name.to_string(), region: self.region }
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ({}, {})", self.name, self.kind, self.region)
    }
}

/// The flash that a table is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlashLayout {
    /// Where the table itself lies (`CONFIG_PARTITION_TABLE_OFFSET`).
    pub table_offset: u32,
    /// Bytes of flash; nothing where that isn't known.
    pub flash_size: Option<u32>,
}

impl Default for FlashLayout {
    /// The table at 0x8000, a flash of unknown size.
    fn default() -> Self {
        Self { table_offset: 0x8000, flash_size: None }
    }
}

/// A partition table that was checked: no overlap, all aligned, names given once, all within the flash.
///
/// ```
/// use firmware_image::{FlashLayout, PartitionTable};
///
/// let csv = "nvs, data, nvs, , 24K\n phy_init, data, phy, , 4K\n factory, app, factory, , 1M\n";
/// let table = PartitionTable::from_csv(csv, FlashLayout::default())?;
/// assert_eq!(table.slot("factory")?.region.to_string(), "0x10000..0x110000");
/// assert_eq!(PartitionTable::from_binary(&table.to_binary(), FlashLayout::default())?, table);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionTable {
    layout: FlashLayout,
    partitions: Vec<Partition>,
}

impl PartitionTable {
    /// Checks these partitions.
    ///
    /// # Errors
    /// [`PartitionTableError`]: what contradicts itself or the flash.
    pub fn new(partitions: Vec<Partition>, layout: FlashLayout) -> Result<Self, PartitionTableError> {
        check::check(&partitions, layout)?;
        Ok(Self { layout, partitions })
    }

    /// The partitions in the order of their rows.
    #[must_use]
    pub fn partitions(&self) -> &[Partition] {
        &self.partitions
    }

    /// The flash that the table is for.
    #[must_use]
    pub fn layout(&self) -> FlashLayout {
        self.layout
    }

    /// The partition of that name.
    ///
    /// # Errors
    /// There is none: [`PartitionTableError::Missing`] names those that there are.
    pub fn partition(&self, name: &str) -> Result<&Partition, PartitionTableError> {
        self.partitions.iter().find(|partition| partition.name.as_str() == name).ok_or_else(|| {
            PartitionTableError::Missing {
                name: name.to_owned(),
                there: self.partitions.iter().map(|partition| format!("`{}`", partition.name)).collect(),
            }
        })
    }

    /// The partition of that name as a place for a unit's data.
    ///
    /// # Errors
    /// There is none: [`PartitionTableError::Missing`] names those that there are.
    pub fn slot(&self, name: &str) -> Result<Slot, PartitionTableError> {
        self.partition(name).map(Partition::slot)
    }
}
