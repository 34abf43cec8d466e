//! Intel HEX, read.
//!
//! Source: Intel, *Hexadecimal Object File Format Specification*, revision A, 1988. Read strictly: checksums, lengths, no
//! record behind the last, no address given twice.

use thiserror::Error;
use zeroize::Zeroizing;

use super::StartAddress;
use crate::image::Image;
use crate::region::Region;

/// Why a text is no Intel HEX file.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum IntelHexError {
    /// One line is wrong.
    #[error("line {line} of the HEX file cannot be read")]
    Record {
        /// From 1.
        line: usize,
        /// What is wrong with it.
        source: RecordError,
    },
    /// The file was cut off.
    #[error("the HEX file has no end: the record of type 01 is missing, copy it again")]
    NoEnd,
    /// Records behind the last one.
    #[error("line {line} of the HEX file stands behind its end: two files in one?")]
    BehindEnd {
        /// From 1.
        line: usize,
    },
    /// The same addresses twice.
    #[error("lines {first_line} and {second_line} of the HEX file overlap: they fill {first} and {second}")]
    Overlap {
        /// The line of the lower one, from 1.
        first_line: usize,
        /// What it fills.
        first: Region,
        /// The line of the higher one.
        second_line: usize,
        /// What that fills.
        second: Region,
    },
}

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RecordError {
    /// It does not begin as one.
    #[error("it does not begin with a colon: is this a HEX file?")]
    Colon,
    /// Characters that are no bytes.
    #[error("there is something other than pairs of hexadecimal digits")]
    Digits,
    /// Longer or shorter than it says.
    #[error("it says that it has {said} bytes of data, and has {found}")]
    Length {
        /// Its first byte.
        said: usize,
        /// What is there.
        found: usize,
    },
    /// Changed on the way.
    #[error(
        "its checksum is {stored:#04x} and should be {computed:#04x}: it was changed, copy the file again"
    )]
    Checksum {
        /// Of what is there.
        computed: u8,
        /// What is written.
        stored: u8,
    },
    /// A type that there is not.
    #[error("its type is {found:#04x}: there are 00 to 05")]
    Type {
        /// Its fourth byte.
        found: u8,
    },
    /// A length that this type does not have.
    #[error("a record of type {record_type:#04x} has {wanted} bytes of data, this one {found}")]
    TypeLength {
        /// Its type.
        record_type: u8,
        /// Bytes that the type has.
        wanted: usize,
        /// Bytes of this one.
        found: usize,
    },
    /// Data that would wrap around.
    #[error("its data go past {last:#x}, the last address that the records before it can mean")]
    Wraps {
        /// The last address.
        last: u32,
    },
    /// A second one.
    #[error("it says where to start, as a line before it did")]
    SecondStart,
}

/// What an Intel HEX file holds.
///
/// ```
/// use firmware_image::format::IntelHex;
///
/// let file = IntelHex::parse(b":0300300002337A1E\n:00000001FF\n")?;
/// assert_eq!(format!("{:?}", file.image), "Image(0x30..0x33)");
/// assert_eq!(*file.to_text(), ":0300300002337A1E\n:00000001FF\n");
/// # Ok::<(), firmware_image::format::IntelHexError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IntelHex {
    /// What lies where; gaps are kept.
    pub image: Image,
    /// Where the program starts, if the file says so.
    pub start: Option<StartAddress>,
}

/// What the records before mean for the addresses of the next ones.
#[derive(Clone, Copy)]
enum Addressing {
    /// Type 02, and a file without any: 64 KiB from there on, which nothing may leave.
    Segment(u32),
    /// Type 04: all 32 bits.
    Linear(u32),
}

struct Data {
    line: usize,
    region: Region,
    /// Where its bytes begin in the bytes of all.
    from: usize,
}

impl IntelHex {
    /// Reads a file.
    ///
    /// # Errors
    /// [`IntelHexError`]: with the line that is wrong.
    pub fn parse(text: &[u8]) -> Result<Self, IntelHexError> {
        let mut reader = Reader {
            addressing: Addressing::Segment(0),
            start: None,
            bytes: Zeroizing::new(Vec::with_capacity(text.len() / 2)),
            data: Vec::new(),
            ended: false,
        };
        for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() {
                continue;
            }
            if reader.ended {
                return Err(IntelHexError::BehindEnd { line: index + 1 });
            }
            reader
                .record(index + 1, line)
                .map_err(|source| IntelHexError::Record { line: index + 1, source })?;
        }
        reader.finish()
    }
}

struct Reader {
    addressing: Addressing,
    start: Option<StartAddress>,
    bytes: Zeroizing<Vec<u8>>,
    data: Vec<Data>,
    ended: bool,
}

impl Reader {
    fn record(&mut self, line: usize, text: &[u8]) -> Result<(), RecordError> {
        let record = decode(text)?;
        let [_, high, low, record_type, data @ .., _] = record.as_slice() else {
            return Err(RecordError::Digits);
        };
        let exactly = |wanted: usize| match data.len() {
            found if found == wanted => Ok(()),
            found => Err(RecordError::TypeLength { record_type: *record_type, wanted, found }),
        };
        match record_type {
            0x00 => return self.data(line, u16::from_be_bytes([*high, *low]), data),
            0x01 => exactly(0)?,
            0x02 | 0x04 => exactly(2)?,
            0x03 | 0x05 => exactly(4)?,
            found => return Err(RecordError::Type { found: *found }),
        }
        match (record_type, data) {
            (0x02, [high, low]) => {
                self.addressing = Addressing::Segment(u32::from(u16::from_be_bytes([*high, *low])) << 4);
            }
            (0x04, [high, low]) => {
                self.addressing = Addressing::Linear(u32::from(u16::from_be_bytes([*high, *low])) << 16);
            }
            (0x03, [a, b, c, d]) => {
                let (cs, ip) = (u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]));
                self.start_at(StartAddress::Segment { cs, ip })?;
            }
            (0x05, [a, b, c, d]) => {
                self.start_at(StartAddress::Linear(u32::from_be_bytes([*a, *b, *c, *d])))?
            }
            _ => self.ended = true,
        }
        Ok(())
    }

    fn start_at(&mut self, start: StartAddress) -> Result<(), RecordError> {
        self.start.replace(start).map_or(Ok(()), |_| Err(RecordError::SecondStart))
    }

    fn data(&mut self, line: usize, offset: u16, data: &[u8]) -> Result<(), RecordError> {
        if data.is_empty() {
            return Ok(());
        }
        let (base, last) = match self.addressing {
            Addressing::Segment(base) => (base, base + 0xffff),
            Addressing::Linear(base) => (base, u32::MAX),
        };
        let region = Region::of(base + u32::from(offset), data).map_err(|_| RecordError::Wraps { last })?;
        if region.end() > u64::from(last) + 1 {
            return Err(RecordError::Wraps { last });
        }
        self.data.push(Data { line, region, from: self.bytes.len() });
        self.bytes.extend_from_slice(data);
        Ok(())
    }

    fn finish(mut self) -> Result<IntelHex, IntelHexError> {
        if !self.ended {
            return Err(IntelHexError::NoEnd);
        }
        self.data.sort_by_key(|data| data.region.offset());
        let mut image = Image::default();
        let mut before: Option<&Data> = None;
        for data in &self.data {
            let bytes = &self.bytes[data.from..data.from + data.region.length() as usize];
            if let (Err(_), Some(before)) = (image.insert(data.region.offset(), bytes), before) {
                return Err(IntelHexError::Overlap {
                    first_line: before.line,
                    first: before.region,
                    second_line: data.line,
                    second: data.region,
                });
            }
            before = Some(data);
        }
        Ok(IntelHex { image, start: self.start })
    }
}

/// The bytes of a line whose length and checksum are right.
fn decode(text: &[u8]) -> Result<Zeroizing<Vec<u8>>, RecordError> {
    let digits = text.strip_prefix(b":").ok_or(RecordError::Colon)?;
    let nibble = |digit: &u8| char::from(*digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let mut record = Zeroizing::new(Vec::with_capacity(digits.len() / 2));
    for pair in digits.chunks(2) {
        let [high, low] = pair else { return Err(RecordError::Digits) };
        record.push(
            nibble(high).zip(nibble(low)).map(|(high, low)| high << 4 | low).ok_or(RecordError::Digits)?,
        );
    }
    let [said, .., stored] = record.as_slice() else { return Err(RecordError::Digits) };
    let (said, found) = (usize::from(*said), record.len().checked_sub(5).ok_or(RecordError::Digits)?);
    if said != found {
        return Err(RecordError::Length { said, found });
    }
    let computed = checksum(&record[..record.len() - 1]);
    if computed != *stored {
        return Err(RecordError::Checksum { computed, stored: *stored });
    }
    Ok(record)
}

/// What makes the sum of all bytes a multiple of 256.
pub(super) fn checksum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)).wrapping_neg()
}
