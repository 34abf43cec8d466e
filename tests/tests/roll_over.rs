//! What units hang on is exchanged: with time, and at once. The bodies are read by Microsoft's own service client, and
//! openssl tells which units' leaves they accept.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test")]

use std::path::{Path, PathBuf};

use acceptance::{Bench, GROUP_KEY, Simulator, Station, openssl, python_tool};
use serde_json::Value;

/// A station with a second intermediate, `line-2`, and a unit of order april accepted under the first. A second unit waits
/// in the simulator.
fn one_accepted() -> (Bench, Simulator) {
    let bench = Bench::new(1);
    intermediate(&bench, "line-2", "root");
    let simulator = bench.simulate(2, 1, &["--no-pacing"]);
    build(&bench, "april", 1);
    (bench, simulator)
}

fn intermediate(bench: &Bench, label: &str, issuer: &str) {
    let call = ["ca", "intermediate", "--label", label, "--issuer", issuer, "--common-name", label];
    bench.unlocked(&call).run().expect(0);
}

/// Takes an order of one, and builds it: this unit's turn.
fn build(bench: &Bench, order: &str, unit: usize) {
    let pattern = format!("{order}-{{}}");
    let add =
        ["order", "add", order, "--product", "gateway-x509.toml", "--pattern", &pattern, "--quantity", "1"];
    bench.station(&add).run().expect(0);
    bench.run(order).expect(0);
    std::fs::copy(bench.unit(unit).join("var/secrets/device-id.pem"), leaf(bench, unit)).unwrap();
}

fn leaf(bench: &Bench, unit: usize) -> PathBuf {
    bench.root().join(format!("leaf-{unit}.pem"))
}

/// Has the station say which authority issues.
fn issue_from(bench: &Bench, from: &str, label: &str) {
    let config = bench.folder().join("station.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let old = format!("issuing_authority = \"{from}\"");
    assert!(text.contains(&old));
    std::fs::remove_file(&config).unwrap();
    let text = text.replace(&old, &format!("issuing_authority = \"{label}\""));
    std::io::Write::write_all(&mut std::fs::File::create_new(&config).unwrap(), text.as_bytes()).unwrap();
}

fn roll(bench: &Bench, verb: &str, from: &str, to: &str) -> Station {
    bench.station(&["--json", "roll-over", verb, from, to])
}

fn into(bench: &Bench, verb: &str, from: &str, to: &str, folder: &str) -> Station {
    roll(bench, verb, from, to).args(&["--group", "line"]).arg("--out").arg(bench.root().join(folder))
}

#[track_caller]
fn judged(files: &[&Path]) {
    let output = python_tool("enrollment_bodies.py", files);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Whether the group of this body takes the leaf: openssl trusts nothing but its certificates.
fn accepts(bench: &Bench, body: &Value, leaf: &Path) -> bool {
    let certificates = &body["attestation"]["x509"]["signingCertificates"];
    let trusted =
        ["primary", "secondary"].iter().filter_map(|entry| certificates[entry]["certificate"].as_str());
    let file = bench.root().join("trusted.pem");
    let _ = std::fs::remove_file(&file);
    let text: String = trusted.collect();
    std::io::Write::write_all(&mut std::fs::File::create_new(&file).unwrap(), text.as_bytes()).unwrap();
    let alone = ["verify", "-x509_strict", "-partial_chain", "-no-CApath", "-no-CAstore", "-CAfile"];
    openssl(&[&alone[..], &[file.to_str().unwrap(), leaf.to_str().unwrap()]].concat()).status.success()
}

fn group_now(bench: &Bench) -> Value {
    group_of(bench, "april")
}

fn group_of(bench: &Bench, order: &str) -> Value {
    bench.station(&["manifest", "dps", order, "--group", "line"]).run().expect(0).json()
}

fn rows(path: &Path) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

#[test]
fn a_successor_stands_beside_until_all_units_hang_on_it() {
    let (bench, _simulator) = one_accepted();
    let before = group_now(&bench);
    let out = bench.root().join("roll");
    let done = into(&bench, "expiry", "intermediate", "line-2", "roll").run().expect(0);
    let said = done.clone().says("PUT 2-both.json").says("issuing_authority = \"line-2\"").json();
    assert_eq!(
        (&said["state"], &said["units"], &said["hold"]),
        (&"in-progress".into(), &1.into(), &"authority".into())
    );

    let files = ["1-before.json", "2-both.json", "3-after.json"].map(|name| out.join(name));
    judged(&[&files[0], &files[1], &files[2]]);
    let [first, both, after] = [0, 1, 2].map(|at| read(&files[at]));
    assert_eq!((&first, &group_now(&bench)), (&before, &both), "the manifest follows by itself");
    let taken = |leaf: &Path| [&first, &both, &after].map(|body| accepts(&bench, body, leaf));
    assert_eq!(taken(&leaf(&bench, 1)), [true, true, false]);
    let units = rows(&out.join("units.csv"));
    assert_eq!(units.len(), 2);
    assert_eq!(units[1][0], "april-1");
    let shown = bench.show("april-1");
    assert_eq!(units[1][3], shown["unit"].as_str().unwrap());
    assert_eq!(
        (units[1][5].as_str(), units[1][6].as_str()),
        ("intermediate", shown["credential"]["certificate_serial"].as_str().unwrap())
    );

    // Again, for another folder: nothing new on record. While both serve, both issue.
    let head = bench.head();
    into(&bench, "expiry", "intermediate", "line-2", "again").run().expect(0);
    assert_eq!(bench.head(), head);
    let check = bench.station(&["--json", "check"]).run();
    let said = check.json().to_string();
    assert!(
        said.contains("authority/intermediate/roll-over") && said.contains("is being rolled over to line-2"),
        "{said}"
    );
    issue_from(&bench, "intermediate", "line-2");
    build(&bench, "may", 2);
    assert_eq!(taken(&leaf(&bench, 2)), [false, true, true]);
    assert_eq!((group_now(&bench), group_of(&bench, "may")), (both.clone(), both.clone()));

    let done = roll(&bench, "promote", "intermediate", "line-2").run().expect(0);
    assert_eq!(done.clone().says("1 units still hang on intermediate").json()["state"], "expiry");
    assert_eq!(group_now(&bench), after);
    let shown = bench.station(&["--json", "ca", "show", "intermediate"]).run().expect(0).json();
    assert_eq!(
        (&shown["roll_over"]["successor"], &shown["roll_over"]["state"]),
        (&"line-2".into(), &"expiry".into())
    );
    bench.station(&["ca", "show"]).run().expect(0);
    Station::new(&["ledger", "rebuild"]).on(&bench.folder()).run().expect(0);
    assert_eq!(group_now(&bench), after);
    bench.head();
}

#[test]
fn nothing_is_issued_from_what_was_retired() {
    let (bench, _simulator) = one_accepted();
    into(&bench, "breach", "intermediate", "line-2", "breach").run().expect(0);
    let says = ["authority `intermediate` was retired (breach)", "issuing_authority = \"line-2\""];
    bench.refuses(bench.unlocked(&["run", "april", "--patience", "1"]), 3, &says);
    let check = bench.unlocked(&["--json", "check"]).run().expect(1).json();
    let findings = check.as_array().unwrap();
    let found = findings.iter().find(|one| one["id"] == "authority/intermediate/roll-over").unwrap();
    assert_eq!(found["verdict"], "failed");
    assert!(found["seen"].as_str().unwrap().contains("line-2"), "{found}");
    let under = ["ca", "intermediate", "--label", "x", "--issuer", "intermediate", "--common-name", "X"];
    bench.refuses(bench.unlocked(&under), 3, &says[..1]);
    let code = ["ca", "possession", "intermediate", "106A5SD242AF512B3498BD6098C4941E66R34H268DDB3288"];
    let proof = bench.unlocked(&code).arg("--out").arg(bench.root().join("x.pem"));
    bench.refuses(proof, 3, &says[..1]);
    issue_from(&bench, "intermediate", "line-2");
    build(&bench, "may", 2);
}

#[test]
fn after_a_breach_the_successor_is_alone_and_the_units_are_named() {
    let (bench, _simulator) = one_accepted();
    let out = bench.root().join("breach");
    let call = into(&bench, "breach", "intermediate", "line-2", "breach").arg("--disallow");
    let done =
        call.run().expect(0).says("PUT 2-after.json").says("remove the devices of units.csv from the hub");
    assert_eq!((&done.json()["state"], &done.json()["units"]), (&"breach".into(), &1.into()));
    let files = ["1-before.json", "2-after.json", "bulk-0001.json"].map(|name| out.join(name));
    judged(&[&files[0], &files[1], &files[2]]);
    let taken = |at: usize| accepts(&bench, &read(&files[at]), &leaf(&bench, 1));
    assert!(taken(0) && !taken(1));
    assert_eq!(group_now(&bench), read(&files[1]));
    assert_eq!(rows(&out.join("units.csv"))[1][0], "april-1");
    assert_eq!(read(&files[2])["enrollments"][0]["registrationId"], "april-1");

    // Its folder can be written again, with nothing new on record.
    let head = bench.head();
    into(&bench, "breach", "intermediate", "line-2", "again").run().expect(0);
    assert_eq!(bench.head(), head);
    for name in ["1-before.json", "2-after.json", "units.csv"] {
        let text = |folder: &str| std::fs::read_to_string(bench.root().join(folder).join(name)).unwrap();
        assert_eq!(text("again"), text("breach"), "{name}");
    }
}

#[test]
fn a_successor_that_is_breached_while_it_stands_beside_leaves_the_first_in_place() {
    let (bench, _simulator) = one_accepted();
    intermediate(&bench, "line-3", "root");
    into(&bench, "expiry", "intermediate", "line-2", "roll").run().expect(0);
    into(&bench, "breach", "line-2", "line-3", "breach").run().expect(0);
    let after = read(&bench.root().join("breach/2-after.json"));
    assert!(accepts(&bench, &after, &leaf(&bench, 1)), "the first one's units are not locked out");
    assert!(after["attestation"]["x509"]["signingCertificates"]["secondary"].is_object());
    assert_eq!(group_now(&bench), after);
    into(&bench, "breach", "line-3", "intermediate", "back").run().expect(0);
    let back = read(&bench.root().join("back/2-after.json"));
    assert_eq!(
        (&group_now(&bench), &back["attestation"]),
        (&back, &read(&bench.root().join("roll/1-before.json"))["attestation"])
    );
}

#[test]
fn what_cannot_take_the_place_is_refused() {
    let bench = Bench::new(1);
    bench.unlocked(&["ca", "root", "--label", "root-2", "--common-name", "Other Root"]).run().expect(0);
    bench.template("profiles", "intermediate.toml", "deep.toml", &[("path_length = 0", "path_length = 1")]);
    let deep = ["ca", "intermediate", "--label", "deep", "--profile", "deep.toml", "--common-name", "Deep"];
    bench.unlocked(&deep).run().expect(0);
    let clamped = [("outliving_issuer = \"refused\"", "outliving_issuer = \"clamped\"")];
    bench.template("profiles", "intermediate.toml", "clamped.toml", &clamped);
    let under = ["ca", "intermediate", "--label", "under", "--issuer", "deep", "--profile", "clamped.toml"];
    bench.unlocked(&under).args(&["--common-name", "Under"]).run().expect(0);
    for label in ["line-2", "line-3"] {
        intermediate(&bench, label, "root");
    }
    bench.import_group_key();
    let refused = |verb, from, to, parts: &[&str]| {
        bench.refuses(into(&bench, verb, from, to, "out"), 3, parts);
    };
    for verb in ["expiry", "breach"] {
        refused(verb, "line-9", "line-2", &["no authority and no group key `line-9`"]);
        refused(verb, "line-2", "line-9", &["no authority and no group key `line-9`"]);
        refused(verb, "line-2", "line-2", &["cannot be its own successor"]);
        refused(verb, "deep", "under", &["`under` hangs on `deep`"]);
        refused(verb, "root", "root-2", &["`root` is a root", "ca possession"]);
        refused(verb, "line-2", "root-2", &["`root-2` is a root"]);
        refused(verb, "line-2", "contoso-group-key", &["an authority follows an authority"]);
    }
    let promote = roll(&bench, "promote", "line-2", "line-3");
    bench.refuses(promote, 3, &["no roll-over of `line-2` to `line-3` is in progress", "roll-over expiry"]);
    let out = bench.root().join("out");
    let no_group = roll(&bench, "expiry", "line-2", "line-3").arg("--out").arg(&out);
    bench.refuses(no_group, 2, &["`line-2` is an authority", "--group"]);
    std::fs::create_dir(bench.root().join("taken")).unwrap();
    std::fs::create_dir(bench.root().join("taken/x")).unwrap();
    bench.refuses(into(&bench, "expiry", "line-2", "line-3", "taken"), 3, &["exists already"]);

    into(&bench, "expiry", "line-2", "line-3", "first").run().expect(0);
    refused("expiry", "line-2", "intermediate", &["`line-2` is being rolled over to `line-3`"]);
    refused("expiry", "intermediate", "line-2", &["`line-2` is on its way out"]);
    refused(
        "expiry",
        "line-3",
        "intermediate",
        &["`line-3` stands beside `line-2`", "roll-over promote line-2 line-3"],
    );
    roll(&bench, "promote", "line-2", "line-3").run().expect(0);
    refused(
        "expiry",
        "line-2",
        "line-3",
        &["`line-2` was retired already (expiry)", "`line-3` took its place"],
    );
    refused("breach", "line-2", "line-3", &["`line-2` was retired already (expiry)"]);
    refused("expiry", "intermediate", "line-2", &["`line-2` was retired already (expiry)"]);
    let again = roll(&bench, "promote", "line-2", "line-3");
    bench.refuses(again, 3, &["`line-2` was retired already"]);
    // A root whose key is known takes all down that hang on it.
    into(&bench, "breach", "deep", "line-3", "deep").run().expect(0);
    refused("expiry", "intermediate", "under", &["`under` hangs on `deep`, which was retired (breach)"]);
}

#[test]
fn an_expired_successor_is_refused() {
    let bench = Bench::new(1);
    bench.template(
        "profiles",
        "intermediate.toml",
        "short.toml",
        &[("validity = { years = 20 }", "validity = { days = 1 }")],
    );
    let short =
        ["ca", "intermediate", "--label", "short", "--profile", "short.toml", "--common-name", "Short"];
    bench.unlocked(&short).run().expect(0);
    let late = into(&bench, "expiry", "intermediate", "short", "out")
        .under("faketime", &["-f".into(), "+3d".into()]);
    bench.refuses(late, 3, &["`short` is valid from", "not now"]);
}

#[test]
fn group_keys_roll_over_without_bodies() {
    let bench = Bench::symmetric(1);
    let import = ["keys", "import", "second", "--kind", "group-key"];
    bench.station(&import).input(format!("{}\n", GROUP_KEY.replace("Z3Jv", "Z3Jw"))).run().expect(0);
    bench.order_of("april", "gateway-symmetric.toml", 2);
    build_symmetric(&bench);
    let out = bench.root().join("roll");
    let expiry = || roll(&bench, "expiry", "contoso-group-key", "second").arg("--out");
    bench.refuses(expiry().arg(&out).args(&["--group", "g"]), 2, &["is a group key", "leave --group out"]);
    expiry().arg(&out).run().expect(0).says("group_key = \"second\"");
    let names: Vec<_> = std::fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["units.csv"]);
    let units = rows(&out.join("units.csv"));
    assert_eq!(
        (units.len(), units[1][0].as_str(), units[1][5].as_str()),
        (2, "gw-0001", "contoso-group-key")
    );

    roll(&bench, "promote", "contoso-group-key", "second").run().expect(0);
    let says = [
        "group key `contoso-group-key` was retired (expiry)",
        "group_key = \"second\"",
        "products/gateway-symmetric.toml",
    ];
    bench.refuses(bench.unlocked(&["run", "april", "--patience", "1"]), 3, &says);
    let check = bench.station(&["--json", "check"]).run().expect(1).json();
    let id = "product/gateway-symmetric.toml/group-key";
    let found = check.as_array().unwrap().iter().find(|one| one["id"] == id).unwrap();
    assert_eq!(found["verdict"], "failed");
}

/// A key that others may know does not come back under another name.
#[test]
fn a_retired_group_key_under_another_name_derives_nothing() {
    let bench = Bench::symmetric(1);
    bench
        .station(&["keys", "import", "again", "--kind", "group-key"])
        .input(format!("{GROUP_KEY}\n"))
        .run()
        .expect(0);
    let out = bench.root().join("roll");
    roll(&bench, "breach", "contoso-group-key", "again").arg("--out").arg(&out).run().expect(0);
    let old = "group_key = \"contoso-group-key\"";
    bench.template("products", "gateway-symmetric.toml", "again.toml", &[(old, "group_key = \"again\"")]);
    bench.order_of("april", "again.toml", 1);
    let says = ["group key `again` is the same key as `contoso-group-key`", "retired (breach)"];
    bench.refuses(bench.unlocked(&["run", "april", "--patience", "1"]), 3, &says);
}

fn build_symmetric(bench: &Bench) {
    let _simulator = bench.simulate(1, 1, &["--no-pacing"]);
    bench.unlocked(&["run", "april", "--patience", "2"]).run().expect(1);
}
