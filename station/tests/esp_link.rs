//! The ESP link with simulated boards, over real pseudo-terminals.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use station::link::esp::{Chip, EspLink, Identity, LockState, Region, Written};
use station::link::{LinkError, StopSignal};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(20);
const OFFSET: u32 = 0x1_0000;
const CHIPS: [&str; 4] = ["esp32", "esp32c3", "esp32s3", "esp32c6"];

/// A simulator of one board, in a process of its own.
struct Board {
    folder: TempDir,
    chip: Chip,
    simulator: Child,
}

impl Board {
    fn start(chip: &str, more: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut simulator = Command::new(env!("CARGO_BIN_EXE_station"))
            .args(["--json", "simulate", "--board", chip, "--units", "1", "--fixtures", "1"])
            .args(["--exchange-ms", "100", "--boot-ms", "100"])
            .args(more)
            .arg(folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(simulator.stdout.take().unwrap()).lines().map_while(Result::ok);
        assert!(lines.any(|line| line.contains("\"ready\"")), "the simulator did not start");
        // It must go on to be read, or the simulator waits for its reader.
        std::thread::spawn(move || lines.for_each(drop));
        Self { folder, chip: chip.parse().unwrap(), simulator }
    }

    fn port(&self) -> PathBuf {
        let port = self.folder.path().join("fixtures/1");
        let end = Instant::now() + PATIENCE;
        while !port.exists() {
            assert!(Instant::now() < end, "no board came");
            sleep(Duration::from_millis(10));
        }
        port
    }

    fn open(&self, baud: u32) -> EspLink {
        EspLink::open(&self.port(), self.chip, baud, StopSignal::default()).unwrap()
    }

    fn unit(&self, file: &str) -> PathBuf {
        self.folder.path().join("units/0001").join(file)
    }

    fn flash(&self) -> Vec<u8> {
        fs::read(self.unit("flash.bin")).unwrap()
    }

    fn holds(&self, content: &[u8]) -> bool {
        let flash = self.flash();
        let (before, rest) = flash.split_at(OFFSET as usize);
        let (held, after) = rest.split_at(content.len());
        assert!(before.iter().chain(after).all(|byte| *byte == 0xff), "what was not declared was changed");
        held == content
    }

    fn mac(&self) -> String {
        let text = fs::read_to_string(self.unit("unit.toml")).unwrap();
        let mac = text.lines().find_map(|line| line.strip_prefix("hardware_id = \""));
        mac.unwrap().trim_end_matches('"').to_owned()
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.simulator), Signal::INT);
        let _ = self.simulator.wait();
    }
}

/// Bytes that do not compress.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// Some that do not compress, some that do, and those that frames escape.
fn content() -> Vec<u8> {
    let mut content = noise(0xa000);
    content.extend([0xc0; 0x1000]);
    content.extend([0xdb; 0x1000]);
    content.extend([0xff; 0x4000]);
    content
}

fn quiet(_: usize, _: usize) {}

fn region(content: &[u8]) -> Region {
    Region { offset: OFFSET, length: u32::try_from(content.len()).unwrap() }
}

fn write(link: &mut EspLink, content: &[u8]) -> Result<Written, LinkError> {
    link.write(OFFSET, content, &mut quiet)
}

#[test]
fn a_board_is_recognised_written_verified_read_and_restarted() {
    scope(|scope| {
        for (chip, baud) in CHIPS.into_iter().flat_map(|chip| [(chip, 115_200), (chip, 921_600)]) {
            scope.spawn(move || {
                let board = Board::start(chip, &[]);
                let mut link = board.open(baud);
                let (mac, locks) = (Some(board.mac()), LockState::default());
                let told = Identity { chip: board.chip, mac, flash: Some(4 << 20), locks };
                assert_eq!(link.connect().unwrap(), told);
                let content = content();
                let mut done = Vec::new();
                let written = link.write(OFFSET, &content, &mut |so_far, total| done.push((so_far, total)));
                assert_eq!(written.unwrap(), Written::Verified);
                assert!(done.is_sorted() && done.last() == Some(&(content.len(), content.len())), "{done:?}");
                assert!(board.holds(&content));
                assert_eq!(write(&mut link, &content).unwrap(), Written::Already);
                link.restart().unwrap();
                let digest = link.md5(region(&content), None).unwrap();
                assert_eq!(link.read(region(&content), &mut quiet).unwrap().as_slice(), content);
                assert_eq!(link.md5(region(&content), None).unwrap(), digest);
                assert_eq!(write(&mut link, &content).unwrap(), Written::Already);
                let mut other = content.clone();
                other[0x5000] ^= 1;
                assert_eq!(write(&mut link, &other).unwrap(), Written::Verified);
                assert!(board.holds(&other));
                link.leave().unwrap();
            });
        }
    });
}
