//! A partition of NVS keys is refused, or the same again when written.
#![no_main]

use firmware_image::nvs::Keys;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = Keys::from_partition(bytes);
    let mut bytes = fuzz_targets::filled_up(bytes, 4096);
    fuzz_targets::nvs_keys(&mut bytes);
    let Ok(keys) = Keys::from_partition(&bytes) else { return };
    assert!(keys.to_partition()[..68] == bytes[..68]);
});
