//! What a table as a whole has to keep to.

use thiserror::Error;

use super::binary::MOST_PARTITIONS;
use super::{FlashLayout, Kind, Partition, TABLE_LENGTH};
use crate::region::Region;

/// Least bytes of key-value storage that firmware may write to.
const NVS_WRITABLE: u32 = 0x3000;
/// Bytes of an `ota` partition: two sectors, always.
const OTA_DATA: u32 = 0x2000;
/// What an application's length has to be a multiple of: a sector.
const APP_LENGTH: u32 = 0x1000;

/// What contradicts itself in a partition table, or what it does not have.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PartitionTableError {
    /// Two share addresses.
    #[error(
        "the partitions `{first}` ({first_region}) and `{second}` ({second_region}) overlap: move one, \
         or leave its offset out"
    )]
    Overlap {
        /// The one that begins first.
        first: String,
        /// Where it lies.
        first_region: Region,
        /// The other.
        second: String,
        /// Where that lies.
        second_region: Region,
    },
    /// It lies where the bootloader and the table are.
    #[error(
        "the partition `{name}` ({region}) lies in {reserved}, which the bootloader and the partition \
         table take: move it up"
    )]
    Reserved {
        /// Its name.
        name: String,
        /// Where it lies.
        region: Region,
        /// What is taken.
        reserved: Region,
    },
    /// Its offset is none for its type.
    #[error(
        "the partition `{name}` ({region}) has to begin at a multiple of {alignment:#x}: {aligned} would do"
    )]
    Misaligned {
        /// Its name.
        name: String,
        /// Where it lies.
        region: Region,
        /// What the offset has to be a multiple of.
        alignment: u32,
        /// The next place that is right.
        aligned: String,
    },
    /// An application's length is none.
    #[error("the application `{name}` ({region}) has {} bytes, which is no multiple of {APP_LENGTH:#x}, \
             a sector", region.length())]
    AppLength {
        /// Its name.
        name: String,
        /// Where it lies.
        region: Region,
    },
    /// It ends behind the flash.
    #[error(
        "the partition `{name}` ({region}) ends behind the flash ({flash}): shorten it, or name the \
         right flash size"
    )]
    BeyondFlash {
        /// Its name.
        name: String,
        /// Where it lies.
        region: Region,
        /// All that there is.
        flash: Region,
    },
    /// A name twice.
    #[error("the name `{name}` is given twice, for {first_region} and {second_region}: rename one")]
    DoubledName {
        /// The name.
        name: String,
        /// The first.
        first_region: Region,
        /// The second.
        second_region: Region,
    },
    /// Key-value storage too small to be written to.
    #[error(
        "`{name}` ({region}) is too small for an NVS partition that the firmware writes: give it \
         {NVS_WRITABLE:#x} bytes, or the flag readonly"
    )]
    SmallNvs {
        /// Its name.
        name: String,
        /// Where it lies.
        region: Region,
    },
    /// A partition that says which application runs, of another length or flag than it can have.
    #[error(
        "`{name}` ({region}) is of kind {kind}: it has to have {OTA_DATA:#x} bytes and cannot be readonly"
    )]
    OtaData {
        /// Its name.
        name: String,
        /// Where it lies.
        region: Region,
        /// Its kind.
        kind: String,
    },
    /// More than one of what there can be one of.
    #[error("`{first}` and `{second}` are both of kind {kind}, of which there can be one: remove one")]
    DoubledKind {
        /// The first.
        first: String,
        /// The second.
        second: String,
        /// Their kind.
        kind: String,
    },
    /// More rows than the table has room for.
    #[error("there are {count} partitions, the table has room for {MOST_PARTITIONS}")]
    Many {
        /// How many there are.
        count: usize,
    },
    /// No row.
    #[error("the partition table holds no partition")]
    Empty,
    /// No partition of that name.
    #[error("the partition table has no partition `{name}`: it has {}", there.join(", "))]
    Missing {
        /// The name.
        name: String,
        /// The names that there are.
        there: Vec<String>,
    },
}

pub(super) fn check(partitions: &[Partition], layout: FlashLayout) -> Result<(), PartitionTableError> {
    match partitions.len() {
        0 => return Err(PartitionTableError::Empty),
        count if count > MOST_PARTITIONS => return Err(PartitionTableError::Many { count }),
        _ => {}
    }
    for partition in partitions {
        check_place(partition, layout)?;
        check_kind(partition)?;
    }
    for (index, second) in partitions.iter().enumerate() {
        for first in &partitions[..index] {
            check_pair(first, second)?;
        }
    }
    Ok(())
}

fn check_place(partition: &Partition, layout: FlashLayout) -> Result<(), PartitionTableError> {
    let (name, region) = (partition.name.to_string(), partition.region);
    let flash = layout.flash_size.and_then(|size| Region::new(0, size).ok());
    if let Some(flash) = flash.filter(|flash| !flash.contains(region)) {
        return Err(PartitionTableError::BeyondFlash { name, region, flash });
    }
    let reserved = Region::new(0, layout.table_offset.saturating_add(TABLE_LENGTH)).ok();
    if let Some(reserved) =
        reserved.filter(|reserved| reserved.overlaps(region) && !partition.kind.is_primary())
    {
        return Err(PartitionTableError::Reserved { name, region, reserved });
    }
    let alignment = partition.kind.alignment();
    if !region.offset().is_multiple_of(alignment) {
        let aligned = u64::from(region.offset()).next_multiple_of(alignment.into());
        let aligned =
            u32::try_from(aligned).ok().and_then(|offset| Region::new(offset, region.length()).ok());
        let aligned = aligned.map_or_else(|| "a lower offset".to_owned(), |aligned| aligned.to_string());
        return Err(PartitionTableError::Misaligned { name, region, alignment, aligned });
    }
    if partition.kind.is_app() && !region.length().is_multiple_of(APP_LENGTH) {
        return Err(PartitionTableError::AppLength { name, region });
    }
    Ok(())
}

/// `ota`, `tee_ota`: which application runs. There is one of each at most.
fn is_ota_data(kind: Kind) -> bool {
    matches!((kind.partition_type, kind.subtype), (1, 0x00 | 0x90))
}

fn check_kind(partition: &Partition) -> Result<(), PartitionTableError> {
    let (name, region) = (partition.name.to_string(), partition.region);
    if partition.kind == Kind::NVS && region.length() < NVS_WRITABLE && !partition.readonly {
        return Err(PartitionTableError::SmallNvs { name, region });
    }
    if is_ota_data(partition.kind) && (region.length() != OTA_DATA || partition.readonly) {
        return Err(PartitionTableError::OtaData { name, region, kind: partition.kind.to_string() });
    }
    Ok(())
}

fn check_pair(first: &Partition, second: &Partition) -> Result<(), PartitionTableError> {
    if first.name == second.name {
        return Err(PartitionTableError::DoubledName {
            name: first.name.to_string(),
            first_region: first.region,
            second_region: second.region,
        });
    }
    if first.region.overlaps(second.region) {
        let (first, second) = if first.region <= second.region { (first, second) } else { (second, first) };
        return Err(PartitionTableError::Overlap {
            first: first.name.to_string(),
            first_region: first.region,
            second: second.name.to_string(),
            second_region: second.region,
        });
    }
    if first.kind == second.kind && is_ota_data(first.kind) {
        return Err(PartitionTableError::DoubledKind {
            first: first.name.to_string(),
            second: second.name.to_string(),
            kind: first.kind.to_string(),
        });
    }
    Ok(())
}
