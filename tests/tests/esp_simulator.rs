//! Simulated ESP32 boards under Espressif's own esptool: identified, flashed, verified, read and erased, and each of
//! their faults seen by it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test")]

use acceptance::{EspBoards, Outcome, Station};

/// Where the images go.
const ADDRESS: usize = 0x1_0000;
/// Of the frames with which esptool writes the image of [`image`] without the stub, one in the midst of the data.
const MIDST: &str = "90";

/// Bytes that compress badly, then some that compress well.
fn image() -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut bytes: Vec<u8> = (0..0x4000)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        })
        .collect();
    bytes.extend([0xc0; 0x1000]);
    bytes.extend([0xdb; 0x1000]);
    bytes.extend(b"compressible ".repeat(0x277));
    bytes
}

/// The flash holds the image, and nothing else.
#[track_caller]
fn assert_holds(boards: &EspBoards, image: &[u8]) {
    let flash = boards.flash(1);
    assert_eq!(flash.len(), 4 << 20);
    let (before, rest) = flash.split_at(ADDRESS);
    let (held, after) = rest.split_at(image.len());
    assert!(held == image, "the flash does not hold the image");
    // esptool fills the last sector, or word, up with ones.
    assert!(before.iter().chain(after).all(|byte| *byte == 0xff), "the flash holds more than the image");
}

#[track_caller]
fn says(outcome: &Outcome, part: &str) {
    let said = format!("{}{}", outcome.stdout, outcome.stderr);
    assert!(said.contains(part), "`{part}` is not in:\n{said}");
}

/// All that esptool does with a board, at both speeds, with its stub and without.
fn works_with_esptool(chip: &str, shown_as: &str) {
    let boards = EspBoards::start(chip, 1, &[]);
    let image = image();
    let path = boards.image("image.bin", &image);
    let shown = boards.esptool(1, &["flash-id"]).expect(0);
    says(&shown, shown_as);
    says(&shown, &boards.mac(1));
    says(&shown, "40MHz");
    says(&shown, "Detected flash size: 4MB");
    let fast = ["--baud", "921600"];
    let call = |before: &[&str], after: &[&str]| boards.esptool(1, &[before, after].concat()).expect(0);
    says(&call(&fast, &["write-flash", "0x10000", &path]), "Hash of data verified");
    assert_holds(&boards, &image);
    let read = boards.file("read.bin");
    let length = image.len().to_string();
    call(&fast, &["read-flash", "0x10000", &length, read.to_str().unwrap()]);
    assert!(std::fs::read(&read).unwrap() == image);
    call(&[], &["erase-region", "0x10000", "0x9000"]);
    assert!(boards.flash(1).iter().all(|byte| *byte == 0xff));
    says(&call(&[], &["write-flash", "0x10000", &path]), "Hash of data verified");
    says(&call(&fast, &["write-flash", "--no-compress", "0x10000", &path]), "Hash of data verified");
    assert_holds(&boards, &image);
    let mut changed = image.clone();
    changed[0x4321] ^= 1;
    let changed_path = boards.image("changed.bin", &changed);
    let rom = ["--no-stub", "--baud", "921600"];
    says(&call(&rom, &["write-flash", "0x10000", &changed_path]), "Hash of data verified");
    assert_holds(&boards, &changed);
    call(&["--no-stub"], &["write-flash", "--no-compress", "0x10000", &path]);
    call(&rom, &["verify-flash", "0x10000", &path]);
    assert_holds(&boards, &image);
    let differs = boards.esptool(1, &["verify-flash", "0x10000", &changed_path]);
    says(&differs, "Verification failed");
    assert_ne!(differs.code, 0);
    call(&[], &["erase-flash"]);
    assert!(boards.flash(1).iter().all(|byte| *byte == 0xff));
}

#[test]
fn esptool_identifies_writes_verifies_reads_and_erases_an_esp32() {
    works_with_esptool("esp32", "ESP32-D0WD-V3 (revision v3.1)");
}

#[test]
fn esptool_identifies_writes_verifies_reads_and_erases_an_esp32c3() {
    works_with_esptool("esp32c3", "ESP32-C3 (QFN32) (revision v0.4)");
}

#[test]
fn esptool_identifies_writes_verifies_reads_and_erases_an_esp32s3() {
    works_with_esptool("esp32s3", "ESP32-S3 (QFN56) (revision v0.2)");
}

#[test]
fn esptool_identifies_writes_verifies_reads_and_erases_an_esp32c6() {
    works_with_esptool("esp32c6", "ESP32-C6FH4 (QFN32) (revision v0.1)");
}

#[test]
fn each_board_has_a_mac_and_a_flash_of_its_own() {
    let boards = EspBoards::start("esp32c3", 2, &["--fault", "same-label:2:1"]);
    assert_ne!(boards.mac(1), boards.mac(2));
    let path = boards.image("image.bin", &[0x5a; 64]);
    says(&boards.esptool(2, &["write-flash", "0x10000", &path]).expect(0), &boards.mac(2));
    assert!(boards.flash(1).iter().all(|byte| *byte == 0xff));
    assert_eq!(boards.flash(2)[ADDRESS..][..64], [0x5a; 64]);
}

#[test]
fn esptool_reads_the_locks_and_is_kept_out_by_them() {
    let locked =
        ["--fault", "secure-boot:1", "--fault", "flash-encryption:1", "--fault", "secure-download:1"];
    let boards = EspBoards::start("esp32c3", 1, &locked);
    let shown = boards.esptool(1, &["get-security-info"]).expect(0);
    for part in ["Secure Boot: Enabled", "Flash Encryption: Enabled", "Flags: 0x00000005"] {
        says(&shown, part);
    }
    let read = boards.file("read.bin");
    let refused = boards.esptool(1, &["read-flash", "0", "4096", read.to_str().unwrap()]);
    assert_ne!(refused.code, 0);
    assert!(!read.exists());
    // An S3 with secure boot runs the stub by another way.
    let boards = EspBoards::start("esp32s3", 1, &["--fault", "secure-boot:1"]);
    boards.esptool(1, &["read-flash", "0", "4096", boards.file("read.bin").to_str().unwrap()]).expect(0);
    let boards = EspBoards::start("esp32", 1, &["--fault", "secure-boot:1", "--fault", "flash-encryption:1"]);
    let path = boards.image("image.bin", &[0x5a; 64]);
    says(&boards.esptool(1, &["write-flash", "0x1000", &path]), "Security features enabled");
}

#[test]
fn another_chip_is_not_taken_for_the_one_that_is_wanted() {
    let boards = EspBoards::start("esp32c3", 1, &["--fault", "other-chip:1:esp32s3"]);
    let refused = boards.esptool(1, &["--chip", "esp32c3", "flash-id"]);
    assert_ne!(refused.code, 0);
    says(&refused, "This chip is ESP32-S3, not ESP32-C3");
}

/// What esptool makes of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// It notices, tries again, and what it writes is whole.
    Recovered,
    /// It gives up, or says that what it wrote is not there.
    Failed,
    /// It cannot see it: the flash is found wrong after the next reset.
    Later,
}

/// The faults at a frame in the midst of the data, with what comes of them.
const FAULTS: [(&str, &str, Seen); 12] = [
    ("garbled-command", MIDST, Seen::Recovered),
    ("garbled-answer", MIDST, Seen::Failed),
    ("dropped-command", MIDST, Seen::Failed),
    ("dropped-answer", MIDST, Seen::Failed),
    ("stalled-answer", MIDST, Seen::Failed),
    ("brown-out", MIDST, Seen::Failed),
    ("wrong-md5", "1", Seen::Failed),
    ("lost-writes", "1", Seen::Later),
    ("pulled-out", MIDST, Seen::Recovered),
    ("unplug", "20000", Seen::Recovered),
    ("babble", "20000", Seen::Failed),
    ("silence", "20000", Seen::Failed),
];

#[test]
fn esptool_sees_each_fault_and_the_next_attempt_succeeds() {
    let image = image();
    let table: Vec<String> = std::thread::scope(|scope| {
        let tried = FAULTS.map(|(fault, at, seen)| {
            let image = &image;
            scope.spawn(move || {
                try_fault(fault, at, seen, image);
                format!("{fault:16} {at:>6} {seen:?}")
            })
        });
        tried.into_iter().map(|tried| tried.join().unwrap()).collect()
    });
    println!("{}", table.join("\n"));
}

fn try_fault(fault: &str, at: &str, seen: Seen, image: &[u8]) {
    let mut boards = EspBoards::start("esp32c3", 1, &["--fault", &format!("{fault}:1:{at}")]);
    let path = boards.image("image.bin", image);
    let write = [
        "--no-stub",
        "--baud",
        "921600",
        "--connect-attempts",
        "2",
        "write-flash",
        "--no-compress",
        "0x10000",
    ];
    let write = [&write[..], &[path.as_str()]].concat();
    let first = boards.esptool(1, &write);
    boards.wait_for("the fault struck", |event| event["event"] == "fault" && event["fault"] == fault);
    let is_whole = boards.flash(1)[ADDRESS..][..image.len()] == *image;
    match seen {
        Seen::Recovered => {
            assert_eq!((first.code, is_whole), (0, true), "{fault}: {}{}", first.stdout, first.stderr);
        }
        Seen::Failed => assert_ne!(first.code, 0, "{fault}: {}", first.stdout),
        Seen::Later => {
            says(&first.expect(0), "Hash of data verified");
            assert!(!is_whole, "{fault}");
        }
    }
    let second = boards.esptool(1, &write);
    assert_eq!(second.code, 0, "after {fault}: {}{}", second.stdout, second.stderr);
    assert_holds(&boards, image);
}

#[test]
fn what_a_board_cannot_have_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let simulate = |arguments: &[&str]| {
        let call = Station::new(&["simulate", "--units", "1", "--fixtures", "1"]);
        call.args(arguments).arg(folder.path().join("simulated")).run().expect(2)
    };
    for (arguments, part) in [
        (["--board", "esp32", "--shell", "sh"], "an ESP32 board has neither a shell nor a password"),
        (["--board", "gateway", "--fault", "brown-out:1"], "`brown-out` is a fault of the board esp32"),
        (["--board", "esp32", "--fault", "secure-download:1"], "take --board esp32c3"),
        (["--board", "esp32", "--fault", "no-openssl:1"], "is a fault of the board gateway, not of esp32"),
        (["--board", "esp32", "--fault", "other-chip:1:esp8266"], "`esp8266` is no chip"),
        (["--board", "esp32", "--fault", "wrong-md5:1:0"], "KIND:UNIT or KIND:UNIT:FRAME"),
    ] {
        simulate(&arguments).says(part);
    }
    assert!(!folder.path().join("simulated").exists());
}
