//! The table as engineers write it: a row a partition, offsets left out where the next free place is meant.

use std::fmt::Write as _;

use thiserror::Error;

use super::{
    FlashLayout, Kind, KindError, Partition, PartitionName, PartitionNameError, PartitionTable,
    PartitionTableError, TABLE_LENGTH,
};
use crate::region::{Region, RegionError};

/// Why a text is no partition table.
#[derive(Debug, Error)]
pub enum CsvError {
    /// One row is wrong.
    #[error("line {line} of the partition table cannot be read")]
    Row {
        /// From 1.
        line: usize,
        /// What is wrong with it.
        source: RowError,
    },
    /// The rows contradict one another, or the flash.
    #[error(transparent)]
    Table(#[from] PartitionTableError),
}

/// What is wrong with a row.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum RowError {
    /// Columns missing, or too many.
    #[error(
        "there are {columns} columns: name, type, subtype, offset, size and, if need be, flags are wanted"
    )]
    Columns {
        /// How many there are.
        columns: usize,
    },
    /// No number.
    #[error(
        "`{text}` is no {what}: write bytes, decimal or 0x…, with K for 1024 or M for 1024 × 1024 behind it"
    )]
    Number {
        /// Offset or size.
        what: &'static str,
        /// What was there instead.
        text: String,
    },
    /// A flag that there is not.
    #[error("`{text}` is no flag: there are encrypted and readonly, with a colon between them")]
    Flag {
        /// What was there instead.
        text: String,
    },
    /// The bootloader's or the table's own row.
    #[error(
        "where a partition of type {kind} lies stands in the project's settings, not in its table: give \
         the built partition-table.bin"
    )]
    NotInCsv {
        /// Its type.
        kind: String,
    },
    /// It lies below the row above it.
    #[error("{region} lies below {above}, the row above it: order the rows by their offsets")]
    OutOfOrder {
        /// What it takes.
        region: Region,
        /// What the row above takes.
        above: Region,
    },
    /// The name.
    #[error(transparent)]
    Name(#[from] PartitionNameError),
    /// Type or subtype.
    #[error(transparent)]
    Kind(#[from] KindError),
    /// Offset and size.
    #[error(transparent)]
    Region(#[from] RegionError),
}

impl PartitionTable {
    /// Reads a table as `gen_esp32part.py` does: `#` begins a comment line, numbers may be decimal or hexadecimal, with K
    /// or M behind them; an offset that is left out is the next one that is aligned.
    ///
    /// # Errors
    /// [`CsvError`]: with the line that is wrong, or the partitions that contradict each other.
    pub fn from_csv(text: &str, layout: FlashLayout) -> Result<Self, CsvError> {
        let mut free = u64::from(layout.table_offset) + u64::from(TABLE_LENGTH);
        let (mut partitions, mut lines) = (Vec::new(), Vec::new());
        for (index, row) in text.strip_prefix('\u{feff}').unwrap_or(text).lines().enumerate() {
            let row = row.trim();
            if row.is_empty() || row.starts_with('#') {
                continue;
            }
            let partition =
                partition(row, free).map_err(|source| CsvError::Row { line: index + 1, source })?;
            free = partition.region.end();
            partitions.push(partition);
            lines.push(index + 1);
        }
        let table = Self::new(partitions, layout)?;
        for (pair, line) in table.partitions.windows(2).zip(lines.iter().skip(1)) {
            let (above, region) = (pair[0].region, pair[1].region);
            if region < above {
                return Err(CsvError::Row { line: *line, source: RowError::OutOfOrder { region, above } });
            }
        }
        Ok(table)
    }

    /// The table as `gen_esp32part.py` writes it.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let mut text = "# ESP-IDF Partition Table\n# Name, Type, SubType, Offset, Size, Flags\n".to_owned();
        for partition in &self.partitions {
            let Partition { name, kind, region, encrypted, readonly } = partition;
            let flags = [(*encrypted, "encrypted"), (*readonly, "readonly")];
            let flags: Vec<_> = flags.into_iter().filter_map(|(set, name)| set.then_some(name)).collect();
            let size = match region.length() {
                length if length.is_multiple_of(1 << 20) => format!("{}M", length >> 20),
                length if length.is_multiple_of(1 << 10) => format!("{}K", length >> 10),
                length => format!("{length:#x}"),
            };
            let (partition_type, subtype) = (kind.type_text(), kind.subtype_text());
            let offset = region.offset();
            // Writing to a text cannot fail.
            let _ =
                writeln!(text, "{name},{partition_type},{subtype},{offset:#x},{size},{}", flags.join(":"));
        }
        text
    }
}

/// One row; `free` is where the one before ends.
fn partition(row: &str, free: u64) -> Result<Partition, RowError> {
    let fields: Vec<_> = row.split(',').map(str::trim).collect();
    // A comma at the end of a row is usual, two are met.
    let [name, partition_type, subtype, offset, size, rest @ ..] = fields.as_slice() else {
        return Err(RowError::Columns { columns: fields.len() });
    };
    if rest.iter().skip(1).any(|field| !field.is_empty()) {
        return Err(RowError::Columns { columns: fields.len() });
    }
    let name: PartitionName = name.parse()?;
    let kind = Kind::parse(partition_type, subtype)?;
    if matches!(kind.partition_type, 2 | 3) {
        return Err(RowError::NotInCsv { kind: kind.type_text() });
    }
    let offset = match *offset {
        "" => aligned(free, kind.alignment())
            .ok_or(RegionError::PastLastAddress { offset: u32::MAX, length: 1 })?,
        text => number(text).ok_or_else(|| RowError::Number { what: "offset", text: text.to_owned() })?,
    };
    let size = number(size).ok_or_else(|| RowError::Number { what: "size", text: (*size).to_owned() })?;
    let mut partition =
        Partition { name, kind, region: Region::new(offset, size)?, encrypted: false, readonly: false };
    for flag in
        rest.first().copied().unwrap_or_default().split(':').map(str::trim).filter(|flag| !flag.is_empty())
    {
        match flag {
            "encrypted" => partition.encrypted = true,
            "readonly" => partition.readonly = true,
            text => return Err(RowError::Flag { text: text.to_owned() }),
        }
    }
    Ok(partition)
}

fn aligned(address: u64, alignment: u32) -> Option<u32> {
    u32::try_from(address.next_multiple_of(alignment.into())).ok()
}

/// Decimal or 0x…, with K or M behind it.
pub(super) fn number(text: &str) -> Option<u32> {
    let (digits, unit) = match text.strip_suffix(['k', 'K']) {
        Some(digits) => (digits, 1 << 10),
        None => text.strip_suffix(['m', 'M']).map_or((text, 1), |digits| (digits, 1 << 20)),
    };
    let number = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(digits) => plain(digits, 16)?,
        None => plain(digits, 10)?,
    };
    number.checked_mul(unit)
}

/// `from_str_radix` takes a sign too.
fn plain(digits: &str, radix: u32) -> Option<u32> {
    if digits.starts_with('+') { None } else { u32::from_str_radix(digits, radix).ok() }
}
