//! A disk that takes nothing more: full, or read-only. The line stops, nobody passes who was not recorded, and the work
//! goes on where there is room again.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test")]

use std::path::{Path, PathBuf};
use std::process::Command;

use acceptance::{Bench, Outcome, Station, Tree, derived_keys, label};

const PRODUCT: &str = "mxchip-az3166.toml";

/// Runs a command line of sh in a mount namespace of its own: what it mounts is gone when it ends. The station's call is
/// `"$@"` behind the folders.
fn mounted(call: Station, script: &str, folders: &[&Path]) -> Station {
    let fixed = ["--mount", "--map-root-user", "sh", "-c", script, "sh"];
    let folders = folders.iter().map(|folder| folder.to_str().unwrap());
    call.under("unshare", &fixed.into_iter().chain(folders).map(str::to_owned).collect::<Vec<_>>())
}

fn read_only(bench: &Bench, call: Station) -> Station {
    let script = "set -e; mount --bind \"$1\" \"$1\"; mount -o remount,bind,ro \"$1\"; shift; exec \"$@\"";
    mounted(call, script, &[&bench.folder()])
}

#[test]
fn a_read_only_station_does_nothing_and_says_so() {
    let bench = Bench::mxchip(1);
    bench.order_boards("may", PRODUCT, 1);
    let _simulator = bench.simulate_boards(1, 1, &[]);
    let add = ["order", "add", "june", "--product", PRODUCT, "--csv", "-"];
    for call in [
        bench.unlocked(&["run", "may", "--patience", "2"]),
        bench.station(&add).input("registration_id,serial_number\nmx-9,L-9\n"),
        bench.station(&["keys", "import", "further"]).input("secret"),
        bench.unlocked(&["ca", "root", "--common-name", "Test Root"]),
        bench.station(&["unit", "scrap", "mx-0001", "--reason", "cracked"]),
    ] {
        bench.refuses(read_only(&bench, call), 4, &["Read-only file system"]);
    }
    assert_eq!(bench.stored(1, "wifi-ssid"), None, "no unit was touched");
    bench.run("may").expect(0);
}

/// A call on the station's folder with room for so many KiB more; then the folder as it was left, in a place with room.
fn with_room(bench: &Bench, call: Station, room: usize) -> (Outcome, PathBuf) {
    let (before, saved) = (bench.root().join("before"), bench.root().join("saved"));
    let _ = std::fs::remove_dir_all(&saved);
    if !before.exists() {
        copy(&bench.folder(), &before);
    }
    std::fs::create_dir(&saved).unwrap();
    let script = format!(
        "set -e
        mount -t tmpfs -o size=4m tmpfs \"$1\"
        cp -a \"$2/.\" \"$1\"
        free=$(df -k --output=avail \"$1\" | tail -n 1)
        head -c $(((free - {room}) * 1024)) /dev/zero > \"$1/filler\"
        folder=$1; saved=$3; shift 3
        code=0; \"$@\" || code=$?
        rm \"$folder/filler\"
        cp -a \"$folder/.\" \"$saved\"
        exit $code"
    );
    let outcome = mounted(call, &script, &[&bench.folder(), &before, &saved]).run();
    (outcome, saved)
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
}

#[test]
fn on_a_full_disk_nothing_is_taken_by_halves() {
    let bench = Bench::mxchip(1);
    let head = bench.head();
    let gateways = ["--product", "gateway-symmetric.toml", "--pattern", "gw-{:05}", "--quantity", "5000"];
    for room in [0, 40, 70] {
        for call in [
            bench.station(&["keys", "import", "further"]).input("secret ".repeat(9000)),
            bench.station(&["order", "add", "may"]).args(&gateways),
        ] {
            let (outcome, saved) = with_room(&bench, call, room);
            assert_eq!(outcome.code, 4, "{room}: {}", outcome.stderr);
            assert_eq!(outcome.stdout, "", "{room}");
            assert_eq!(Tree::of(&saved), Tree::of(&bench.folder()), "{room}");
            let verified = Station::new(&["--json", "ledger", "verify"]).on(&saved).run().expect(0).json();
            assert_eq!(format!("{} {}", verified["entries"], verified["head"]), head, "{room}");
        }
    }
}

#[test]
fn a_full_disk_stops_the_line_and_the_next_run_ends_the_order() {
    let bench = Bench::mxchip(2);
    let units = 12;
    bench.order_boards("may", PRODUCT, units);
    let _simulator = bench.simulate_boards(units, 2, &["--exchange-ms", "20", "--boot-ms", "20"]);
    let run = bench.unlocked(&["--json", "run", "may", "--patience", "10"]);
    let (outcome, saved) = with_room(&bench, run, 500);
    let outcome = outcome.expect(4).says("full");
    let passed: Vec<_> =
        outcome.verdicts().into_iter().filter(|verdict| verdict["verdict"] == "accepted").collect();
    assert!(!passed.is_empty() && passed.len() < units, "it filled up in the midst: {}", outcome.stdout);
    assert!(outcome.stderr.contains("finished when they are put back in"), "{}", outcome.stderr);
    assert!(!outcome.stdout.contains("stopped by the operator"), "{}", outcome.stdout);

    // The station goes on in a place with room.
    std::fs::remove_dir_all(bench.folder()).unwrap();
    copy(&saved, &bench.folder());
    bench.head();
    for verdict in &passed {
        let id = verdict["registration_id"].as_str().unwrap();
        assert_eq!(bench.show(id)["state"], "live", "who passed is recorded: {verdict}");
    }
    let order = bench.station(&["--json", "order", "show", "may"]).run().expect(0).json();
    let [accepted, open, on_hold] =
        ["accepted", "open", "on_hold"].map(|state| usize::try_from(order[state].as_u64().unwrap()).unwrap());
    assert_eq!((accepted + open, on_hold), (units, 0), "{order}");

    bench.run("may").expect(0);
    let ids: Vec<String> = (1..=units).map(|unit| format!("mx-{unit:04}")).collect();
    let keys = derived_keys(ids.iter().map(String::as_str));
    for (index, id) in ids.iter().enumerate() {
        let shown = bench.show(id);
        assert_eq!((&shown["state"], &shown["unit"]), (&"live".into(), &label(index + 1).into()), "{shown}");
        assert!(bench.stored(index + 1, "iot-hub").unwrap().ends_with(&keys[id]), "{id}");
    }
    bench.head();
}
