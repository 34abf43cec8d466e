//! An `esp_secure_cert` partition is refused, or its entries are the same again when written and read once more.
#![no_main]

use firmware_image::secure_cert::{EntryType, read, write};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = read(bytes);
    let mut bytes = bytes.to_vec();
    fuzz_targets::secure_cert(&mut bytes);
    let Ok(entries) = read(&bytes) else { return };
    let written = write(&entries).expect("read");
    match read(&written) {
        Ok(again) => assert!(again == entries),
        // The digest is of the bytes as they were, with what stood in their padding.
        Err(_) => assert!(entries.iter().any(|entry| entry.entry_type == EntryType::INTEGRITY)),
    }
});
