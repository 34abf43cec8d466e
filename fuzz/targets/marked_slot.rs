//! The records of a marked slot are refused, or the same again when written and read once more.
#![no_main]

use firmware_image::marked_slot::{read, write};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = read(bytes);
    let mut bytes = bytes.to_vec();
    fuzz_targets::records(&mut bytes);
    let Ok(records) = read(&bytes) else { return };
    let written = write(&records).expect("read");
    assert!(read(&written).expect("written") == records);
});
