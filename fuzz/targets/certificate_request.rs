//! A request is refused, or its key signed it; asking what it wants never fails.
#![no_main]

use certkit::{CertificateRequest, Profile};

libfuzzer_sys::fuzz_target!(|der: &[u8]| {
    let Ok(request) = CertificateRequest::from_der(der) else { return };
    let profile = "kind = 'device'\nvalidity = { days = 1 }\nkey_usage = ['digital-signature']";
    let profile = Profile::from_toml(profile).expect("profile");
    let _ = request.beyond(&profile);
    let _ = request.subject_common_name();
    let _ = request.check(&profile, &"a".parse().expect("id"));
});
