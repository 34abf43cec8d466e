//! Certificates, chains, requests and sealed keys as text: refused, or the same again when written and read once more.
#![no_main]

use certkit::{Certificate, CertificateRequest, Chain, SoftwareSigner};

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(certificate) = Certificate::from_pem(text) {
        assert_eq!(Certificate::from_pem(&certificate.to_pem()).expect("written"), certificate);
    }
    if let Ok(chain) = Chain::from_pem(text) {
        assert_eq!(Chain::from_pem(&chain.to_pem()).expect("written"), chain);
    }
    let _ = CertificateRequest::from_pem(text);
    // With a real derivation each guess would take a tenth of a second: what precedes it is what is tried out.
    if !text.contains("ENCRYPTED") || text.len() < 200 {
        let _ = SoftwareSigner::from_encrypted_pem(text, b"secret");
    }
});
