//! Puts checksums right: a change to the bytes would be refused for its checksum alone, and what lies behind that would
//! never be tried out. Bytes that are too few stay as they are.

use md5::{Digest, Md5};

/// The same, filled up with what erased flash holds to a multiple of `length`.
pub fn filled_up(bytes: &[u8], length: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.resize(bytes.len().max(1).next_multiple_of(length), 0xff);
    bytes
}

/// A partition table: its MD5 row.
pub fn partition_table(bytes: &mut [u8]) {
    let row = bytes.chunks_exact(32).position(|row| row.starts_with(&[0xeb, 0xeb]));
    if let Some(at) = row.map(|row| row * 32) {
        let digest = Md5::digest(&bytes[..at]);
        bytes[at + 16..at + 32].copy_from_slice(&digest);
    }
}

/// An NVS partition: pages, entries, and what follows an entry.
pub fn nvs(bytes: &mut [u8]) {
    for page in bytes.chunks_exact_mut(4096) {
        if page.iter().all(|byte| *byte == 0xff) {
            continue;
        }
        put(page, 28, esp_crc32(&[&page[4..28]]));
        let mut at = 64;
        while at < page.len() {
            let span = usize::from(page[at + 2]).clamp(1, (page.len() - at) / 32);
            let length = usize::from(u16::from_le_bytes([page[at + 24], page[at + 25]]));
            if span > 1 && length <= (span - 1) * 32 {
                put(page, at + 28, esp_crc32(&[&page[at + 32..at + 32 + length]]));
            }
            put(page, at + 4, esp_crc32(&[&page[at..at + 4], &page[at + 8..at + 32]]));
            at += span * 32;
        }
    }
}

/// A partition of NVS keys.
pub fn nvs_keys(bytes: &mut [u8]) {
    if bytes.len() >= 68 {
        put(bytes, 64, esp_crc32(&[&bytes[..64]]));
    }
}

/// An `esp_secure_cert` partition: each entry.
pub fn secure_cert(bytes: &mut [u8]) {
    let mut at = 0;
    while bytes.len() >= at + 12 && bytes[at..].starts_with(&0xba5e_ba11u32.to_le_bytes()) {
        let length = usize::from(u16::from_le_bytes([bytes[at + 10], bytes[at + 11]]));
        let end = at + 12 + length.next_multiple_of(16);
        if bytes.len() < end + 4 {
            return;
        }
        put(bytes, end, esp_crc32(&[&bytes[at..end]]));
        at = end + 4;
    }
}

/// The records of a marked slot: each.
pub fn records(bytes: &mut [u8]) {
    let mut at = 0;
    while bytes.len() >= at + 4 && bytes[at..at + 2] != [0xff, 0xff] {
        let end =
            at + 4 + usize::from(u16::from_le_bytes([bytes[at + 2], bytes[at + 3]])).next_multiple_of(4);
        if bytes.len() < end + 4 {
            return;
        }
        put(bytes, end, crc32fast::hash(&bytes[at..end]));
        at = end + 4;
    }
}

/// An Intel HEX file: each line that holds digits.
pub fn intel_hex(text: &[u8]) -> Vec<u8> {
    let mut right = Vec::with_capacity(text.len());
    for line in text.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match sum(line) {
            Some(sum) => {
                right.extend_from_slice(&line[..line.len() - 2]);
                right.extend_from_slice(format!("{:02X}", sum.wrapping_neg()).as_bytes());
            }
            None => right.extend_from_slice(line),
        }
        right.push(b'\n');
    }
    right
}

/// Of all bytes of a line but the last.
fn sum(line: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(line.strip_prefix(b":")?).ok()?;
    let (bytes, _) = digits.split_at_checked(digits.len().checked_sub(2)?)?;
    bytes.as_bytes().chunks(2).try_fold(0u8, |sum, pair| {
        Some(sum.wrapping_add(u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?))
    })
}

fn put(bytes: &mut [u8], at: usize, checksum: u32) {
    bytes[at..at + 4].copy_from_slice(&checksum.to_le_bytes());
}

fn esp_crc32(parts: &[&[u8]]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(0xffff_ffff);
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize()
}
