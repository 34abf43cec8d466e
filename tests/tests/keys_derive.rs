//! `station keys derive`: the keys are those of other programs, what is bad is named, and nothing is left of a failure.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test")]

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use acceptance::{GROUP_KEY, Outcome, Station, at_terminal, derived_keys, station_binary};

const IDS: &str = "name,registration_id\n\"Pump, left\",gw-0001\nx,sn:007_888.abc-\ny,a\n";

struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        desk.put("group.key", format!("{GROUP_KEY}\n"));
        desk.put("ids.csv", IDS);
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn put(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::io::Write::write_all(&mut std::fs::File::create_new(&path).unwrap(), text.as_ref()).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn derive(&self, key: &str, ids: &str) -> Station {
        let here = |name: &str| if name == "-" { name.into() } else { self.path(name) };
        Station::new(&["keys", "derive"]).arg("--group-key-file").arg(here(key)).arg("--ids").arg(here(ids))
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = Path::read_dir(self.0.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

/// What iotc derives for these IDs, as our CSV says it.
fn expected(ids: &[&str]) -> String {
    let keys = derived_keys(ids.iter().copied());
    let lines = ids.iter().map(|id| format!("{id},{}\n", keys[*id]));
    format!("registration_id,device_key\n{}", lines.collect::<String>())
}

#[test]
fn keys_are_those_that_iotc_derives() {
    let desk = Desk::new();
    let expected = expected(&["gw-0001", "sn:007_888.abc-", "a"]);
    let printed = desk.derive("group.key", "ids.csv").run().expect(0);
    assert_eq!((printed.stdout.as_str(), printed.stderr.as_str()), (expected.as_str(), ""));
    // One ID a line, as Windows ends them; either file on standard input.
    let plain = "gw-0001\r\nsn:007_888.abc-\r\n\r\na";
    assert_eq!(desk.derive("group.key", "-").input(plain).run().expect(0).stdout, expected);
    assert_eq!(desk.derive("-", "ids.csv").input(GROUP_KEY).run().expect(0).stdout, expected);
    let documents = desk.derive("group.key", "ids.csv").arg("--json").run().expect(0).json_lines();
    let told = documents.iter().map(|one| {
        format!("{},{}\n", one["registration_id"].as_str().unwrap(), one["device_key"].as_str().unwrap())
    });
    assert_eq!(format!("registration_id,device_key\n{}", told.collect::<String>()), expected);
}

#[test]
fn a_new_file_is_for_its_owner_alone_and_nothing_is_overwritten() {
    let desk = Desk::new();
    let call = || desk.derive("group.key", "ids.csv").arg("--out").arg(desk.path("keys.csv"));
    call().run().expect(0).says("3 device keys are in ");
    let file = desk.path("keys.csv");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let first = std::fs::read_to_string(&file).unwrap();
    assert_eq!(first, expected(&["gw-0001", "sn:007_888.abc-", "a"]));
    call().run().expect(3).says("exists already and is not overwritten");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), first);
    assert_eq!(desk.names(), ["group.key", "ids.csv", "keys.csv"]);
}

#[test]
fn a_bad_list_is_named_by_line_and_leaves_no_file() {
    let many = "gw-1\n".repeat(50_000);
    for (text, parts) in [
        (
            &b"registration_id\na\nGw-2\n"[..],
            &["line 3, column registration_id", "upper-case 'G' at index 0"][..],
        ),
        (format!("{many}a.\n").as_bytes(), &["line 50001", "'.' at index 1"]),
        (b"registration_id,x\na,1\nb\n", &["line 3", "1 field where the first line has 2"]),
        (b"a,b\n", &["line 1", "none of them named registration_id"]),
        (b"registration_id\n", &["names none"]),
        (b"", &["is empty"]),
        (b"registration_id\n\n,\n", &["line 3", "2 fields where the first line has 1"]),
        (b"registration_id,x\n,1\n", &["line 2", "it is empty"]),
        (b"a\n\xff\xfe\n", &["line 2", "not UTF-8"]),
    ] {
        let desk = Desk::new();
        desk.put("bad.csv", text);
        let call = desk.derive("group.key", "bad.csv").arg("--out").arg(desk.path("keys.csv"));
        let refused = call.run().expect(3);
        parts.iter().for_each(|part| {
            refused.clone().says(part);
        });
        assert_eq!(desk.names(), ["bad.csv", "group.key", "ids.csv"]);
        desk.derive("group.key", "bad.csv").run().expect(3);
    }
}

#[test]
fn a_bad_key_or_call_is_refused() {
    let desk = Desk::new();
    desk.put("empty.key", "\n");
    desk.put("wrapped.key", format!("{}\n{}\n", &GROUP_KEY[..20], &GROUP_KEY[20..]));
    desk.put("short.key", "AAECAwQF\n");
    let refused = |outcome: Outcome, code, says: &str| {
        assert_eq!(outcome.clone().expect(code).says(says).stdout, "");
        assert!(!outcome.stderr.contains(&GROUP_KEY[..16]), "{}", outcome.stderr);
    };
    refused(desk.derive("empty.key", "ids.csv").run(), 3, "the key is empty");
    refused(desk.derive("wrapped.key", "ids.csv").run(), 3, "a line break stands at index 20");
    refused(desk.derive("short.key", "ids.csv").run(), 3, "the key has 6 bytes, DPS takes 16 to 64");
    refused(desk.derive("none.key", "ids.csv").run(), 3, "cannot read the secret from");
    refused(desk.derive("group.key", "none.csv").run(), 3, "cannot read the list of IDs");
    refused(desk.derive("-", "-").run(), 2, "standard input is one file");
    let nowhere = desk.derive("group.key", "ids.csv").arg("--out").arg(desk.path("none/keys.csv"));
    refused(nowhere.run(), 4, "check that the folder exists");
}

#[test]
fn a_key_that_others_can_read_is_named() {
    let desk = Desk::new();
    let mode =
        |mode| std::fs::set_permissions(desk.path("group.key"), PermissionsExt::from_mode(mode)).unwrap();
    for open in [0o640, 0o604] {
        mode(open);
        desk.derive("group.key", "ids.csv").run().expect(0).says("warning: others than its owner can read");
    }
    mode(0o400);
    assert_eq!(desk.derive("group.key", "ids.csv").run().expect(0).stderr, "");
}

#[test]
fn keys_are_not_shown_on_a_terminal() {
    let desk = Desk::new();
    let (key, ids) = (desk.path("group.key"), desk.path("ids.csv"));
    let (key, ids) = (key.to_str().unwrap(), ids.to_str().unwrap());
    let station = station_binary();
    let command = [station.to_str().unwrap(), "keys", "derive", "--group-key-file", key, "--ids", ids];
    let shown = at_terminal(&command, &[]);
    assert_eq!(shown.code, 2);
    assert!(shown.stdout.contains("not shown on a terminal") && !shown.stdout.contains("gw-0001"));
}

/// Killed or told to end while it writes, it leaves no keys; what reads too little of a pipe is told by the exit code.
#[test]
fn what_is_cut_off_leaves_nothing() {
    for signal in ["KILL", "TERM", "INT"] {
        let desk = Desk::new();
        let call = desk.derive("group.key", "-").arg("--out").arg(desk.path("keys.csv"));
        // A shell starts what it runs in the background with SIGINT ignored, and that is inherited.
        let call = call.under("env", &["--default-signal=INT".to_owned()]);
        let mut child = call.input("gw-1\n".repeat(50_000)).start_typing();
        let began = Instant::now();
        let written = |id: u32| {
            let descriptors = std::fs::read_dir(format!("/proc/{id}/fd")).into_iter().flatten().flatten();
            descriptors
                .filter_map(|fd| fd.path().metadata().ok())
                .any(|file| file.is_file() && file.len() > 1_000_000)
        };
        while !written(child.id()) {
            assert!(began.elapsed() < Duration::from_secs(20), "nothing was written");
            std::thread::sleep(Duration::from_millis(5));
        }
        let id = child.id().to_string();
        let sent = std::process::Command::new("kill").args([&format!("-{signal}"), &id]).status().unwrap();
        assert!(sent.success());
        assert!(!child.wait().unwrap().success());
        assert_eq!(desk.names(), ["group.key", "ids.csv"], "{signal}");
    }
}

#[test]
fn who_reads_too_little_is_no_success() {
    let desk = Desk::new();
    desk.put("many.csv", "gw-1\n".repeat(100_000));
    let mut child = desk.derive("group.key", "many.csv").start();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(4));
}
