//! Certificate requests that openssl makes.

use certkit::{CertificateRequest, CertificateRequestError, KeyAlgorithm, KeyNotSupported, Profile, Signer};

use crate::made::{Made, accepted, profile, text};

/// A new key of this kind and a request for it.
fn request(made: &Made, key: &[&str], more: &[&str]) -> String {
    let mut arguments = vec!["req", "-new", "-nodes", "-batch", "-keyout", "-", "-newkey"];
    arguments.extend(key);
    arguments.extend(more);
    let output = text(&made.openssl(&arguments));
    let start = output.find("-----BEGIN CERTIFICATE REQUEST").expect("a request");
    output[start..].to_owned()
}

fn refused(text: &str) -> CertificateRequestError {
    CertificateRequest::from_pem(text).expect_err("refused")
}

const P256: [&str; 3] = ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"];

#[test]
fn requests_of_every_kind_of_key_are_proven() {
    let made = Made::new("sensor-001");
    let subject = ["-subj", "/O=Maker/CN=sensor-001"];
    let kinds: [(&[&str], KeyAlgorithm); 4] = [
        (&P256, KeyAlgorithm::P256),
        // openssl signs with SHA-256 whatever the curve.
        (&["ec", "-pkeyopt", "ec_paramgen_curve:P-384"], KeyAlgorithm::P384),
        (&["rsa:2048"], KeyAlgorithm::Rsa2048),
        (&["rsa:3072", "-sha384"], KeyAlgorithm::Rsa3072),
    ];
    for (key, algorithm) in kinds {
        let asked = CertificateRequest::from_pem(&request(&made, key, &subject)).expect("request");
        assert_eq!(asked.public_key().algorithm(), algorithm);
        assert_eq!(asked.subject_common_name().as_deref(), Some("sensor-001"));
        let id = "sensor-001".parse().expect("id");
        asked.check(&profile("azure-device"), &id).expect("permitted");
        assert_eq!(asked.beyond(&profile("azure-device")), [""; 0]);
    }
}

#[test]
fn what_is_asked_beyond_the_profile_is_named_and_what_it_grants_is_not() {
    let made = Made::new("sensor-001");
    let asked = [
        "basicConstraints=critical,CA:TRUE",
        "keyUsage=digitalSignature,keyCertSign,dataEncipherment",
        "extendedKeyUsage=clientAuth,codeSigning",
        "subjectAltName=DNS:evil.example",
        "1.2.3.4=ASN1:UTF8String:hello",
    ];
    let more: Vec<&str> = asked.iter().flat_map(|one| ["-addext", one]).chain(["-subj", "/CN=x"]).collect();
    let request = CertificateRequest::from_pem(&request(&made, &P256, &more)).expect("request");
    assert_eq!(
        request.beyond(&profile("azure-device")),
        [
            "CA:TRUE",
            "the key usage key-cert-sign",
            "the key usage data-encipherment",
            "the extended key usage 1.3.6.1.5.5.7.3.3",
            "subject alternative names",
            "the extension 1.2.3.4",
        ]
    );
    let device = std::fs::read_to_string("../templates/profiles/azure-device.toml").expect("profile");
    let with_extension = format!("{device}\n[[extension]]\noid = \"1.2.3.4\"\nutf8 = \"hello\"\n");
    let profile = Profile::from_toml(&with_extension).expect("profile");
    assert!(!request.beyond(&profile).contains(&"the extension 1.2.3.4".to_owned()));
}

#[test]
fn each_fault_of_a_request_has_its_own_error() {
    use CertificateRequestError as Error;
    let made = Made::new("sensor-001");
    let subject = ["-subj", "/CN=sensor-001"];
    let good = request(&made, &P256, &subject);

    assert!(matches!(refused(""), Error::Blocks { found } if found == "none"));
    assert!(matches!(refused(&good.repeat(2)), Error::Blocks { .. }));
    assert!(
        matches!(refused(&made.chain.leaf().to_pem()), Error::Blocks { found } if found == "CERTIFICATE")
    );
    assert!(matches!(refused(&good.replace("-----END", "-----EMD")), Error::Pem(_) | Error::Blocks { .. }));
    let der = |name: &str| {
        let output = made.openssl(&["req", "-in", name, "-outform", "DER"]);
        output.stdout
    };
    made.put("good.csr", &good);
    let mut changed = der("good.csr");
    let at = changed.windows(10).position(|bytes| bytes == b"sensor-001").expect("common name");
    changed[at + 9] = b'2';
    assert!(matches!(CertificateRequest::from_der(&changed), Err(Error::NotProven)));
    assert!(matches!(CertificateRequest::from_der(&changed[..60]), Err(Error::Der(_))));
    let mut trailing = der("good.csr");
    trailing.push(0);
    assert!(matches!(CertificateRequest::from_der(&trailing), Err(Error::Der(_))));

    let weak = request(&made, &["rsa:1024"], &subject);
    assert!(matches!(refused(&weak), Error::Key(KeyNotSupported)));
    let curve = request(&made, &["ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"], &subject);
    assert!(matches!(refused(&curve), Error::Key(KeyNotSupported)));
    let sha1 = request(&made, &["rsa:2048", "-sha1"], &subject);
    let error = refused(&sha1);
    assert!(error.to_string().contains("signed with RSA with SHA-1 (1.2.840.113549.1.1.5)"), "{error}");
    assert!(matches!(error, Error::Algorithm { oid } if oid == "1.2.840.113549.1.1.5"));
    let pss = request(&made, &["rsa:2048", "-sigopt", "rsa_padding_mode:pss"], &subject);
    assert!(refused(&pss).to_string().contains("signed with RSASSA-PSS (1.2.840.113549.1.1.10)"));
}

#[test]
fn a_profile_narrows_what_is_taken() {
    use CertificateRequestError as Error;
    let made = Made::new("sensor-001");
    let id = "sensor-001".parse().expect("id");
    let only_p256 = "kind = 'device'\nvalidity = { days = 1 }\nkey_usage = ['digital-signature']\n";
    let only_p256 = Profile::from_toml(&format!("{only_p256}csr_subject = 'equal'\n")).expect("profile");
    let rsa = request(&made, &["rsa:2048"], &["-subj", "/CN=sensor-001"]);
    let rsa = CertificateRequest::from_pem(&rsa).expect("request");
    assert!(matches!(rsa.check(&only_p256, &id), Err(Error::NotPermitted(_))));
    let other =
        CertificateRequest::from_pem(&request(&made, &P256, &["-subj", "/CN=chip-77"])).expect("request");
    let error = other.check(&only_p256, &id).expect_err("another name");
    assert!(matches!(error, Error::Subject { found, .. } if found == "chip-77"));
    let both = request(&made, &P256, &["-subj", "/CN=sensor-001/O=x/CN=chip-77"]);
    let both = CertificateRequest::from_pem(&both).expect("request");
    let error = both.check(&only_p256, &id).expect_err("two names");
    assert!(matches!(error, Error::Subject { found, .. } if found == "sensor-001, chip-77"));
    assert_eq!(both.subject_common_name(), None);
    other.check(&profile("azure-device"), &id).expect("the subject is ignored");
}

#[test]
fn the_old_label_is_taken() {
    let made = Made::new("sensor-001");
    let old =
        request(&made, &P256, &["-subj", "/CN=sensor-001"]).replace("CERTIFICATE REQ", "NEW CERTIFICATE REQ");
    CertificateRequest::from_pem(&old).expect("request");
}

/// Some devices write the attributes of a name in any order. What they signed is what they wrote.
#[test]
fn a_name_whose_parts_are_not_sorted_is_proven_as_it_stands() {
    const COUNTRY: [u8; 11] = [0x30, 9, 6, 3, 0x55, 4, 6, 0x13, 2, b'T', b'W'];
    const ECDSA_WITH_SHA256: [u8; 12] = [0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
    let made = Made::new("sensor-001");
    let subject = ["-multivalue-rdn", "-subj", "/O=Maker/C=TW+CN=sensor-001"];
    let asked = ["req", "-new", "-batch", "-key", "leaf.key", "-outform", "DER"];
    let sorted = made.openssl(&[&asked[..], &subject].concat()).stdout;
    // Three octets of header before what is signed, and behind that its algorithm and signature.
    let end = sorted.windows(12).position(|window| window == ECDSA_WITH_SHA256).expect("algorithm");
    let mut signed = sorted[3..end].to_vec();
    let country = signed.windows(11).position(|window| window == COUNTRY).expect("country");
    // Its neighbour in the set takes two octets of header and 17 of contents.
    signed[country..country + COUNTRY.len() + 19].rotate_left(COUNTRY.len());
    let signature = made.key.sign(&signed).expect("signature");
    let length = |octets: usize| u8::try_from(octets).expect("a short one");
    let bits = [&[3, length(signature.len() + 1), 0], &signature[..]].concat();
    let all = [signed, ECDSA_WITH_SHA256.to_vec(), bits].concat();
    let unsorted = [&[0x30, 0x81, length(all.len())], &all[..]].concat();
    let request = CertificateRequest::from_der(&unsorted).expect("request");
    assert_eq!(request.subject_common_name().as_deref(), Some("sensor-001"));
    accepted(&made.openssl_fed(&["req", "-verify", "-noout"], request.to_pem().as_bytes()));
}
