//! ESP32 units on the line: flashed by their loaders, judged by what then lies in their flash.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test")]

use std::collections::BTreeMap;
use std::time::Duration;

use acceptance::canary::{Canary, Secret};
use acceptance::{
    Bench, EspProduct, NVS, Outcome, Running, SECURE_CERT, derived_keys, openssl, partition,
    root_certificate, secure_cert_contents,
};

/// Registration ID by MAC, of what was accepted.
fn accepted(outcome: &Outcome) -> BTreeMap<String, String> {
    let verdicts = outcome.verdicts();
    let accepted = verdicts.iter().filter(|verdict| verdict["verdict"] == "accepted");
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    accepted.map(|verdict| (text(&verdict["hardware_id"]), text(&verdict["registration_id"]))).collect()
}

#[track_caller]
fn assert_evidence(outcome: &Outcome, grade: &str, slot: &str) {
    for verdict in outcome.verdicts() {
        let evidence = verdict["evidence"].as_array().unwrap();
        assert!(evidence.iter().any(|item| item["item"] == slot), "{verdict}");
        assert!(
            evidence.iter().any(|item| item["item"].as_str().unwrap().starts_with("firmware ")),
            "{verdict}"
        );
        for item in evidence {
            assert_eq!(item["grade"], grade, "{verdict}");
            assert_eq!(item["after_restart"], true, "{verdict}");
        }
    }
}

#[test]
fn units_get_their_identity_into_nvs_and_nothing_else_changes() {
    for (chip, baud) in [("esp32", "921600"), ("esp32c6", "115200")] {
        let bench = Bench::esp(2);
        bench.esp_product("own.toml", NVS, chip, &[("baud = 921600", &format!("baud = {baud}"))]);
        bench.order_of("april", "own.toml", 2);
        let _simulator = bench.simulate_esp(chip, 2, 2, &[]);
        let outcome = bench.run("april").expect(0);
        assert_evidence(&outcome, "device-digest", NVS.slot);
        let accepted = accepted(&outcome);
        let keys = derived_keys(accepted.values().map(String::as_str));
        for unit in 1..=2 {
            let flash = bench.esp_flash(unit);
            let id = &accepted[&bench.esp_mac(unit)];
            bench.assert_nvs_unit(&flash, chip, id, &keys[id]);
        }
        bench.head();
    }
}

#[test]
fn the_certificate_in_the_flash_is_the_unit_s_and_its_key_fits() {
    for (chip, grade) in [("esp32c3", "device-digest"), ("esp32s3", "read-back")] {
        let bench = Bench::esp(1);
        let evidence = format!("evidence = \"{grade}\"");
        bench.esp_product("own.toml", SECURE_CERT, chip, &[("evidence = \"device-digest\"", &evidence)]);
        bench.order_of("april", "own.toml", 1);
        let _simulator = bench.simulate_esp(chip, 1, 1, &[]);
        let outcome = bench.run("april").expect(0);
        assert_evidence(&outcome, grade, SECURE_CERT.slot);
        let flash = bench.esp_flash(1);
        bench.assert_released(&flash, chip);
        let id = accepted(&outcome)[&bench.esp_mac(1)].clone();
        let folder = bench.root().join("parsed");
        secure_cert_contents(partition(&flash, "esp_secure_cert"), &folder);
        let found = folder.join("esp_secure_cert_parsed_data/contents");
        let path = |name: &str| found.join(name).to_str().unwrap().to_owned();
        let (chain, key) = (path("devcert_1_0.pem"), path("privkey_2_0.pem"));
        let root = root_certificate(&bench);
        let root = root.to_str().unwrap();
        let verified = openssl(&["verify", "-x509_strict", "-CAfile", root, "-untrusted", &chain, &chain]);
        assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
        let of_key = openssl(&["pkey", "-in", &key, "-pubout"]).stdout;
        assert_eq!(of_key, openssl(&["x509", "-in", &chain, "-noout", "-pubkey"]).stdout);
        let subject = openssl(&["x509", "-in", &chain, "-noout", "-subject"]).stdout;
        assert!(String::from_utf8(subject).unwrap().contains(&id));
        let table =
            std::fs::read_to_string(folder.join("esp_secure_cert_parsed_data/esp_secure_cert_parsed.csv"));
        let table = table.unwrap();
        // The tool shows data of the firmware's own in hexadecimal, the NUL at the end of a text too.
        for (number, text) in [(1, id.as_str()), (2, "0ne00ABCDEF")] {
            let hex: String = text.bytes().chain([0]).map(|byte| format!("{byte:02X}")).collect();
            let row = format!("ESP_SECURE_CERT_USER_DATA_{number}_TLV,0,{hex},hex");
            assert!(table.contains(&row), "`{row}` is not in {table}");
        }
    }
}

#[test]
fn a_unit_that_comes_back_is_verified_though_its_key_is_nowhere_else() {
    let bench = Bench::esp(1);
    bench.esp_product("own.toml", SECURE_CERT, "esp32c3", &[]);
    bench.order_of("april", "own.toml", 2);
    let _simulator = bench.simulate_esp("esp32c3", 1, 1, &[]);
    let first = bench.unlocked(&["--json", "run", "april", "--patience", "6"]).run().expect(1);
    let decisions: Vec<_> =
        first.json_lines().into_iter().filter(|event| event["event"] == "decided").collect();
    // The only unit comes again and again: it is live, and proves it.
    assert_eq!(decisions[0]["decision"], "new");
    assert!(decisions.len() > 1 && decisions[1..].iter().all(|event| event["decision"] == "same-again"));
    assert!(first.verdicts().iter().all(|verdict| verdict["verdict"] == "accepted"));
    assert_eq!(accepted(&first).len(), 1);
}

/// The station runs on, and waits for the next unit.
#[test]
fn the_key_of_a_unit_is_wiped_from_memory_once_it_has_its_verdict() {
    for (product, chip) in [(SECURE_CERT, "esp32c3"), (NVS, "esp32")] {
        let bench = Bench::esp(1);
        bench.esp_product("own.toml", product, chip, &[]);
        bench.order_of("april", "own.toml", 2);
        let _simulator = bench.simulate_esp(chip, 2, 1, &["--exchange-ms", "600000"]);
        let mut run = Running::start(bench.unlocked(&["--json", "run", "april", "--patience", "60"]));
        let verdict = run.wait_for("a verdict", |event| event["event"] == "verdict");
        assert_eq!(verdict["verdict"], "accepted", "{verdict}");
        std::thread::sleep(Duration::from_secs(1));
        let memory = run.memory();
        run.signal("INT");
        run.end().expect(1);
        let key = key_of_unit(&bench, product, verdict["registration_id"].as_str().unwrap());
        // What is no secret is there: the station's memory was read.
        let public = Secret::text("its folder", bench.folder().to_str().unwrap());
        for (what, found) in [(key, 0), (public, 1)] {
            let canary = Canary::of(std::slice::from_ref(&what));
            let ranges = memory.iter().filter(|bytes| !canary.find(bytes).is_empty()).count();
            assert_eq!(ranges.min(1), found, "{} in {ranges} ranges of memory", what.name);
        }
    }
}

/// What its flash holds of it.
fn key_of_unit(bench: &Bench, product: EspProduct, id: &str) -> Secret {
    let flash = bench.esp_flash(1);
    if product.slot == NVS.slot {
        let key = &derived_keys([id])[id];
        bench.assert_nvs_unit(&flash, product.chip, id, key);
        return Secret::symmetric_key("its device key", key);
    }
    let folder = bench.root().join("parsed");
    secure_cert_contents(partition(&flash, product.slot), &folder);
    let key = folder.join("esp_secure_cert_parsed_data/contents/privkey_2_0.pem");
    let pkcs8 =
        openssl(&["pkcs8", "-topk8", "-nocrypt", "-outform", "DER", "-in", key.to_str().unwrap()]).stdout;
    Secret::key("its private key", &pkcs8)
}

#[test]
fn check_tells_what_cannot_be_verified_again_and_what_dps_must_have() {
    let bench = Bench::esp(1);
    bench.esp_product("shared.toml", NVS, "esp32", &[("name = \"identity\"", "name = \"nvs\"")]);
    let leaf = [("content = \"${certificate_chain}\"", "content = \"${certificate}\"")];
    bench.esp_product("leaf.toml", SECURE_CERT, "esp32c3", &leaf);
    bench.esp_product("good.toml", SECURE_CERT, "esp32s3", &[]);
    let findings = bench.unlocked(&["--json", "check"]).run().json_lines();
    let warned: Vec<(String, String)> = findings
        .iter()
        .flat_map(|finding| finding.as_array().cloned().unwrap_or_else(|| vec![finding.clone()]))
        .filter(|finding| finding["verdict"] == "warning")
        .map(|finding| {
            (finding["id"].as_str().unwrap().to_owned(), finding["todo"].as_str().unwrap().to_owned())
        })
        .collect();
    let of = |id: &str| warned.iter().find(|(warned, _)| warned == id).map(|(_, todo)| todo.as_str());
    assert!(of("product/shared.toml/slot/nvs").unwrap().contains("`readonly`"), "{warned:?}");
    assert!(
        of("product/leaf.toml/leaf-alone").unwrap().contains("station ca show intermediate"),
        "{warned:?}"
    );
    assert_eq!(of("product/good.toml/leaf-alone"), None);
    assert!(!warned.iter().any(|(id, _)| id.starts_with("product/good.toml/slot/")), "{warned:?}");
}

#[test]
fn a_live_unit_whose_slot_was_moved_in_the_product_is_left_alone() {
    let bench = Bench::esp(1);
    bench.esp_product("own.toml", NVS, "esp32", &[]);
    bench.order_of("april", "own.toml", 2);
    let simulator = bench.simulate_esp("esp32", 1, 1, &[]);
    bench.unlocked(&["--json", "run", "april", "--patience", "4"]).run().expect(1);
    drop(simulator);
    std::fs::remove_file(bench.folder().join("products/own.toml")).unwrap();
    bench.esp_product("own.toml", NVS, "esp32", &[("name = \"identity\"", "name = \"nvs\"")]);
    let _simulator = bench.simulate_esp("esp32", 1, 1, &[]);
    let flash = bench.esp_flash(1);
    let again = bench.unlocked(&["--json", "run", "april", "--patience", "4"]).run().expect(1);
    let verdict = &again.verdicts()[0];
    assert_eq!(verdict["verdict"], "not_needed", "{verdict}");
    assert!(verdict["reason"].as_str().unwrap().contains("laid out in another way"), "{verdict}");
    assert!(bench.esp_flash(1) == flash, "the unit was written");
}

#[test]
fn verify_counts_what_it_could_not_ask_for() {
    let bench = Bench::esp(1);
    bench.esp_product("own.toml", NVS, "esp32", &[]);
    bench.order_of("april", "own.toml", 1);
    let simulator = bench.simulate_esp("esp32", 1, 1, &[]);
    bench.run("april").expect(0);
    drop(simulator);
    // A later release of another size: the ledger knows nothing of that range.
    let mut released =
        std::fs::OpenOptions::new().append(true).open(bench.firmware().join("sensor.bin")).unwrap();
    std::io::Write::write_all(&mut released, &[7; 0x2000]).unwrap();
    std::fs::remove_file(bench.folder().join("products/own.toml")).unwrap();
    bench.esp_product("own.toml", NVS, "esp32", &[]);
    let _simulator = bench.simulate_esp("esp32", 1, 1, &[]);
    let said = bench.verify("april", 1, &[]).expect(0).stdout;
    assert!(said.contains("firmware 0x10000..0x27000"), "{said}");
    assert!(said.ends_with("but for what was not asked: 1 of 4 items\n"), "{said}");
}
