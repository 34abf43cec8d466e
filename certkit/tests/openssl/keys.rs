//! Private keys, in clear and sealed, and their signatures.

use std::fs::File;
use std::io::Write;
use std::time::Instant;

use certkit::{KeyAlgorithm, Signer, SignerError, SoftwareSigner};

use crate::made::{Made, accepted, rejected, text};

#[test]
fn the_key_matches_the_leaf() {
    let made = Made::new("sensor-001");
    let of_key = made.openssl(&["pkey", "-in", "leaf.key", "-pubout"]);
    let of_leaf = made.openssl(&["x509", "-in", "leaf.pem", "-noout", "-pubkey"]);
    accepted(&of_key);
    assert_eq!(of_key.stdout, of_leaf.stdout);
    accepted(&made.openssl(&["pkey", "-in", "leaf.key", "-noout", "-check"]));
    // The public key is inside: asn1parse shows its tag, [1].
    let parsed = made.openssl(&["asn1parse", "-in", "leaf.key", "-strparse", "27"]);
    assert!(text(&parsed).contains("cont [ 1 ]"), "{}", text(&parsed));
}

#[test]
fn signatures_go_both_ways() {
    let made = Made::new("sensor-001");
    made.put("nonce", "station-challenge");
    made.put("leaf.pub", &text(&made.openssl(&["pkey", "-in", "leaf.key", "-pubout"])));
    let theirs = made.openssl(&["dgst", "-sha256", "-sign", "leaf.key", "nonce"]);
    made.chain.leaf().public_key().verify(b"station-challenge", &theirs.stdout).expect("openssl's signature");
    let ours = made.key.sign(b"station-challenge").expect("signature");
    File::create_new(made.path("signature")).and_then(|mut file| file.write_all(&ours)).expect("signature");
    accepted(&made.openssl(&["dgst", "-sha256", "-verify", "leaf.pub", "-signature", "signature", "nonce"]));
}

#[test]
fn our_sealed_key_opens_in_openssl_with_its_passphrase_only() {
    let made = Made::new("sensor-001");
    let started = Instant::now();
    made.put("sealed.key", &made.key.to_encrypted_pem("pässword 1".as_bytes(), [3; 32]).expect("sealed"));
    println!("sealing took {:?}", started.elapsed());
    let open = ["pkey", "-in", "sealed.key", "-passin", "fd:0", "-pubout"];
    let opened = made.openssl_fed(&open, "pässword 1\n".as_bytes());
    accepted(&opened);
    assert_eq!(opened.stdout, made.openssl(&["pkey", "-in", "leaf.key", "-pubout"]).stdout);
    rejected(&made.openssl_fed(&open, b"password 1\n"), "");
    let parsed = text(&made.openssl(&["asn1parse", "-in", "sealed.key"]));
    for part in ["PBES2", "PBKDF2", "hmacWithSHA256", "aes-256-cbc", "0927C0"] {
        assert!(parsed.contains(part), "{part}: {parsed}");
    }
}

#[test]
fn keys_of_every_kind_go_both_ways_sealed() {
    let made = Made::new("sensor-001");
    let kinds: [(KeyAlgorithm, &[&str]); 3] = [
        (KeyAlgorithm::P384, &["EC", "-pkeyopt", "ec_paramgen_curve:P-384"]),
        (KeyAlgorithm::Rsa2048, &["RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
        (KeyAlgorithm::Rsa3072, &["RSA", "-pkeyopt", "rsa_keygen_bits:3072"]),
    ];
    for (algorithm, options) in kinds {
        let ours = SoftwareSigner::generate(algorithm).expect("key");
        let name = format!("{algorithm}.key");
        made.put(&name, &ours.to_encrypted_pem(b"secret", [3; 32]).expect("sealed"));
        let public = ["pkey", "-in", &name, "-passin", "fd:0", "-pubout", "-outform", "DER"];
        assert_eq!(made.openssl_fed(&public, b"secret\n").stdout, ours.public_key().spki_der());
        made.put(&format!("{algorithm}.clear"), &ours.to_pkcs8_pem());
        accepted(&made.openssl(&["pkey", "-in", &format!("{algorithm}.clear"), "-noout", "-check"]));

        let mut generate = vec!["genpkey", "-aes256", "-pass", "fd:0", "-algorithm"];
        generate.extend(options);
        let sealed = text(&made.openssl_fed(&generate, b"secret\n"));
        let sealed = &sealed[sealed.find("-----BEGIN").expect("a key")..];
        let theirs = SoftwareSigner::from_encrypted_pem(sealed, b"secret").expect("theirs");
        assert_eq!(theirs.public_key().algorithm(), algorithm);
    }
}

#[test]
fn openssl_s_sealed_keys_open_here() {
    let made = Made::new("sensor-001");
    let curve = |name| format!("ec_paramgen_curve:{name}");
    let p256 = curve("P-256");
    let generate = ["genpkey", "-algorithm", "EC", "-pkeyopt", &p256, "-aes256", "-pass", "fd:0"];
    let sealed = text(&made.openssl_fed(&generate, b"secret\n"));
    made.put("theirs.key", &sealed);
    let key = SoftwareSigner::from_encrypted_pem(&sealed, b"secret").expect("genpkey's");
    let public = made.openssl_fed(
        &["pkey", "-in", "theirs.key", "-passin", "fd:0", "-pubout", "-outform", "DER"],
        b"secret\n",
    );
    assert_eq!(key.public_key().spki_der(), public.stdout);
    let wrong = SoftwareSigner::from_encrypted_pem(&sealed, b"Secret").expect_err("wrong passphrase");
    assert!(matches!(wrong, SignerError::WrongPassphrase), "{wrong:?}");

    let scrypt = ["pkcs8", "-topk8", "-in", "leaf.key", "-scrypt", "-passout", "fd:0"];
    let sealed = text(&made.openssl_fed(&scrypt, b"secret\n"));
    let key = SoftwareSigner::from_encrypted_pem(&sealed, b"secret").expect("scrypt");
    assert_eq!(key.public_key(), made.key.public_key());
}

#[test]
fn keys_of_other_kinds_are_named_for_what_they_are() {
    let made = Made::new("sensor-001");
    let generate =
        ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521", "-aes256", "-pass", "fd:0"];
    let p521 = text(&made.openssl_fed(&generate, b"secret\n"));
    let error = SoftwareSigner::from_encrypted_pem(&p521, b"secret").expect_err("P-521");
    assert!(matches!(error, SignerError::NotSupported), "{error:?}");
    for how in [&["-v2", "des3"][..], &["-v1", "PBE-SHA1-3DES"], &["-v2", "aes256", "-v2prf", "hmacWithSHA1"]]
    {
        let mut arguments = vec!["pkcs8", "-topk8", "-in", "leaf.key", "-passout", "fd:0"];
        arguments.extend(how);
        let sealed = text(&made.openssl_fed(&arguments, b"secret\n"));
        let error = SoftwareSigner::from_encrypted_pem(&sealed, b"secret").expect_err("old ciphers");
        assert!(matches!(error, SignerError::Encryption(_)), "{how:?}: {error:?}");
    }
}
