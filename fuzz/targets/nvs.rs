//! An NVS partition, plain or encrypted, is refused, or its items are the same again when written and read once more.
#![no_main]

use firmware_image::nvs::{Keys, read, write};

/// Bytes of a partition that has room for all that the longest input holds, however it is spread over pages.
const ROOM: u32 = 0x1_0000;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let keys = Keys::new([7; 64].into());
    let _ = read(bytes, None);
    let mut bytes = fuzz_targets::filled_up(bytes, 4096);
    let _ = read(&bytes, Some(&keys));
    fuzz_targets::nvs(&mut bytes);
    let Ok(items) = read(&bytes, None) else { return };
    for keys in [None, Some(&keys)] {
        let written = write(&items, ROOM, keys).expect("room");
        assert!(read(&written, keys).expect("written") == items);
    }
});
