//! MXChip boards on the benches' fixtures, and scanners that read their labels.

use std::path::PathBuf;

use crate::{Bench, SECRET, Simulator, Station};

/// What the boards are told of the Wi-Fi.
pub const WIFI_PASSWORD: &str = "wifi-canary-31d7-44ab";

/// The label of a simulated board, from 1.
pub fn label(unit: usize) -> String {
    format!("az3166-{unit:06}")
}

impl Bench {
    /// A station for MXChip boards: group key and Wi-Fi password, and a scanner at each fixture.
    pub fn mxchip(fixtures: usize) -> Self {
        Self::for_boards(fixtures, fixtures)
    }

    /// The same without scanners.
    pub fn mxchip_without_scanners(fixtures: usize) -> Self {
        Self::for_boards(fixtures, 0)
    }

    fn for_boards(fixtures: usize, scanners: usize) -> Self {
        let bench = Self::made(fixtures, scanners);
        bench.import_group_key();
        bench
            .station(&["keys", "import", "factory-wifi"])
            .input(format!("{WIFI_PASSWORD}\n"))
            .run()
            .expect(0);
        bench
    }

    /// The port of a simulated fixture's scanner, from 1.
    pub fn scanner(&self, fixture: usize) -> PathBuf {
        self.simulated().join("scanners").join(fixture.to_string())
    }

    /// Takes an order of mx-0001 …, each meant for the board with the label of its number.
    pub fn order_boards(&self, name: &str, product: &str, quantity: usize) {
        let rows: String = (1..=quantity).map(|unit| format!("mx-{unit:04},{}\n", label(unit))).collect();
        self.station(&["order", "add", name, "--product", product, "--csv", "-"])
            .input(format!("registration_id,serial_number\n{rows}"))
            .run()
            .expect(0);
    }

    /// Starts simulated boards, with a scanner at each fixture.
    pub fn simulate_boards(&self, units: usize, fixtures: usize, more: &[&str]) -> Simulator {
        self.simulate(units, fixtures, &[&["--board", "mxchip", "--scanners"], more].concat())
    }

    /// A run that takes labels on standard input, a line `FIXTURE VALUE` each, and is unlocked from elsewhere.
    pub fn run_with_scans(&self, order: &str, patience: u64) -> Station {
        let folder = self.root().join("credentials");
        if !folder.exists() {
            std::fs::create_dir(&folder).unwrap();
            let mut secret = std::fs::File::create_new(folder.join("station-unlock")).unwrap();
            std::io::Write::write_all(&mut secret, SECRET.as_bytes()).unwrap();
        }
        self.station(&["--json", "run", order, "--scans", "--patience", &patience.to_string()])
            .env("CREDENTIALS_DIRECTORY", folder)
    }

    /// What lies in a zone of a simulated board's store; none where nothing was written.
    pub fn stored(&self, unit: usize, zone: &str) -> Option<String> {
        let folder = self.simulated().join("units").join(format!("{unit:04}")).join("eeprom");
        std::fs::read_to_string(folder.join(zone)).ok()
    }
}
