//! A station with its CAs and secrets, and simulated units on its fixtures, all in one temporary folder.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::{Outcome, Station, station_binary};

/// The benches' unlock secret.
pub const SECRET: &str = "open-sesame-for-tests";

/// A station's folder, and the simulator's beside it.
pub struct Bench {
    folder: TempDir,
}

/// A simulator that runs until it is dropped.
pub struct Simulator {
    child: Child,
    _output: BufReader<std::process::ChildStdout>,
}

impl Bench {
    /// A station with this many fixtures, its console password and its CAs.
    pub fn new(fixtures: usize) -> Self {
        let bench = Self::bare(fixtures);
        bench.station(&["keys", "import", "gateway-console"]).input("rehearsal\n").run().expect(0);
        bench.unlocked(&["ca", "root", "--common-name", "Test Root"]).run().expect(0);
        bench.unlocked(&["ca", "intermediate", "--common-name", "Test Line 1"]).run().expect(0);
        bench
    }

    /// A station as `init` makes it.
    pub fn bare(fixtures: usize) -> Self {
        Self::made(fixtures, 0)
    }

    /// A station with this many fixtures, of which the first have a label scanner.
    pub(crate) fn made(fixtures: usize, scanners: usize) -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap() };
        let mut init = Station::new(&["init"]).arg(bench.folder());
        for fixture in 1..=fixtures {
            init = init.arg("--port").arg(bench.port(fixture));
        }
        for fixture in 1..=scanners {
            init = init.arg("--scanner").arg(bench.scanner(fixture));
        }
        init.unlocked_by(SECRET).run().expect(0);
        bench
    }

    /// The same station in a folder of its own: made once, set up once, used by many tests. Without its simulator.
    pub fn copy(&self) -> Self {
        let copy = Self { folder: tempfile::tempdir().unwrap() };
        let copied = Command::new("cp").arg("-a").arg(self.folder()).arg(copy.root()).status().unwrap();
        assert!(copied.success());
        // The ports are absolute.
        let config = copy.folder().join("station.toml");
        let text = std::fs::read_to_string(&config).unwrap();
        let text = text.replace(self.root().to_str().unwrap(), copy.root().to_str().unwrap());
        std::fs::remove_file(&config).unwrap();
        std::io::Write::write_all(&mut std::fs::File::create_new(&config).unwrap(), text.as_bytes()).unwrap();
        copy
    }

    /// The temporary folder that holds all of it.
    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    /// The station's folder.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().join("station")
    }

    /// The port of a simulated fixture, from 1.
    pub fn port(&self, fixture: usize) -> PathBuf {
        self.simulated().join("fixtures").join(fixture.to_string())
    }

    /// The simulator's folder.
    pub fn simulated(&self) -> PathBuf {
        self.folder.path().join("simulated")
    }

    /// The file system of a simulated unit, from 1.
    pub fn unit(&self, number: usize) -> PathBuf {
        self.simulated().join("units").join(format!("{number:04}")).join("root")
    }

    /// The hardware ID that a simulated unit shows.
    pub fn hardware_id(&self, number: usize) -> String {
        let path = self.unit(number).join("sys/firmware/devicetree/base/serial-number");
        std::fs::read_to_string(path).unwrap().trim_end_matches('\0').to_owned()
    }

    /// A call on this station.
    pub fn station(&self, arguments: &[&str]) -> Station {
        Station::new(arguments).on(&self.folder())
    }

    /// A call on this station, with its unlock secret.
    pub fn unlocked(&self, arguments: &[&str]) -> Station {
        self.station(arguments).unlocked_by(SECRET)
    }

    /// Takes an order of gw-0001 … for the built-in gateway.
    pub fn order(&self, name: &str, quantity: usize) {
        self.order_of(name, "gateway-x509.toml", quantity);
    }

    /// Takes an order of gw-0001 … for a product.
    pub fn order_of(&self, name: &str, product: &str, quantity: usize) {
        self.order_of_pattern(name, product, "gw-{:04}", quantity);
    }

    /// Takes an order of such registration IDs for a product.
    pub fn order_of_pattern(&self, name: &str, product: &str, pattern: &str, quantity: usize) {
        let (add, quantity) = (["order", "add", name, "--product", product], quantity.to_string());
        self.station(&add).args(&["--pattern", pattern, "--quantity", &quantity]).run().expect(0);
    }

    /// Runs an order to its end, as JSON events.
    pub fn run(&self, order: &str) -> Outcome {
        self.unlocked(&["--json", "run", order, "--patience", "60"]).run()
    }

    /// Takes the unit on a fixture to its verdict by hand, as JSON events. It may have yet to come.
    pub fn flash(&self, order: &str, fixture: usize) -> Station {
        let flash = ["--json", "flash", order, "--patience", "30"];
        self.unlocked(&flash).arg("--port").arg(self.port(fixture))
    }

    /// Verifies the unit on a fixture, with these further arguments. It may have yet to come back.
    #[track_caller]
    pub fn verify(&self, order: &str, fixture: usize, more: &[&str]) -> Outcome {
        for _ in 0..100 {
            let call = self.unlocked(&["verify", order]).arg("--port").arg(self.port(fixture)).args(more);
            let outcome = call.run();
            if !outcome.stderr.contains("is not there") {
                return outcome;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        panic!("no unit came to fixture {fixture}");
    }

    /// Puts a product of the station's own in place: the built-in gateway with these lines changed.
    pub fn product(&self, name: &str, changes: &[(&str, &str)]) {
        self.template("products", "gateway-x509.toml", name, changes);
    }

    /// Puts a template of the station's own in place: a built-in one with these texts changed.
    pub fn template(&self, folder: &str, from: &str, name: &str, changes: &[(&str, &str)]) {
        let built_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("../templates").join(folder).join(from);
        let mut text = std::fs::read_to_string(built_in).unwrap();
        for (from, to) in changes {
            assert!(text.contains(from), "the template has no `{from}`");
            text = text.replace(from, to);
        }
        let folder = self.folder().join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        let mut file = std::fs::File::create_new(folder.join(name)).unwrap();
        std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
    }

    /// Starts simulated units, and waits until their ports are there.
    pub fn simulate(&self, units: usize, fixtures: usize, more: &[&str]) -> Simulator {
        let mut command = Command::new(station_binary());
        command.args([
            "simulate",
            "--json",
            "--units",
            &units.to_string(),
            "--fixtures",
            &fixtures.to_string(),
        ]);
        for (option, value) in [("--exchange-ms", "100"), ("--boot-ms", "100")] {
            if !more.contains(&option) {
                command.args([option, value]);
            }
        }
        command.args(more).arg(self.simulated());
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while output.read_line(&mut line).unwrap() > 0 {
            let event: Value = serde_json::from_str(&line).unwrap();
            if event["event"] == "ready" {
                return Simulator { child, _output: output };
            }
            line.clear();
        }
        panic!("the simulator ended before it was ready: {:?}", child.wait());
    }

    /// What the ledger knows of an identity.
    pub fn show(&self, unit: &str) -> Value {
        self.station(&["--json", "unit", "show", unit]).run().expect(0).json()
    }

    /// Seq and hash of the ledger's last entry, as `ledger verify` reports them; the ledger must hold together.
    pub fn head(&self) -> String {
        let verified = self.station(&["--json", "ledger", "verify"]).run().expect(0).json();
        format!("{} {}", verified["entries"], verified["head"])
    }

    /// The accepted identities of an order, with the simulated unit that each is bound to.
    pub fn accepted(&self, units: usize) -> Vec<(String, usize)> {
        let numbered: Vec<(String, usize)> = (1..=units).map(|unit| (self.hardware_id(unit), unit)).collect();
        let mut accepted = Vec::new();
        for (hardware_id, unit) in numbered {
            let shown = self.station(&["--json", "unit", "show", &hardware_id]).run();
            if shown.code != 0 {
                continue;
            }
            let record = shown.json();
            if record["state"] == "live" {
                accepted.push((record["registration_id"].as_str().unwrap().to_owned(), unit));
            }
        }
        accepted
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        // SIGTERM, so that it takes its shells and ports along; std can only kill.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}
