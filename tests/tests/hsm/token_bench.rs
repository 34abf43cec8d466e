//! A station beside a SoftHSM token of its own. SoftHSM learns from the environment where its tokens lie: only the
//! programs that a test starts get it.

use std::path::{Path, PathBuf};
use std::process::Command;

use acceptance::{Bench, Station};
use serde_json::Value;

pub(crate) const PIN: &str = "hsm-pin-halcyon-73d1";
const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
const CONFIG: &str = "SOFTHSM2_CONF";

pub(crate) struct TokenBench {
    pub(crate) bench: Bench,
}

impl TokenBench {
    /// A station without authorities; a token `factory`, its PIN in the vault as `hsm-pin`.
    pub(crate) fn bare(fixtures: usize) -> Self {
        let made = Self { bench: Bench::bare(fixtures) };
        std::fs::create_dir_all(made.tokens()).unwrap();
        let config = format!("directories.tokendir = {}\nlog.level = ERROR\n", made.tokens().display());
        write_new(&made.config(), &config);
        let token =
            ["--init-token", "--free", "--label", "factory", "--pin", PIN, "--so-pin", "so-pin-halcyon"];
        assert!(made.tool("softhsm2-util", &token).0);
        made.bench.station(&["keys", "import", "gateway-console"]).input("rehearsal\n").run().expect(0);
        made.import_pin("hsm-pin", PIN);
        made
    }

    /// The same with a root and an intermediate, their keys inside the token.
    pub(crate) fn new(fixtures: usize) -> Self {
        let made = Self::bare(fixtures);
        made.ca("root", &["--key-algorithm", "p-384"]).run().expect(0);
        made.ca("intermediate", &[]).run().expect(0);
        made
    }

    pub(crate) fn import_pin(&self, name: &str, pin: &str) {
        let import = ["keys", "import", name, "--kind", "pin"];
        self.bench.station(&import).input(format!("{pin}\n")).run().expect(0);
    }

    /// A call that makes an authority inside the token.
    pub(crate) fn ca(&self, role: &str, more: &[&str]) -> Station {
        let uri = uri("token=factory");
        let name = format!("Test {role}");
        let inside = ["--json", "ca", role, "--common-name", &name, "--hsm", &uri, "--pin", "hsm-pin"];
        self.unlocked(&[&inside[..], more].concat())
    }

    /// A call on the station, with its unlock secret, that finds the token.
    pub(crate) fn unlocked(&self, arguments: &[&str]) -> Station {
        self.bench.unlocked(arguments).env(CONFIG, self.config())
    }

    /// What `check` finds of the issuing authority's key.
    pub(crate) fn key_finding(&self) -> Value {
        let findings = self.unlocked(&["--json", "check"]).run().json();
        let mut findings = findings.as_array().unwrap().iter();
        findings.find(|finding| finding["id"] == "authority/intermediate/key").unwrap().clone()
    }

    /// Where SoftHSM keeps its tokens.
    pub(crate) fn tokens(&self) -> PathBuf {
        self.bench.root().join("softhsm/tokens")
    }

    fn config(&self) -> PathBuf {
        self.bench.root().join("softhsm/softhsm2.conf")
    }

    /// Moves the token's folder away: for a program that uses it, the token was pulled out.
    pub(crate) fn pull_out(&self) {
        let folder = std::fs::read_dir(self.tokens()).unwrap().next().unwrap().unwrap().path();
        move_new(&folder, &self.bench.root().join("softhsm/pulled"));
    }

    /// Moves it back.
    pub(crate) fn plug_in(&self) {
        move_new(&self.bench.root().join("softhsm/pulled"), &self.tokens().join("factory"));
    }

    /// Runs another program on the token. Gives whether it succeeded, and what it said.
    pub(crate) fn tool(&self, program: &str, arguments: &[&str]) -> (bool, String) {
        let output = Command::new(program).args(arguments).env(CONFIG, self.config()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        (output.status.success(), said.into_owned())
    }

    /// OpenSC's tool on the token, logged in.
    pub(crate) fn pkcs11_tool(&self, arguments: &[&str]) -> String {
        let login = ["--module", MODULE, "--token-label", "factory", "--login", "--pin", PIN];
        let (good, said) = self.tool("pkcs11-tool", &[&login[..], arguments].concat());
        assert!(good, "{said}");
        said
    }
}

pub(crate) fn uri(attributes: &str) -> String {
    format!("pkcs11:{attributes}?module-path={MODULE}")
}

#[expect(clippy::disallowed_methods, reason = "nothing can be there: the folder is the test's own")]
fn move_new(from: &Path, to: &Path) {
    std::fs::rename(from, to).unwrap();
}

pub(crate) fn write_new(path: &Path, text: &str) {
    std::io::Write::write_all(&mut std::fs::File::create_new(path).unwrap(), text.as_bytes()).unwrap();
}
