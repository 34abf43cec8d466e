//! The line with esp32-mock-bootloader: a loader that nobody here wrote, in the unit's place.
//!
//! It has no pacing, no faults, and no reset lines. It restarts some seconds after it was told to: the stub is gone then,
//! and the flash, which it keeps in memory, is the same.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test")]

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use acceptance::{Bench, NVS, Peer, derived_keys, installed_program};

/// So long after the command it restarts, at most.
const RESTART: Duration = Duration::from_secs(4);

fn loader(chip: &str) -> Peer {
    let mut command = installed_program("esp32-mock-bootloader");
    command.args(["run", "--pty", "--chip", chip]);
    Peer::start(command)
}

/// What esptool reads of its flash, up to some sectors behind the application.
fn flash(loader: &Peer, into: &Path) -> Vec<u8> {
    std::thread::sleep(RESTART); // it would do that in the midst of the reading
    let read = installed_program("esptool")
        .args(["--no-stub", "--before", "no-reset", "--after", "no-reset", "--port"])
        .arg(&loader.port)
        .args(["read-flash", "--no-progress", "0", "0x30000"])
        .arg(into)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = [read.stdout, read.stderr].concat();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&said));
    std::fs::read(into).unwrap()
}

fn is_built_by(chip: &str) {
    // Most of the time goes by while the loader is about to restart.
    std::thread::scope(|scope| {
        for baud in ["115200", "921600"] {
            scope.spawn(move || is_built_at(chip, baud));
        }
    });
}

fn is_built_at(chip: &str, baud: &str) {
    let bench = Bench::esp(1);
    let changes = [
        ("baud = 921600", &*format!("baud = {baud}")),
        ("format = \"nvs\"\nevidence = \"device-digest\"", "format = \"nvs\"\nevidence = \"read-back\""),
    ];
    bench.esp_product("own.toml", NVS, chip, &changes);
    bench.order_of("april", "own.toml", 1);
    let loader = loader(chip);
    loader.put_into(&bench.port(1));
    let outcome = bench.run("april").expect(0);
    let verdicts = outcome.verdicts();
    assert_eq!(verdicts.len(), 1, "{}", outcome.stdout);
    assert_eq!(verdicts[0]["verdict"], "accepted", "{}", verdicts[0]);
    for item in verdicts[0]["evidence"].as_array().unwrap() {
        let grade = if item["item"] == NVS.slot { "read-back" } else { "device-digest" };
        assert_eq!((&item["grade"], &item["after_restart"]), (&grade.into(), &true.into()));
    }
    let id = verdicts[0]["registration_id"].as_str().unwrap();
    let flash = flash(&loader, &bench.root().join("dump.bin"));
    bench.assert_nvs_unit(&flash, chip, id, &derived_keys([id])[id]);
    let report = bench.verify("april", 1, &["--json"]).expect(0).json();
    assert_eq!(
        (&report["verdict"], &report["registration_id"]),
        (&"proven".into(), &verdicts[0]["registration_id"])
    );
    bench.head();
}

#[test]
fn an_esp32_of_others_is_built_on_the_line() {
    is_built_by("esp32");
}

#[test]
fn an_esp32c3_of_others_is_built_on_the_line() {
    is_built_by("esp32c3");
}

#[test]
fn an_esp32s3_of_others_is_built_on_the_line() {
    is_built_by("esp32s3");
}

#[test]
fn an_esp32c6_of_others_is_built_on_the_line() {
    is_built_by("esp32c6");
}
