//! Private keys and chains in the forms that targets read, both ways with openssl.

use certkit::{KeyAlgorithm, KeyFormat, PrivateKey};

use crate::made::{Made, accepted, text};

#[test]
fn each_form_of_a_key_is_what_openssl_writes() {
    let made = Made::new("sensor-001");
    for (algorithm, format, program) in [
        (KeyAlgorithm::P256, KeyFormat::Sec1, "ec"),
        (KeyAlgorithm::P384, KeyFormat::Sec1, "ec"),
        (KeyAlgorithm::Rsa2048, KeyFormat::Pkcs1, "rsa"),
    ] {
        let (key, public_key) = PrivateKey::generate(algorithm).expect("key");
        let (pkcs8, own) = (format!("{algorithm}.pkcs8"), format!("{algorithm}.own"));
        made.put(&pkcs8, &key.to_pem(KeyFormat::Pkcs8).expect("PKCS#8"));
        let ours = key.to_pem(format).expect("own form");
        made.put(&own, &ours);
        accepted(&made.openssl(&["pkey", "-in", &pkcs8, "-noout", "-check"]));
        accepted(&made.openssl(&["pkey", "-in", &own, "-noout", "-check"]));
        let public = made.openssl(&["pkey", "-in", &own, "-pubout", "-outform", "DER"]);
        assert_eq!(public.stdout, public_key.spki_der(), "{algorithm}");
        // From our PKCS#8 openssl makes the same own form, byte for byte.
        let mut convert = vec![program, "-in", &pkcs8];
        if program == "rsa" {
            convert.push("-traditional");
        }
        assert_eq!(String::from_utf8(made.openssl(&convert).stdout).expect("PEM"), *ours, "{algorithm}");
        let theirs = made.openssl(&["pkcs8", "-topk8", "-nocrypt", "-in", &own, "-outform", "DER"]);
        assert_eq!(theirs.stdout, **key.to_der(KeyFormat::Pkcs8).expect("PKCS#8"), "{algorithm}");
        let der = key.to_der(format).expect("own form");
        let read = made.openssl_fed(&["pkey", "-inform", "DER", "-pubout", "-outform", "DER"], &der);
        assert_eq!(read.stdout, public_key.spki_der(), "{algorithm}, {}", text(&read));
    }
}

#[cfg(feature = "pkcs12")]
mod pkcs12 {
    use certkit::{Certificate, Pkcs12Error, from_pkcs12, to_pkcs12};
    use std::fs::File;
    use std::io::Write;

    use super::*;
    use crate::made::rejected;

    #[test]
    fn ours_opens_in_openssl_with_its_password_only() {
        for leaf_key in [KeyAlgorithm::P256, KeyAlgorithm::Rsa2048] {
            let made = Made::with_keys("sensor-001", [KeyAlgorithm::P256, KeyAlgorithm::P256, leaf_key]);
            let key = made.key.private_key();
            let chain = made.chain.certificates().iter().map(Certificate::der);
            let store = to_pkcs12(&key, chain, "sensor-001", "pässword 1").expect("PKCS#12");
            File::create_new(made.path("ours.p12"))
                .and_then(|mut file| file.write_all(&store))
                .expect("file");
            let open = |more: &[&str], password: &str| {
                let arguments = [&["pkcs12", "-in", "ours.p12", "-passin", "fd:0"], more].concat();
                made.openssl_fed(&arguments, format!("{password}\n").as_bytes())
            };
            let info = open(&["-info", "-noout"], "pässword 1");
            accepted(&info);
            for part in [
                "PBES2, PBKDF2, AES-256-CBC, Iteration 100000, PRF hmacWithSHA256",
                "MAC: sha256, Iteration 100000",
            ] {
                assert!(text(&info).contains(part), "{part}: {}", text(&info));
            }
            let read = open(&["-nocerts", "-nodes"], "pässword 1");
            assert!(text(&read).contains(&**key.to_pem(KeyFormat::Pkcs8).expect("PEM")), "{}", text(&read));
            let certificates = text(&open(&["-nokeys"], "pässword 1"));
            for certificate in made.chain.certificates() {
                assert!(certificates.contains(&certificate.to_pem()), "{certificates}");
            }
            let leaf = text(&open(&["-nokeys", "-clcerts"], "pässword 1"));
            assert!(
                leaf.contains(&made.chain.leaf().to_pem()) && leaf.matches("BEGIN").count() == 1,
                "{leaf}"
            );
            rejected(&open(&["-info", "-noout"], "password 1"), "invalid password");
            let (again, chain) = from_pkcs12(&store, "pässword 1").expect("ours");
            assert_eq!((again, chain), (key, made.chain.clone()));
            assert!(matches!(from_pkcs12(&store, "other"), Err(Pkcs12Error::Read(_))));
        }
    }

    #[test]
    fn openssl_s_opens_here_and_what_does_not_belong_together_is_refused() {
        let made = Made::new("sensor-001");
        let export = |key: &str, leaf: &str, more: &[&str]| {
            let arguments =
                [&["pkcs12", "-export", "-inkey", key, "-in", leaf, "-passout", "fd:0"][..], more].concat();
            let exported = made.openssl_fed(&arguments, b"secret\n");
            accepted(&exported);
            exported.stdout
        };
        let (key, chain) = from_pkcs12(&export("leaf.key", "chain.pem", &[]), "secret").expect("theirs");
        assert_eq!((key, &chain), (made.key.private_key(), &made.chain));
        let old = export("leaf.key", "chain.pem", &["-certpbe", "PBE-SHA1-3DES", "-keypbe", "PBE-SHA1-3DES"]);
        assert!(matches!(from_pkcs12(&old, "secret"), Err(Pkcs12Error::Read(_))));
        let alone = made.openssl_fed(
            &["pkcs12", "-export", "-nocerts", "-inkey", "leaf.key", "-passout", "fd:0"],
            b"secret\n",
        );
        assert!(matches!(from_pkcs12(&alone.stdout, "secret"), Err(Pkcs12Error::NoKey)));
        assert!(matches!(from_pkcs12(b"noise", "secret"), Err(Pkcs12Error::Read(_))));
        // Another leaf's key: openssl refuses to write that, and this reads what such a program wrote.
        let other = Made::new("sensor-002");
        let chain = other.chain.certificates().iter().map(Certificate::der);
        let mixed = to_pkcs12(&made.key.private_key(), chain, "x", "secret").expect("mixed");
        let error = from_pkcs12(&mixed, "secret").expect_err("mixed");
        assert!(
            matches!(error, Pkcs12Error::KeyNotOwn { ref subject } if subject == "CN=sensor-002"),
            "{error}"
        );
        let none: [&[u8]; 0] = [];
        assert!(matches!(to_pkcs12(&made.key.private_key(), none, "x", ""), Err(Pkcs12Error::NoPassword)));
    }
}
