//! Gateways whose keys come with their order.

use super::places::ERRORS;
use super::{QUICK, Watch};

const HEADER: &str = "IOTC_DEVICEID,IOTC_DEVICENAME,IOTC_SASKEY_PRIMARY";
const KEYS: [&str; 2] =
    ["Z2l2ZW4ta2V5LWNhbmFyeS0wMDAxLTdmM2EtOTFjNC0yMCE=", "Z2l2ZW4ta2V5LWNhbmFyeS0wMDAyLTdmM2EtOTFjNC0yMCE="];

impl Watch {
    /// An order from an export, refused where it is wrong, taken where it is not; then one of its two gateways.
    pub(crate) fn gateways_with_given_keys(&mut self) {
        self.bench.product_with_given_keys("given.toml");
        let [first, second] = KEYS;
        let add = |bench: &acceptance::Bench, product: &str| {
            bench.station(&["order", "add", "june", "--product", product, "--csv", "-"])
        };
        for (wrong, what) in [
            (format!("{HEADER}\nsym-0001,one,{}\n", &first[1..]), "a key that is cut off"),
            (
                format!("{HEADER}\nsym-0001,one,{first}\nsym-0002,two,*{}\n", &second[1..]),
                "a key that is no base64",
            ),
            (format!("{HEADER}\nsym-0001,one,{first}\nsym-0002,two\n"), "a key that is missing"),
            (format!("{HEADER}\nsym-0001,one,{first}\nsym-0002,{second},two\n"), "a key in another column"),
        ] {
            let call = add(&self.bench, "given.toml").input(wrong);
            self.call(&format!("order add, {what}"), call, 3);
        }
        let export = format!("{HEADER}\nsym-0001,one,{first}\nsym-0002,two,{second}\n");
        let not_wanted = add(&self.bench, "gateway-symmetric.toml").input(export.clone());
        self.call("order add, keys that are not wanted", not_wanted, 3);
        let call = add(&self.bench, "given.toml").arg("--json").input(export);
        self.call("order add with keys --json", call, 0);

        std::fs::remove_dir_all(self.bench.simulated()).unwrap();
        let console = self.bench.root().join("password");
        let console = ["--console-password-file", console.to_str().unwrap()];
        // Units that nobody has seen yet.
        let faults = ["--seed", "7", "--fault", "unplug:1:720"];
        let _simulator = self.bench.simulate(1, 1, &[&QUICK[..], &console, &faults].concat());
        let run = self.unlocked(&["run", "june", "--patience", "3", "--json"]);
        let outcome = self.call("run, given keys --json", run, 1);
        for verdict in outcome.verdicts() {
            let reason = verdict["reason"].as_str().unwrap_or_default();
            self.taken.add(ERRORS, "reason of a failure", reason.as_bytes());
        }
        let accepted = outcome.verdicts().iter().any(|verdict| verdict["verdict"] == "accepted");
        assert!(accepted, "{outcome:?}");
        assert_eq!(acceptance::sha256(&std::fs::read(self.bench.key_file(1)).unwrap()), key_digest(first));
        self.both(&["unit", "show", "sym-0001"]);
        self.both(&["order", "show", "june"]);
        let central = self.bench.folder().join("manifests/june.csv");
        self.both_into(&["manifest", "central", "june"], &central);
    }
}

fn key_digest(base64: &str) -> String {
    use base64::Engine;
    acceptance::sha256(&base64::engine::general_purpose::STANDARD.decode(base64).unwrap())
}
