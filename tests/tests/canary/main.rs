//! No secret leaves but by the doors. First the canary proves that it finds a planted secret in each place and encoding;
//! then it searches each place, in which a station at its loudest has set up, run, failed and panicked.
//!
//! Not searched: the unit and its serial line, which are the door, and the process's memory.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "what cannot be set up fails the test"
)]

mod boards;
mod esp;
mod given;
mod individual;
mod places;
mod secrets;
mod token;

use std::path::{Path, PathBuf};

use acceptance::canary::{Canary, Secret, planted, planted_symmetric};
use acceptance::{Bench, Station, openssl, strace};
use places::{ERRORS, PLACES, PROCESS, TEMPORARY, Taken, loud, new_file, plant, watched, watching};
use secrets::{PASSWORD, UNLOCK, WRONG_UNLOCK, of_station, of_units, on_the_wire};

/// Holds what base64 and base64url spell differently.
const PLANTED: &str = "planted>>>???~~~7f3a91c4e2";
/// A device key, base64: with characters that need other ones in base64url.
const SYMMETRIC: &str = "q+/7dYc0Rj9PvX2mL+Hk1tQwE/8zN5sUaB3iGxO6fCo=";
const QUICK: [&str; 5] = ["--no-pacing", "--boot-ms", "20", "--exchange-ms", "20"];
/// Within the piece of the first write that carries a unit's private key: bytes since the unit was put in.
const IN_THE_KEY: usize = 3280;

/// A station that is watched at every call.
struct Watch {
    bench: Bench,
    temporary: PathBuf,
    taken: Taken,
}

impl Watch {
    fn new() -> Self {
        // The benches' own station stays unused: this one is made under watch, with secrets of its own.
        let bench = Bench::bare(1);
        std::fs::remove_dir_all(bench.folder()).unwrap();
        let temporary = bench.root().join("tmp");
        std::fs::create_dir(&temporary).unwrap();
        let mut watch = Self { bench, temporary, taken: Taken::default() };
        let init = Station::new(&["init"]).arg(watch.bench.folder()).arg("--port").arg(watch.bench.port(1));
        let init = init.arg("--scanner").arg(watch.bench.scanner(1));
        watch.call("init", init.unlocked_by(UNLOCK), 0);
        watch
    }

    fn call(&mut self, what: &str, call: Station, code: i32) -> acceptance::Outcome {
        let folders = (&*self.bench.folder(), &*self.temporary);
        watched(&mut self.taken, what, call, folders).expect(code)
    }

    /// A call on the station, once plain and once with --json.
    fn both(&mut self, arguments: &[&str]) {
        let what = arguments.join(" ");
        self.call(&what, self.bench.station(arguments), 0);
        self.call(&format!("{what} --json"), self.bench.station(arguments).arg("--json"), 0);
    }

    fn unlocked(&self, arguments: &[&str]) -> Station {
        self.bench.station(arguments).unlocked_by(UNLOCK)
    }

    fn set_up(&mut self) {
        let password =
            self.bench.station(&["keys", "import", "gateway-console"]).input(format!("{PASSWORD}\n"));
        self.call("keys import", password, 0);
        let again = self.bench.station(&["keys", "import", "gateway-console", "--json"]).input(PASSWORD);
        self.call("keys import again --json", again, 3);
        let root = ["ca", "root", "--common-name", "Test Root"];
        self.call("ca root, wrong unlock secret", self.bench.station(&root).unlocked_by(WRONG_UNLOCK), 3);
        self.call("ca root", self.unlocked(&root), 0);
        let intermediate = ["ca", "intermediate", "--common-name", "Test Line 1", "--json"];
        self.call("ca intermediate --json", self.unlocked(&intermediate), 0);
        for (order, first) in [("april", "1"), ("may", "3")] {
            let pattern =
                ["--product", "gateway-x509.toml", "--pattern", "gw-{:04}", "--quantity", "2", "--first"];
            let add = [&["order", "add", order], &pattern[..], &[first]].concat();
            self.call("order add", self.bench.station(&add), 0);
        }
    }

    /// Two units, one of them unplugged while its key is written, the other babbling at that moment. Gives the keys that
    /// were sent: those two are in no unit.
    fn run_with_faults(&mut self) -> Vec<Secret> {
        let password = self.bench.root().join("password");
        new_file(&password, PASSWORD.as_bytes());
        let (unplug, babble) = (format!("unplug:1:{IN_THE_KEY}"), format!("babble:2:{IN_THE_KEY}"));
        let faults = ["--fault", &unplug, "--fault", &babble];
        let console = ["--console-password-file", password.to_str().unwrap()];
        let _simulator = self.bench.simulate(2, 1, &[&QUICK[..], &console, &faults].concat());
        let run = loud(self.unlocked(&["run", "april", "--patience", "60", "--json"]), &self.temporary);
        let (folder, temporary) = (self.bench.folder(), &self.temporary);
        let run = watching(&mut self.taken, None, &folder, temporary, || strace::traced(run));
        self.taken.outcome("run --json", true, &run.outcome);
        let verdicts = run.outcome.verdicts();
        let reasons: Vec<&str> = verdicts.iter().filter_map(|verdict| verdict["reason"].as_str()).collect();
        assert_eq!(reasons.len(), 2, "both faults struck: {reasons:?}");
        for reason in &reasons {
            self.taken.add(ERRORS, "reason of a failure", reason.as_bytes());
        }
        let sent = on_the_wire(&run.calls);
        assert_eq!(sent.len(), 4, "both faults struck while a key was written");
        self.panic();
        self.call("run", self.unlocked(&["run", "may", "--patience", "4"]), 1);
        sent
    }

    /// The system refuses the thread of a fixture when all secrets are in memory: the program panics.
    fn panic(&mut self) {
        let refuse =
            ["-f", "-o", "/dev/null", "-e", "trace=clone3", "-e", "inject=clone3:error=EAGAIN:when=3"];
        let run = self.unlocked(&["run", "may"]).under("strace", &refuse.map(str::to_owned));
        let folders = (&*self.bench.folder(), &*self.temporary);
        let outcome = watched(&mut self.taken, "run without threads", run, folders);
        assert!(outcome.stderr.contains("panicked at"), "{outcome:?}");
    }

    /// Units that have another console password.
    fn run_with_a_wrong_password(&mut self) {
        std::fs::remove_dir_all(self.bench.simulated()).unwrap();
        let _simulator = self.bench.simulate(1, 1, &QUICK);
        let run = self.unlocked(&["run", "may", "--patience", "2"]);
        let outcome = self.call("run, wrong console password", run, 1);
        assert!(outcome.stdout.contains("refused the console password"), "{outcome:?}");
    }

    fn every_other_verb(&mut self) {
        for arguments in [
            &["order", "show"][..],
            &["order", "show", "april"],
            &["unit", "show", "gw-0001"],
            &["ca", "show", "root"],
            &["ledger", "show"],
            &["ledger", "verify"],
            &["ledger", "rebuild"],
            &["manifest", "dps", "april", "--group", "line-1"],
            &["manifest", "central", "april"],
            &["completions", "bash"],
            &["man"],
            &["--help"],
        ] {
            self.both(arguments);
        }
        let folder = self.bench.folder().join("manifests");
        std::fs::create_dir(&folder).unwrap();
        let (group, central) = (folder.join("group.json"), folder.join("devices.csv"));
        self.both_into(&["manifest", "dps", "april", "--group", "line-1"], &group);
        self.both_into(&["manifest", "central", "april"], &central);
        let rework = ["unit", "rework", "gw-0001", "--reason", "trial", "--json"];
        self.call("unit rework --json", self.bench.station(&rework), 0);
        let scrap = ["unit", "scrap", "gw-0002", "--reason", "trial"];
        self.call("unit scrap", self.bench.station(&scrap), 0);
        self.call("check", self.unlocked(&["check"]), 0);
    }

    fn both_into(&mut self, arguments: &[&str], file: &Path) {
        self.call("manifest", self.bench.station(arguments).arg("--out").arg(file), 0);
    }
}

#[test]
fn no_secret_leaves_but_by_the_doors() {
    let mut watch = Watch::new();
    watch.set_up();
    let mut secrets = watch.run_with_faults();
    secrets.extend(of_units(&watch.bench));
    watch.every_other_verb();
    watch.run_with_a_wrong_password();
    watch.gateways_with_given_keys();
    secrets.extend(watch.gateways_with_keys_of_their_own());
    watch.authorities_in_a_token();
    secrets.extend(watch.boards_with_derived_keys());
    let of_station = of_station(&watch.bench);
    // Of what a board must hold the station knows only the Wi-Fi password.
    let never_in_a_board: Vec<Secret> =
        of_station.iter().filter(|secret| secret.name != "factory-wifi").cloned().collect();
    let never_in_a_board = Canary::of(&never_in_a_board);
    watch.boards_hold_none_of(&never_in_a_board);
    secrets.extend(watch.esp32_boards(&never_in_a_board));
    secrets.extend(of_station);

    control(&watch);
    let canary = Canary::of(&secrets);
    let names: Vec<&str> = secrets.iter().map(|secret| secret.name.as_str()).collect();
    println!("\nsearched for: {}", names.join(", "));
    for place in PLACES {
        let contents = watch.taken.of(place);
        let bytes: usize = contents.iter().map(|(_, bytes)| bytes.len()).sum();
        println!("{place:<26} {:>5} contents, {bytes:>9} bytes", contents.len());
        // The station uses no folder of temporary files: that it was looked at is what counts.
        assert!(bytes > 0 || place == TEMPORARY && watch.taken.looks > 100, "{place} was not searched");
    }
    for shown in ["cmdline", "environ", "maps", "fd", "a thread's comm"] {
        assert!(
            watch.taken.of(PROCESS).iter().any(|(what, _)| what == shown),
            "/proc/PID/{shown} was not searched"
        );
    }
    let found: Vec<String> = watch
        .taken
        .all()
        .flat_map(|(place, what, bytes)| {
            canary.find(bytes).into_iter().map(move |name| format!("{name} in {place}: {what}"))
        })
        .collect();
    assert!(found.is_empty(), "secrets were found:\n{}", found.join("\n"));
}

/// The canary finds a planted secret in each place, in each encoding.
fn control(watch: &Watch) {
    let key =
        openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-outform", "DER"]);
    let symmetric = Secret::symmetric_key("symmetric key", SYMMETRIC);
    let canary = Canary::of(&[Secret::text("text", PLANTED), Secret::key("key", &key.stdout), symmetric]);
    let copy = watch.bench.copy();
    let temporary = copy.root().join("tmp");
    std::fs::create_dir(&temporary).unwrap();
    for place in ["ledger.db-wal", "ledger.db-shm"] {
        // A station that has ended has neither.
        if !copy.folder().join(place).exists() {
            new_file(&copy.folder().join(place), b"");
        }
    }
    for place in PLACES {
        let clean = plant(place, b"nothing", &copy.folder(), &temporary);
        assert_eq!(clean.all().flat_map(|(_, _, bytes)| canary.find(bytes)).count(), 0, "{place}");
        let all = [planted(PLANTED, &key.stdout), planted_symmetric(SYMMETRIC)].concat();
        for (encoding, bytes) in all {
            let taken = plant(place, &bytes, &copy.folder(), &temporary);
            let found = taken.of(place).iter().any(|(_, bytes)| !canary.find(bytes).is_empty());
            println!("control: {place:<18} {encoding:<36} {}", if found { "found" } else { "NOT FOUND" });
            assert!(found, "a secret planted in {place} as {encoding} is not found");
        }
    }
}
