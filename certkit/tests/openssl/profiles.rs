//! A certificate of every profile that is shipped, under every kind of authority's key: judged by openssl, by a second
//! stack and by a linter (pkilint).

use std::path::Path;
use std::process::{Command, Output};

use certkit::{
    Certificate, CertificateSerial, CommonName, Issuer, KeyAlgorithm, Kind, RegistrationId, Signer,
    SoftwareSigner, Subject, VerificationCode,
};
use time::OffsetDateTime;

use crate::made::{Made, accepted, profile, text};

const AUTHORITIES: [KeyAlgorithm; 3] = [KeyAlgorithm::P256, KeyAlgorithm::P384, KeyAlgorithm::Rsa3072];
const LEAVES: [&str; 5] = ["azure-device", "idevid", "possession", "audit-signer", "individual-device"];

/// Where `scripts/test` installs the linter, and Python's `cryptography`.
fn tool(name: &str) -> Command {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/tools/.venv/bin").join(name);
    assert!(path.exists(), "{} is missing: scripts/test installs it", path.display());
    Command::new(path)
}

/// Reads a certificate, and checks its signature under its own key.
const SIGNED_BY_ITSELF: &str = "import sys
from cryptography import x509
certificate = x509.load_pem_x509_certificate(open(sys.argv[1], 'rb').read())
certificate.verify_directly_issued_by(certificate)
assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca";

/// No finding at WARNING or above; the exit code is their number.
fn unremarkable(output: &Output) {
    assert_eq!(output.status.code(), Some(0), "{}", text(output));
}

/// Root and intermediate with keys of one kind, and certificates under them.
struct Pki {
    made: Made,
    root: Issuer,
    intermediate: Issuer,
    now: OffsetDateTime,
}

impl Pki {
    #[expect(clippy::disallowed_methods, reason = "GnuTLS and the linter look at the clock")]
    fn new(algorithm: KeyAlgorithm) -> Self {
        let now = OffsetDateTime::now_utc();
        let authority = |name| Subject::Authority(CommonName::parse(name).expect("name"));
        let serial = |sequence| CertificateSerial::new(sequence, [0xa5; 8]);
        let key = SoftwareSigner::generate(algorithm).expect("key");
        let root =
            Issuer::self_signed(&profile("root"), &authority("Root"), &key, &serial(1), now).expect("root");
        let root = Issuer::new(root, Box::new(key)).expect("root");
        let key = SoftwareSigner::generate(algorithm).expect("key");
        let intermediate = root
            .issue(&profile("intermediate"), &authority("Line 1"), key.public_key(), &serial(2), now)
            .expect("intermediate");
        let intermediate = Issuer::new(intermediate, Box::new(key)).expect("intermediate");
        let pki = Self { made: Made::new("folder"), root, intermediate, now };
        pki.made.put("own-root.pem", &pki.root.certificate().to_pem());
        pki.made.put("own-intermediate.pem", &pki.intermediate.certificate().to_pem());
        pki
    }

    /// A certificate of this profile, and the file that holds it.
    fn issue(&self, name: &str) -> (Certificate, String) {
        let profile = profile(name);
        let serial = CertificateSerial::new(3, [0x5a; 8]);
        let key = SoftwareSigner::generate(profile.own_key()).expect("key");
        let device = || Subject::Device(RegistrationId::parse("sensor-001").expect("id"));
        let subject = match profile.kind() {
            Kind::Possession => {
                Subject::Possession(VerificationCode::parse(&"106A5SD2".repeat(6)).expect("code"))
            }
            Kind::AuditSigner => Subject::Auditor(CommonName::parse("Line 1 records").expect("name")),
            _ => device(),
        };
        let certificate = match profile.kind() {
            Kind::Individual => Issuer::self_signed(&profile, &subject, &key, &serial, self.now),
            _ => self.intermediate.issue(&profile, &subject, key.public_key(), &serial, self.now),
        }
        .expect(name);
        let file = format!("own-{name}.pem");
        self.made.put(&file, &certificate.to_pem());
        (certificate, file)
    }

    fn purpose(name: &str) -> &'static str {
        if name == "audit-signer" { "any" } else { "sslclient" }
    }

    fn openssl_takes(&self, name: &str, file: &str) {
        let mut arguments = vec!["verify", "-x509_strict", "-purpose", Self::purpose(name)];
        if profile(name).kind() == Kind::Individual {
            // It is its own trust anchor.
            arguments.extend(["-partial_chain", "-trusted", file]);
        } else {
            arguments.extend(["-CAfile", "own-root.pem", "-untrusted", "own-intermediate.pem"]);
        }
        arguments.push(file);
        accepted(&self.made.openssl(&arguments));
    }

    /// A second stack: GnuTLS, which trusts authorities only; so what signs itself is read by Python's `cryptography`.
    fn another_stack_takes(&self, name: &str, file: &str) {
        let output = if profile(name).kind() == Kind::Individual {
            tool("python3").args(["-c", SIGNED_BY_ITSELF]).arg(self.made.path(file)).output()
        } else {
            let chain = format!("{file}.chain");
            let certificate = std::fs::read_to_string(self.made.path(file)).expect("certificate");
            self.made.put(&chain, &(certificate + &self.intermediate.certificate().to_pem()));
            Command::new("certtool")
                .args(["--verify", "--verify-profile", "medium", "--load-ca-certificate", "own-root.pem"])
                .args(["--infile", &chain])
                .current_dir(self.made.folder.path())
                .output()
        };
        accepted(&output.expect("certtool and the Python tools are installed"));
    }

    fn linter_takes(&self, file: &str) {
        unremarkable(
            &tool("lint_pkix_cert")
                .args(["lint", "-s", "WARNING"])
                .arg(self.made.path(file))
                .output()
                .expect("linter"),
        );
    }

    fn linter_takes_pair(&self, issuer: &str, subject: &str) {
        let mut lint = tool("lint_pkix_signer_signee_cert_chain");
        lint.args(["lint", "-s", "WARNING"]).arg(self.made.path(issuer)).arg(self.made.path(subject));
        unremarkable(&lint.output().expect("linter"));
    }
}

fn judge(algorithm: KeyAlgorithm) {
    let pki = Pki::new(algorithm);
    for authority in ["own-root.pem", "own-intermediate.pem"] {
        pki.linter_takes(authority);
    }
    pki.linter_takes_pair("own-root.pem", "own-intermediate.pem");
    for name in LEAVES {
        let (_, file) = pki.issue(name);
        pki.openssl_takes(name, &file);
        pki.another_stack_takes(name, &file);
        pki.linter_takes(&file);
        if profile(name).kind() != Kind::Individual {
            pki.linter_takes_pair("own-intermediate.pem", &file);
        }
    }
}

#[test]
fn every_profile_under_a_p256_authority_passes_three_stacks() {
    judge(AUTHORITIES[0]);
}

#[test]
fn every_profile_under_a_p384_authority_passes_three_stacks() {
    judge(AUTHORITIES[1]);
}

#[test]
fn every_profile_under_an_rsa_authority_passes_three_stacks() {
    judge(AUTHORITIES[2]);
}

#[test]
fn an_idevid_has_no_end_and_its_serial_number_in_its_name() {
    let pki = Pki::new(KeyAlgorithm::P256);
    let (_, file) = pki.issue("idevid");
    let shown = text(&pki.made.openssl(&[
        "x509",
        "-in",
        &file,
        "-noout",
        "-enddate",
        "-subject",
        "-nameopt",
        "multiline",
    ]));
    for part in [
        "notAfter=Dec 31 23:59:59 9999 GMT",
        "serialNumber              = sensor-001",
        "commonName                = sensor-001",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}

#[test]
fn what_a_profile_adds_is_in_the_certificate_and_the_stacks_still_take_it() {
    let pki = Pki::new(KeyAlgorithm::P256);
    let written = std::fs::read_to_string("../templates/profiles/azure-device.toml").expect("profile");
    let subject = "[subject]\ncountry = \"DE\"\nstate = \"Bayern\"\nlocality = \"Nürnberg\"\norganization = \"Contoso\"\n\
        organizational_unit = \"Line 1\"\n";
    let extension = "[[extension]]\noid = \"1.3.6.1.4.1.99999.1\"\nutf8 = \"contoso-gateway\"\n";
    let profile =
        certkit::Profile::from_toml(&(written.replace("[subject]\n", subject) + extension)).expect("profile");
    let key = SoftwareSigner::generate(KeyAlgorithm::P256).expect("key");
    let subject = Subject::Device(RegistrationId::parse("sensor-001").expect("id"));
    let serial = CertificateSerial::new(4, [1; 8]);
    let leaf = pki.intermediate.issue(&profile, &subject, key.public_key(), &serial, pki.now).expect("leaf");
    pki.made.put("own-leaf.pem", &leaf.to_pem());
    pki.openssl_takes("azure-device", "own-leaf.pem");
    pki.another_stack_takes("azure-device", "own-leaf.pem");
    pki.linter_takes("own-leaf.pem");
    let shown = text(&pki.made.openssl(&[
        "x509",
        "-in",
        "own-leaf.pem",
        "-noout",
        "-text",
        "-nameopt",
        "RFC2253,utf8,-esc_msb",
    ]));
    for part in [
        "CN=sensor-001,OU=Line 1,O=Contoso,L=Nürnberg,ST=Bayern,C=DE",
        "1.3.6.1.4.1.99999.1",
        "contoso-gateway",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}
