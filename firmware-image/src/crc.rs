//! The checksum of ESP-IDF's formats.

/// CRC-32 that goes on from 0xffffffff: `esp_rom_crc32_le(0xffffffff, …)`, Python's `zlib.crc32(…, 0xffffffff)`.
pub(crate) fn esp_crc32(parts: &[&[u8]]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(0xffff_ffff);
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize()
}
