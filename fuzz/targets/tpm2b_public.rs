//! An endorsement key is refused, or comes out byte for byte as it went in.
#![no_main]

use certkit::EndorsementKey;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(key) = EndorsementKey::from_tpm2b_public(bytes) else { return };
    assert_eq!(key.as_bytes(), bytes);
    assert_eq!(EndorsementKey::from_base64(&key.to_base64()).as_ref(), Ok(&key));
    assert_eq!(key.registration_id().as_str().len(), 52);
    let built = EndorsementKey::from_public_key(key.public_key()).expect("a key of the template's kind");
    assert_eq!(built.public_key(), key.public_key());
});
