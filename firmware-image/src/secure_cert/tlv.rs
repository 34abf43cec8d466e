//! The entries of a partition, written and read.

use thiserror::Error;
use zeroize::Zeroizing;

use super::{Entry, EntryType, KeyProtection};
use crate::crc::esp_crc32;
use crate::digest::Digest;

const MAGIC: u32 = 0xba5e_ba11;
/// What the tool writes behind the entries of a partition that it appended to; otherwise erased flash ends them.
const END: u32 = 0x0000_ffff;
const HEAD: usize = 12;
const CRC: usize = 4;
const PADDING: usize = 16;
/// The subtype that is none (`ESP_SECURE_CERT_SUBTYPE_INVALID`).
const NO_SUBTYPE: u8 = 0xff;

/// Why entries cannot be written, or bytes are none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SecureCertError {
    /// More than the length field can say.
    #[error("the {entry_type} has {bytes} bytes, an esp_secure_cert entry 65535 at most")]
    Long {
        /// What it is.
        entry_type: EntryType,
        /// Bytes of its data.
        bytes: usize,
    },
    /// 255.
    #[error("the subtype 255 of the {entry_type} is none: 0 to 254 are")]
    Subtype {
        /// What it is.
        entry_type: EntryType,
    },
    /// Type and subtype twice.
    #[error(
        "there are two entries of type {entry_type} and subtype {subtype}: give the second another subtype"
    )]
    Doubled {
        /// Their type.
        entry_type: EntryType,
        /// Their subtype.
        subtype: u8,
    },
    /// It begins with something else.
    #[error(
        "there is no esp_secure_cert entry: the partition begins with {found:#010x}, not with {MAGIC:#010x}"
    )]
    NoEntry {
        /// The first word; 0xffffffff where it is blank.
        found: u32,
    },
    /// An entry reaches past the end.
    #[error("the esp_secure_cert entry at byte {at:#x} reaches past the end of its partition")]
    CutOff {
        /// From the partition's beginning.
        at: usize,
    },
    /// Changed.
    #[error("the esp_secure_cert entry at byte {at:#x} is corrupt: its CRC is not that of its bytes")]
    Crc {
        /// From the partition's beginning.
        at: usize,
    },
    /// Flags that there are not.
    #[error("the esp_secure_cert entry at byte {at:#x} has the flags {flags:#04x}, which are not known")]
    Flags {
        /// From the partition's beginning.
        at: usize,
        /// Its flags.
        flags: u8,
    },
    /// The digest of the entries before is not theirs.
    #[error(
        "the esp_secure_cert partition is corrupt: the digest at byte {at:#x} is not that of the entries before"
    )]
    Integrity {
        /// From the partition's beginning.
        at: usize,
    },
    /// Something behind the last entry.
    #[error("behind the last esp_secure_cert entry, at byte {at:#x}, there is something other than 0xff")]
    BehindEnd {
        /// From the partition's beginning.
        at: usize,
    },
}

/// The entries one behind the other, without what fills the rest of the partition.
///
/// ```
/// use firmware_image::secure_cert::{Entry, EntryType, read, write};
///
/// let certificate = Entry::text(EntryType::DEVICE_CERTIFICATE, "-----BEGIN CERTIFICATE-----…");
/// let key = Entry::new(EntryType::PRIVATE_KEY, &[0x30, 0x77]);
/// assert!(read(&write(&[certificate.clone(), key.clone()])?)? == [certificate, key]);
/// # Ok::<(), firmware_image::secure_cert::SecureCertError>(())
/// ```
///
/// # Errors
/// [`SecureCertError`]: too long, or type and subtype given twice.
pub fn write(entries: &[Entry]) -> Result<Zeroizing<Vec<u8>>, SecureCertError> {
    check(entries)?;
    let room = entries.iter().map(|entry| HEAD + entry.data().len().next_multiple_of(PADDING) + CRC).sum();
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    for entry in entries {
        let start = bytes.len();
        bytes.extend_from_slice(&MAGIC.to_le_bytes());
        bytes.extend_from_slice(&[entry.protection.flags(), 0, 0, 0, entry.entry_type.0, entry.subtype]);
        // `check` found that the field can say it.
        bytes.extend_from_slice(&(entry.data().len() as u16).to_le_bytes());
        bytes.extend_from_slice(entry.data());
        bytes.resize(start + HEAD + entry.data().len().next_multiple_of(PADDING), 0);
        let crc = esp_crc32(&[&bytes[start..]]);
        bytes.extend_from_slice(&crc.to_le_bytes());
    }
    Ok(bytes)
}

/// The entries, and behind them their SHA-256 as an entry of its own, as the tool adds it by default.
///
/// # Errors
/// [`SecureCertError`]: too long, or type and subtype given twice.
pub fn with_integrity(mut entries: Vec<Entry>) -> Result<Vec<Entry>, SecureCertError> {
    let digest = Digest::of(&write(&entries)?);
    entries.push(Entry::new(EntryType::INTEGRITY, digest.bytes()));
    check(&entries)?;
    Ok(entries)
}

fn check(entries: &[Entry]) -> Result<(), SecureCertError> {
    for (index, entry) in entries.iter().enumerate() {
        let Entry { entry_type, subtype, .. } = *entry;
        if entry.data().len() > usize::from(u16::MAX) {
            return Err(SecureCertError::Long { entry_type, bytes: entry.data().len() });
        }
        if subtype == NO_SUBTYPE {
            return Err(SecureCertError::Subtype { entry_type });
        }
        let same = |earlier: &Entry| (earlier.entry_type, earlier.subtype) == (entry_type, subtype);
        if entries[..index].iter().any(same) {
            return Err(SecureCertError::Doubled { entry_type, subtype });
        }
    }
    Ok(())
}

/// Reads the entries of a partition. CRCs and digests of the entries before are checked; signatures are not.
///
/// # Errors
/// [`SecureCertError`]: no entry, or corrupt.
pub fn read(partition: &[u8]) -> Result<Vec<Entry>, SecureCertError> {
    let mut entries = Vec::new();
    let mut at = 0;
    while let Some(magic) = word(partition, at) {
        if magic != MAGIC {
            break;
        }
        let (entry, end) = entry(partition, at)?;
        if entry.entry_type == EntryType::INTEGRITY && entry.data() != Digest::of(&partition[..at]).bytes() {
            return Err(SecureCertError::Integrity { at });
        }
        entries.push(entry);
        at = end;
    }
    if entries.is_empty() {
        return Err(SecureCertError::NoEntry { found: word(partition, 0).unwrap_or(u32::MAX) });
    }
    if word(partition, at) == Some(END) {
        at += 4;
    }
    match partition.iter().skip(at).position(|byte| *byte != 0xff) {
        Some(behind) => return Err(SecureCertError::BehindEnd { at: at + behind }),
        None => check(&entries)?,
    }
    Ok(entries)
}

/// The entry there, and where the next one begins.
fn entry(partition: &[u8], at: usize) -> Result<(Entry, usize), SecureCertError> {
    let head = partition.get(at..at + HEAD).ok_or(SecureCertError::CutOff { at })?;
    let length = usize::from(u16::from_le_bytes([head[10], head[11]]));
    let data = at + HEAD..at + HEAD + length;
    let end = at + HEAD + length.next_multiple_of(PADDING);
    let stored = word(partition, end).ok_or(SecureCertError::CutOff { at })?;
    if stored != esp_crc32(&[&partition[at..end]]) {
        return Err(SecureCertError::Crc { at });
    }
    let flags = head[4];
    let protection = KeyProtection::from_flags(flags).ok_or(SecureCertError::Flags { at, flags })?;
    let mut entry = Entry::new(EntryType(head[8]), &partition[data]);
    entry.subtype = head[9];
    entry.protection = protection;
    Ok((entry, end + CRC))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}
