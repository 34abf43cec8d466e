//! What `--json` prints, verb by verb: exactly these keys, of exactly these types. Scripts hang on it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test")]

mod credentials;
mod devices;
mod shapes;

use std::collections::BTreeSet;

use acceptance::{
    Bench, EspBoards, GROUP_KEY, NVS, Running, SECRET, Station, Swtpm, assert_shape, shape_faults,
};
use serde_json::{Value, json};
use shapes::{
    attempt, authority, delivery, entry, explained, explained_image, finding, order, rolled_over, run_event,
    simulator_event, tpm, unit, unit_with, verified, with,
};

/// Every verb that prints data, and where its shape is asserted. Those without `--json` of their own are not here.
const VERBS: [&str; 34] = [
    "init",
    "check",
    "ca root",
    "ca intermediate",
    "ca possession",
    "ca crl",
    "ca show",
    "keys import",
    "keys derive",
    "order add",
    "order budget",
    "order show",
    "run",
    "flash",
    "verify",
    "issue",
    "image",
    "tpm enroll",
    "tpm show",
    "unit show",
    "unit rework",
    "unit scrap",
    "ledger show",
    "ledger verify",
    "ledger rebuild",
    "manifest dps",
    "manifest central",
    "manifest disallow",
    "manifest deliveries",
    "manifest acknowledge",
    "roll-over expiry",
    "roll-over promote",
    "roll-over breach",
    "simulate",
];
/// Somebody's age key.
const RECIPIENT: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
/// These print texts for other programs: a shell, man.
const NO_DATA: [&str; 2] = ["completions", "man"];

/// The one document that a verb prints, on one line.
#[track_caller]
fn one(call: Station, shape: &Value) -> Value {
    let mut documents = all(call, shape);
    assert_eq!(documents.len(), 1, "{documents:?}");
    documents.remove(0)
}

/// The documents that a verb prints, one a line.
#[track_caller]
fn all(call: Station, shape: &Value) -> Vec<Value> {
    let documents = call.arg("--json").run().expect(0).json_lines();
    documents.iter().for_each(|document| assert_shape(shape, document));
    documents
}

/// The ledger's entries have their shapes. Gives the kinds that were there.
fn kinds_of_entries(bench: &Bench) -> BTreeSet<String> {
    let entries = bench.station(&["--json", "ledger", "show"]).run().expect(0).json_lines();
    entries.iter().for_each(|fact| assert_shape(&entry(fact), fact));
    entries.iter().map(|entry| entry["fact"]["kind"].as_str().unwrap().to_owned()).collect()
}

fn texts(list: &[&str]) -> BTreeSet<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn a_shape_finds_what_is_missing_unknown_or_of_another_type() {
    let shape = json!({"a": "integer", "b?": "=x|y?", "c": [{"d": "hex"}], "e": [null, {"f": "time"}]});
    let right = json!({"a": 1, "b": null, "c": [{"d": "0af"}], "e": {"f": "2026-11-24T21:14:59Z"}});
    assert_eq!(shape_faults(&shape, &right), Vec::<String>::new());
    assert_eq!(shape_faults(&shape, &json!({"a": 1, "c": [], "e": null})), Vec::<String>::new());
    for (wrong, fault) in [
        (json!({"c": [], "e": null}), ".a: missing"),
        (json!({"a": 1, "c": [], "e": null, "z": 1}), ".z: unknown"),
        (json!({"a": "1", "c": [], "e": null}), ".a: \"1\" is no `integer`"),
        (json!({"a": 1, "b": "z", "c": [], "e": null}), ".b: \"z\" is no `=x|y?`"),
        (json!({"a": 1, "c": [{"d": "0A"}], "e": null}), ".c[0].d: \"0A\" is no `hex`"),
        (json!({"a": 1, "c": {}, "e": null}), ".c: {} has not the shape [{\"d\":\"hex\"}]"),
        (json!({"a": 1, "c": [], "e": {"f": "24 Nov"}}), ".e.f: \"24 Nov\" is no `time`"),
    ] {
        assert_eq!(shape_faults(&shape, &wrong), [fault]);
    }
}

#[test]
fn every_verb_of_the_help_has_its_shape_here() {
    let mut verbs = BTreeSet::new();
    for verb in verbs_of(&[]) {
        let inner = verbs_of(&[&verb]);
        if inner.is_empty() {
            verbs.insert(verb);
        } else {
            verbs.extend(inner.into_iter().map(|inner| format!("{verb} {inner}")));
        }
    }
    let mut known = texts(&VERBS);
    known.extend(texts(&NO_DATA));
    assert_eq!(verbs, known);
}

/// The verbs that a help page lists.
fn verbs_of(path: &[&str]) -> Vec<String> {
    let help = Station::new(&[path, &["--help"]].concat()).run().expect(0).stdout;
    let listed =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = listed.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names
        .map(|line| line.split_whitespace().next().unwrap().to_owned())
        .filter(|name| name != "help")
        .collect()
}

#[test]
fn verbs_that_set_a_station_up_and_take_orders() {
    let folder = tempfile::tempdir().unwrap();
    let line = folder.path().join("line-9");
    let made = Station::new(&["init", line.to_str().unwrap(), "--name", "line-9"]).unlocked_by(SECRET);
    let made = one(made, &json!({"station": "=line-9", "folder": "string"}));
    assert_eq!(made["folder"], line.to_str().unwrap());

    let bench = Bench::bare(1);
    assert_eq!(all(bench.station(&["ca", "show"]), &authority()).len(), 0);
    let (group_key, ids) = (folder.path().join("group.key"), folder.path().join("ids.csv"));
    std::io::Write::write_all(&mut std::fs::File::create_new(&group_key).unwrap(), GROUP_KEY.as_bytes())
        .unwrap();
    std::io::Write::write_all(&mut std::fs::File::create_new(&ids).unwrap(), b"gw-1\ngw-2\n").unwrap();
    let derive = Station::new(&["keys", "derive", "--group-key-file"]).arg(&group_key).arg("--ids").arg(&ids);
    let derived = all(derive, &json!({"registration_id": "string", "device_key": "string"}));
    assert_eq!(derived.len(), 2);
    let imported = bench.station(&["keys", "import", "console"]).input("rehearsal");
    one(imported, &json!({"secret": "=console"}));
    let root = one(bench.unlocked(&["ca", "root", "--common-name", "Root"]), &authority());
    assert_eq!(root["issuer"], Value::Null);
    let intermediate = one(bench.unlocked(&["ca", "intermediate", "--common-name", "Line"]), &authority());
    assert_eq!(intermediate["issuer"], "root");
    assert_eq!(all(bench.station(&["ca", "show"]), &authority()), [root.clone(), intermediate]);
    assert_eq!(one(bench.station(&["ca", "show", "root"]), &authority()), root);

    let add =
        ["order", "add", "april", "--product", "gateway-x509.toml", "--pattern", "gw-{}", "--quantity", "2"];
    one(bench.station(&add), &order());
    one(bench.station(&["order", "show"]), &order());
    one(bench.station(&["order", "budget", "april", "9", "--reason", "a test"]), &order());
    one(bench.station(&["order", "show", "april"]), &with(order(), json!({"attempts": [attempt()]})));
    one(bench.station(&["unit", "show", "gw-1"]), &unit());

    let mut issue = bench.unlocked(&["issue", "april", "--quantity", "1"]);
    issue = issue.arg("--bundle").arg(folder.path().join("april.age")).args(&["--recipient", RECIPIENT]);
    let handed = json!({
        "order": "=april", "credentials": "integer", "door": "=sealed|clear", "to": "string",
        "recipients": ["string"], "sha256?": "hex", "verified_ca?": "string",
    });
    one(issue, &handed);
    let issue = bench.unlocked(&["issue", "april", "--clear", "--leaf-only"]);
    one(issue.arg("--folder").arg(folder.path().join("april")), &handed);
    assert!(kinds_of_entries(&bench).is_superset(&texts(&["issued_ahead", "handed_over"])));

    let check = bench.station(&["--json", "check"]).run().json();
    assert_shape(&json!([finding()]), &check);
    assert!(check.as_array().unwrap().len() > 5, "{check}");
    let verified =
        json!({"entries": "integer", "head": "hex", "findings": [{"entry": "integer?", "what": "string"}]});
    let verified = one(bench.station(&["ledger", "verify"]), &verified);
    assert_eq!(
        one(bench.station(&["ledger", "rebuild"]), &json!({"entries": "integer"}))["entries"],
        verified["entries"]
    );
}

#[test]
fn a_run_its_ledger_its_units_and_its_manifests() {
    let bench = Bench::new(2);
    bench.order("april", 1);
    // In the place of every transcript is a file already: the run warns and goes on.
    for attempt in 1..100 {
        std::fs::File::create_new(bench.folder().join(format!("transcripts/{attempt}.txt"))).unwrap();
    }
    // One of the two gets the order's one identity, and is unplugged once; the other is not needed.
    let _simulator = bench.simulate(2, 2, &["--fault", "unplug:1:3000", "--fault", "unplug:2:3000"]);
    let outcome = bench.run("april").expect(0);
    let events = outcome.json_lines();
    events.iter().for_each(|event| assert_shape(&run_event(event), event));
    let kinds = |key| -> BTreeSet<String> {
        events.iter().filter_map(|event| event[key].as_str().map(str::to_owned)).collect()
    };
    assert_eq!(
        kinds("event"),
        texts(&[
            "waiting",
            "unit_found",
            "identified",
            "decided",
            "step",
            "progress",
            "warning",
            "verdict",
            "fixture_closed",
            "summary",
        ])
    );
    assert_eq!(kinds("verdict"), texts(&["accepted", "failed", "not_needed"]));
    assert_eq!(
        kinds_of_entries(&bench),
        texts(&[
            "station_created",
            "secret_imported",
            "authority_created",
            "order_added",
            "order_rows",
            "run_started",
            "attempt_opened",
            "claimed",
            "issued",
            "announced",
            "failed",
            "refused",
            "accepted",
        ])
    );

    let accepted = one(bench.station(&["unit", "show", "gw-0001"]), &unit());
    assert_eq!(accepted["credential"]["state"], "live");
    let unneeded =
        (1..=2).map(|unit| bench.hardware_id(unit)).find(|id| accepted["unit"] != id.as_str()).unwrap();
    one(bench.station(&["unit", "show", &unneeded]), &json!({"attempts": [attempt()]}));
    one(bench.station(&["order", "show", "april"]), &with(order(), json!({"attempts": [attempt()]})));

    let dps = ["manifest", "dps", "april", "--group", "line-1"];
    let body = |x509: Value| {
        json!({
            "enrollmentGroupId": "string", "provisioningStatus": "=enabled",
            "attestation": {"type": "=x509", "x509": x509},
        })
    };
    let by_intermediate = body(json!({"signingCertificates": {"primary": {"certificate": "string"}}}));
    one(bench.station(&dps), &by_intermediate);
    let by_ca = body(json!({"caReferences": {"primary": "=contoso"}}));
    one(bench.station(&dps).arg("--verified-ca").arg("contoso"), &by_ca);
    let central = one(bench.station(&["manifest", "central", "april"]), &json!({"csv": "string"}));
    assert!(central["csv"].as_str().unwrap().starts_with("IOTC_DEVICEID,IOTC_DEVICENAME\n"));
    let out = bench.root().join("devices.csv");
    let written = bench.station(&["manifest", "central", "april"]).arg("--out").arg(&out);
    one(written, &json!({"file": "string"}));
    assert_eq!(central["csv"], std::fs::read_to_string(out).unwrap());
}

#[test]
fn a_unit_by_hand() {
    let bench = Bench::new(1);
    bench.order("april", 2);
    one(bench.station(&["flash", "april", "--explain"]), &explained());
    let _simulator = bench.simulate(1, 1, &[]);
    let events = bench.flash("april", 1).run().expect(0).json_lines();
    events.iter().for_each(|event| assert_shape(&run_event(event), event));
    let kinds = |kind| events.iter().filter(|event| event["event"] == kind).count();
    assert_eq!((kinds("verdict"), kinds("fixture_closed"), kinds("summary")), (1, 1, 1));
    let report = bench.verify("april", 1, &["--json"]).expect(0).json();
    assert_shape(&verified(), &report);
    assert_eq!(report["items"].as_array().unwrap().len(), 4);

    let boards = Bench::esp(1);
    boards.esp_product("own.toml", NVS, "esp32", &[]);
    boards.order_of("april", "own.toml", 1);
    one(boards.station(&["flash", "april", "--explain"]), &explained_image());
}

#[test]
fn each_way_to_attest() {
    let request = "certificate_requested";
    for (product, kinds, acts) in [
        ("gateway-symmetric-individual.toml", &["issued"][..], &["write", "restart"][..]),
        ("gateway-x509-individual.toml", &["issued"], &["write", "restart"]),
        ("gateway-x509-device-key.toml", &["issued", request], &["make-key", "write", "restart"]),
        ("gateway-x509-read-out.toml", &["issued"], &["read-certificate", "write", "restart"]),
    ] {
        let bench = Bench::new(1);
        bench.order_of("april", product, 1);
        // A request that asks for too much.
        let plain = r"distinguished_name=name\\n[name]\\n' | openssl req -new";
        let too_much = r"distinguished_name=name\\nreq_extensions=x\\n[name]\\n[x]\\nbasicConstraints=CA:TRUE\\n' | openssl req -new";
        bench.template("dialogues", "linux-gateway.toml", "linux-gateway.toml", &[(plain, too_much)]);
        let _simulator = bench.simulate(1, 1, &[]);
        let outcome = bench.run("april");
        let events = outcome.expect(0).json_lines();
        events.iter().for_each(|event| assert_shape(&run_event(event), event));
        let told = events.iter().any(|event| event["event"] == "not_granted");
        assert_eq!(told, kinds.contains(&request), "{product}");
        assert!(kinds_of_entries(&bench).is_superset(&texts(kinds)), "{product}");
        let entries = bench.station(&["--json", "ledger", "show"]).run().expect(0).json_lines();
        let announced: BTreeSet<String> =
            entries.iter().filter_map(|entry| entry["fact"]["act"].as_str().map(str::to_owned)).collect();
        assert_eq!(announced, texts(acts), "{product}");
        let shown = bench.show("gw-0001");
        assert_shape(&unit_with(&shown["credential"]), &shown);
    }
}

#[test]
fn a_unit_that_is_held_freed_and_scrapped() {
    let bench = Bench::new(2);
    bench.order("april", 1);
    // Unit 2 comes back after a second, while unit 1 is bound and restarts: both show one hardware ID.
    let shared = ["--fault", "shared-hardware-id:2:1", "--fault", "unplug:2:1", "--boot-ms", "3000"];
    let _simulator = bench.simulate(2, 2, &shared);
    let outcome = bench.run("april").expect(1);
    outcome.json_lines().iter().for_each(|event| assert_shape(&run_event(event), event));
    assert_eq!(one(bench.station(&["unit", "show", "gw-0001"]), &unit())["state"], "on-hold");
    let word = |verb| bench.station(&["unit", verb, "gw-0001", "--reason", "looked at"]);
    assert_eq!(one(word("rework"), &unit())["state"], "open");
    assert_eq!(one(word("scrap"), &unit())["state"], "burnt");
    let kinds = kinds_of_entries(&bench);
    assert!(kinds.is_superset(&texts(&["held", "reworked", "scrapped"])), "{kinds:?}");
}
