//! ESP32 units and ports that are not what the line takes them for: why they fail, what happens next, what the ledger
//! keeps, and that nothing was written. Locked units and other chips are in `esp_faults`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test")]

use std::path::Path;
use std::time::Duration;

use acceptance::{Bench, Holder, NVS, Outcome, Peer, Running, derived_keys, esptool, tool};
use serde_json::Value;

const CHIP: &str = "esp32c3";

fn bench(fixtures: usize, units: usize, changes: &[(&str, &str)]) -> Bench {
    let bench = Bench::esp(fixtures);
    bench.esp_product("own.toml", NVS, CHIP, changes);
    bench.order_of("april", "own.toml", units);
    bench
}

fn run(bench: &Bench, patience: &str, fixtures: &[&str]) -> Outcome {
    let only = fixtures.iter().flat_map(|fixture| ["--fixture", fixture]);
    let arguments: Vec<&str> =
        ["--json", "run", "april", "--patience", patience].into_iter().chain(only).collect();
    let outcome = bench.unlocked(&arguments).run();
    bench.head();
    outcome
}

/// A verdict that is no PASS, and the ledger says the same of it.
#[track_caller]
fn assert_failed(bench: &Bench, verdict: &Value, disposition: &str, part: &str) {
    assert_eq!(
        (&verdict["verdict"], &verdict["disposition"]),
        (&"failed".into(), &disposition.into()),
        "{verdict}"
    );
    assert!(verdict["reason"].as_str().unwrap().contains(part), "`{part}` is not in {verdict}");
    let shown = bench.station(&["--json", "order", "show", "april"]).run().expect(0).json();
    let attempts = shown["attempts"].as_array().unwrap();
    let recorded = attempts.iter().find(|attempt| attempt["attempt"] == verdict["attempt"]).unwrap();
    for key in ["disposition", "reason"] {
        assert_eq!(recorded[key], verdict[key], "{recorded}");
    }
}

/// Accepted, open and on hold; together they are what was ordered.
fn counts(bench: &Bench) -> [u64; 3] {
    let shown = bench.station(&["--json", "order", "show", "april"]).run().expect(0).json();
    let counts = ["accepted", "open", "on_hold"].map(|name| shown[name].as_u64().unwrap());
    assert_eq!(shown["ordered"], counts.iter().sum::<u64>(), "{shown}");
    counts
}

fn is_blank(bench: &Bench, unit: usize) -> bool {
    let flash = bench.esp_flash(unit);
    flash == vec![0xff; flash.len()]
}

#[track_caller]
fn assert_holds(bench: &Bench, unit: usize, id: &str) {
    bench.assert_nvs_unit(&bench.esp_flash(unit), CHIP, id, &derived_keys([id])[id]);
}

#[test]
fn a_unit_with_less_flash_than_the_product_is_for_is_held_before_anything_is_written() {
    let bench = bench(1, 1, &[("size = 0x400000", "size = 0x800000")]);
    let _simulator = bench.simulate_esp(CHIP, 1, 1, &["--exchange-ms", "600000"]);
    let outcome = run(&bench, "2", &[]).expect(1);
    let says = format!(
        "unit {} has 0x400000 bytes of flash, and the product is for 0x800000: wrong unit or wrong product",
        bench.esp_mac(1)
    );
    assert_failed(&bench, &outcome.verdicts()[0], "hold", &says);
    assert!(is_blank(&bench, 1));
    assert_eq!(counts(&bench), [0, 1, 0]);
}

#[test]
fn boards_that_are_swapped_after_the_first_said_who_it_is_get_nothing() {
    let bench = bench(3, 2, &[("baud = 921600", "baud = 115200")]);
    let simulator = bench.simulate_esp(CHIP, 2, 2, &[]);
    let peer = swapped(&bench, 1);
    peer.put_into(&bench.port(3));
    let outcome = run(&bench, "2", &["3"]).expect(1);
    let [first, second] = [1, 2].map(|unit| bench.esp_mac(unit));
    let says = format!("unit {second} is in the place of unit {first}: put that one back in");
    let verdict = &outcome.verdicts()[0];
    assert_failed(&bench, verdict, "retry", &says);
    assert_eq!(verdict["hardware_id"], first);
    assert!(is_blank(&bench, 1) && is_blank(&bench, 2));
    let id = verdict["registration_id"].as_str().unwrap().to_owned();
    drop((peer, simulator));
    // Each in a place of its own, they pass; the one that was begun keeps its identity.
    let _simulator = bench.simulate_esp(CHIP, 2, 2, &[]);
    run(&bench, "60", &["1", "2"]).expect(0);
    assert_eq!(counts(&bench), [2, 0, 0]);
    assert_eq!(bench.show(&first)["registration_id"], id);
    assert_holds(&bench, 1, &id);
}

/// The boards of fixtures 1 and 2 behind one port, swapped at this digest that the station asks for.
fn swapped(bench: &Bench, digest: usize) -> Peer {
    let mut swapped = tool("swapped.py");
    swapped.arg(bench.port(1)).arg(bench.port(2)).arg(digest.to_string());
    Peer::start(swapped)
}

/// Both run a stub by then, so that nothing but its MAC tells one from the other.
#[test]
fn boards_that_are_swapped_between_two_ranges_are_both_kept_and_the_second_gets_nothing() {
    let bench = bench(3, 2, &[("baud = 921600", "baud = 115200")]);
    let _simulator = bench.simulate_esp(CHIP, 2, 2, &[]);
    // The first digest of the slot: before that, each range of the firmware was asked for before and after it was written.
    let peer = swapped(&bench, 7);
    let stub = esptool(&bench.port(2), &["--after", "no-reset-stub", "read-mac"]).expect(0);
    assert!(stub.stdout.contains("Running stub"), "{}", stub.stdout);
    peer.put_into(&bench.port(3));
    let outcome = run(&bench, "2", &["3"]).expect(1);
    let verdict = &outcome.verdicts()[0];
    let [first, second] = [1, 2].map(|unit| bench.esp_mac(unit));
    let says = format!(
        "two units were mixed up: unit {first} was identified and written, and unit {second} answers; keep both"
    );
    assert_failed(&bench, verdict, "hold", &says);
    assert_eq!(verdict["hardware_id"], first);
    assert!(is_blank(&bench, 2));
    assert_eq!(bench.show(&first)["state"], "on-hold");
}

#[test]
fn a_port_that_another_program_holds_closes_its_fixture_alone() {
    let bench = bench(2, 2, &[]);
    let _simulator = bench.simulate_esp(CHIP, 2, 2, &["--exchange-ms", "600000"]);
    let holder = Holder::of(&bench.port(1));
    let outcome = run(&bench, "8", &[]).expect(1);
    let closed = outcome
        .json_lines()
        .into_iter()
        .find(|event| event["event"] == "fixture_closed" && event["fixture"] == "1");
    let says =
        format!("port {} is in use by another program: close the terminal program", bench.port(1).display());
    let reason = closed.unwrap()["reason"].as_str().unwrap().to_owned();
    assert!(reason.starts_with(&says), "{reason}");
    assert_eq!(outcome.verdicts().len(), 1, "{}", outcome.stdout);
    assert_holds(&bench, 2, outcome.verdicts()[0]["registration_id"].as_str().unwrap());
    drop(holder);
    run(&bench, "60", &[]).expect(0);
    assert_eq!(counts(&bench), [2, 0, 0]);
}

#[test]
fn two_boards_with_one_mac_at_once_are_a_pass_on_neither() {
    let bench = bench(2, 2, &[]);
    let _simulator =
        bench.simulate_esp(CHIP, 2, 2, &["--fault", "shared-hardware-id:2:1", "--exchange-ms", "600000"]);
    let outcome = run(&bench, "2", &[]).expect(1);
    let verdicts = outcome.verdicts();
    assert_eq!(verdicts.len(), 2, "{}", outcome.stdout);
    for verdict in &verdicts {
        // Which of the two came first is chance.
        let says = format!("show the same hardware ID {} at once", bench.esp_mac(1));
        assert_failed(&bench, verdict, "hold", &says);
    }
    assert_eq!(counts(&bench)[0], 0);
    // Whichever identity was bound to that MAC is held with it.
    let [_, open, held] = counts(&bench);
    let bound = verdicts.iter().any(|verdict| !verdict["registration_id"].is_null());
    assert_eq!((open, held), if bound { (1, 1) } else { (2, 0) });
}

#[test]
fn a_second_board_with_the_mac_of_a_live_one_puts_both_on_hold() {
    let bench = bench(1, 2, &[]);
    let _simulator = bench.simulate_esp(CHIP, 2, 1, &["--fault", "shared-hardware-id:2:1"]);
    let outcome = run(&bench, "4", &[]).expect(1);
    let verdicts = outcome.verdicts();
    assert_eq!(verdicts[0]["verdict"], "accepted", "{}", outcome.stdout);
    assert_failed(&bench, &verdicts[1], "hold", "which is live, and does not prove it");
    assert_failed(&bench, &verdicts[1], "hold", "both go on hold");
    assert_eq!(counts(&bench), [0, 1, 1]);
    assert_eq!(bench.show("gw-0001")["state"], "on-hold");
    assert!(is_blank(&bench, 2));
}

#[test]
fn what_is_no_loader_is_told_from_one() {
    let bench = bench(2, 1, &[]);
    // A gateway's console in the first fixture, and nobody at all in the second.
    let _simulator = bench.simulate(1, 1, &["--no-pacing"]);
    let silent = adapter(&bench.port(3));
    silent.put_into(&bench.port(2));
    let outcome = run(&bench, "4", &[]).expect(1);
    let verdicts = outcome.verdicts();
    for fixture in ["1", "2"] {
        let verdict = verdicts.iter().find(|verdict| verdict["fixture"] == fixture);
        let verdict = verdict.unwrap_or_else(|| panic!("fixture {fixture}: {}", outcome.stdout));
        let says = "no loader answers within 5 s: check that the unit has power and its boot pin is held";
        assert_failed(&bench, verdict, "retry", says);
        assert!(verdict["hardware_id"].is_null() && verdict["registration_id"].is_null(), "{verdict}");
    }
    assert_eq!(counts(&bench), [0, 1, 0]);
}

/// A port that is always there, and the board behind it once that has a port of its own.
fn adapter(board: &Path) -> Peer {
    let mut late = tool("late.py");
    late.arg(board);
    Peer::start(late)
}

#[test]
fn by_hand_a_board_may_come_later_to_a_port_that_is_always_there() {
    let bench = bench(1, 1, &[("baud = 921600", "baud = 115200")]);
    let adapter = adapter(&bench.port(1));
    let flash = |patience: &str| {
        bench.unlocked(&["--json", "flash", "april", "--patience", patience]).arg("--port").arg(&adapter.port)
    };
    let says = format!("nobody answers on port {}: no unit came for 1 s", adapter.port.display());
    flash("1").run().expect(3).says(&says).says("has power and its boot pin is held");
    let attempts = || {
        let shown = bench.station(&["--json", "order", "show", "april"]).run().expect(0).json();
        shown["attempts"].as_array().unwrap().len()
    };
    assert_eq!(attempts(), 0, "nobody failed");
    let mut flashing = Running::start(flash("60"));
    flashing.wait_for("it waits", |event| event["event"] == "waiting");
    // Longer than a loader is looked for at once.
    std::thread::sleep(Duration::from_secs(6));
    let _simulator = bench.simulate_esp(CHIP, 1, 1, &[]);
    let verdicts = flashing.end().expect(0).verdicts();
    assert_eq!((verdicts.len(), attempts()), (1, 1));
    assert_eq!(verdicts[0]["hardware_id"], bench.esp_mac(1));
    assert_holds(&bench, 1, "gw-0001");
}

#[test]
fn a_loader_is_not_asked_again_and_again_who_is_there() {
    let bench = Bench::esp(1);
    bench.esp_product("polled.toml", NVS, CHIP, &[("presence = \"usb\"", "presence = \"poll\"")]);
    let order =
        ["order", "add", "april", "--product", "polled.toml", "--pattern", "gw-{}", "--quantity", "1"];
    let says = ["a loader is asked by resetting its unit", "set \"usb\" where the port goes with the unit"];
    bench.refuses(bench.station(&order), 3, &says);
}
