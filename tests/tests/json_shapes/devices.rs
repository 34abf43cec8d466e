//! Simulators and TPMs.

use super::*;

#[test]
fn the_simulator() {
    let bench = Bench::new(2);
    bench.order("april", 2);
    let mut simulator = Running::start(
        Station::new(&["simulate", "--json", "--units", "4", "--fixtures", "2", "--no-pacing"])
            .arg(bench.simulated())
            .arg("--boot-ms=100")
            .arg("--exchange-ms=2000")
            .arg("--fault=wrong-password:1")
            .arg("--fault=unplug:2:3000")
            .arg("--fault=babble:3"),
    );
    simulator.wait_for("it was ready", |event| event["event"] == "ready");
    bench.run("april");
    // While the fixtures are empty their folder goes away: no port can be made in it.
    std::fs::remove_dir_all(bench.simulated().join("fixtures")).unwrap();
    simulator.wait_for("a fixture failed", |event| event["event"] == "fixture_failed");
    simulator.signal("TERM");
    let events = simulator.end().json_lines();
    events.iter().for_each(|event| assert_shape(&simulator_event(event), event));
    let kinds: BTreeSet<String> =
        events.iter().map(|event| event["event"].as_str().unwrap().to_owned()).collect();
    assert_eq!(
        kinds,
        texts(&[
            "ready",
            "unit_in",
            "logged_in",
            "login_refused",
            "logged_out",
            "rebooted",
            "fault",
            "unit_out",
            "fixture_failed",
        ])
    );
}

#[test]
fn the_simulator_of_esp32_boards() {
    let mut boards = EspBoards::start("esp32", 1, &["--fault", "wrong-md5:1"]);
    let image = boards.image("image.bin", &[0x5a; 64]);
    assert_ne!(boards.esptool(1, &["write-flash", "0x10000", &image]).code, 0);
    boards.wait_for("the board left", |event| event["event"] == "unit_out");
    let events = boards.end().json_lines();
    events.iter().for_each(|event| assert_shape(&simulator_event(event), event));
    for wanted in ["command_refused", "fault", "unit_out"] {
        assert!(events.iter().any(|event| event["event"] == wanted), "no {wanted}");
    }
}

#[test]
fn a_tpm() {
    let (certified, fresh) = (Swtpm::certified(), Swtpm::fresh());
    let show = |of: &Swtpm| Station::new(&["tpm", "show", "--tcti", &of.tcti()]);
    let whole = one(show(&certified).arg("--challenge").arg("--roots").arg(certified.file("roots")), &tpm());
    assert_eq!(
        (&whole["challenge"], &whole["ek_certificate"]["verdict"]),
        (&"passed".into(), &"trusted".into())
    );
    one(show(&fresh), &tpm());
}

/// A unit that its TPM names, from the order to the enrollment.
#[test]
fn a_unit_that_attests_with_its_tpm() {
    let (bench, tpm) = (Bench::bare(1), Swtpm::fresh());
    let own = [("\"required\"", "\"absent-ok\""), ("software_tpm = \"refuse\"", "software_tpm = \"allow\"")];
    bench.template("products", "tpm.toml", "own.toml", &own);
    let add = ["order", "add", "april", "--product", "own.toml", "--quantity", "1"];
    one(bench.station(&add), &order());
    one(bench.station(&["flash", "april", "--explain"]), &explained());
    let flash = bench.unlocked(&["--json", "flash", "april", "--tcti", &tpm.tcti()]).run().expect(0);
    flash.json_lines().iter().for_each(|event| assert_shape(&run_event(event), event));
    let shown =
        one(bench.station(&["order", "show", "april"]), &with(order(), json!({"attempts": [attempt()]})));
    let id = shown["attempts"][0]["registration_id"].as_str().unwrap();
    let of_tpm = unit_with(&json!({"credential_kind": "endorsement-key"}));
    let shown = one(bench.station(&["unit", "show", id]), &of_tpm);
    assert_eq!(
        (&shown["credential"]["origin"], &shown["credential"]["software"]),
        (&"unproven".into(), &true.into())
    );
    let keys = json!({"endorsementKey": "string", "storageRootKey": "string"});
    let body = json!({
        "registrationId": "string", "attestation": {"type": "=tpm", "tpm": keys}, "provisioningStatus": "=enabled",
        "initialTwin": {"tags": {"tpm": {"origin": "=proven|unproven", "software": "bool"}}},
    });
    let with_both = |call: Station| one(call.arg("--storage-root-key"), &body);
    let listed = with_both(bench.station(&["manifest", "dps", "april", "--individual"]));
    assert_eq!(with_both(bench.unlocked(&["tpm", "enroll", "april", "--tcti", &tpm.tcti()])), listed);
    one(bench.station(&["unit", "scrap", id, "--reason", "cracked"]), &of_tpm);
    let kinds = kinds_of_entries(&bench);
    assert!(
        kinds.is_superset(&texts(&["order_added", "order_rows", "claimed", "issued", "announced"])),
        "{kinds:?}"
    );
}
