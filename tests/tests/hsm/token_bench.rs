//! A station beside a token.

use acceptance::{Bench, SoftHsm, Station};
use serde_json::Value;

pub(crate) const PIN: &str = "hsm-pin-halcyon-73d1";

pub(crate) struct TokenBench {
    pub(crate) bench: Bench,
    pub(crate) token: SoftHsm,
}

impl TokenBench {
    /// A station without authorities; a token `factory`, its PIN in the vault as `hsm-pin`.
    pub(crate) fn bare(fixtures: usize) -> Self {
        let bench = Bench::bare(fixtures);
        let token = SoftHsm::new(&bench.root().join("softhsm"), PIN);
        let made = Self { bench, token };
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
        let uri = SoftHsm::uri("token=factory");
        let name = format!("Test {role}");
        let inside = ["--json", "ca", role, "--common-name", &name, "--hsm", &uri, "--pin", "hsm-pin"];
        self.unlocked(&[&inside[..], more].concat())
    }

    /// A call on the station, with its unlock secret, that finds the token.
    pub(crate) fn unlocked(&self, arguments: &[&str]) -> Station {
        self.token.told(self.bench.unlocked(arguments))
    }

    /// What `check` finds of the issuing authority's key.
    pub(crate) fn key_finding(&self) -> Value {
        let findings = self.unlocked(&["--json", "check"]).run().json();
        let mut findings = findings.as_array().unwrap().iter();
        findings.find(|finding| finding["id"] == "authority/intermediate/key").unwrap().clone()
    }
}
