//! Keys made inside a token: they sign, and they never come out.

use std::process::Command;
use std::thread;

use certkit::{
    CertificateSerial, Chain, CommonName, Issuer, KeyAlgorithm, Profile, RegistrationId, Signer,
    SoftwareSigner, Subject, Token, TokenError, TokenSigner,
};
use cryptoki::context::Pkcs11;
use cryptoki::object::{Attribute, AttributeType, ObjectClass};
use time::macros::datetime;

use crate::tokens::{MODULE, PIN, Tokens, uri, with_tokens};

const MESSAGE: &[u8] = b"what is to be signed";

fn token() -> Token {
    Token::open(&uri("token=line"), PIN.as_bytes()).unwrap()
}

fn write(tokens: &Tokens, name: &str, bytes: &[u8]) -> String {
    let path = tokens.folder().join(name);
    std::io::Write::write_all(&mut std::fs::File::create_new(&path).unwrap(), bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn openssl_accepts_what_keys_of_each_kind_sign() {
    with_tokens("keys::openssl_accepts_what_keys_of_each_kind_sign", &["line"], |tokens| {
        let token = token();
        for (algorithm, hash) in [
            (KeyAlgorithm::P256, "-sha256"),
            (KeyAlgorithm::P384, "-sha384"),
            (KeyAlgorithm::Rsa2048, "-sha256"),
            (KeyAlgorithm::Rsa3072, "-sha256"),
        ] {
            let made = token.generate(algorithm, algorithm.as_str(), algorithm.as_str().as_bytes()).unwrap();
            let found = token.signer(&uri(&format!("object={algorithm};type=private"))).unwrap();
            assert_eq!(made.public_key(), found.public_key());
            assert_eq!(made.public_key().algorithm(), algorithm);
            // Short r and s come once in 256 signatures; every one must be DER.
            for round in 0..600 {
                let signature = found.sign(MESSAGE).unwrap();
                assert_eq!(
                    made.public_key().verify(MESSAGE, &signature),
                    Ok(()),
                    "{algorithm}, round {round}"
                );
                if algorithm != KeyAlgorithm::P256 {
                    break;
                }
            }
            let signature = write(tokens, &format!("{algorithm}.sig"), &found.sign(MESSAGE).unwrap());
            let key = write(tokens, &format!("{algorithm}.der"), found.public_key().spki_der());
            let message = write(tokens, &format!("{algorithm}.txt"), MESSAGE);
            let arguments =
                ["dgst", hash, "-keyform", "DER", "-verify", &key, "-signature", &signature, &message];
            let judged = Command::new("openssl").args(arguments).output().unwrap();
            assert_eq!(String::from_utf8_lossy(&judged.stdout), "Verified OK\n", "{algorithm}: {judged:?}");
        }
    });
}

#[test]
fn a_second_program_sees_keys_that_never_come_out() {
    with_tokens("keys::a_second_program_sees_keys_that_never_come_out", &["line"], |tokens| {
        let token = token();
        for (algorithm, id) in
            [(KeyAlgorithm::P256, "01"), (KeyAlgorithm::P384, "02"), (KeyAlgorithm::Rsa2048, "03")]
        {
            token.generate(algorithm, &format!("key {algorithm}"), &[id.parse().unwrap()]).unwrap();
            let login = ["--token-label", "line", "--login", "--pin", PIN];
            let search = ["--list-objects", "--type", "privkey", "--id", id];
            let (_, listed) = tokens.pkcs11_tool(&[&login[..], &search].concat());
            let access =
                listed.lines().find(|line| line.contains("Access:")).unwrap_or_else(|| panic!("{listed}"));
            for flag in ["sensitive", "always sensitive", "never extractable", "local"] {
                assert!(access.contains(flag), "{flag}: {listed}");
            }
            let usage = listed.lines().find(|line| line.contains("Usage:")).unwrap();
            assert_eq!(usage.split_once(':').unwrap().1.trim(), "sign", "{listed}");
            assert_eq!(values_shown(&[id.parse().unwrap()]), Vec::new(), "{algorithm}");
        }
    });
}

/// Which secret values of a private key the module gives to whoever asks it, without anything of ours in between.
fn values_shown(id: &[u8]) -> Vec<AttributeType> {
    let module = Pkcs11::new(MODULE).unwrap();
    let slot = module.get_slots_with_initialized_token().unwrap()[0];
    let session = module.open_ro_session(slot).unwrap(); // logged in, as this process is
    let wanted = [Attribute::Class(ObjectClass::PRIVATE_KEY), Attribute::Id(id.to_vec())];
    let key = session.find_objects(&wanted).unwrap()[0];
    let secrets = [
        AttributeType::Value,
        AttributeType::PrivateExponent,
        AttributeType::Prime1,
        AttributeType::Coefficient,
    ];
    let shown = |secret: &AttributeType| !session.get_attributes(key, &[*secret]).unwrap().is_empty();
    // The question is one that gets an answer where there is nothing to hide.
    assert!(!session.get_attributes(key, &[AttributeType::Label]).unwrap().is_empty());
    secrets.into_iter().filter(shown).collect()
}

#[test]
fn nothing_on_a_token_is_overwritten_and_what_failed_is_removed() {
    with_tokens("keys::nothing_on_a_token_is_overwritten_and_what_failed_is_removed", &["line"], |_| {
        let token = token();
        let first = token.generate(KeyAlgorithm::P256, "ca", &[1]).unwrap();
        for (label, id) in [("ca", [2]), ("other", [1])] {
            let error = token.generate(KeyAlgorithm::P256, label, &id).unwrap_err();
            assert!(matches!(error, TokenError::Exists { .. }), "{error:?}");
        }
        assert_eq!(token.signer(&uri("object=ca")).unwrap().public_key(), first.public_key());

        let missing = |attributes: &str| token.signer(&uri(attributes)).unwrap_err();
        assert!(matches!(missing("object=none"), TokenError::NoKey { .. }));
        assert!(matches!(missing("object=ca;id=%02"), TokenError::NoKey { .. }));
        assert!(matches!(missing("object=ca;type=cert"), TokenError::NoPrivateKey { .. }));
        token.generate(KeyAlgorithm::P256, "other", &[2]).unwrap();
        assert!(matches!(missing("token=line"), TokenError::SeveralKeys { count: 2, .. }));

        token.destroy(first).unwrap();
        assert!(matches!(missing("object=ca"), TokenError::NoKey { .. }));
        token.generate(KeyAlgorithm::P384, "ca", &[1]).unwrap();
    });
}

#[test]
fn eight_threads_sign_at_a_time() {
    with_tokens("keys::eight_threads_sign_at_a_time", &["line"], |_| {
        let token = token();
        let signer = token.generate(KeyAlgorithm::P256, "ca", &[1]).unwrap();
        thread::scope(|scope| {
            for thread in 0..8u8 {
                let signer = &signer;
                scope.spawn(move || {
                    for round in 0..50u8 {
                        let message = [thread, round];
                        let signature = signer.sign(&message).unwrap();
                        assert_eq!(signer.public_key().verify(&message, &signature), Ok(()));
                    }
                });
            }
        });
    });
}

/// A folder that is moved away is a token that was pulled out.
#[test]
#[expect(clippy::disallowed_methods, reason = "nothing can be there: the folder is the test's own")]
fn a_token_that_is_gone_is_an_error_that_names_it() {
    with_tokens("keys::a_token_that_is_gone_is_an_error_that_names_it", &["line"], |tokens| {
        let token = token();
        let signer = token.generate(KeyAlgorithm::P256, "ca", &[1]).unwrap();
        signer.sign(MESSAGE).unwrap();
        std::fs::rename(tokens.folder().join("tokens"), tokens.folder().join("pulled")).unwrap();
        let error = signer.sign(MESSAGE).unwrap_err();
        assert!(matches!(error, certkit::SignerError::Token(_)), "{error:?}");
        let cause = std::error::Error::source(&error).unwrap();
        let cause = cause.downcast_ref::<TokenError>().unwrap();
        assert!(cause.to_string().contains("token line"), "{cause}");
    });
}

fn issuer(signer: TokenSigner, kind: &str, by: Option<&Issuer>) -> Issuer {
    let now = datetime!(2026-11-24 08:00 UTC);
    let text = match kind {
        "root" => include_str!("../../../templates/profiles/root.toml"),
        _ => include_str!("../../../templates/profiles/intermediate.toml"),
    };
    let profile = Profile::from_toml(text).unwrap();
    let subject = Subject::Authority(CommonName::parse(kind).unwrap());
    let serial = CertificateSerial::new(1, [7; 8]);
    let certificate = match by {
        None => Issuer::self_signed(&profile, &subject, &signer, &serial, now).unwrap(),
        Some(by) => by.issue(&profile, &subject, signer.public_key(), &serial, now).unwrap(),
    };
    Issuer::new(certificate, Box::new(signer)).unwrap()
}

#[test]
fn root_and_intermediate_inside_a_token_issue_what_makes_a_chain() {
    with_tokens("keys::root_and_intermediate_inside_a_token_issue_what_makes_a_chain", &["line"], |_| {
        let token = token();
        for (root, intermediate) in
            [(KeyAlgorithm::P384, KeyAlgorithm::P256), (KeyAlgorithm::Rsa2048, KeyAlgorithm::P384)]
        {
            let key = |algorithm: KeyAlgorithm, role: &str| {
                let label = format!("{role} of {root}");
                token.generate(algorithm, &label, label.as_bytes()).unwrap()
            };
            let root = issuer(key(root, "root"), "root", None);
            let line = issuer(key(intermediate, "line"), "line", Some(&root));
            let profile =
                Profile::from_toml(include_str!("../../../templates/profiles/azure-device.toml")).unwrap();
            let subject = Subject::Device(RegistrationId::parse("sensor-001").unwrap());
            let key = SoftwareSigner::generate(KeyAlgorithm::P256).unwrap();
            let serial = CertificateSerial::new(3, [7; 8]);
            let now = datetime!(2026-11-24 08:00 UTC);
            let leaf = line.issue(&profile, &subject, key.public_key(), &serial, now).unwrap();
            Chain::new(vec![leaf, line.certificate().clone(), root.certificate().clone()]).unwrap();
        }
    });
}
