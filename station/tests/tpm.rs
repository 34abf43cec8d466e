//! Challenges, ours and those of tpm2-tools, on a software TPM.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test")]

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use certkit::{
    EndorsementKey, KeyAlgorithm, PublicKey, Signer, SoftwareSigner, TpmCredential, TpmObjectName,
};
use station::tpm::{HierarchyAuths, Tcti, Tpm, TpmError, challenge};
use tempfile::TempDir;

/// A software TPM that runs until this is dropped.
struct Swtpm {
    folder: TempDir,
    child: Child,
    tcti: String,
}

impl Swtpm {
    fn start() -> Self {
        for _ in 0..20 {
            let folder = tempfile::tempdir().unwrap();
            let port =
                TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port().min(u16::MAX - 1);
            let address = |port: u16| format!("type=tcp,port={port},bindaddr=127.0.0.1");
            let mut child = Command::new("swtpm")
                .args(["socket", "--tpm2", "--tpmstate", &format!("dir={}", folder.path().display())])
                .args(["--server", &address(port), "--ctrl", &address(port + 1)])
                .args(["--flags", "not-need-init,startup-clear"])
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            // It ends at once where a port is another's; else it listens soon.
            for _ in 0..200 {
                std::thread::sleep(Duration::from_millis(10));
                if child.try_wait().unwrap().is_some() {
                    break;
                }
                if TcpStream::connect(("127.0.0.1", port + 1)).is_ok() {
                    let tcti = format!("swtpm:host=127.0.0.1,port={port}");
                    return Self { folder, child, tcti };
                }
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        panic!("swtpm did not start");
    }

    fn open(&self) -> Tpm {
        Tpm::open(&self.tcti.parse::<Tcti>().unwrap(), &HierarchyAuths::default()).unwrap()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, name: &str, content: &[u8]) {
        std::io::Write::write_all(&mut std::fs::File::create_new(self.file(name)).unwrap(), content).unwrap();
    }

    #[track_caller]
    fn tool(&self, tool: &str, arguments: &[&str]) -> String {
        let output = Command::new(format!("tpm2_{tool}"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env("TPM2TOOLS_TCTI", &self.tcti)
            .output()
            .unwrap();
        assert!(output.status.success(), "tpm2_{tool} {arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// tpm2-tools open a credential with the key of this context, while this object is loaded.
    fn opened_by_tools(&self, object: &str, key: &str, credential: &TpmCredential) -> Vec<u8> {
        let name = format!("{object}.credential");
        self.put(&name, &credential.to_file());
        self.tool("startauthsession", &["--policy-session", "-S", "session.ctx"]);
        self.tool("policysecret", &["-S", "session.ctx", "-c", "e"]);
        let opened = format!("{object}.opened");
        self.tool(
            "activatecredential",
            &["-c", object, "-C", key, "-i", &name, "-o", &opened, "-P", "session:session.ctx"],
        );
        self.tool("flushcontext", &["session.ctx"]);
        self.tool("flushcontext", &["-t"]);
        std::fs::read(self.file(&opened)).unwrap()
    }
}

impl Drop for Swtpm {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn tpm2_tools_open_what_is_sealed_here() {
    let swtpm = Swtpm::start();
    swtpm.tool("createek", &["-G", "rsa", "-c", "rsa.ctx", "-u", "rsa.pub", "-f", "tss"]);
    swtpm.tool("createek", &["-G", "ecc", "-c", "ecc.ctx", "-u", "ecc.pub", "-f", "tss"]);
    swtpm.tool("flushcontext", &["-t"]);
    for (key, secret) in [("rsa", &[0xa5; 32][..]), ("ecc", b"of the curve"), ("rsa", b"x")] {
        let object = format!("{key}-{}.ctx", secret.len());
        swtpm.tool("createprimary", &["-C", "n", "-G", "ecc", "-c", &object]);
        let name = format!("{object}.name");
        swtpm.tool("readpublic", &["-c", &object, "-n", &name]);
        swtpm.tool("flushcontext", &["-t"]);
        let name = TpmObjectName::from_bytes(&std::fs::read(swtpm.file(&name)).unwrap()).unwrap();
        let public = std::fs::read(swtpm.file(&format!("{key}.pub"))).unwrap();
        let credential =
            EndorsementKey::from_tpm2b_public(&public).unwrap().make_credential(&name, secret).unwrap();
        assert_eq!(swtpm.opened_by_tools(&object, &format!("{key}.ctx"), &credential), secret);
    }
}

#[test]
fn what_tpm2_tools_seal_is_opened_here() {
    let swtpm = Swtpm::start();
    let mut tpm = swtpm.open();
    let key = tpm.endorsement_key().unwrap().key;
    let name = tpm.activation_object().unwrap();
    swtpm.put("key.pub", key.as_bytes());
    swtpm.put("secret", b"made elsewhere");
    let arguments = ["-u", "key.pub", "-s", "secret", "-n", &name.to_string(), "-o", "credential"];
    swtpm.tool("makecredential", &[&["-T", "none"], &arguments[..]].concat());
    let credential = TpmCredential::from_file(&std::fs::read(swtpm.file("credential")).unwrap()).unwrap();
    assert_eq!(tpm.activate(&credential).unwrap().bytes(), b"made elsewhere");
    // Once more in the same session: nothing was used up.
    challenge(&mut tpm, &key, &[7; 32]).unwrap();
    drop(tpm);
    assert_eq!(swtpm.tool("getcap", &["handles-transient"]), "");
    assert_eq!(swtpm.tool("getcap", &["handles-loaded-session"]), "");
}

#[test]
fn a_tpm_that_does_not_hold_the_key_fails_its_challenge() {
    let (swtpm, other) = (Swtpm::start(), Swtpm::start());
    let (mut tpm, others_key) = (swtpm.open(), other.open().endorsement_key().unwrap().key);
    let (key, object) = (tpm.endorsement_key().unwrap().key, tpm.activation_object().unwrap());
    let not_held = |done: Result<(), TpmError>| assert!(matches!(done, Err(TpmError::NotHeld)), "{done:?}");
    not_held(challenge(&mut tpm, &others_key, &[7; 32]));
    let made_up: PublicKey = SoftwareSigner::generate(KeyAlgorithm::Rsa2048).unwrap().public_key().clone();
    not_held(challenge(&mut tpm, &EndorsementKey::from_public_key(&made_up).unwrap(), &[7; 32]));
    // Sealed to the right key, and to an object that is not there.
    let mut name = object.as_bytes().to_vec();
    name[5] ^= 1;
    let elsewhere = key.make_credential(&TpmObjectName::from_bytes(&name).unwrap(), &[7; 32]).unwrap();
    not_held(tpm.activate(&elsewhere).map(|_| ()));
    challenge(&mut tpm, &key, &[7; 32]).unwrap();
    drop(tpm);
    assert_eq!(swtpm.tool("getcap", &["handles-transient"]), "");
    assert_eq!(swtpm.tool("getcap", &["handles-loaded-session"]), "");
}
