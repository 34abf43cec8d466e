//! Authorities whose keys lie in a token: its PIN, and a wrong one.

use acceptance::SoftHsm;

use super::Watch;

const PIN: &str = "hsm-pin-cormorant-51c8";
const WRONG_PIN: &str = "hsm-pin-cormorand-51c8";

impl Watch {
    /// A root inside the token, then one that gets the wrong PIN.
    pub(crate) fn authorities_in_a_token(&mut self) {
        let token = SoftHsm::new(&self.bench.root().join("softhsm"), PIN);
        for (name, pin) in [("hsm-pin", PIN), ("hsm-wrong-pin", WRONG_PIN)] {
            let import = ["keys", "import", name, "--kind", "pin"];
            self.call("keys import of a PIN", self.bench.station(&import).input(format!("{pin}\n")), 0);
        }
        let uri = SoftHsm::uri("token=factory");
        let inside = ["ca", "root", "--common-name", "Token Root", "--hsm", &uri, "--json"];
        for (label, pin, code) in [("token-root", "hsm-pin", 0), ("token-other", "hsm-wrong-pin", 3)] {
            let call = self.unlocked(&[&inside[..], &["--label", label, "--pin", pin]].concat());
            self.call("ca root in a token", token.told(call), code);
        }
        self.both(&["ca", "show", "token-root"]);
        let line = [
            "ca",
            "intermediate",
            "--label",
            "token-line",
            "--issuer",
            "token-root",
            "--common-name",
            "Line",
        ];
        self.call("ca intermediate by a token", token.told(self.unlocked(&line)), 0);
    }
}
