//! Certificates of endorsement keys: those of a software TPM (`tests/vectors/swtpm`), and good and bad ones by openssl.

use std::path::Path;

use certkit::{
    Certificate, CertificateError, ChainError, EndorsementCertificate, EndorsementCertificateError,
    EndorsementKey, MakerCertificate, PublicKey, TpmAttributes,
};
use tempfile::TempDir;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use crate::made::openssl_in;

const PURPOSE: &str = "extendedKeyUsage = 2.23.133.8.1";
const NAMES: &str = "subjectAltName = critical,dirName:tpm";
/// With two attributes in one part of the name, as some makers have it. (openssl drops what stands before the first dot.)
const TPM: &str =
    "[tpm]\n1.2.23.133.2.1 = id:53544D20\n2.+2.23.133.2.2 = ST33\n3.2.23.133.2.3 = id:00470001\n";
const AUTHORITY: &str =
    "basicConstraints = critical,CA:TRUE\nkeyUsage = critical,keyCertSign\nsubjectKeyIdentifier = hash\n";

/// As `openssl genpkey` takes it.
type Key = (&'static str, &'static str);
const P256: Key = ("EC", "ec_paramgen_curve:P-256");
const P384: Key = ("EC", "ec_paramgen_curve:P-384");
const P521: Key = ("EC", "ec_paramgen_curve:P-521");
const RSA_2048: Key = ("RSA", "rsa_keygen_bits:2048");
const RSA_3072: Key = ("RSA", "rsa_keygen_bits:3072");
const RSA_4096: Key = ("RSA", "rsa_keygen_bits:4096");

/// A maker of TPMs: openssl in a folder, with a root, an intermediate and the key of one TPM.
struct Maker {
    folder: TempDir,
}

impl Maker {
    fn new() -> Self {
        Self::with_keys([P256, P256], "-sha256")
    }

    /// The keys of root and intermediate, and how they sign.
    fn with_keys(keys: [Key; 2], hash: &str) -> Self {
        let made = Self { folder: TempDir::new().expect("folder") };
        for ((kind, option), name) in keys.into_iter().chain([RSA_2048]).zip(["root", "line", "tpm"]) {
            let out = format!("{name}.key");
            made.openssl(&["genpkey", "-algorithm", kind, "-pkeyopt", option, "-out", &out]);
        }
        made.issue("root", "root", 9000, AUTHORITY, hash);
        made.issue("line", "root", 3000, AUTHORITY, hash);
        made
    }

    /// `NAME.pem` for the key `NAME.key`, signed by the issuer's; by itself where it is its own issuer.
    fn issue(&self, name: &str, issuer: &str, days: u32, extensions: &str, hash: &str) {
        let extensions = format!("[ext]\nauthorityKeyIdentifier = keyid\n{extensions}\n{TPM}");
        let (key, out, days) = (format!("{name}.key"), format!("{name}.pem"), days.to_string());
        let (subject, request) = (format!("/CN=Contoso {name}"), format!("{name}.csr"));
        self.openssl(&["req", "-new", "-key", &key, "-subj", &subject, "-out", &request]);
        let (ca, ca_key) = (format!("{issuer}.pem"), format!("{issuer}.key"));
        let own = ["-signkey", &key];
        let others = ["-CA", &ca, "-CAkey", &ca_key, "-CAcreateserial"];
        let signer: &[&str] = if name == issuer { &own } else { &others };
        let rest = [
            "-extfile",
            "/dev/stdin",
            "-extensions",
            "ext",
            "-days",
            &days,
            hash,
            "-in",
            &request,
            "-out",
            &out,
        ];
        self.openssl_fed(&[&["x509", "-req"], signer, &rest].concat(), extensions.as_bytes());
    }

    /// The TPM's certificate with these extensions.
    fn certified(&self, extensions: &str) -> EndorsementCertificate {
        self.issue("tpm", "line", 1000, extensions, "-sha256");
        EndorsementCertificate::from_nv(self.certificate("tpm").der()).expect("read")
    }

    fn good(&self) -> EndorsementCertificate {
        self.certified(&format!("{PURPOSE}\n{NAMES}\nbasicConstraints = critical,CA:FALSE"))
    }

    fn certificate(&self, name: &str) -> MakerCertificate {
        let text = std::fs::read_to_string(self.folder.path().join(format!("{name}.pem"))).expect(name);
        MakerCertificate::of_makers_from_pem(&text).expect(name).remove(0)
    }

    fn makers(&self) -> [MakerCertificate; 2] {
        ["line", "root"].map(|name| self.certificate(name))
    }

    fn key(&self) -> EndorsementKey {
        let spki = self.openssl(&["pkey", "-in", "tpm.key", "-pubout", "-outform", "DER"]);
        EndorsementKey::from_public_key(&PublicKey::from_spki_der(&spki).expect("key")).expect("key")
    }

    fn openssl(&self, arguments: &[&str]) -> Vec<u8> {
        self.openssl_fed(arguments, b"")
    }

    fn openssl_fed(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let output = openssl_in(self.folder.path(), arguments, input);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }
}

/// An hour after the TPM's certificate was made.
fn hour_later(certificate: &EndorsementCertificate) -> OffsetDateTime {
    certificate.certificate().not_before() + Duration::hours(1)
}

fn swtpm(name: &str) -> MakerCertificate {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/vectors/swtpm/{name}.pem"));
    let text = std::fs::read_to_string(file).expect(name);
    MakerCertificate::of_makers_from_pem(&text).expect(name).remove(0)
}

#[test]
fn a_software_tpm_s_certificate_vouches_for_its_key() {
    let certificate = EndorsementCertificate::from_nv(swtpm("ek").der()).expect("read");
    let text = |text: &str| Some(text.to_owned());
    let attributes = TpmAttributes {
        manufacturer: text("id:00001014"),
        model: text("swtpm"),
        version: text("id:20191023"),
    };
    assert_eq!(certificate.attributes(), &attributes);
    let key = EndorsementKey::from_public_key(certificate.certificate().public_key()).expect("key");
    let (makers, time) = ([swtpm("issuer"), swtpm("root")], datetime!(2030-01-01 00:00 UTC));
    let root = certificate.check(&key, &makers, time).expect("vouched for");
    assert_eq!(root.subject_common_name(), Some("swtpm-localca-rootca"));
}

#[test]
fn a_certificate_with_any_bit_changed_vouches_for_nothing() {
    let good = EndorsementCertificate::from_nv(swtpm("ek").der()).expect("read");
    let key = EndorsementKey::from_public_key(good.certificate().public_key()).expect("key");
    let (makers, time) = ([swtpm("issuer"), swtpm("root")], datetime!(2030-01-01 00:00 UTC));
    let whole = swtpm("ek").der().to_vec();
    for at in 0..whole.len() {
        let mut der = whole.clone();
        der[at] ^= 1 << (at % 8);
        let checked =
            EndorsementCertificate::from_nv(&der).map(|read| read.check(&key, &makers, time).is_ok());
        assert!(!matches!(checked, Ok(true)), "byte {at}");
    }
}

#[test]
fn padding_behind_a_certificate_is_passed_over_and_nothing_else() {
    let der = swtpm("ek").der().to_vec();
    let read = |more: &[u8]| EndorsementCertificate::from_nv(&[&der, more].concat());
    for padding in [&[][..], &[0], &[0; 300], &[0xff; 17]] {
        assert_eq!(read(padding).expect("read").certificate().der(), der);
    }
    for (more, at) in [(&[0, 0, 1][..], 2), (&[7, 7], 0), (&[0xff, 0], 1), (&der, 0)] {
        let error = read(more).expect_err("refused");
        let found =
            matches!(error, EndorsementCertificateError::Trailing { at: found } if found == der.len() + at);
        assert!(found, "{error}");
    }
    for length in [0, 1, 4, der.len() - 1] {
        let error = EndorsementCertificate::from_nv(&der[..length]).expect_err("refused");
        assert!(matches!(error, EndorsementCertificateError::Unreadable(_)), "{length}: {error}");
    }
}

#[test]
fn makers_sign_with_all_sorts_of_keys() {
    for (keys, hash) in
        [([RSA_2048, RSA_3072], "-sha384"), ([RSA_4096, P256], "-sha512"), ([P384, P384], "-sha384")]
    {
        let maker = Maker::with_keys(keys, hash);
        let certificate = maker.good();
        let makers = maker.makers();
        let root = certificate.check(&maker.key(), &makers, hour_later(&certificate)).expect("vouched for");
        assert_eq!(root, &makers[1], "{keys:?}");
        assert_eq!(certificate.attributes().manufacturer.as_deref(), Some("id:53544D20"));
        assert_eq!(certificate.attributes().model.as_deref(), Some("ST33"));
    }
}

/// As Nuvoton's and Infineon's newer roots. Of units and authorities it is no key that is taken.
#[test]
fn makers_may_have_keys_of_p_521() {
    for hash in ["-sha256", "-sha384", "-sha512"] {
        let [maker, other] = [(); 2].map(|()| Maker::with_keys([P521, P384], hash));
        maker.openssl(&["verify", "-x509_strict", "-CAfile", "root.pem", "line.pem"]);
        let (certificate, [line, root]) = (maker.good(), maker.makers());
        let now = hour_later(&certificate);
        let vouched = certificate.check(&maker.key(), &[line.clone(), root.clone()], now).cloned();
        assert_eq!(vouched.ok(), Some(root.clone()));
        assert!(matches!(Certificate::from_pem(&root.to_pem()), Err(CertificateError::Key { .. })));

        let mut forged = line.der().to_vec();
        *forged.last_mut().expect("signature") ^= 1;
        let forged = MakerCertificate::of_maker(&forged).expect("certificate");
        let refused = certificate.check(&maker.key(), &[forged, root], now).expect_err("refused");
        assert!(matches!(refused, EndorsementCertificateError::ForeignRoot { .. }), "{refused}");
        let [_, other] = other.makers();
        let refused = certificate.check(&maker.key(), &[line, other], now).expect_err("refused");
        assert!(matches!(refused, EndorsementCertificateError::ForeignRoot { .. }), "{refused}");
    }
    let maker = Maker::with_keys([P521, P384], "-sha512");
    let mut off_the_curve = maker.certificate("root").der().to_vec();
    let key = off_the_curve.windows(4).position(|part| part == [0x03, 0x81, 0x86, 0x00]).expect("key");
    off_the_curve[key + 100] ^= 1;
    assert!(matches!(MakerCertificate::of_maker(&off_the_curve), Err(CertificateError::Key { .. })));
}

#[test]
fn a_certificate_that_vouches_for_nothing_is_refused_with_its_reason() {
    use EndorsementCertificateError as Error;
    let maker = Maker::new();
    let (key, makers) = (maker.key(), maker.makers());
    let refused = |certificate: &EndorsementCertificate| {
        certificate.check(&key, &makers, hour_later(certificate)).expect_err("refused")
    };

    let good = maker.good();
    let now = hour_later(&good);
    assert!(good.check(&key, &makers, now).is_ok());
    let plain = maker.certified(NAMES);
    assert!(matches!(refused(&plain), Error::NotForEndorsement));
    let other_purpose = maker.certified("extendedKeyUsage = clientAuth");
    assert!(matches!(refused(&other_purpose), Error::NotForEndorsement));
    assert_eq!(other_purpose.attributes(), &TpmAttributes::default());
    let authority = maker.certified(&format!("{PURPOSE}\n{AUTHORITY}"));
    assert!(matches!(refused(&authority), Error::NotForEndorsement));
    let odd = maker.certified(&format!("{PURPOSE}\n1.2.3.4 = critical,DER:0500"));
    assert!(matches!(refused(&odd), Error::Critical { oid, .. } if oid == "1.2.3.4"));

    let others = Maker::new();
    assert!(matches!(good.check(&others.key(), &makers, now).expect_err("refused"), Error::OtherKey));
    let foreign = good.check(&key, &others.makers(), now).map(|_| ());
    assert!(matches!(foreign, Err(Error::ForeignRoot { subject, .. }) if subject == "CN=Contoso tpm"));
    for (some, missing) in
        [(&[][..], "CN=Contoso line"), (&makers[1..], "CN=Contoso line"), (&makers[..1], "CN=Contoso root")]
    {
        let error = good.check(&key, some, now).expect_err("refused");
        assert!(matches!(&error, Error::NoChain { issuer, .. } if issuer == missing), "{error}");
    }
    // A namesake beside the right one is no hindrance.
    let both = [&others.makers()[..], &makers].concat();
    assert!(good.check(&key, &both, now).is_ok());
}

/// Such as Infineon's older ones: they are no counterfeits, and prove nothing.
#[test]
fn a_maker_who_signs_with_sha_1_is_named_so() {
    use EndorsementCertificateError as Error;
    let maker = Maker::with_keys([RSA_2048, RSA_2048], "-sha1");
    let good = maker.good();
    let refused = good.check(&maker.key(), &maker.makers(), hour_later(&good)).expect_err("refused");
    let Error::Issuer(ChainError::Algorithm { subject, oid }) = &refused else { panic!("{refused}") };
    assert_eq!((subject.as_str(), oid.as_str()), ("CN=Contoso line", "1.2.840.113549.1.1.5"));
}

#[test]
fn each_certificate_of_the_chain_has_its_time() {
    use EndorsementCertificateError as Error;
    let maker = Maker::new();
    let (good, key, makers) = (maker.good(), maker.key(), maker.makers());
    let now = hour_later(&good);
    let at = |days| good.check(&key, &makers, now + Duration::days(days)).map(|_| ());
    assert!(at(0).is_ok() && at(999).is_ok());
    assert!(matches!(at(1001), Err(Error::Expired { subject, .. }) if subject == "CN=Contoso tpm"));
    assert!(matches!(at(-1), Err(Error::NotYetValid { subject, .. }) if subject == "CN=Contoso tpm"));

    maker.issue("line", "root", 10, AUTHORITY, "-sha256");
    let makers = maker.makers();
    let error = good.check(&key, &makers, now + Duration::days(11)).expect_err("refused");
    assert!(matches!(error, Error::Expired { subject, .. } if subject == "CN=Contoso line"));
    maker.issue(
        "line",
        "root",
        3000,
        "basicConstraints = critical,CA:FALSE\nsubjectKeyIdentifier = hash",
        "-sha256",
    );
    let makers = maker.makers();
    let error = good.check(&key, &makers, now).expect_err("refused");
    assert!(matches!(error, Error::Issuer(_)), "{error}");
}

/// Of two intermediates with one name the right one has expired: that is said, in whichever order they stand.
#[test]
fn what_is_wrong_above_the_right_issuer_is_said() {
    use EndorsementCertificateError as Error;
    let (maker, other) = (Maker::new(), Maker::new());
    maker.issue("tpm", "line", 5000, &format!("{PURPOSE}\n{NAMES}"), "-sha256");
    let certificate = EndorsementCertificate::from_nv(maker.certificate("tpm").der()).expect("read");
    let later = certificate.certificate().not_before() + Duration::days(4000);
    let mut makers = [maker.makers(), other.makers()].concat();
    for _ in 0..2 {
        let refused = certificate.check(&maker.key(), &makers, later).expect_err("expired");
        assert!(
            matches!(&refused, Error::Expired { subject, .. } if subject == "CN=Contoso line"),
            "{refused}"
        );
        makers.reverse();
    }
}

/// STMicroelectronics' root writes its name as PrintableString, its ECC intermediates as UTF8String.
#[test]
fn names_mean_the_same_in_another_encoding() {
    let maker = Maker::new();
    let printable = "[req]\nstring_mask = default\ndistinguished_name = name\n[name]\n[ext]\n";
    let arguments = ["req", "-x509", "-key", "root.key", "-subj", "/CN=Contoso root", "-days", "9000"];
    let rest = ["-config", "/dev/stdin", "-extensions", "ext", "-out", "printable.pem"];
    maker.openssl_fed(&[&arguments[..], &rest].concat(), format!("{printable}{AUTHORITY}").as_bytes());
    let (root, printable) = (maker.certificate("root"), maker.certificate("printable"));
    assert_eq!(root.subject_name(), printable.subject_name());
    maker.openssl(&["verify", "-x509_strict", "-CAfile", "printable.pem", "line.pem"]);
    let good = maker.good();
    let makers = [maker.certificate("line"), printable.clone()];
    assert_eq!(good.check(&maker.key(), &makers, hour_later(&good)).expect("vouched for"), &printable);
}

/// They are critical by RFC 5280, whether they are marked so or not; openssl heeds them in any case.
#[test]
fn name_constraints_are_not_passed_over() {
    let maker = Maker::new();
    let constrained = format!("{AUTHORITY}nameConstraints = permitted;email:example.org\n");
    maker.issue("line", "root", 3000, &constrained, "-sha256");
    let good = maker.good();
    let refused = good.check(&maker.key(), &maker.makers(), hour_later(&good)).expect_err("refused");
    assert!(
        matches!(&refused, EndorsementCertificateError::Critical { oid, .. } if oid == "2.5.29.30"),
        "{refused}"
    );
}

/// Each of ten copies of two CAs that issued each other was gone into from each of the others.
#[test]
fn cas_that_issued_each_other_are_gone_through_once() {
    let maker = Maker::new();
    for (name, issuer) in [("root", "root"), ("line", "root"), ("root", "line")] {
        maker.issue(name, issuer, 3000, AUTHORITY, "-sha256");
    }
    let good = maker.good();
    let makers: Vec<MakerCertificate> = std::iter::repeat_n(maker.makers(), 10).flatten().collect();
    let refused = good.check(&maker.key(), &makers, hour_later(&good)).expect_err("no root");
    assert!(matches!(refused, EndorsementCertificateError::TooLong), "{refused}");
}
