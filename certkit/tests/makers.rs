//! Certificates of real TPMs and their makers (`tests/vectors/makers`).

#![allow(clippy::expect_used, reason = "what cannot be set up fails the test")]

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use certkit::{EndorsementCertificate, EndorsementCertificateError, EndorsementKey, MakerCertificate};
use time::OffsetDateTime;
use time::macros::datetime;

const NOW: OffsetDateTime = datetime!(2026-11-24 08:00 UTC);

fn file(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/makers");
    std::fs::read_to_string(folder.join(name)).expect(name)
}

fn makers(names: &[&str]) -> Vec<MakerCertificate> {
    let texts: String = names.iter().map(|name| file(&format!("{name}.pem"))).collect();
    MakerCertificate::of_makers_from_pem(&texts).expect("certificates")
}

/// What a TPM gave, and its key.
fn endorsement(name: &str) -> (EndorsementCertificate, EndorsementKey) {
    let text: String = file(name).split_whitespace().collect();
    let read = EndorsementCertificate::from_nv(&STANDARD.decode(text).expect(name)).expect(name);
    let key = EndorsementKey::from_public_key(read.certificate().public_key()).expect(name);
    (read, key)
}

#[test]
fn an_rsa_key_hangs_on_its_maker_s_root() {
    let (certificate, key) = endorsement("stm-rsa-ek.txt");
    let attributes = certificate.attributes();
    let shown = [&attributes.manufacturer, &attributes.model, &attributes.version].map(Option::as_deref);
    assert_eq!(shown, [Some("id:53544D20"), Some("ST33HTPHAHB4"), Some("id:00490004")]);
    assert_eq!(certificate.certificate().subject_name(), "");
    let mut makers = makers(&["globalsign-root", "stm-rsa-intermediate", "stm-rsa-issuer"]);
    let root = certificate.check(&key, &makers, NOW).expect("vouched for");
    assert_eq!(root.subject_common_name(), Some("GlobalSign Trusted Platform Module Root CA"));
    let issuer = makers.pop().expect("issuer");
    let refused = certificate.check(&key, &makers, NOW).expect_err("no issuer");
    assert!(
        matches!(&refused, EndorsementCertificateError::NoChain { issuer: named, .. } if *named == issuer.subject_name()),
        "{refused}"
    );
}

/// The chain is followed as far as it is there.
#[test]
fn a_p256_key_hangs_on_its_maker_s_intermediate() {
    let (certificate, key) = endorsement("stm-ecc-ek.txt");
    let makers = makers(&["stm-ecc-issuer", "stm-ecc-intermediate"]);
    let refused = certificate.check(&key, &makers, NOW).expect_err("no root");
    assert!(
        matches!(&refused, EndorsementCertificateError::NoChain { subject, .. } if subject.contains("STM TPM ECC Root CA 01")),
        "{refused}"
    );
}
