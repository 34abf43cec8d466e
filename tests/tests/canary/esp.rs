//! ESP32 boards: a derived key in NVS, whose first writing is lost, and a private key that no one else has.

use acceptance::canary::{Canary, Secret};
use acceptance::{EspProduct, NVS, SECURE_CERT, partition, python_tool};

use super::places::{ERRORS, new_file};
use super::secrets::{derived, pkcs8};
use super::{QUICK, Watch};

const CHIP: &str = "esp32c3";
const ID: &str = "esp-0001";

impl Watch {
    /// One board with each product. Neither holds one of these secrets of the station's.
    pub(crate) fn esp32_boards(&mut self, never: &Canary) -> Vec<Secret> {
        let made = python_tool("esp_release.py", &[&self.bench.firmware()]);
        assert!(made.status.success(), "{made:?}");
        let mut secrets = derived([ID]);
        // What was written by then is lost at the restart, so that the unit fails, and passes the next time.
        let flash = self.build("esp-nvs", NVS, "1", &["--seed", "10", "--fault", "lost-writes:1"], 2);
        assert_eq!(never.find(&flash), Vec::<&str>::new());
        let found = Canary::of(&secrets).find(partition(&flash, NVS.slot)).len();
        assert_eq!(found, 1, "the unit has its key");
        let flash =
            self.build("esp-cert", SECURE_CERT, "2", &["--seed", "11", "--fault", "brown-out:1:60"], 1);
        assert_eq!(never.find(&flash), Vec::<&str>::new());
        secrets.push(self.private_key(partition(&flash, SECURE_CERT.slot)));
        for unit in [ID, "esp-0002"] {
            self.both(&["unit", "show", unit]);
        }
        for arguments in [&["ledger", "show"][..], &["ledger", "rebuild"]] {
            self.both(arguments);
        }
        secrets
    }

    /// Runs an order with one unit until it passes. Gives its flash.
    fn build(
        &mut self,
        order: &str,
        product: EspProduct,
        first: &str,
        more: &[&str],
        verdicts: usize,
    ) -> Vec<u8> {
        let file = format!("{order}.toml");
        self.bench.esp_product(&file, product, CHIP, &[]);
        let pattern = ["--product", &file, "--pattern", "esp-{:04}", "--quantity", "1", "--first", first];
        let add = self.bench.station(&[&["order", "add", order], &pattern[..]].concat());
        self.call("order add", add, 0);
        std::fs::remove_dir_all(self.bench.simulated()).unwrap();
        let _simulator = self.bench.simulate_esp(CHIP, 1, 1, &[&QUICK[..], more].concat());
        let run = self.unlocked(&["run", order, "--patience", "20", "--json"]);
        let outcome = self.call("run of ESP32 boards --json", run, 0);
        for verdict in outcome.verdicts() {
            let reason = verdict["reason"].as_str().unwrap_or_default();
            self.taken.add(ERRORS, "reason of a failure", reason.as_bytes());
        }
        assert_eq!(outcome.verdicts().len(), verdicts, "{outcome:?}");
        self.bench.esp_flash(1)
    }

    fn private_key(&self, slot: &[u8]) -> Secret {
        let text = String::from_utf8_lossy(slot);
        let begin = text.find("-----BEGIN PRIVATE KEY-----").unwrap();
        let end = text.find("-----END PRIVATE KEY-----").unwrap();
        let pem = self.bench.root().join("esp.pem");
        new_file(&pem, format!("{}-----END PRIVATE KEY-----\n", &text[begin..end]).as_bytes());
        Secret::key("private key in the flash", &pkcs8(&["-in", pem.to_str().unwrap()]))
    }
}
