//! Gateways whose keys are theirs alone: random ones of the station's making, and one that a unit makes itself.

use acceptance::AgeKey;
use acceptance::canary::Secret;

use super::places::{ERRORS, new_file};
use super::secrets::{keys_ahead, pkcs8, unit_keys};
use super::{QUICK, Watch};

/// Within the piece that carries a unit's random key: bytes since it was put in.
const IN_THE_KEY: usize = 1300;

impl Watch {
    /// A gateway that is unplugged while its random key is written, and then passes; and one that makes its key, which
    /// is given back.
    pub(crate) fn gateways_with_keys_of_their_own(&mut self) -> Vec<Secret> {
        let (random, own) = ("gateway-symmetric-individual.toml", "gateway-x509-device-key.toml");
        for (order, product, first) in [("rand", random, "1"), ("own", own, "2")] {
            let pattern =
                ["--product", product, "--pattern", "ind-{:04}", "--quantity", "1", "--first", first];
            let add = self.bench.station(&[&["order", "add", order], &pattern[..]].concat());
            self.call("order add", add, 0);
        }
        let fault = format!("unplug:1:{IN_THE_KEY}");
        self.pass("rand", &["--seed", "8", "--fault", &fault], 2);
        let keys = unit_keys(&self.bench);
        let in_unit = std::fs::read(self.bench.key_file(1)).unwrap();
        assert!(keys.iter().any(|(_, key)| *key == in_unit), "the unit has one of the vault's keys");
        assert_eq!(keys.len(), 4, "two for each of two attempts");

        self.pass("own", &["--seed", "9"], 1);
        let key = self.bench.unit(1).join("var/secrets/device-id.key.pem");
        let own_key = Secret::key("the unit's own key", &pkcs8(&["-in", key.to_str().unwrap()]));
        for unit in ["ind-0001", "ind-0002"] {
            self.both(&["unit", "show", unit]);
        }
        let mut secrets = self.handed_over_without_units();
        secrets.push(own_key);
        secrets
    }

    /// Random keys, and keys of certificates that sign themselves, in sealed bundles; and the former in a sealed delivery.
    fn handed_over_without_units(&mut self) -> Vec<Secret> {
        let writer = AgeKey::new(self.bench.root(), "writer.age-key");
        let to = ["--recipient", &writer.recipient];
        let mut self_signed = Vec::new();
        for (order, product, first) in [
            ("away", "gateway-symmetric-individual.toml", "11"),
            ("self", "gateway-x509-individual.toml", "21"),
        ] {
            let pattern =
                ["--product", product, "--pattern", "ind-{:04}", "--quantity", "2", "--first", first];
            let add = self.bench.station(&[&["order", "add", order], &pattern[..]].concat());
            self.call("order add", add, 0);
            let bundle = self.bench.root().join(format!("{order}.age"));
            let issue = self.unlocked(&["issue", order, "--json"]).args(&to).arg("--bundle").arg(&bundle);
            self.call("issue, individual --json", issue, 0);
            for line in writer.open_lines(&bundle).iter().filter(|line| line["private_key"].is_string()) {
                let pem =
                    self.bench.root().join(format!("{}.pem", line["registration_id"].as_str().unwrap()));
                new_file(&pem, line["private_key"].as_str().unwrap().as_bytes());
                let name = format!("self-signed key of {}", line["registration_id"]);
                self_signed.push(Secret::key(&name, &pkcs8(&["-in", pem.to_str().unwrap()])));
            }
        }
        assert_eq!((self_signed.len(), keys_ahead(&self.bench).len()), (2, 4));
        let sealed = self.bench.root().join("away-delivery.age");
        let dps = self.unlocked(&["manifest", "dps", "away", "--individual"]).args(&to);
        self.call("manifest dps, keys ahead", dps.arg("--out").arg(&sealed), 0);
        self_signed
    }

    /// Runs an order with one unit that nobody has seen yet, until it passes.
    fn pass(&mut self, order: &str, more: &[&str], verdicts: usize) {
        std::fs::remove_dir_all(self.bench.simulated()).unwrap();
        let console = self.bench.root().join("password");
        let console = ["--console-password-file", console.to_str().unwrap()];
        let _simulator = self.bench.simulate(1, 1, &[&QUICK[..], &console, more].concat());
        let run = self.unlocked(&["run", order, "--patience", "20", "--json"]);
        let outcome = self.call("run, keys of their own --json", run, 0);
        for verdict in outcome.verdicts() {
            let reason = verdict["reason"].as_str().unwrap_or_default();
            self.taken.add(ERRORS, "reason of a failure", reason.as_bytes());
        }
        assert_eq!(outcome.verdicts().len(), verdicts, "{outcome:?}");
    }
}
