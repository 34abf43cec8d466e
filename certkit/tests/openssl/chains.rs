//! Certificates and chains.

use certkit::{
    Certificate, CertificateError, CertificateSerial, CertificateSerialError, Chain, IssueError, Issuer,
    KeyAlgorithm, RegistrationId, Signer, SoftwareSigner, Subject,
};

use crate::made::{Made, accepted, profile, rejected, text};

#[test]
fn a_chain_is_verified_strictly() {
    let made = Made::new("sensor-001");
    accepted(&made.verify(&["-CAfile", "root.pem", "-untrusted", "intermediate.pem", "leaf.pem"]));
    // The device's own file: the leaf first, the others found behind it.
    accepted(&made.verify(&["-CAfile", "root.pem", "-untrusted", "chain.pem", "chain.pem"]));
    accepted(&made.openssl(&["verify", "-x509_strict", "-check_ss_sig", "-CAfile", "root.pem", "root.pem"]));
    // DPS may hold the intermediate alone.
    accepted(&made.verify(&["-partial_chain", "-trusted", "intermediate.pem", "leaf.pem"]));
}

#[test]
fn chains_of_every_kind_of_key_are_verified() {
    use KeyAlgorithm::{P256, P384, Rsa2048, Rsa3072, Rsa4096};
    let kinds = [
        ([P384, P384, P384], "ecdsa-with-SHA384"),
        ([Rsa2048, Rsa2048, Rsa2048], "sha256WithRSAEncryption"),
        ([Rsa4096, Rsa3072, P256], "sha256WithRSAEncryption"),
        ([P256, P256, Rsa3072], "ecdsa-with-SHA256"),
    ];
    for (keys, signed_with) in kinds {
        let made = Made::with_keys("sensor-001", keys);
        accepted(&made.verify(&["-CAfile", "root.pem", "-untrusted", "intermediate.pem", "leaf.pem"]));
        let of_key = made.openssl(&["pkey", "-in", "leaf.key", "-pubout"]);
        accepted(&of_key);
        assert_eq!(of_key.stdout, made.openssl(&["x509", "-in", "leaf.pem", "-noout", "-pubkey"]).stdout);
        let whole = text(&made.openssl(&["x509", "-in", "leaf.pem", "-noout", "-text"]));
        assert!(whole.contains(&format!("Signature Algorithm: {signed_with}")), "{keys:?}: {whole}");
    }
}

#[test]
fn the_longest_common_name_and_every_character_of_an_id_are_verified() {
    for id in [format!("{}-", "a".repeat(63)), "sn:007_888.abc-".to_owned()] {
        let made = Made::new(&id);
        accepted(&made.verify(&["-CAfile", "root.pem", "-untrusted", "intermediate.pem", "leaf.pem"]));
        let subject =
            made.openssl(&["x509", "-in", "leaf.pem", "-noout", "-subject", "-nameopt", "multiline"]);
        assert!(
            text(&subject).contains(&format!("commonName                = {id}\n")),
            "{}",
            text(&subject)
        );
    }
}

#[test]
fn broken_chains_are_rejected_by_openssl_and_by_us() {
    let made = Made::new("sensor-001");
    let other = Made::new("sensor-001");
    made.put("other-root.pem", &other.root.to_pem());
    made.put("other-intermediate.pem", &other.chain.certificates()[1].to_pem());
    let of_another_root = ["-CAfile", "other-root.pem", "-untrusted", "intermediate.pem", "leaf.pem"];
    rejected(&made.verify(&of_another_root), "unable to get local issuer certificate");
    let of_another_issuer = ["-CAfile", "other-root.pem", "-untrusted", "other-intermediate.pem", "leaf.pem"];
    rejected(&made.verify(&of_another_issuer), "unable to get local issuer certificate");
    rejected(&made.verify(&["-CAfile", "root.pem", "leaf.pem"]), "unable to get local issuer certificate");

    let [leaf, intermediate, root] = made.chain.certificates() else { panic!("three certificates") };
    let foreign = &other.chain.certificates()[1];
    assert!(Chain::new(vec![leaf.clone(), foreign.clone()]).is_err());
    assert!(Chain::new(vec![leaf.clone(), root.clone()]).is_err());
    assert!(Chain::new(vec![intermediate.clone(), leaf.clone()]).is_err());
    assert!(Chain::new(vec![leaf.clone(), intermediate.clone(), other.root]).is_err());
}

#[test]
fn a_tampered_leaf_is_rejected() {
    let made = Made::new("sensor-001");
    let mut der = made.chain.leaf().der().to_vec();
    let at = der.windows(10).position(|bytes| bytes == b"sensor-001").expect("common name");
    der[at + 9] = b'2';
    let tampered = Certificate::from_der(&der).expect("still a certificate");
    assert_eq!(tampered.subject_common_name(), Some("sensor-002"));
    made.put("tampered.pem", &tampered.to_pem());
    let arguments = ["-CAfile", "root.pem", "-untrusted", "intermediate.pem", "tampered.pem"];
    rejected(&made.verify(&arguments), "certificate signature failure");
    let error =
        Chain::new(vec![tampered, made.chain.certificates()[1].clone()]).expect_err("refused").to_string();
    assert!(error.contains("the signature on \"CN=sensor-002\""), "{error}");
}

/// Another tool's authority: a country as PrintableString, a key identifier made with SHA-1.
#[test]
fn an_authority_that_openssl_made_can_issue() {
    let made = Made::new("sensor-001");
    let generate =
        ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-aes256", "-pass", "fd:0"];
    let sealed = text(&made.openssl_fed(&generate, b"secret\n"));
    made.put("ca.key", &sealed);
    let request = |subject| {
        let mut arguments =
            vec!["req", "-x509", "-new", "-key", "ca.key", "-passin", "fd:0", "-days", "7300"];
        arguments.extend(["-addext", "keyUsage=critical,keyCertSign", "-subj", subject]);
        Certificate::from_pem(&text(&made.openssl_fed(&arguments, b"secret\n"))).expect("CA certificate")
    };
    let signer = || SoftwareSigner::from_encrypted_pem(&sealed, b"secret").expect("key");
    let certificate = request("/C=DE/O=Müller, Söhne/CN=Root");
    made.put("ca.pem", &certificate.to_pem());
    let now = certificate.not_before();
    let issuer = Issuer::new(certificate, Box::new(signer())).expect("issuer");
    let subject = Subject::Device(RegistrationId::parse("sensor-001").expect("id"));
    let serial = CertificateSerial::new(9, [1; 8]);
    let leaf =
        issuer.issue(&profile("azure-device"), &subject, made.key.public_key(), &serial, now).expect("leaf");
    made.put("under.pem", &leaf.to_pem());
    let at = now.unix_timestamp().to_string();
    let verify =
        ["verify", "-x509_strict", "-purpose", "sslclient", "-attime", &at, "-CAfile", "ca.pem", "under.pem"];
    accepted(&made.openssl(&verify));

    // rcgen keeps one value of a type: such a name would come out as another.
    let error = Issuer::new(request("/OU=a/OU=b/CN=Root"), Box::new(signer())).expect_err("a part twice");
    assert!(matches!(error, IssueError::Name { .. }), "{error:?}");
    let error =
        Issuer::new(request("/O=a+OU=b/CN=Root"), Box::new(signer())).expect_err("two values in one part");
    assert!(matches!(error, IssueError::Name { .. }), "{error:?}");
}

#[test]
fn extensions_are_what_the_profiles_say() {
    let made = Made::new("sensor-001");
    let shown = |name: &str| {
        text(&made.openssl(&[
            "x509",
            "-in",
            name,
            "-noout",
            "-ext",
            "basicConstraints,keyUsage,extendedKeyUsage,subjectKeyIdentifier,authorityKeyIdentifier",
        ]))
    };
    let key_id = |text: &str, title: &str| {
        let after = text.split_once(title).expect("title").1;
        after.lines().nth(1).expect("value").trim().to_owned()
    };
    let (root, intermediate, leaf) = (shown("root.pem"), shown("intermediate.pem"), shown("leaf.pem"));
    let authority = "X509v3 Key Usage: critical\n    Digital Signature, Certificate Sign, CRL Sign\n";
    assert!(root.contains("X509v3 Basic Constraints: critical\n    CA:TRUE, pathlen:2\n"), "{root}");
    assert!(root.contains(authority), "{root}");
    assert!(
        intermediate.contains("X509v3 Basic Constraints: critical\n    CA:TRUE, pathlen:0\n"),
        "{intermediate}"
    );
    assert!(intermediate.contains(authority), "{intermediate}");
    assert!(leaf.contains("X509v3 Basic Constraints: critical\n    CA:FALSE\n"), "{leaf}");
    assert!(leaf.contains("X509v3 Key Usage: critical\n    Digital Signature\n"), "{leaf}");
    assert!(leaf.contains("X509v3 Extended Key Usage: \n    TLS Web Client Authentication\n"), "{leaf}");
    for (issued, issuer) in [(&leaf, &intermediate), (&intermediate, &root), (&root, &root)] {
        let authority = key_id(issued, "X509v3 Authority Key Identifier:");
        assert_eq!(authority, key_id(issuer, "X509v3 Subject Key Identifier:"));
    }
    let whole = text(&made.openssl(&["x509", "-in", "leaf.pem", "-noout", "-text"]));
    for part in [
        "01:00:00:00:00:00:00:00:03:a5:a5:a5:a5:a5:a5:a5:a5",
        "Signature Algorithm: ecdsa-with-SHA256",
        "Issuer: CN = \"Contoso, Line 1\"",
        // The root began a day before its issue, and nothing begins before its issuer.
        "Not Before: Nov 23 08:00:00 2026 GMT",
        "Not After : Nov 24 08:00:00 2036 GMT",
        "NIST CURVE: P-256",
    ] {
        assert!(whole.contains(part), "{part}: {whole}");
    }
}

#[test]
fn a_tls_client_s_certificate_is_what_openssl_takes_for_one() {
    let made = Made::new("sensor-001");
    for (extensions, takes) in [
        (&[][..], true),
        (&["keyUsage=digitalSignature", "extendedKeyUsage=clientAuth"], true),
        (&["extendedKeyUsage=serverAuth,clientAuth"], true),
        (&["extendedKeyUsage=serverAuth"], false),
        (&["keyUsage=keyEncipherment"], false),
    ] {
        let subject = ["req", "-x509", "-key", "leaf.key", "-subj", "/CN=sensor-001"];
        let basic = ["-addext", "basicConstraints=CA:FALSE"];
        let more = extensions.iter().flat_map(|extension| ["-addext", extension]);
        let arguments: Vec<&str> = subject.into_iter().chain(basic).chain(more).collect();
        let pem = text(&made.openssl(&arguments));
        let shown = made.openssl_fed(&["x509", "-noout", "-purpose"], pem.as_bytes());
        let expected = if takes { "SSL client : Yes" } else { "SSL client : No" };
        assert!(text(&shown).contains(expected), "{extensions:?}: {}", text(&shown));
        let certificate = Certificate::from_pem(&pem).expect("certificate");
        assert_eq!(certificate.authenticates_clients().ok(), Some(takes), "{extensions:?}");
    }
}

#[test]
fn two_common_names_are_none() {
    let made = Made::new("sensor-001");
    let asked = ["req", "-x509", "-key", "leaf.key", "-subj"];
    let name = |subject: &str| {
        let pem = text(&made.openssl(&[&asked[..], &[subject, "-multivalue-rdn"]].concat()));
        Certificate::from_pem(&pem).expect("certificate").subject_common_name().map(str::to_owned)
    };
    assert_eq!(name("/O=x/CN=sensor-001/OU=y"), Some("sensor-001".to_owned()));
    assert_eq!(name("/CN=sensor-001/CN=chip-77"), None);
    assert_eq!(name("/CN=sensor-001+CN=chip-77"), None);
    assert_eq!(name("/O=x"), None);
}

/// A serial is what openssl shows, or nothing: -5 and 251 have the same octet, and only one of them a second.
#[test]
fn a_serial_is_read_with_its_sign() {
    use CertificateSerialError as Error;
    let made = Made::new("sensor-001");
    let asked = ["req", "-x509", "-key", "leaf.key", "-subj", "/CN=sensor-001", "-set_serial"];
    let read = |serial: &str| Certificate::from_pem(&text(&made.openssl(&[&asked[..], &[serial]].concat())));
    let refused = |serial| match read(serial).expect_err("refused") {
        CertificateError::Serial { subject, source } => (subject, source),
        other => panic!("{other:?}"),
    };
    assert_eq!(read("251").expect("certificate").serial().to_string(), "fb");
    assert_eq!(refused("-5"), ("CN=sensor-001".to_owned(), Error::Negative));
    assert_eq!(refused("0"), ("CN=sensor-001".to_owned(), Error::Zero));
}
