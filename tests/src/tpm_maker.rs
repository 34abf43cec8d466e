//! A maker of TPMs: a CA that certifies the endorsement keys of software TPMs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::{Swtpm, openssl};

/// A maker, with a CA of its own.
pub struct TpmMaker {
    folder: TempDir,
}

impl TpmMaker {
    /// All makers' CAs have the same names, those that `swtpm_localca` gives its own, and other keys.
    pub fn new() -> Self {
        let maker = Self { folder: tempfile::tempdir().unwrap() };
        let path = |name: &str| maker.path(name).display().to_string();
        let ca = path("ca");
        maker.make_authorities();
        maker.put(
            "localca.conf",
            &format!(
                "statedir = {ca}\nsigningkey = {ca}/signkey.pem\nissuercert = {ca}/issuercert.pem\n\
                 certserial = {ca}/certserial\n"
            ),
        );
        maker.put(
            "localca.options",
            "--platform-manufacturer Contoso\n--platform-version 2.1\n--platform-model Gateway\n",
        );
        maker.put(
            "setup.conf",
            &format!(
                "create_certs_tool = /usr/bin/swtpm_localca\ncreate_certs_tool_config = {}\n\
                 create_certs_tool_options = {}\n",
                path("localca.conf"),
                path("localca.options")
            ),
        );
        maker
    }

    /// A TPM as it delivers them: an endorsement key at its handle, and a certificate.
    pub fn tpm(&self) -> Swtpm {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        std::fs::create_dir(&state).unwrap();
        let made = Command::new("swtpm_setup")
            .args([
                "--tpm2",
                "--create-ek-cert",
                "--create-platform-cert",
                "--lock-nvram",
                "--vmid",
                "dev-0001",
            ])
            .arg("--tpmstate")
            .arg(state)
            .arg("--config")
            .arg(self.path("setup.conf"))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        Swtpm::started(folder)
    }

    /// Several.
    pub fn tpms(&self, count: usize) -> Vec<Swtpm> {
        std::thread::scope(|scope| {
            let made: Vec<_> = (0..count).map(|_| scope.spawn(|| self.tpm())).collect();
            made.into_iter().map(|tpm| tpm.join().unwrap()).collect()
        })
    }

    /// Root and issuer. `swtpm_localca` would make them too, with RSA keys that take seconds.
    fn make_authorities(&self) {
        let ca = |name: &str| self.path("ca").join(name).display().to_string();
        std::fs::create_dir(self.path("ca")).unwrap();
        let new = |key: &str| {
            [
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-noenc",
                "-keyout",
                &ca(key),
            ]
            .map(str::to_owned)
        };
        let of = |name: &str, out: &str| {
            let usage = "keyUsage=critical,keyCertSign,cRLSign";
            ["-subj", &format!("/CN={name}"), "-days", "3650", "-addext", usage, "-out", &ca(out)]
                .map(str::to_owned)
        };
        let (root, root_key) = ("swtpm-localca-rootca-cert.pem", "rootkey.pem");
        let by_root = ["-CA", &ca(root), "-CAkey", &ca(root_key)].map(str::to_owned);
        for call in [
            [&new(root_key)[..], &of("swtpm-localca-rootca", root)].concat(),
            [&new("signkey.pem")[..], &of("swtpm-localca", "issuercert.pem"), &by_root].concat(),
        ] {
            let arguments: Vec<&str> = call.iter().map(String::as_str).collect();
            let made = openssl(&arguments);
            assert!(made.status.success(), "{made:?}");
        }
    }

    /// Makes a folder with its CA's certificates.
    pub fn put_roots(&self, folder: &Path) {
        std::fs::create_dir(folder).unwrap();
        for name in ["issuercert.pem", "swtpm-localca-rootca-cert.pem"] {
            std::fs::copy(self.path("ca").join(name), folder.join(name)).unwrap();
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, name: &str, text: &str) {
        let mut file = std::fs::File::create_new(self.path(name)).unwrap();
        std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
    }
}

impl Default for TpmMaker {
    fn default() -> Self {
        Self::new()
    }
}

/// A certificate for the endorsement key at its handle, of a CA that openssl makes: valid for 30 days, with these further
/// extensions. The TPM's `roots` gets the CA's own.
pub fn certified_by_openssl(tpm: &Swtpm, extensions: &str) -> Vec<u8> {
    let path = |name: &str| tpm.file(name).display().to_string();
    tpm.tool("readpublic", &["-c", "0x81010001", "-f", "pem", "-o", "ek.pem"]);
    std::fs::create_dir(tpm.file("roots")).unwrap();
    let done = |arguments: &[&[&str]]| assert!(openssl(&arguments.concat()).status.success());
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-noenc", "-keyout", &path("ca.key")];
    let root = ["-x509", "-subj", "/CN=Contoso TPM Root", "-days", "3000", "-out", &path("roots/ca.pem")];
    done(&[&["req"], &key, &root]);
    done(&[&["req", "-new", "-key", &path("ca.key"), "-subj", "/", "-out", &path("ek.csr")]]);
    let extensions = tpm.put(
        "ext.cnf",
        format!("extendedKeyUsage = 2.23.133.8.1\nbasicConstraints = critical,CA:FALSE\n{extensions}"),
    );
    let ca = ["-CA", &path("roots/ca.pem"), "-CAkey", &path("ca.key"), "-CAcreateserial", "-days", "30"];
    let of = ["-in", &path("ek.csr"), "-force_pubkey", &path("ek.pem"), "-extfile", &extensions];
    let serial = ["-CAserial", &path("ca.srl"), "-outform", "DER", "-out", &path("ek.der")];
    done(&[&["x509", "-req"], &ca, &of, &serial]);
    std::fs::read(tpm.file("ek.der")).unwrap()
}
