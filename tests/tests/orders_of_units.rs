//! Orders whose units bring their registration IDs: their TPM's endorsement key names them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test")]

use std::process::Command;

use acceptance::{Bench, Outcome, Station, Swtpm, python_tool};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

const FROM_EK: &str = "tpm.toml";
/// Handles of endorsement key and storage root key.
const KEYS: [&str; 2] = ["0x81010001", "0x81000001"];

/// Adds an order with these further arguments.
fn add(bench: &Bench, name: &str, product: &str, more: &[&str]) -> Station {
    bench.station(&["order", "add", name, "--product", product]).args(more)
}

/// How an order stands: ordered, accepted, open, waiting.
fn stands(bench: &Bench, order: &str) -> [u64; 4] {
    let shown = bench.station(&["--json", "order", "show", order]).run().expect(0).json();
    ["ordered", "accepted", "open", "waiting"].map(|count| shown[count].as_u64().unwrap())
}

#[test]
fn such_an_order_is_a_quantity_and_nothing_else() {
    let bench = Bench::bare(1);
    let not_wanted = [
        "product tpm.toml names each unit by its TPM's endorsement key (assign = \"from-ek\")",
        "give --quantity alone, without a pattern and without a file",
    ];
    bench.refuses(add(&bench, "april", FROM_EK, &["--pattern", "gw-{}", "--quantity", "2"]), 2, &not_wanted);
    // It is not even looked for.
    bench.refuses(add(&bench, "april", FROM_EK, &["--csv", "none.csv"]), 2, &not_wanted);
    bench.refuses(
        add(&bench, "april", FROM_EK, &["--quantity", "0"]),
        3,
        &["a quantity of 0 orders nothing"],
    );
    let most = "more than the 1000000 individual enrollments that one DPS instance takes";
    bench.refuses(add(&bench, "april", FROM_EK, &["--quantity", "18446744073709551615"]), 3, &[most]);

    add(&bench, "april", FROM_EK, &["--quantity", "12"]).run().expect(0).says("12 units of tpm.toml");
    assert_eq!(stands(&bench, "april"), [12, 0, 12, 12]);
    bench.refuses(add(&bench, "april", FROM_EK, &["--quantity", "2"]), 3, &["order april was taken already"]);
    let explained = bench.station(&["--json", "flash", "april", "--explain"]).run().expect(0).json();
    assert_eq!(explained["registration_id"].as_str().unwrap().len(), 52, "{explained}");
    for verb in ["issue", "image"] {
        let call = bench.unlocked(&[verb, "april", "--clear"]).arg("--folder").arg(bench.root().join("keys"));
        bench.refuses(call, 3, &["the units of product tpm.toml bring their registration IDs and keys"]);
    }
    let manifest = bench.station(&["manifest", "dps", "april", "--individual"]);
    bench.refuses(manifest, 3, &["no unit of order april is accepted yet"]);
    bench.head();
}

#[test]
fn a_unit_with_a_tpm_may_have_a_registration_id_of_the_orders() {
    let bench = Bench::bare(1);
    let missing = "product gateway-tpm.toml takes its units' registration IDs from the order";
    bench.refuses(add(&bench, "april", "gateway-tpm.toml", &["--quantity", "2"]), 2, &[missing]);
    add(&bench, "april", "gateway-tpm.toml", &["--pattern", "gw-{}", "--quantity", "2"]).run().expect(0);
    assert_eq!(bench.show("gw-2")["state"], "open");
}

/// A station for units that are their TPMs alone, as these programs are.
fn for_programs() -> Bench {
    let bench = Bench::bare(1);
    let own = [("\"required\"", "\"absent-ok\""), ("software_tpm = \"refuse\"", "software_tpm = \"allow\"")];
    bench.template("products", "tpm.toml", "own.toml", &own);
    bench
}

/// A unit comes to its verdict.
fn flash(bench: &Bench, tpm: &Swtpm) -> Outcome {
    bench.unlocked(&["--json", "flash", "april", "--tcti", &tpm.tcti()]).run()
}

/// The registration ID that Microsoft's tools derive from the key at this handle: by openssl and coreutils.
fn named(tpm: &Swtpm) -> String {
    let script = "openssl dgst -sha256 -binary \"$1\" | base32 -w0 | tr -d = | tr A-Z a-z";
    let key = tpm.put("named", tpm.public(KEYS[0]));
    let output = Command::new("sh").args(["-c", script, "sh", &key]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// The enrollment of a unit, with the keys that tpm2-tools read.
fn enrollment(tpm: &Swtpm, id: &str) -> Value {
    let [endorsement, storage] = KEYS.map(|key| STANDARD.encode(tpm.public(key)));
    json!({
        "registrationId": id,
        "attestation": {"type": "tpm", "tpm": {"endorsementKey": endorsement, "storageRootKey": storage}},
        "provisioningStatus": "enabled",
        "initialTwin": {"tags": {"tpm": {"origin": "unproven", "software": true}}},
    })
}

/// Microsoft's service client takes these bodies.
#[track_caller]
fn judged(bench: &Bench, bodies: &Outcome) {
    let file = bench.root().join(format!("bodies-{}.jsonl", bodies.stdout.len()));
    std::io::Write::write_all(&mut std::fs::File::create_new(&file).unwrap(), bodies.stdout.as_bytes())
        .unwrap();
    let output = python_tool("enrollment_bodies.py", &[&file]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn units_bring_their_ids_until_the_order_is_full() {
    let (bench, tpms) = (for_programs(), [Swtpm::fresh(), Swtpm::fresh(), Swtpm::fresh()]);
    add(&bench, "april", "own.toml", &["--quantity", "2"]).run().expect(0);
    flash(&bench, &tpms[0]).expect(0);
    assert_eq!(stands(&bench, "april"), [2, 1, 1, 1], "done only when all are there");
    let second = flash(&bench, &tpms[1]).expect(0).json_lines();
    assert_eq!(second.last().unwrap()["done"], true, "{second:?}");
    assert_eq!(stands(&bench, "april"), [2, 2, 0, 0]);
    let ids = [named(&tpms[0]), named(&tpms[1])];
    ids.iter().for_each(|id| assert_eq!(bench.show(id)["state"], "live"));

    // There is room for no third, and none is reserved for it.
    let third = flash(&bench, &tpms[2]).expect(1).verdicts();
    assert_eq!(third[0]["verdict"], "not_needed", "{third:?}");
    assert!(third[0]["reason"].as_str().unwrap().contains("order april has no identity left"), "{third:?}");
    let seen = bench.show(third[0]["hardware_id"].as_str().unwrap());
    assert_eq!(
        seen.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["attempts"],
        "it has no identity: {seen}"
    );
    // One that is in comes again as often as it likes.
    flash(&bench, &tpms[0]).expect(0);

    let before = bench.station(&["--json", "order", "show", "april"]).run().expect(0).stdout;
    bench.station(&["ledger", "rebuild"]).run().expect(0);
    bench.head();
    assert_eq!(bench.station(&["--json", "order", "show", "april"]).run().expect(0).stdout, before);
}

#[test]
fn their_enrollments_have_the_keys_and_whoever_fetches_them_hears_of_the_marks() {
    let (bench, tpms) = (for_programs(), [Swtpm::fresh(), Swtpm::fresh()]);
    add(&bench, "april", "own.toml", &["--quantity", "3"]).run().expect(0);
    tpms.iter().for_each(|tpm| drop(flash(&bench, tpm).expect(0)));
    let ids = tpms.each_ref().map(named);
    let dps = |more: &[&str]| bench.station(&["manifest", "dps", "april", "--individual"]).args(more);
    let marked =
        format!("{} (origin unproven, software TPM), {} (origin unproven, software TPM)", ids[0], ids[1]);

    let bodies = dps(&["--storage-root-key"]).run().expect(0).says(&marked);
    let wanted = [enrollment(&tpms[0], &ids[0]), enrollment(&tpms[1], &ids[1])];
    assert_eq!(bodies.json_lines(), wanted);
    judged(&bench, &bodies);
    let bulk = dps(&["--storage-root-key", "--bulk"]).run().expect(0);
    assert_eq!(bulk.json_lines(), [json!({"mode": "create", "enrollments": wanted})]);
    judged(&bench, &bulk);
    bench.station(&["manifest", "central", "april"]).run().expect(0).says(&marked);

    let group = bench.station(&["manifest", "dps", "april", "--group", "line-1"]);
    bench.refuses(group, 3, &["belong to no group: each has an enrollment of its own; give --individual"]);
    bench.refuses(dps(&["--verified-ca", "root"]), 3, &["hangs on no CA: leave --verified-ca out"]);

    let text = bench.station(&["unit", "show", &ids[0]]).run().expect(0).stdout;
    for part in ["a TPM by IBM, ", ", vouched for by no maker (origin unproven, software TPM): live"] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn the_tpm_of_a_scrapped_unit_is_stopped_and_never_comes_back() {
    let (bench, tpm) = (for_programs(), Swtpm::fresh());
    add(&bench, "april", "own.toml", &["--quantity", "2"]).run().expect(0);
    flash(&bench, &tpm).expect(0);
    let id = named(&tpm);
    bench.station(&["unit", "rework", &id, "--reason", "repaired"]).run().expect(0);
    flash(&bench, &tpm).expect(0);
    assert_eq!(bench.show(&id)["state"], "live", "a repaired unit comes back with its TPM");
    bench.station(&["unit", "scrap", &id, "--reason", "cracked"]).run().expect(0);

    let stopped = bench.station(&["manifest", "disallow", "april"]).run().expect(0);
    let mut wanted = enrollment(&tpm, &id);
    wanted["provisioningStatus"] = "disabled".into();
    wanted["attestation"]["tpm"].as_object_mut().unwrap().remove("storageRootKey");
    assert_eq!(stopped.json_lines(), [wanted]);
    judged(&bench, &stopped);

    add(&bench, "may", "own.toml", &["--quantity", "1"]).run().expect(0);
    for order in ["april", "may"] {
        let back =
            bench.unlocked(&["--json", "flash", order, "--tcti", &tpm.tcti()]).run().expect(1).verdicts();
        assert_eq!(
            (&back[0]["verdict"], &back[0]["disposition"]),
            (&"failed".into(), &"scrap".into()),
            "{back:?}"
        );
    }
    assert_eq!(stands(&bench, "may"), [1, 0, 1, 1]);
    assert_eq!(stands(&bench, "april"), [2, 0, 2, 1], "one is short, and one is yet to come");
    let text = bench.station(&["unit", "show", &id]).run().expect(0).stdout;
    assert!(text.contains("(origin unproven, software TPM): revoked (cracked)"), "{text}");
    bench.head();
}
