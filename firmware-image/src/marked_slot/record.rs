//! The records in a slot, written and read.

use thiserror::Error;
use zeroize::Zeroizing;

use crate::plan::{Holding, Shown};

/// The type that ends the records: erased flash.
const END: u16 = 0xffff;
const HEAD: usize = 4;
const CRC: usize = 4;

/// One value of a unit. A value that is secret is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    record_type: u16,
    value: Zeroizing<Vec<u8>>,
    secret: bool,
}

/// Why bytes are no records, or values none either.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RecordsError {
    /// 0xffff.
    #[error("0xffff is no type of a record: it ends them")]
    Type,
    /// Longer than the length field can say.
    #[error("the record of type {record_type:#06x} has {bytes} bytes, 65535 is the most")]
    Long {
        /// Its type.
        record_type: u16,
        /// How many there are.
        bytes: usize,
    },
    /// A type twice.
    #[error("the record type {record_type:#06x} is given twice")]
    Doubled {
        /// The type.
        record_type: u16,
    },
    /// It reaches past the end.
    #[error("the record at byte {at:#x} of the slot reaches past its end")]
    CutOff {
        /// From the content's beginning.
        at: usize,
    },
    /// Changed.
    #[error(
        "the record at byte {at:#x} of the slot is corrupt: its CRC is {stored:#010x}, {computed:#010x} is right"
    )]
    Crc {
        /// From the content's beginning.
        at: usize,
        /// What stands there.
        stored: u32,
        /// Of what is there.
        computed: u32,
    },
    /// Bytes behind the last record.
    #[error("behind the last record, at byte {at:#x} of the slot, there is something other than 0xff")]
    BehindEnd {
        /// From the content's beginning.
        at: usize,
    },
}

impl Record {
    /// A value that may be shown.
    ///
    /// # Errors
    /// [`RecordsError`]: the type that ends them, or more bytes than a record can have.
    pub fn public(record_type: u16, value: &[u8]) -> Result<Self, RecordsError> {
        Self::new(record_type, value, false)
    }

    /// A value that must not be shown.
    ///
    /// # Errors
    /// [`RecordsError`]: the type that ends them, or more bytes than a record can have.
    pub fn secret(record_type: u16, value: &[u8]) -> Result<Self, RecordsError> {
        Self::new(record_type, value, true)
    }

    fn new(record_type: u16, value: &[u8], secret: bool) -> Result<Self, RecordsError> {
        if record_type == END {
            return Err(RecordsError::Type);
        }
        if value.len() > usize::from(u16::MAX) {
            return Err(RecordsError::Long { record_type, bytes: value.len() });
        }
        Ok(Self { record_type, value: Zeroizing::new(value.to_vec()), secret })
    }

    /// Its type: what the firmware knows the value by.
    #[must_use]
    pub fn record_type(&self) -> u16 {
        self.record_type
    }

    /// The value's bytes.
    #[must_use]
    pub fn value(&self) -> &[u8] {
        &self.value
    }

    /// What a plan says about it.
    #[must_use]
    pub fn holding(&self) -> Holding {
        let shown = if self.secret { Shown::Secret } else { Shown::of_bytes(&self.value) };
        Holding { name: format!("record {:#06x}", self.record_type), bytes: self.value.len(), shown }
    }
}

/// The records one behind the other, without what fills the rest of the slot.
///
/// ```
/// use firmware_image::marked_slot::{Record, read, write};
///
/// let written = write(&[Record::public(1, b"unit-001")?, Record::secret(2, b"\x00\x01\x02")?])?;
/// assert_eq!(read(&written)?[1].value(), b"\x00\x01\x02");
/// # Ok::<(), firmware_image::marked_slot::RecordsError>(())
/// ```
///
/// # Errors
/// [`RecordsError::Doubled`].
pub fn write(records: &[Record]) -> Result<Zeroizing<Vec<u8>>, RecordsError> {
    let room = records.iter().map(|record| HEAD + record.value.len().next_multiple_of(4) + CRC).sum();
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    for (index, record) in records.iter().enumerate() {
        if records[..index].iter().any(|earlier| earlier.record_type == record.record_type) {
            return Err(RecordsError::Doubled { record_type: record.record_type });
        }
        let start = bytes.len();
        bytes.extend_from_slice(&record.record_type.to_le_bytes());
        // `new` took no more than the field can say.
        bytes.extend_from_slice(&(record.value.len() as u16).to_le_bytes());
        bytes.extend_from_slice(&record.value);
        let padded = bytes.len().next_multiple_of(4);
        bytes.resize(padded, 0xff);
        let crc = crc32fast::hash(&bytes[start..]);
        bytes.extend_from_slice(&crc.to_le_bytes());
    }
    Ok(bytes)
}

/// Reads what a slot holds: records up to the first that is 0xff, and nothing behind. All are taken to be secret.
///
/// # Errors
/// [`RecordsError`]: corrupt.
pub fn read(content: &[u8]) -> Result<Vec<Record>, RecordsError> {
    let mut records: Vec<Record> = Vec::new();
    let mut at = 0;
    while let Some([a, b, c, d]) = content.get(at..at + HEAD) {
        let (record_type, length) = (u16::from_le_bytes([*a, *b]), u16::from_le_bytes([*c, *d]));
        if record_type == END {
            break;
        }
        let value = at + HEAD..at + HEAD + usize::from(length);
        let end = value.end.next_multiple_of(4);
        let Some([a, b, c, d]) = content.get(end..end + CRC) else { return Err(RecordsError::CutOff { at }) };
        let (stored, computed) = (u32::from_le_bytes([*a, *b, *c, *d]), crc32fast::hash(&content[at..end]));
        if stored != computed {
            return Err(RecordsError::Crc { at, stored, computed });
        }
        if records.iter().any(|earlier| earlier.record_type == record_type) {
            return Err(RecordsError::Doubled { record_type });
        }
        records.push(Record::secret(record_type, &content[value])?);
        at = end + CRC;
    }
    match content.iter().skip(at).position(|byte| *byte != 0xff) {
        Some(behind) => Err(RecordsError::BehindEnd { at: at + behind }),
        None => Ok(records),
    }
}
