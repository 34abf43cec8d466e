//! An order of MXChip boards: found by their labels, set up on a console that shows nothing back, judged by their store.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test")]

use std::io::{BufRead, BufReader};

use acceptance::{Bench, Outcome, Running, WIFI_PASSWORD, derived_keys, label};

const PRODUCT: &str = "mxchip-az3166.toml";

/// Every board holds what its label's row says, and every record of it names the grade of its evidence.
#[track_caller]
fn assert_set_up(bench: &Bench, outcome: &Outcome, units: usize) {
    let ids: Vec<String> = (1..=units).map(|unit| format!("mx-{unit:04}")).collect();
    let keys = derived_keys(ids.iter().map(String::as_str));
    for (index, id) in ids.iter().enumerate() {
        let unit = index + 1;
        let settings = format!(
            "DPSEndpoint=global.azure-devices-provisioning.net;IdScope=0ne00ABCDEF;DeviceId={id};SymmetricKey={}",
            keys[id]
        );
        assert_eq!(bench.stored(unit, "iot-hub").as_deref(), Some(settings.as_str()));
        assert_eq!(bench.stored(unit, "wifi-ssid").as_deref(), Some("factory"));
        assert_eq!(bench.stored(unit, "wifi-password").as_deref(), Some(WIFI_PASSWORD));
        let shown = bench.show(id);
        assert_eq!((&shown["state"], &shown["unit"]), (&"live".into(), &label(unit).into()), "{shown}");
        assert_acknowledged(&shown["attempts"][0]);
    }
    let verdicts = outcome.verdicts();
    assert_eq!(verdicts.len(), units, "{}", outcome.stdout);
    verdicts.iter().for_each(assert_acknowledged);
    let order = bench.station(&["--json", "order", "show", "may"]).run().expect(0).json();
    order["attempts"].as_array().unwrap().iter().for_each(assert_acknowledged);
    for text in [["order", "show", "may"], ["unit", "show", "mx-0001"]] {
        let shown = bench.station(&text).run().expect(0).stdout;
        let grades = "wifi-ssid acknowledged, wifi-password acknowledged, dps-settings acknowledged";
        assert!(shown.contains(grades), "{shown}");
    }
    bench.head();
}

fn assert_acknowledged(record: &serde_json::Value) {
    let evidence = record["evidence"].as_array().unwrap();
    assert_eq!(evidence.len(), 3, "{record}");
    for item in evidence {
        assert_eq!(item["grade"], "acknowledged", "{record}");
        assert_eq!(item["after_restart"], false, "{record}");
    }
}

#[test]
fn boards_are_found_by_their_scanned_labels_and_hold_what_iotc_derives() {
    let bench = Bench::mxchip(2);
    bench.order_boards("may", PRODUCT, 4);
    let simulator = bench.simulate_boards(4, 2, &[]);
    let outcome = bench.run("may").expect(0);
    drop(simulator);
    assert_set_up(&bench, &outcome, 4);
    let why = bench.station(&["manifest", "dps", "may", "--group", "line-1"]);
    bench.refuses(why, 3, &["may attest with symmetric keys", "station manifest central"]);
}

#[test]
fn labels_typed_on_standard_input_do_as_well() {
    let bench = Bench::mxchip_without_scanners(1);
    bench.order_boards("may", PRODUCT, 2);
    let _simulator = bench.simulate_boards(2, 1, &[]);
    let mut run = Running::start_typing(bench.run_with_scans("may", 20));
    // The one who types reads the labels as they come.
    let labels = BufReader::new(std::fs::File::open(bench.scanner(1)).unwrap());
    for scanned in labels.lines().map(Result::unwrap).filter(|line| !line.is_empty()).take(2) {
        run.type_line(&format!("1 {scanned}"));
        run.wait_for("a verdict", |event| event["event"] == "verdict");
    }
    let outcome = run.end().expect(0);
    assert_set_up(&bench, &outcome, 2);
}

#[test]
fn neither_key_nor_password_is_in_what_the_station_keeps_and_says() {
    let bench = Bench::mxchip(1);
    bench.order_boards("may", PRODUCT, 1);
    let _simulator = bench.simulate_boards(1, 1, &[]);
    let outcome = bench.run("may").expect(0);
    let key = derived_keys(["mx-0001"])["mx-0001"].clone();
    let mut kept = vec![outcome.stdout, outcome.stderr];
    for entry in std::fs::read_dir(bench.folder().join("transcripts")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(text.contains("set_az_iotdps"), "{text}");
        kept.push(text);
    }
    assert_eq!(kept.len(), 3);
    for text in kept {
        assert!(!text.contains(&key) && !text.contains(WIFI_PASSWORD), "{text}");
    }
}

#[test]
fn check_says_that_the_firmware_carries_the_model_id() {
    let bench = Bench::mxchip(1);
    bench.order_boards("may", PRODUCT, 1);
    let _simulator = bench.simulate_boards(1, 1, &[]);
    let checked = bench.unlocked(&["check"]).run().expect(0);
    let says = "product/mxchip-az3166.toml/model-id: dtmi:com:example:DevKit;1 is written by no item: the firmware \
        carries it";
    assert!(checked.stdout.contains(says), "{}", checked.stdout);
}
