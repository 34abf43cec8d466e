//! Boards that echo their key in clear: whole, and cut off in its middle by an unplug, by silence and by noise.

use std::path::{Path, PathBuf};
use std::process::Command;

use acceptance::canary::{Canary, Secret};
use acceptance::strace::{self, Call};
use acceptance::{GROUP_KEY, WIFI_PASSWORD, label};

use super::places::{ERRORS, loud, new_file, watching};
use super::secrets::{UNLOCK, derived};
use super::{QUICK, Watch};

const PRODUCT: &str = "mxchip-az3166.toml";
const IDS: [&str; 3] = ["m1", "m2", "m3"];
const TYPED: &str = "m4";
/// Of the settings' line: within the key, and after its first part.
const IN_THE_KEY: usize = 153;
/// Of a key's 44 characters: as many as the canary needs to find it.
const ENOUGH: usize = 16;

impl Watch {
    /// Three boards, each with a fault in the middle of its key; then one whose label is typed.
    pub(crate) fn boards_with_derived_keys(&mut self) -> Vec<Secret> {
        self.set_up_boards();
        self.run_with_cut_echoes();
        let moved = Command::new("mv").arg(self.bench.simulated()).arg(self.first_boards()).status().unwrap();
        assert!(moved.success());
        self.run_with_a_typed_label();
        for unit in IDS {
            self.both(&["unit", "show", unit]);
        }
        for arguments in [&["ledger", "show"][..], &["ledger", "rebuild"], &["order", "show", "july"]] {
            self.both(arguments);
        }
        let central = self.bench.folder().join("manifests/july.csv");
        self.both_into(&["manifest", "central", "july"], &central);
        self.call("check", self.unlocked(&["check"]), 0);
        derived(IDS.into_iter().chain([TYPED]))
    }

    fn first_boards(&self) -> PathBuf {
        self.bench.root().join("first-boards")
    }

    fn set_up_boards(&mut self) {
        let import = ["keys", "import", "contoso-group-key", "--kind", "group-key"];
        let (start, end) = GROUP_KEY.split_at(22);
        let broken = self.bench.station(&import).input(format!("{start}\n{end}\n"));
        self.call("keys import, a group key in two lines", broken, 3);
        let cut = self.bench.station(&import).input(&GROUP_KEY[1..]);
        self.call("keys import, a group key that is cut off", cut, 3);
        self.call("keys import of a group key", self.bench.station(&import).input(GROUP_KEY), 0);
        let wifi = self.bench.station(&["keys", "import", "factory-wifi", "--json"]).input(WIFI_PASSWORD);
        self.call("keys import factory-wifi --json", wifi, 0);
        let row = |(id, unit): (&str, usize)| format!("{id},{}\n", label(unit));
        let july: String = IDS.into_iter().zip(1..).map(row).collect();
        for (order, rows) in [("july", july), ("august", row((TYPED, 4)))] {
            let add = ["order", "add", order, "--product", PRODUCT, "--csv", "-"];
            let add = self.bench.station(&add).input(format!("registration_id,serial_number\n{rows}"));
            self.call("order add", add, 0);
        }
        // A silent board is given up sooner. A slow line brings the echo byte by byte, so that it ends within the key.
        self.bench.template("dialogues", PRODUCT, PRODUCT, &[("within = 10\n", "within = 2\n")]);
        self.bench.template("products", PRODUCT, PRODUCT, &[("baud = 115200", "baud = 9600")]);
    }

    fn run_with_cut_echoes(&mut self) {
        std::fs::remove_dir_all(self.bench.simulated()).unwrap();
        let wifi = format!("set_wifipwd \"{WIFI_PASSWORD}\"");
        let before: usize = ["", "set_wifissid \"factory\"", &wifi].iter().map(|line| line.len() + 1).sum();
        let faults = ["unplug:1", "unplug:1", "silence:2", "babble:3"]
            .map(|fault| format!("--fault={fault}:{}", before + IN_THE_KEY));
        let faults: Vec<&str> = faults.iter().map(String::as_str).collect();
        let _simulator = self.bench.simulate_boards(IDS.len(), 1, &[&QUICK[1..], &faults].concat());
        let run = loud(self.unlocked(&["run", "july", "--patience", "60", "--json"]), &self.temporary);
        let (folder, temporary) = (self.bench.folder(), &self.temporary);
        let run = watching(&mut self.taken, None, &folder, temporary, || strace::traced(run));
        self.taken.outcome("run of boards --json", true, &run.outcome);
        let verdicts = run.outcome.verdicts();
        let failed = verdicts.iter().filter(|verdict| verdict["verdict"] == "failed");
        let reasons: Vec<&str> = failed.map(|verdict| verdict["reason"].as_str().unwrap()).collect();
        for reason in &reasons {
            self.taken.add(ERRORS, "reason of a failure", reason.as_bytes());
        }
        assert_eq!(reasons.len(), faults.len(), "all faults struck: {reasons:?}");
        let (whole, cut) = echoes(&run.calls);
        println!("echoes of keys: {whole} whole, {cut} cut off");
        assert!(whole >= IDS.len() && cut > 0, "{whole} echoes of keys were whole, and {cut} were cut off");
    }

    /// The label comes on standard input, wrong ones too; the unlock secret from a systemd credential.
    fn run_with_a_typed_label(&mut self) {
        let credentials = self.bench.root().join("credentials");
        std::fs::create_dir(&credentials).unwrap();
        new_file(&credentials.join("station-unlock"), UNLOCK.as_bytes());
        // The fourth board's label on the first: the other three are live.
        let _simulator =
            self.bench.simulate_boards(4, 1, &[&QUICK[..], &["--fault", "same-label:1:4"]].concat());
        let typed = format!("1 {}\n9 {}\nno-scan\n", label(4), label(4));
        let run = self.bench.station(&["run", "august", "--scans", "--patience", "20"]);
        self.call("run --scans", run.env("CREDENTIALS_DIRECTORY", &credentials).input(typed), 0);
    }

    /// No store of a board holds one of these.
    pub(crate) fn boards_hold_none_of(&self, canary: &Canary) {
        let folders = [self.first_boards(), self.bench.simulated()];
        let stores: Vec<PathBuf> = folders.iter().flat_map(|folder| files(folder)).collect();
        let settings = stores.iter().filter(|path| path.ends_with("eeprom/iot-hub")).count();
        assert_eq!(settings, IDS.len() + 1, "{stores:?}");
        for path in stores {
            let found = canary.find(&std::fs::read(&path).unwrap()).join(", ");
            assert_eq!(found, "", "in {}", path.display());
        }
    }
}

/// How many keys' echoes the station has heard whole, and of how many the beginning alone, long enough to be found.
fn echoes(calls: &[Call]) -> (usize, usize) {
    let (mut whole, mut cut) = (0, 0);
    for (at, call) in calls.iter().enumerate() {
        if !call.is_said() || !call.text.starts_with("set_az_iotdps") {
            continue;
        }
        // Until the next line is said.
        let on_port = calls[at + 1..].iter().filter(|other| other.path == call.path);
        let is_next =
            |other: &&Call| other.is_said() && (other.text == "\\r" || other.text.starts_with("exit"));
        let heard: String = on_port
            .take_while(|other| !is_next(other))
            .filter(|other| other.name == "read" && other.returned)
            .map(|other| other.text.as_str())
            .collect();
        let is_base64 = |c: &char| c.is_ascii_alphanumeric() || "+/=".contains(*c);
        let key = heard.split_once("SymmetricKey=").map_or("", |(_, key)| key);
        match key.chars().take_while(is_base64).count() {
            44 => whole += 1,
            ENOUGH..44 => cut += 1,
            _ => {}
        }
    }
    (whole, cut)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .filter(|path| path.is_file())
        .collect()
}
