//! An Intel HEX file is refused, or holds the same again when written and read once more.
#![no_main]

use firmware_image::format::IntelHex;

libfuzzer_sys::fuzz_target!(|text: &[u8]| {
    let _ = IntelHex::parse(text);
    let Ok(file) = IntelHex::parse(&fuzz_targets::intel_hex(text)) else { return };
    assert!(IntelHex::parse(file.to_text().as_bytes()).expect("written") == file);
});
