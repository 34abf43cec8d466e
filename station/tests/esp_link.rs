//! The ESP link with simulated boards, over real pseudo-terminals.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use md5::{Digest, Md5};
use rustix::process::{Pid, Signal, kill_process};
use station::ledger::entry::Disposition;
use station::link::esp::{Chip, Deflations, EspLink, Identity, LockState, Md5Digest, Secrecy, Span};
use station::link::{LinkError, PortFault, StopSignal};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(20);
const OFFSET: u32 = 0x1_0000;
const CHIPS: [&str; 4] = ["esp32", "esp32c3", "esp32s3", "esp32c6"];

/// A simulator of one board, in a process of its own.
struct Board {
    folder: TempDir,
    chip: Chip,
    simulator: Child,
    events: Receiver<String>,
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
        let (sender, events) = channel();
        std::thread::spawn(move || lines.try_for_each(|line| sender.send(line)));
        Self { folder, chip: chip.parse().unwrap(), simulator, events }
    }

    /// The board leaves when the host has closed the port, and comes back.
    fn wait_for_return(&self) {
        while !self.events.recv_timeout(PATIENCE).unwrap().contains("\"unit_in\"") {}
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

    /// As the line opens a port: a moment's patience where it is held. A process that another test is just starting holds
    /// all that this one has open, until it becomes its own program.
    fn open(&self, baud: u32) -> EspLink {
        let end = Instant::now() + PATIENCE;
        loop {
            match EspLink::open(&self.port(), self.chip, baud, Deflations::default(), StopSignal::default()) {
                Err(PortFault::Busy(_)) if Instant::now() < end => sleep(Duration::from_millis(10)),
                opened => return opened.unwrap(),
            }
        }
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

fn region(content: &[u8]) -> Span {
    Span { offset: OFFSET, length: u32::try_from(content.len()).unwrap() }
}

fn write(link: &mut EspLink, content: &[u8]) -> Result<(), LinkError> {
    link.write(OFFSET, content, Secrecy::Public, &mut quiet)
}

/// Writes what the flash holds already: nothing is sent.
fn write_again(link: &mut EspLink, content: &[u8]) {
    let before = link.transcript().len();
    write(link, content).unwrap();
    let said = &link.transcript()[before..];
    assert!(said.contains("-- holds it already") && !said.contains("BEGIN"), "{said}");
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
                let written = link.write(OFFSET, &content, Secrecy::Public, &mut |so_far, total| {
                    done.push((so_far, total))
                });
                written.unwrap();
                assert!(done.is_sorted() && done.last() == Some(&(content.len(), content.len())), "{done:?}");
                assert!(board.holds(&content));
                write_again(&mut link, &content);
                link.restart().unwrap();
                let digest = link.md5(region(&content), None).unwrap();
                assert_eq!(link.read(region(&content), &mut quiet).unwrap().as_slice(), content);
                assert_eq!(link.md5(region(&content), None).unwrap(), digest);
                write_again(&mut link, &content);
                let mut other = content.clone();
                other[0x5000] ^= 1;
                write(&mut link, &other).unwrap();
                assert!(board.holds(&other));
                link.leave().unwrap();
            });
        }
    });
}

/// What a station does with a unit. True: the flash holds it after the restart.
fn go_through(board: &Board, content: &[u8]) -> (Result<bool, LinkError>, String) {
    let mut link = board.open(921_600);
    let mut steps = || {
        link.connect()?;
        write(&mut link, content)?;
        link.restart()?;
        let wanted: Md5Digest = Md5::digest(content).into();
        let holds = link.md5(region(content), None)? == wanted;
        link.leave()?;
        Ok(holds)
    };
    let result = steps();
    (result, link.transcript().to_owned())
}

/// What may come of a fault, besides nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// It is made good within the attempt.
    Overcome,
    /// The attempt ends with `retry`.
    Retry,
    /// Only the digest after the restart shows it.
    AfterRestart,
}

/// At a frame while the unit is recognised; while the stub is loaded; within the data; while the unit is recognised
/// after its restart; at the digest that is asked for then.
const FRAMES: [u32; 5] = [12, 49, 73, 86, 118];

/// Before all is written, and behind that.
const LOST: [Seen; 5] =
    [Seen::AfterRestart, Seen::AfterRestart, Seen::AfterRestart, Seen::Overcome, Seen::Overcome];

/// Kinds, with what comes of them at each of those frames.
const FRAME_FAULTS: [(&str, [Seen; 5]); 9] = [
    ("garbled-command", [Seen::Overcome; 5]),
    ("garbled-answer", [Seen::Overcome; 5]),
    ("dropped-command", [Seen::Overcome; 5]),
    ("dropped-answer", [Seen::Overcome; 5]),
    ("stalled-answer", [Seen::Overcome; 5]),
    ("brown-out", [Seen::Overcome; 5]),
    ("wrong-md5", [Seen::Overcome; 5]),
    ("lost-writes", LOST),
    ("pulled-out", [Seen::Retry; 5]),
];

/// The same of the line, after so many bytes.
const LINE_FAULTS: [(&str, u32, Seen); 6] = [
    ("unplug", 600, Seen::Retry),
    ("unplug", 30_000, Seen::Retry),
    ("babble", 600, Seen::Retry),
    ("babble", 30_000, Seen::Retry),
    ("silence", 600, Seen::Retry),
    ("silence", 30_000, Seen::Retry),
];

#[test]
fn no_fault_ends_in_a_pass_with_wrong_flash_and_the_next_attempt_succeeds() {
    let frames = FRAME_FAULTS.iter().flat_map(|(kind, seen)| {
        FRAMES.into_iter().zip(*seen).map(move |(frame, seen)| (*kind, frame, seen))
    });
    let faults: Vec<_> = frames.chain(LINE_FAULTS).collect();
    scope(|scope| {
        for (kind, at, seen) in faults {
            scope.spawn(move || try_fault(kind, at, seen));
        }
    });
}

fn try_fault(kind: &str, at: u32, seen: Seen) {
    let fault = format!("{kind}:1:{at}");
    let board = Board::start("esp32c3", &["--fault", &fault]);
    let content = content();
    let (result, transcript) = go_through(&board, &content);
    let came = match &result {
        Ok(true) => Seen::Overcome,
        Ok(false) => Seen::AfterRestart,
        Err(error) if error.disposition() == Disposition::Retry => Seen::Retry,
        Err(error) => panic!("{fault}: {error}\n{transcript}"),
    };
    assert_eq!(came, seen, "{fault}: {result:?}\n{transcript}");
    assert!(
        came != Seen::Overcome || board.holds(&content),
        "{fault}: a pass with wrong flash\n{transcript}"
    );
    board.wait_for_return();
    let (again, transcript) = go_through(&board, &content);
    assert!(matches!(again, Ok(true)), "after {fault}: {again:?}\n{transcript}");
    assert!(board.holds(&content), "after {fault}");
}

#[test]
fn a_setback_lowers_the_speed_and_is_told_without_contents() {
    let board = Board::start("esp32c3", &["--fault", "dropped-answer:1:73"]);
    let content = noise(0x1_0000);
    let (result, transcript) = go_through(&board, &content);
    assert!(matches!(result, Ok(true)), "{result:?}");
    for line in [
        "-- esp32c3, MAC ",
        "> CHANGE_BAUDRATE 921600",
        "> FLASH_BEGIN 0x10000..0x20000 in 4 blocks",
        "-- writing 0x10000..0x20000: no answer within 3 s",
        "> CHANGE_BAUDRATE 460800",
    ] {
        assert!(transcript.contains(line), "{line} is not in\n{transcript}");
    }
    assert_eq!(transcript.matches("> FLASH_BEGIN 0x10000").count(), 2, "{transcript}");
}

#[test]
fn another_chip_is_held() {
    let board = Board::start("esp32c3", &["--fault", "other-chip:1:esp32s3"]);
    let error = board.open(115_200).connect().unwrap_err();
    assert_eq!(error.disposition(), Disposition::Hold);
    assert_eq!(
        error.to_string(),
        "the unit has an esp32s3, the product is for an esp32c3: wrong unit or wrong product (during connecting)"
    );
}

#[test]
fn locks_are_told_and_a_unit_that_shows_nothing_is_not_written() {
    let lock = |lock: &str| ["--fault".to_owned(), format!("{lock}:1")];
    let cases: [(&str, &[&str], &str); 4] = [
        ("esp32", &["secure-boot", "flash-encryption"], "secure boot, flash encryption"),
        ("esp32s3", &["secure-boot"], "secure boot"),
        ("esp32c6", &["flash-encryption"], "flash encryption"),
        ("esp32c3", &["secure-boot", "secure-download"], "secure boot, secure download"),
    ];
    for (chip, locks, shown) in cases {
        let locks: Vec<String> = locks.iter().flat_map(|name| lock(name)).collect();
        let board = Board::start(chip, &locks.iter().map(String::as_str).collect::<Vec<_>>());
        let mut link = board.open(921_600);
        let Identity { mac, locks, flash, .. } = link.connect().unwrap();
        assert_eq!((locks.to_string().as_str(), locks.is_locked()), (shown, true));
        assert_eq!(
            (mac.is_some(), flash.is_some()),
            (!locks.secure_download, !locks.secure_download),
            "{chip}"
        );
        let content = content();
        let written = write(&mut link, &content);
        if locks.secure_download {
            assert_eq!(written.unwrap_err().disposition(), Disposition::Hold);
            assert_eq!(link.read(region(&content), &mut quiet).unwrap_err().disposition(), Disposition::Hold);
            assert!(board.flash().iter().all(|byte| *byte == 0xff), "{chip}");
            continue;
        }
        written.unwrap();
        assert!(board.holds(&content), "{chip}");
        link.restart().unwrap();
        assert_eq!(link.read(region(&content), &mut quiet).unwrap().as_slice(), content);
        link.leave().unwrap();
    }
}

#[test]
fn a_region_that_the_flash_has_not_or_would_not_erase_alone_is_an_error() {
    let board = Board::start("esp32c3", &["--no-pacing"]);
    let mut link = board.open(115_200);
    link.connect().unwrap();
    let sectors = "does not begin and end with a sector of 4096 bytes";
    for (offset, length, part) in [
        (0x3f_f000, 0x2000, "0x3ff000..0x401000 is beyond the end of the unit's flash, 0x400000"),
        (0xffff_f000, 0x2000, "0xfffff000..0x100001000 is beyond the end"),
        (0x1_0010, 0x1000, sectors),
        (0x1_0000, 0x1010, sectors),
        (0x1_0000, 0, sectors),
    ] {
        let error = link.write(offset, &vec![0; length], Secrecy::Secret, &mut quiet).unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
        assert_eq!(error.disposition(), Disposition::Hold);
    }
    let beyond = link.read(Span { offset: 0x40_0000, length: 1 }, &mut quiet).unwrap_err();
    assert!(beyond.to_string().contains("beyond"), "{beyond}");
    assert!(board.flash().iter().all(|byte| *byte == 0xff));
}

#[test]
fn a_port_that_is_taken_or_not_there_is_told() {
    let board = Board::start("esp32", &["--no-pacing"]);
    let port = board.port();
    let open =
        |port: &Path| EspLink::open(port, board.chip, 115_200, Deflations::default(), StopSignal::default());
    let first = open(&port).unwrap();
    assert!(matches!(open(&port), Err(PortFault::Busy(_))));
    drop(first);
    assert!(open(&port).is_ok());
    assert!(matches!(open(&port.with_file_name("9")), Err(PortFault::Missing(_))));
}

#[test]
fn a_wish_to_stop_ends_a_write_within_a_second() {
    let board = Board::start("esp32c3", &[]);
    let stop = StopSignal::default();
    let mut link =
        EspLink::open(&board.port(), board.chip, 115_200, Deflations::default(), stop.clone()).unwrap();
    link.connect().unwrap();
    let content = noise(0x4_0000);
    let stopped = std::cell::Cell::new(None);
    let result = link.write(OFFSET, &content, Secrecy::Public, &mut |_, _| {
        let stop = stop.clone();
        stopped.set(Some(Instant::now() + Duration::from_millis(300)));
        std::thread::spawn(move || {
            sleep(Duration::from_millis(300));
            stop.at_once();
        });
    });
    let late = stopped.get().unwrap().elapsed();
    assert!(matches!(result, Err(LinkError::Stopped(_))), "{result:?}");
    assert!(late < Duration::from_secs(1), "{late:?}");
    drop(link);
    assert!(matches!(go_through(&board, &content).0, Ok(true)));
    assert!(board.holds(&content));
}

/// esp32-mock-bootloader: a loader that nobody here wrote. It has neither pacing nor a flash that can be looked at.
#[test]
fn a_loader_of_others_is_written_verified_and_read() {
    let python = std::env::var_os("TOOLS_PYTHON").map(PathBuf::from);
    let of_clone = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/tools/.venv/bin/python3");
    let mock = python.unwrap_or(of_clone).with_file_name("esp32-mock-bootloader");
    assert!(mock.exists(), "{} is not there: scripts/test installs the Python tools", mock.display());
    for (chip, baud) in CHIPS.into_iter().flat_map(|chip| [(chip, 115_200), (chip, 921_600)]) {
        let mut loader = Command::new(&mock)
            .args(["run", "--pty", "--chip", chip])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut port = String::new();
        let mut said = BufReader::new(loader.stdout.take().unwrap());
        said.read_line(&mut port).unwrap();
        let tried = std::panic::catch_unwind(|| with_others(Path::new(port.trim()), chip, baud));
        loader.kill().unwrap();
        loader.wait().unwrap();
        tried.unwrap();
    }
}

fn with_others(port: &Path, chip: &str, baud: u32) {
    let mut link =
        EspLink::open(port, chip.parse().unwrap(), baud, Deflations::default(), StopSignal::default())
            .unwrap();
    let told = link.connect().unwrap();
    assert_eq!((told.chip.to_string().as_str(), told.locks.is_locked()), (chip, false));
    let content = content();
    let result = write(&mut link, &content);
    assert!(result.is_ok(), "{chip}: {result:?}\n{}", link.transcript());
    write_again(&mut link, &content);
    assert_eq!(link.read(region(&content), &mut quiet).unwrap().as_slice(), content);
}
