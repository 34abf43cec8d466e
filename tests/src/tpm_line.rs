//! Stations whose units attest with their TPM.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::{Bench, Station, Swtpm, TpmMaker};

/// The built-in product whose units are their TPMs alone, here with programs for TPMs and the order's own names.
pub const TPM_PRODUCT: [(&str, &str); 2] = [
    ("software_tpm = \"refuse\"", "software_tpm = \"allow\""),
    ("assign = \"from-ek\"", "assign = \"next\""),
];

impl Bench {
    /// A station that trusts this maker, with a fixture for each of these TPMs, and the order `april` of so many units
    /// gw-0001 …, which are their TPMs alone. None of 0 units.
    pub fn of_tpms(maker: &TpmMaker, tpms: &[&Swtpm], quantity: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let roots = folder.path().join("roots");
        maker.put_roots(&roots);
        Self::of_tpms_with_roots(&roots, tpms, quantity)
    }

    /// The same, with the makers' certificates that lie in this folder.
    pub fn of_tpms_with_roots(roots: &Path, tpms: &[&Swtpm], quantity: usize) -> Self {
        let bench = Self::bare(0);
        let copied = Command::new("cp").arg("-a").arg(roots).arg(bench.makers()).status().unwrap();
        assert!(copied.success());
        bench.fit(&tpms.iter().map(|tpm| (None, Some(tpm.tcti()))).collect::<Vec<_>>());
        bench.template("products", "tpm.toml", "own.toml", &TPM_PRODUCT);
        if quantity > 0 {
            bench.order_of("april", "own.toml", quantity);
        }
        bench
    }

    /// The folder of the makers' certificates.
    pub fn makers(&self) -> PathBuf {
        self.folder().join("makers")
    }

    /// The station has these fixtures now, named 1, 2 …: port and the way to the TPM.
    pub fn fit(&self, fixtures: &[(Option<&Path>, Option<String>)]) {
        let path = self.folder().join("station.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        let mut text = text.split("\n[[fixture]]").next().unwrap().to_owned();
        for (index, (port, tcti)) in fixtures.iter().enumerate() {
            text.push_str(&format!("\n[[fixture]]\nname = \"{}\"\n", index + 1));
            let port = port.map(|port| format!("port = {port:?}\n"));
            let tcti = tcti.as_ref().map(|tcti| format!("tcti = {tcti:?}\n"));
            text.extend(port.into_iter().chain(tcti));
        }
        std::fs::remove_file(&path).unwrap();
        std::io::Write::write_all(&mut std::fs::File::create_new(&path).unwrap(), text.as_bytes()).unwrap();
    }

    /// Takes the unit with this TPM, and nothing else, to its verdict by hand, as JSON events.
    pub fn flash_tpm(&self, order: &str, tcti: &str) -> Station {
        self.unlocked(&["--json", "flash", order, "--patience", "20", "--tcti", tcti])
    }

    /// An order as the ledger has it, with its attempts.
    pub fn order_shown(&self, order: &str) -> Value {
        self.station(&["--json", "order", "show", order]).run().expect(0).json()
    }

    /// The facts of the ledger, oldest first.
    pub fn facts(&self) -> Vec<Value> {
        let shown = self.station(&["--json", "ledger", "show"]).run().expect(0);
        shown.json_lines().into_iter().map(|entry| entry["fact"].clone()).collect()
    }
}
