//! What one station makes, in a folder, and openssl run in that folder.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use certkit::{
    Certificate, CertificateSerial, Chain, CommonName, Issuer, KeyAlgorithm, Profile, RegistrationId, Signer,
    SoftwareSigner, Subject,
};
use tempfile::TempDir;
use time::OffsetDateTime;
use time::macros::datetime;

pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-24 08:00 UTC);

/// A folder with what one station makes: root.pem, intermediate.pem, leaf.pem, chain.pem, leaf.key.
pub(crate) struct Made {
    pub(crate) folder: TempDir,
    pub(crate) chain: Chain,
    pub(crate) root: Certificate,
    pub(crate) key: SoftwareSigner,
}

impl Made {
    pub(crate) fn new(id: &str) -> Self {
        Self::with_keys(id, [KeyAlgorithm::P256; 3])
    }

    /// The keys of root, intermediate and leaf.
    pub(crate) fn with_keys(id: &str, [root_key, intermediate_key, leaf_key]: [KeyAlgorithm; 3]) -> Self {
        let serial = |sequence| CertificateSerial::new(sequence, [0xa5; 8]);
        let authority = |name| Subject::Authority(CommonName::parse(name).expect("name"));
        let new_key = |algorithm| SoftwareSigner::generate(algorithm).expect("key");
        let root_key = new_key(root_key);
        let root =
            Issuer::self_signed(&profile("root"), &authority("Contoso Root"), &root_key, &serial(1), NOW)
                .expect("root");
        let root_issuer = Issuer::new(root.clone(), Box::new(root_key)).expect("root");
        let intermediate_key = new_key(intermediate_key);
        let intermediate = root_issuer
            .issue(
                &profile("intermediate"),
                &authority("Contoso, Line 1"),
                intermediate_key.public_key(),
                &serial(2),
                NOW,
            )
            .expect("intermediate");
        let issuer = Issuer::new(intermediate.clone(), Box::new(intermediate_key)).expect("issuer");
        let key = new_key(leaf_key);
        let subject = Subject::Device(RegistrationId::parse(id).expect("id"));
        let leaf = issuer
            .issue(&profile("azure-device"), &subject, key.public_key(), &serial(3), NOW)
            .expect("leaf");
        let chain = Chain::new(vec![leaf, intermediate, root.clone()]).expect("chain");

        let made = Self { folder: TempDir::new().expect("folder"), chain, root, key };
        made.put("root.pem", &made.root.to_pem());
        made.put("leaf.pem", &made.chain.leaf().to_pem());
        made.put("intermediate.pem", &made.chain.certificates()[1].to_pem());
        made.put("chain.pem", &made.chain.to_pem());
        made.put("leaf.key", &made.key.to_pkcs8_pem());
        made
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn put(&self, name: &str, text: &str) {
        File::create_new(self.path(name)).and_then(|mut file| file.write_all(text.as_bytes())).expect(name);
    }

    pub(crate) fn openssl(&self, arguments: &[&str]) -> Output {
        self.openssl_fed(arguments, b"")
    }

    /// Runs openssl in the folder; `input` is its descriptor 0.
    pub(crate) fn openssl_fed(&self, arguments: &[&str], input: &[u8]) -> Output {
        openssl_in(self.folder.path(), arguments, input)
    }

    pub(crate) fn verify(&self, more: &[&str]) -> Output {
        let at = NOW.unix_timestamp().to_string();
        let mut arguments = vec!["verify", "-x509_strict", "-purpose", "sslclient", "-attime", &at];
        arguments.extend(more);
        self.openssl(&arguments)
    }
}

/// Runs openssl in a folder; `input` is its descriptor 0.
pub(crate) fn openssl_in(folder: &Path, arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new("openssl")
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("openssl is installed");
    // It may end without reading.
    let _ = child.stdin.take().expect("stdin").write_all(input);
    child.wait_with_output().expect("openssl ran")
}

pub(crate) fn profile(name: &str) -> Profile {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../templates/profiles/{name}.toml"));
    let mut text = String::new();
    File::open(path).and_then(|mut file| file.read_to_string(&mut text)).expect(name);
    Profile::from_toml(&text).expect(name)
}

pub(crate) fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[track_caller]
pub(crate) fn accepted(output: &Output) {
    assert!(output.status.success(), "{}", text(output));
}

#[track_caller]
pub(crate) fn rejected(output: &Output, reason: &str) {
    assert!(!output.status.success(), "openssl took it: {}", text(output));
    assert!(text(output).contains(reason), "{}", text(output));
}
