//! Gateways that attest with symmetric keys, derived or given, with iotc as the judge of what lies in their files.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test")]

use std::io::Write;
use std::path::Path;
use std::process::Command;

use acceptance::canary::{Canary, Secret};
use acceptance::{Bench, GROUP_KEY, GROUP_KEY_BYTES, Outcome, derived_keys};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const DERIVED: &str = "gateway-symmetric.toml";
const GIVEN: &str = "given.toml";

fn overwrite(path: &Path, content: &[u8]) {
    let mut file = std::fs::OpenOptions::new().write(true).truncate(true).open(path).unwrap();
    file.write_all(content).unwrap();
}

/// The key in a unit's file, base64.
fn key_of(bench: &Bench, unit: usize) -> String {
    STANDARD.encode(std::fs::read(bench.key_file(unit)).unwrap())
}

#[test]
fn derived_keys_are_those_that_iotc_derives() {
    for entry in ["primary", "secondary"] {
        let bench = Bench::symmetric(2);
        let group_entry = format!("group_entry = \"{entry}\"");
        bench.template("products", DERIVED, "own.toml", &[("group_entry = \"primary\"", &group_entry)]);
        bench.order_of("april", "own.toml", 2);
        let simulator = bench.simulate(2, 2, &[]);
        let outcome = bench.run("april").expect(0);
        drop(simulator);

        for verdict in outcome.verdicts() {
            assert_eq!(verdict["verdict"], "accepted");
            let evidence = verdict["evidence"].as_array().unwrap();
            assert!(
                evidence.iter().any(|item| item["item"] == "device-key" && item["grade"] == "challenge"),
                "{verdict}"
            );
            assert!(evidence.iter().all(|item| item["after_restart"] == true), "{verdict}");
        }
        let accepted = bench.accepted(2);
        assert_eq!(accepted.len(), 2, "{accepted:?}");
        let judged = derived_keys(accepted.iter().map(|(id, _)| id.as_str()));
        for (id, unit) in &accepted {
            assert_eq!(&key_of(&bench, *unit), &judged[id], "{id}");
            let config = std::fs::read_to_string(bench.unit(*unit).join("etc/aziot/config.toml")).unwrap();
            for part in [
                "method = \"symmetric_key\"",
                &format!("registration_id = \"{id}\""),
                "symmetric_key = { uri = \"file:///var/secrets/device-id.key\" }",
                "id_scope = \"0ne00ABCDEF\"",
            ] {
                assert!(config.contains(part), "`{part}` is not in {config}");
            }
            let shown = bench.show(id);
            assert_eq!(shown["credentials"][0]["group_entry"], entry, "{shown}");
            assert_eq!(shown["credentials"][0]["group_key"], "contoso-group-key", "{shown}");
            let text = bench.station(&["unit", "show", id]).run().expect(0).stdout;
            assert!(
                text.contains(&format!("device key, derived from the {entry} key contoso-group-key: live")),
                "{text}"
            );
        }
        bench.head();
    }
}

#[test]
fn the_key_is_for_its_service_alone() {
    use std::os::unix::fs::MetadataExt;
    let bench = Bench::symmetric(1);
    bench.order_of("april", DERIVED, 1);
    let _simulator = bench.simulate(1, 1, &[]);
    bench.run("april").expect(0);
    let key = bench.key_file(1).metadata().unwrap();
    let config = bench.unit(1).join("etc/aziot/config.toml").metadata().unwrap();
    assert_eq!(key.mode() & 0o777, 0o600);
    assert_ne!(key.uid(), config.uid(), "aziotks owns it, not root");
}

#[test]
fn a_unit_that_comes_back_is_verified_and_nothing_is_issued() {
    let bench = Bench::symmetric(1);
    bench.order_of("april", DERIVED, 2);
    let _simulator = bench.simulate(1, 1, &[]);
    // One unit for two identities: it comes again and again until patience runs out.
    let outcome = bench.unlocked(&["--json", "run", "april", "--patience", "5"]).run().expect(1);
    let verdicts = outcome.verdicts();
    assert!(verdicts.len() > 1, "{}", outcome.stdout);
    for verdict in &verdicts {
        assert_eq!(verdict["verdict"], "accepted", "{verdict}");
        assert_eq!(verdict["registration_id"], "gw-0001");
    }
    let decisions: Vec<_> =
        outcome.json_lines().into_iter().filter(|event| event["event"] == "decided").collect();
    assert!(decisions[1..].iter().all(|event| event["decision"] == "same-again"), "{decisions:?}");
    assert_eq!(bench.show("gw-0001")["credentials"].as_array().unwrap().len(), 1);
}

#[test]
fn a_key_swapped_between_write_and_verify_is_never_a_pass() {
    let bench = Bench::symmetric(1);
    bench.order_of("april", DERIVED, 1);
    let _simulator = bench.simulate(1, 1, &["--boot-ms", "1000"]);
    let run = bench.unlocked(&["--json", "run", "april", "--patience", "15"]).start();
    let last = bench.unit(1).join("etc/aziot/config.toml");
    while !last.exists() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    overwrite(&bench.key_file(1), &[7; 32]);
    let first = &Outcome::of(run).verdicts()[0];
    assert_eq!(first["verdict"], "failed", "{first}");
    assert_eq!(first["disposition"], "rework");
    assert!(first["reason"].as_str().unwrap().contains("device-key"), "{first}");
}

#[test]
fn a_live_unit_whose_key_was_swapped_goes_on_hold() {
    let bench = Bench::symmetric(1);
    bench.order_of("april", DERIVED, 2);
    let _simulator = bench.simulate(1, 1, &["--exchange-ms", "1500"]);
    let mut run = acceptance::Running::start(bench.unlocked(&["--json", "run", "april", "--patience", "4"]));
    let first = run.wait_for("the first verdict", |event| event["event"] == "verdict");
    assert_eq!(first["verdict"], "accepted", "{first}");
    overwrite(&bench.key_file(1), &[7; 32]);
    let second = run.wait_for("the second verdict", |event| event["event"] == "verdict");
    assert_eq!((&second["verdict"], &second["disposition"]), (&"failed".into(), &"hold".into()), "{second}");
    run.signal("INT");
    run.end();
    assert_eq!(bench.show("gw-0001")["state"], "on-hold");
    assert_eq!(bench.show("gw-0001")["credentials"].as_array().unwrap().len(), 1);
}

#[test]
fn a_unit_that_answers_the_digest_and_proves_another_key_is_no_pass() {
    let bench = Bench::symmetric(1);
    bench.order_of("april", DERIVED, 1);
    let _simulator = bench.simulate(1, 1, &[]);
    // The unit's openssl computes with a key of its own, whatever key it is given; its digests stay right.
    let openssl = bench.unit(1).join("bin/openssl");
    let target = std::fs::read_link(&openssl).unwrap();
    std::fs::remove_file(&openssl).unwrap();
    let script = format!(
        "#!/bin/sh\nexec {} dgst -sha256 -mac HMAC -macopt hexkey:07070707 -binary\n",
        target.display()
    );
    std::fs::File::create_new(&openssl).unwrap().write_all(script.as_bytes()).unwrap();
    Command::new("chmod").arg("755").arg(&openssl).status().unwrap();
    let outcome = bench.unlocked(&["--json", "run", "april", "--patience", "10"]).run().expect(1);
    let verdicts = outcome.verdicts();
    assert!(verdicts.iter().all(|verdict| verdict["verdict"] == "failed"), "{}", outcome.stdout);
    let reason = verdicts[0]["reason"].as_str().unwrap();
    assert!(reason.contains("device-key: the unit does not prove its device key"), "{reason}");
}

/// Every file below a folder that is no link. Of a unit's file system the programs are links, or not its own.
fn files(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            files(&entry.path(), found);
        } else if kind.is_file() && entry.metadata().unwrap().len() < 16 << 20 {
            found.push(entry.path());
        }
    }
}

#[test]
fn the_group_key_is_nowhere_but_sealed_in_the_vault() {
    // A station for both products.
    let bench = Bench::mxchip(1);
    let console = bench.station(&["keys", "import", "gateway-console"]).input("rehearsal\n").run().expect(0);
    let mut said = vec![console];
    bench.order_of("april", DERIVED, 1);
    {
        let _simulator = bench.simulate(1, 1, &[]);
        said.push(bench.run("april").expect(0));
    }
    let moved = Command::new("mv").args([bench.simulated(), bench.root().join("gateways")]).status().unwrap();
    assert!(moved.success());
    bench.order_boards("may", "mxchip-az3166.toml", 1);
    {
        let _simulator = bench.simulate_boards(1, 1, &[]);
        said.push(bench.run("may").expect(0));
    }
    for verb in [&["unit", "show", "gw-0001"][..], &["unit", "show", "mx-0001"], &["order", "show", "may"]] {
        said.push(bench.station(verb).run().expect(0));
        said.push(bench.station(&[&["--json"], verb].concat()).run().expect(0));
    }
    said.push(bench.unlocked(&["check"]).run());

    let canary = Canary::of(&[
        Secret::text("the group key", GROUP_KEY_BYTES),
        Secret::text("the group key as it was imported", GROUP_KEY),
    ]);
    for planted in [GROUP_KEY_BYTES, GROUP_KEY] {
        assert_ne!(canary.find(planted.as_bytes()), [""; 0], "the canary would find it");
    }
    let mut searched = Vec::new();
    files(bench.root(), &mut searched);
    for part in ["ledger.db", "transcripts/", "eeprom/iot-hub", "device-id.key", "vault/contoso-group-key"] {
        let found = searched.iter().any(|path| path.to_str().unwrap().contains(part));
        assert!(found, "{part} was not searched: {searched:?}");
    }
    for path in searched {
        assert_eq!(canary.find(&std::fs::read(&path).unwrap()), [""; 0], "in {}", path.display());
    }
    for outcome in said {
        assert_eq!(canary.find(outcome.stdout.as_bytes()), [""; 0], "{}", outcome.stdout);
        assert_eq!(canary.find(outcome.stderr.as_bytes()), [""; 0], "{}", outcome.stderr);
    }
}

/// Devices with keys of their own, as IoT Central exports them.
fn export(header: &str, keys: &[String]) -> String {
    let rows = keys.iter().enumerate().map(|(index, key)| {
        let id = index + 1;
        format!("gw-{id:04},Gateway {id},{key},{key},,\r\n")
    });
    std::iter::once(format!("{header}\r\n")).chain(rows).collect()
}

#[test]
fn keys_of_an_export_reach_their_units_whichever_way_the_header_is_spelled() {
    let old = "IOTC_DeviceID,IOTC_DeviceName,IOTC_SasKey_Primary,IOTC_SasKey_Secondary,\
        IOTC_X509Thumbprint_Primary,IOTC_X509Thumbprint_Secondary";
    let keys: Vec<String> =
        [[1; 32].to_vec(), [2; 64].to_vec()].iter().map(|key| STANDARD.encode(key)).collect();
    for header in [old.to_owned(), old.to_uppercase()] {
        let bench = Bench::symmetric(2);
        bench.product_with_given_keys(GIVEN);
        let order = bench.station(&["order", "add", "april", "--product", GIVEN, "--csv", "-"]);
        order.input(export(&header, &keys)).run().expect(0);
        let simulator = bench.simulate(2, 2, &[]);
        bench.run("april").expect(0);
        drop(simulator);
        let accepted = bench.accepted(2);
        assert_eq!(accepted.len(), 2);
        for (id, unit) in accepted {
            let number: usize = id.strip_prefix("gw-").unwrap().parse().unwrap();
            assert_eq!(key_of(&bench, unit), keys[number - 1], "{id}");
            assert_eq!(bench.show(&id)["name"], format!("Gateway {number}"));
            let text = bench.station(&["unit", "show", &id]).run().expect(0).stdout;
            assert!(text.contains("device key, given with the order: live"), "{text}");
        }
    }
}

#[test]
fn an_enrollment_body_is_refused_and_the_list_for_central_is_given() {
    let bench = Bench::symmetric(1);
    bench.order_of("april", DERIVED, 1);
    let _simulator = bench.simulate(1, 1, &[]);
    bench.run("april").expect(0);
    let body = bench.station(&["manifest", "dps", "april", "--group", "line-1"]);
    let why = "april attest with symmetric keys: the group and its keys are made in DPS, and a body made here would \
        overwrite them";
    bench.refuses(body, 3, &[why]);
    let list = bench.root().join("devices.csv");
    bench.station(&["manifest", "central", "april", "--out", list.to_str().unwrap()]).run().expect(0);
    let text = std::fs::read_to_string(list).unwrap();
    assert!(text.contains("gw-0001"), "{text}");
    assert!(!text.contains(&derived_keys(["gw-0001"])["gw-0001"]), "{text}");
}

#[test]
fn a_live_unit_is_judged_by_what_it_was_given_and_not_by_what_the_product_says_now() {
    let bench = Bench::symmetric(1);
    bench.order_of("april", DERIVED, 2);
    let simulator = bench.simulate(1, 1, &[]);
    bench.unlocked(&["--json", "run", "april", "--patience", "4"]).run().expect(1);
    drop(simulator);
    let changed = [("method = \"symmetric_key\"", "method = \"symmetric_key\" # changed since")];
    bench.template("documents", "aziot-symmetric.toml", "aziot-symmetric.toml", &changed);
    let simulator = bench.simulate(1, 1, &[]);
    let again = bench.unlocked(&["--json", "run", "april", "--patience", "4"]).run().expect(1);
    drop(simulator);
    assert_eq!(again.verdicts()[0]["verdict"], "accepted", "{}", again.stdout);
    overwrite(&bench.unit(1).join("etc/aziot/config.toml"), b"changed on the unit");
    let _simulator = bench.simulate(1, 1, &[]);
    let changed = bench.unlocked(&["--json", "run", "april", "--patience", "4"]).run().expect(1);
    let verdict = &changed.verdicts()[0];
    assert_eq!(
        (&verdict["verdict"], &verdict["disposition"]),
        (&"failed".into(), &"hold".into()),
        "{verdict}"
    );
}
