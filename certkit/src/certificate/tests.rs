use time::macros::datetime;

use x509_cert::ext::pkix::{AuthorityKeyIdentifier, BasicConstraints, SubjectKeyIdentifier};

use super::*;
use crate::sample::{self, leaf, root};

const CERTUM: &str = include_str!("../../tests/vectors/roots/certum.pem");
const NUVOTON: &str = include_str!("../../tests/vectors/roots/nuvoton.pem");
const SWTPM: &str = include_str!("../../tests/vectors/swtpm/root.pem");

#[test]
fn what_was_issued_is_what_is_read() {
    let root = root();
    let leaf = leaf(&root, "sensor-001");
    assert_eq!(Certificate::from_pem(&leaf.to_pem()).expect("PEM"), leaf);
    assert_eq!(leaf.subject_common_name(), Some("sensor-001"));
    assert_eq!((leaf.subject_name(), leaf.issuer_name()), ("CN=sensor-001".into(), "CN=Root".into()));
    assert_eq!(leaf.serial(), &sample::serial(3));
    assert_eq!(leaf.not_after(), datetime!(2036-11-24 08:00 UTC));
    assert!(!leaf.is_authority() && !leaf.is_self_issued());
    assert_eq!(leaf.authority_key_id(), root.certificate().subject_key_id());
    assert!(root.certificate().is_authority() && root.certificate().is_self_issued());
    assert!(root.certificate().is_self_signed() && root.certificate().is_ca());
    assert!(!leaf.is_self_signed() && !leaf.is_ca());
    assert_eq!(root.certificate().path_length(), Some(2));
    assert_eq!(format!("{leaf:?}"), "Certificate(CN=sensor-001, serial 010000000000000003a5a5a5a5a5a5a5a5)");
}

#[test]
fn pem_has_plain_line_ends_and_text_around_it_is_passed_over() {
    let pem = root().certificate().to_pem();
    assert!(pem.starts_with("-----BEGIN CERTIFICATE-----\n") && pem.ends_with("-----END CERTIFICATE-----\n"));
    assert!(!pem.contains('\r'));
    assert!(Certificate::from_pem(&format!("subject=CN = Root\n{pem}\n")).is_ok());
    assert!(Certificate::from_pem(&pem.replace('\n', "\r\n")).is_ok());
}

#[test]
fn what_is_no_single_certificate_says_so() {
    use CertificateError as Error;
    let pem = root().certificate().to_pem();
    let refused = |text: &str| Certificate::from_pem(text).expect_err("refused");
    assert!(matches!(refused(""), Error::NoCertificate));
    assert!(matches!(refused(&format!("{pem}{pem}")), Error::Several { count: 2 }));
    let key = sample::signer().to_pkcs8_pem();
    assert!(matches!(refused(&key), Error::OtherBlock { label } if label == "PRIVATE KEY"));
    let mut trailing = root().certificate().der().to_vec();
    trailing.push(0);
    assert!(matches!(Certificate::from_der(&trailing), Err(Error::Der(_))));
    assert!(matches!(Certificate::from_der(&trailing[..40]), Err(Error::Der(_))));
}

/// No altered certificate passes for what its issuer signed, whichever bit was turned over.
#[test]
fn any_bit_turned_over_is_found() {
    let root = root();
    let leaf = leaf(&root, "sensor-001");
    assert!(leaf.is_signed_by(root.certificate().public_key()));
    for index in 0..leaf.der().len() {
        let mut der = leaf.der().to_vec();
        der[index] ^= 1 << (index % 8);
        if let Ok(certificate) = Certificate::from_der(&der) {
            assert!(!certificate.is_signed_by(root.certificate().public_key()), "octet {index}");
        }
    }
}

/// What stands there is what was signed, and not what we would have written.
#[test]
fn a_signature_is_over_the_octets_that_stand_there() {
    for root in [CERTUM, NUVOTON] {
        let root = Certificate::from_pem(root).expect("PEM");
        assert!(root.is_self_signed(), "{root:?}");
    }
}

/// Whatever octet is changed: where RustCrypto's reader reads the certificate as well, it reads the same.
#[test]
fn another_reader_reads_the_same() {
    let root = root();
    let leaf = leaf(&root, "sensor-001");
    let others = [CERTUM, NUVOTON, SWTPM].map(|text| Certificate::from_pem(text).expect("PEM"));
    for certificate in [root.certificate().clone(), leaf].into_iter().chain(others) {
        assert_read_as_by_another(&certificate, certificate.der());
        let mut both = 0;
        for (index, bit) in (0..certificate.der().len()).flat_map(|index| [(index, 0), (index, 6)]) {
            let mut der = certificate.der().to_vec();
            der[index] ^= 1 << bit;
            if let Ok(read) = Certificate::from_der(&der)
                && x509_cert::Certificate::from_der(&der).is_ok()
            {
                assert_read_as_by_another(&read, &der);
                both += 1;
            }
        }
        assert!(both > 100, "{certificate:?}: {both}");
    }
}

fn assert_read_as_by_another(read: &Certificate, der: &[u8]) {
    let other = x509_cert::Certificate::from_der(der).expect("the other reader");
    let tbs = other.tbs_certificate();
    let seconds = |time: OffsetDateTime| u64::try_from(time.unix_timestamp()).expect("since 1970");
    let spki = tbs.subject_public_key_info();
    assert_eq!(read.public_key().spki_der(), der::Encode::to_der(spki).expect("SPKI"));
    let serial = tbs.serial_number().as_bytes();
    assert_eq!(read.serial().as_bytes(), &serial[serial.iter().take_while(|octet| **octet == 0).count()..]);
    assert_eq!(read.subject_name(), tbs.subject().to_string());
    assert_eq!(read.issuer_name(), tbs.issuer().to_string());
    let common_name = tbs.subject().common_name().expect("name").map(String::from);
    assert_eq!(read.subject_common_name(), common_name.as_deref());
    assert_eq!(seconds(read.not_before()), tbs.validity().not_before.to_unix_duration().as_secs());
    assert_eq!(seconds(read.not_after()), tbs.validity().not_after.to_unix_duration().as_secs());
    let constraints = tbs.get_extension::<BasicConstraints>().expect("constraints").map(|(_, value)| value);
    assert_eq!(read.is_ca(), constraints.as_ref().is_some_and(|constraints| constraints.ca));
    assert_eq!(read.path_length(), constraints.and_then(|constraints| constraints.path_len_constraint));
    let key_usage = tbs.get_extension::<x509_cert::ext::pkix::KeyUsage>().expect("key usage");
    let permits = |right: fn(&x509_cert::ext::pkix::KeyUsage) -> bool| {
        key_usage.as_ref().is_none_or(|(_, usage)| right(usage))
    };
    assert_eq!(read.is_authority(), read.is_ca() && permits(|usage| usage.key_cert_sign()));
    assert_eq!(read.signs_revocation_lists(), permits(|usage| usage.crl_sign()));
    let key_id = tbs.get_extension::<SubjectKeyIdentifier>().expect("key ID");
    assert_eq!(read.subject_key_id(), key_id.as_ref().map(|(_, id)| id.0.as_bytes()));
    let authority = tbs.get_extension::<AuthorityKeyIdentifier>().expect("key ID");
    let key_id = authority.as_ref().and_then(|(_, id)| id.key_identifier.as_ref());
    assert_eq!(read.authority_key_id(), key_id.map(der::asn1::OctetString::as_bytes));
}

/// A sample's DER with these octets, which stand there once, replaced by as many others.
fn with(certificate: &Certificate, old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut der = certificate.der().to_vec();
    let found: Vec<_> = (0..der.len()).filter(|at| der[*at..].starts_with(old)).collect();
    assert_eq!((found.len(), old.len()), (1, new.len()), "{old:02x?}");
    der[found[0]..][..new.len()].copy_from_slice(new);
    der
}

#[test]
fn what_certificates_must_not_hold_is_refused() {
    let root = root();
    let authority = root.certificate();
    let refused = |old: &[u8], new: &[u8]| {
        let refused = Certificate::from_der(&with(authority, old, new)).expect_err("refused");
        assert!(matches!(refused, CertificateError::Der(_)), "{refused:?}");
    };
    // Version 4; two key usages; times that are none.
    refused(&[0xa0, 3, 2, 1, 2], &[0xa0, 3, 2, 1, 3]);
    refused(&[0x55, 0x1d, 0x13], &[0x55, 0x1d, 0x0f]);
    refused(b"261123080000Z", b"2611230800ZZZ");
    refused(b"261123080000Z", b"261323080000Z");
}

#[test]
fn a_default_that_was_written_out_is_read() {
    let root = root();
    let der = with(root.certificate(), &[0x30, 6, 1, 1, 0xff], &[0x30, 6, 1, 1, 0]);
    let read = Certificate::from_der(&der).expect("cA FALSE");
    assert!(!read.is_ca() && !read.is_authority());
}

#[test]
fn a_name_that_cannot_be_shown_as_text_is_shown_in_hex() {
    let root = root();
    let leaf = leaf(&root, "sensor-001");
    let name = b"\x06\x03\x55\x04\x03\x0c\x0asensor-001";
    let strange = b"\x06\x03\xd5\x04\x03\x0c\x0asensor-001";
    let read = Certificate::from_der(&with(&leaf, name, strange)).expect("a strange attribute");
    assert_eq!(read.subject_common_name(), None);
    assert_eq!(read.subject_name(), "#3015311330110603d504030c0a73656e736f722d303031");
    assert_eq!(read.issuer_name(), "CN=Root");
}
