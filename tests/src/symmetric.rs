//! Stations whose units attest with symmetric keys, and the keys that `iotc` derives for them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::{Bench, Outcome, python_tool_with_input};

/// The benches' group key: printable, so that it would be recognised wherever it lay.
pub const GROUP_KEY_BYTES: &str = "group-key-canary-b7e1-90c2-5d38!";
/// The same as it is imported.
pub const GROUP_KEY: &str = "Z3JvdXAta2V5LWNhbmFyeS1iN2UxLTkwYzItNWQzOCE=";

/// The device keys that the PyPI package iotc derives from the benches' group key, base64.
pub fn derived_keys<'a>(ids: impl IntoIterator<Item = &'a str>) -> BTreeMap<String, String> {
    let lines: String = ids.into_iter().map(|id| format!("{GROUP_KEY},{id}\n")).collect();
    let output = python_tool_with_input("device_keys.py", &lines);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| line.split_once(',').unwrap()).map(|(id, key)| (id.into(), key.into())).collect()
}

impl Bench {
    /// A station for gateways with symmetric keys: console password and group key.
    pub fn symmetric(fixtures: usize) -> Self {
        let bench = Self::bare(fixtures);
        bench.station(&["keys", "import", "gateway-console"]).input("rehearsal\n").run().expect(0);
        bench.import_group_key();
        bench
    }

    /// Imports the benches' group key, under the name that the built-in products give it.
    pub fn import_group_key(&self) -> Outcome {
        let import = ["keys", "import", "contoso-group-key", "--kind", "group-key"];
        self.station(&import).input(format!("{GROUP_KEY}\n")).run().expect(0)
    }

    /// Puts a product in place whose gateways take the keys that their order brings.
    pub fn product_with_given_keys(&self, name: &str) {
        let changes = [
            ("attestation = \"symmetric-group\"", "attestation = \"symmetric-given\""),
            ("group_key = \"contoso-group-key\"\n", ""),
            ("group_entry = \"primary\"\n", ""),
        ];
        self.template("products", "gateway-symmetric.toml", name, &changes);
    }

    /// Where a simulated gateway keeps its symmetric key.
    pub fn key_file(&self, unit: usize) -> PathBuf {
        self.unit(unit).join("var/secrets/device-id.key")
    }
}
