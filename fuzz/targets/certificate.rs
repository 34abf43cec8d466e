//! A certificate is refused, or comes out as it went in; asking what it says never fails. The same for a TPM's.
#![no_main]

use certkit::{Certificate, Chain, EndorsementCertificate, MakerCertificate};

libfuzzer_sys::fuzz_target!(|der: &[u8]| {
    if let Ok(certificate) = EndorsementCertificate::from_nv(der) {
        let _ = format!("{certificate:?} {:?}", certificate.attributes());
    }
    let maker = MakerCertificate::of_maker(der);
    let Ok(certificate) = Certificate::from_der(der) else { return };
    assert!(maker.is_ok(), "a maker's may have any key that others have");
    assert_eq!(certificate.der(), der);
    assert_eq!(Certificate::from_pem(&certificate.to_pem()).as_ref().ok(), Some(&certificate));
    let _ = format!("{certificate:?} {} {}", certificate.issuer_name(), certificate.is_authority());
    // Nothing may follow what is its own issuer, and nothing else is followed by itself.
    assert!(Chain::new(vec![certificate.clone(), certificate]).is_err());
});
