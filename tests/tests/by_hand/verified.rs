//! `station verify`: what a unit proves of what the ledger says, and that nothing is written.

use std::io::Write;
use std::path::Path;

use acceptance::{Bench, NVS, Running, Simulator, Station, label, openssl};
use serde_json::Value;

use super::verdict;

/// Verifies the unit on fixture 1. Nothing is written, whatever comes of it.
#[track_caller]
fn verify(bench: &Bench, code: i32) -> Value {
    verify_as(bench, "april", &[], code)
}

#[track_caller]
fn verify_as(bench: &Bench, order: &str, more: &[&str], code: i32) -> Value {
    let before = bench.snapshot();
    let outcome = bench.verify(order, 1, &[&["--json"], more].concat()).expect(code);
    assert_eq!(bench.snapshot(), before, "verify wrote something");
    let report = outcome.json();
    assert_eq!(report["after_restart"], false, "{report}");
    assert_eq!(report["verdict"], if code == 0 { "proven" } else { "unproven" }, "{report}");
    report
}

/// A gateway that was accepted as gw-0001, and its simulator.
fn accepted(bench: &Bench, more: &[&str]) -> Simulator {
    let simulator = bench.simulate(1, 1, more);
    let accepted = verdict(&bench.flash("april", 1).run().expect(0));
    assert_eq!(accepted["registration_id"], "gw-0001", "{accepted}");
    simulator
}

/// The results of a report's items, and the reason of the one that differs.
fn results(report: &Value) -> Vec<(String, String)> {
    let text = |item: &Value, key: &str| item[key].as_str().unwrap().to_owned();
    let items = report["items"].as_array().unwrap();
    items.iter().map(|item| (text(item, "item"), text(item, "result"))).collect()
}

fn reason(report: &Value) -> &str {
    report["reason"].as_str().unwrap()
}

fn overwrite(path: &Path, content: &[u8]) {
    let mut file = std::fs::OpenOptions::new().write(true).truncate(true).open(path).unwrap();
    file.write_all(content).unwrap();
}

#[test]
fn an_accepted_unit_proves_what_the_ledger_says_whoever_made_its_key() {
    for product in ["gateway-x509.toml", "gateway-x509-device-key.toml"] {
        let bench = Bench::new(1);
        bench.order_of("april", product, 1);
        let _simulator = accepted(&bench, &[]);
        let report = verify(&bench, 0);
        assert_eq!(report["hardware_id"], bench.hardware_id(1).as_str(), "{product}: {report}");
        assert_eq!((&report["registration_id"], &report["state"]), (&"gw-0001".into(), &"live".into()));
        assert_eq!(report["reason"], Value::Null);
        let results = results(&report);
        assert!(results.iter().all(|(_, result)| result == "agrees"), "{product}: {results:?}");
        assert!(results.iter().any(|(item, _)| item == "device-key"), "{product}: {results:?}");
        let text = bench.verify("april", 1, &[]);
        let text = text.expect(0).stdout;
        assert!(text.contains("gw-0001, live") && text.contains("challenge"), "{text}");
        assert!(text.ends_with("PROVEN as it stands, without a restart\n"), "{text}");
    }
}

#[test]
fn a_file_that_was_changed_behind_the_station_s_back_is_told_by_its_item() {
    let bench = Bench::new(1);
    bench.order("april", 1);
    let _simulator = accepted(&bench, &[]);
    let configuration = bench.unit(1).join("etc/aziot/config.toml");
    let as_written = std::fs::read(&configuration).unwrap();
    overwrite(&configuration, &[&as_written[..], b"# by somebody\n"].concat());
    let report = verify(&bench, 1);
    let differs: Vec<_> = results(&report).into_iter().filter(|(_, result)| result != "agrees").collect();
    assert_eq!(differs, [("configuration".to_owned(), "differs".to_owned())]);
    assert!(reason(&report).contains("configuration: the unit holds something else"), "{report}");

    overwrite(&configuration, &as_written);
    verify(&bench, 0);
    let other = openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]).stdout;
    overwrite(&bench.unit(1).join("var/secrets/device-id.key.pem"), &other);
    let report = verify(&bench, 1);
    assert!(reason(&report).contains("device-key: the unit holds something else"), "{report}");
    std::fs::remove_file(bench.unit(1).join("var/secrets/device-id.key.pem")).unwrap();
    let report = verify(&bench, 1);
    let device_key = results(&report).into_iter().find(|(item, _)| item == "device-key").unwrap();
    assert_eq!(device_key.1, "differs", "{report}");
    // Nothing that was seen has changed what the ledger says.
    assert_eq!(bench.show("gw-0001")["state"], "live");
}

#[test]
fn a_unit_that_the_ledger_does_not_know_or_not_as_live_is_told() {
    let bench = Bench::new(1);
    bench.order("april", 1);
    let _simulator = bench.simulate(1, 1, &[]);
    let report = verify(&bench, 1);
    let unit = bench.hardware_id(1);
    assert_eq!((&report["registration_id"], &report["state"]), (&Value::Null, &Value::Null));
    assert!(reason(&report).contains(&format!("the ledger has no identity for unit {unit}")), "{report}");
    let text = bench.verify("april", 1, &[]);
    assert!(text.stdout.contains(&format!("unit {unit}: no identity")), "{}", text.stdout);

    bench.flash("april", 1).run().expect(0);
    bench.station(&["unit", "rework", "gw-0001", "--reason", "repaired"]).run().expect(0);
    let report = verify(&bench, 1);
    assert_eq!((&report["state"], results(&report).len()), (&"open".into(), 0), "{report}");
    assert!(reason(&report).contains("has no verdict yet"), "{report}");

    bench.station(&["unit", "scrap", "gw-0001", "--reason", "cracked"]).run().expect(0);
    let report = verify(&bench, 1);
    assert_eq!((&report["registration_id"], &report["state"]), (&"gw-0001".into(), &"burnt".into()));
    assert!(reason(&report).contains("was scrapped (cracked)"), "{report}");
}

#[test]
fn a_unit_on_hold_is_not_proven_and_what_it_holds_is_told() {
    let bench = Bench::new(1);
    bench.order("april", 1);
    let _simulator = accepted(&bench, &[]);
    let key = bench.unit(1).join("var/secrets/device-id.key.pem");
    let as_written = std::fs::read(&key).unwrap();
    overwrite(&key, b"no key");
    // It is live and does not prove it: a run holds it.
    assert_eq!(verdict(&bench.flash("april", 1).run().expect(1))["disposition"], "hold");
    overwrite(&key, &as_written);
    let report = verify(&bench, 1);
    assert_eq!(report["state"], "on-hold", "{report}");
    assert!(reason(&report).contains("is on hold"), "{report}");
    assert!(results(&report).iter().all(|(_, result)| result == "agrees"), "{report}");
}

#[test]
fn a_unit_of_another_order_is_told() {
    let bench = Bench::new(1);
    bench.order("april", 1);
    let _simulator = accepted(&bench, &[]);
    let may =
        ["order", "add", "may", "--product", "gateway-x509.toml", "--pattern", "m-{}", "--quantity", "1"];
    bench.station(&may).run().expect(0);
    let report = verify_as(&bench, "may", &[], 1);
    assert!(reason(&report).contains("already bound to gw-0001 of order april"), "{report}");
    assert_eq!(results(&report), [], "the product of another order says nothing about its items");
}

#[test]
fn what_was_only_acknowledged_proves_nothing() {
    let bench = Bench::mxchip_without_scanners(1);
    bench.order_boards("april", "mxchip-az3166.toml", 1);
    let _simulator = bench.simulate_boards(1, 1, &[]);
    bench.flash("april", 1).args(&["--label", &label(1)]).run().expect(0);
    let report = verify_as(&bench, "april", &["--label", &label(1)], 1);
    assert_eq!((&report["registration_id"], &report["state"]), (&"mx-0001".into(), &"live".into()));
    let results = results(&report);
    assert_eq!(results.len(), 3);
    assert!(results.iter().all(|(_, result)| result == "not-asked"), "{results:?}");
    assert!(reason(&report).contains("whether it is still there is not known"), "{report}");
}

#[test]
fn keys_of_a_vault_are_neither_swept_nor_needed_for_other_units() {
    let bench = Bench::bare(1);
    bench.station(&["keys", "import", "gateway-console"]).input("rehearsal").run().expect(0);
    bench.order_of("april", "gateway-symmetric-individual.toml", 1);
    let _simulator = accepted(&bench, &[]);
    bench.flash("april", 1).run().expect(0);
    // The second attempt issued nothing: keys under its number are what a run that was cut off leaves.
    let attempts = bench.show("gw-0001")["attempts"].as_array().unwrap().clone();
    let keys = |attempt: &Value| bench.folder().join(format!("vault/unit-keys_{}.age", attempt["attempt"]));
    std::fs::copy(keys(&attempts[0]), keys(&attempts[1])).unwrap();
    verify(&bench, 0);
    assert!(keys(&attempts[1]).exists());
    bench.flash("april", 1).run().expect(0);
    assert!(!keys(&attempts[1]).exists(), "a run sweeps them");
}

#[test]
fn a_unit_is_verified_with_the_group_key_that_it_was_made_with() {
    let bench = Bench::symmetric(1);
    bench.template("products", "gateway-symmetric.toml", "own.toml", &[]);
    bench.order_of("april", "own.toml", 1);
    let _simulator = accepted(&bench, &[]);
    let import = ["keys", "import", "next-group-key", "--kind", "group-key"];
    bench.station(&import).input("bmV4dC1ncm91cC1rZXktb2Ytc29tZS00MC1ieXRlcy0xMjM0NTY3OA==").run().expect(0);
    let product = bench.folder().join("products/own.toml");
    let text = std::fs::read_to_string(&product).unwrap();
    overwrite(&product, text.replace("contoso-group-key", "next-group-key").as_bytes());
    verify(&bench, 0);
}

#[test]
fn a_unit_that_lets_nobody_in_is_unproven() {
    let bench = Bench::new(1);
    bench.order("april", 1);
    let _simulator = bench.simulate(1, 1, &["--fault", "wrong-password:1"]);
    let report = verify(&bench, 1);
    assert_eq!(report["hardware_id"], Value::Null);
    assert!(reason(&report).contains("password"), "{report}");
}

#[test]
fn units_are_verified_beside_a_run_unless_it_has_their_port() {
    let bench = Bench::new(2);
    bench.order("april", 2);
    let _simulator = bench.simulate(2, 2, &["--boot-ms", "3000"]);
    let first = verdict(&bench.flash("april", 1).run().expect(0));
    // It went to the queue's end, and comes back to the fixture that it left.
    let run = bench.unlocked(&["--json", "run", "april", "--fixture", "2", "--patience", "20"]);
    let mut run = Running::start(run);
    run.wait_for("a restart", |event| event["step"] == "restart");
    let report = bench.verify("april", 1, &["--json"]).expect(0).json();
    assert_eq!(report["hardware_id"], first["hardware_id"], "{report}");
    let busy = bench.verify("april", 2, &[]).expect(4);
    busy.says(&format!("port {} is in use by another program", bench.port(2).display()));
    let outcome = run.end().expect(0);
    assert_eq!(verdict(&outcome)["verdict"], "accepted", "{}", outcome.stdout);
}

#[test]
fn a_port_that_is_not_there_is_named() {
    let bench = Bench::new(1);
    bench.order("april", 1);
    let nowhere = bench.root().join("nowhere");
    let says = format!("port {} is not there: plug the unit in, or give another --port", nowhere.display());
    bench.refuses(bench.unlocked(&["verify", "april"]).arg("--port").arg(&nowhere), 3, &[&says]);
}

/// Starts the simulated board with its flash as it is, but for one byte.
fn with_a_byte_changed(bench: &Bench, offset: usize) -> Simulator {
    change_a_byte(bench, offset);
    bench.simulate_esp("esp32", 1, 1, &[])
}

fn change_a_byte(bench: &Bench, offset: usize) {
    let flash = bench.simulated().join("units/0001/flash.bin");
    let mut bytes = bench.esp_flash(1);
    bytes[offset] ^= 1;
    overwrite(&flash, &bytes);
}

#[test]
fn a_board_s_flash_is_compared_with_what_the_ledger_says_was_written() {
    let bench = Bench::esp(1);
    bench.esp_product("own.toml", NVS, "esp32", &[]);
    bench.order_of("april", "own.toml", 1);
    let simulator = bench.simulate_esp("esp32", 1, 1, &[]);
    assert_eq!(verdict(&bench.flash("april", 1).run().expect(0))["hardware_id"], bench.esp_mac(1).as_str());
    let report = verify(&bench, 0);
    assert!(results(&report).iter().all(|(_, result)| result == "agrees"), "{report}");
    assert!(results(&report).iter().any(|(item, _)| item == NVS.slot), "{report}");
    drop(simulator);
    for (offset, item) in [(0xc000, NVS.slot), (0x1_0100, "firmware 0x10000")] {
        let simulator = with_a_byte_changed(&bench, offset);
        let report = verify(&bench, 1);
        let differs: Vec<_> = results(&report).into_iter().filter(|(_, result)| result != "agrees").collect();
        assert!(differs.len() == 1 && differs[0].0.starts_with(item), "{report}");
        drop(simulator);
        drop(with_a_byte_changed(&bench, offset));
    }
    let _simulator = bench.simulate_esp("esp32", 1, 1, &[]);
    verify(&bench, 0);
    let listed = bench.station(&["flash", "april", "--explain"]).run().expect(0).stdout;
    assert!(listed.contains("written by the loader of esp32") && listed.contains("azure/device_key: secret"));
}

#[test]
fn a_board_that_is_live_runs_again_and_of_any_other_it_is_told_that_it_does_not() {
    let bench = Bench::esp(1);
    bench.esp_product("own.toml", NVS, "esp32", &[]);
    bench.order_of("april", "own.toml", 1);
    let stays = "the unit stays in its loader: reset it";
    // How the unit on fixture 1 was left when it was looked at and is no proven one, and what was said of that.
    let looked_at = || {
        let board = ["simulate", "--json", "--board", "esp32", "--units", "1", "--fixtures", "1"];
        let mut simulator =
            Running::start(Station::new(&board).args(&["--exchange-ms", "100"]).arg(bench.simulated()));
        simulator.wait_for("it was ready", |event| event["event"] == "ready");
        let told = bench.verify("april", 1, &[]).expect(1).stderr.contains(stays);
        let out = simulator.wait_for("the board left", |event| event["event"] == "unit_out");
        simulator.signal("TERM");
        simulator.end();
        (out["reason"].as_str().unwrap().to_owned(), told)
    };
    assert_eq!(looked_at(), ("not_written".to_owned(), true), "no verdict yet");
    let simulator = bench.simulate_esp("esp32", 1, 1, &[]);
    bench.flash("april", 1).run().expect(0);
    drop(simulator);
    change_a_byte(&bench, 0xc000);
    assert_eq!(looked_at(), ("rebooted".to_owned(), false), "live");
}
