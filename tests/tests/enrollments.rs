//! Individual enrollments and what stops units: read by Microsoft's own service client, with openssl for what is in them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use acceptance::{Bench, Station, openssl, python_tool};
use serde_json::{Value, json};

const INDIVIDUAL: [&str; 4] = ["manifest", "dps", "april", "--individual"];
const DISALLOW: [&str; 3] = ["manifest", "disallow", "april"];
/// Twelve IDs, two of them no file names on Windows.
const IDS: [&str; 12] = [
    "con",
    "sn:007_888.abc-1",
    "gw-c",
    "gw-d",
    "gw-e",
    "gw-f",
    "gw-g",
    "gw-h",
    "gw-i",
    "gw-j",
    "gw-k",
    "gw-l",
];

/// A station whose order of twelve is accepted.
fn twelve_accepted() -> Bench {
    let bench = Bench::new(4);
    bench.product("dps.toml", &[("service = \"central\"", "service = \"dps\"")]);
    let csv = format!("registration_id\n{}\n", IDS.join("\n"));
    bench
        .station(&["order", "add", "april", "--product", "dps.toml", "--csv", "-"])
        .input(csv)
        .run()
        .expect(0);
    let _simulator = bench.simulate(12, 4, &["--no-pacing"]);
    bench.run("april").expect(0);
    bench
}

/// How many bodies of a kind the service client takes; it must take them all.
#[track_caller]
fn judged(files: &[PathBuf], kind: &str) -> usize {
    let paths: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    let output = python_tool("enrollment_bodies.py", &paths);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    said.matches(&format!("{kind}: equal after a round trip")).count()
}

fn new_file(path: PathBuf, text: &str) -> PathBuf {
    std::io::Write::write_all(&mut std::fs::File::create_new(&path).unwrap(), text.as_bytes()).unwrap();
    path
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    names
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// SHA-256 fingerprint of the first certificate of a PEM, as openssl gives it.
fn fingerprint(pem: &Path) -> Vec<u8> {
    let output = openssl(&["x509", "-noout", "-fingerprint", "-sha256", "-in", pem.to_str().unwrap()]);
    assert!(output.status.success());
    output.stdout
}

fn certificate(bench: &Bench, body: &Value, entry: &str) -> PathBuf {
    let text = &body["attestation"]["x509"]["clientCertificates"][entry]["certificate"];
    let name = format!("from-{}-{entry}.pem", body["registrationId"].as_str().unwrap());
    new_file(bench.root().join(name), text.as_str().unwrap())
}

#[test]
fn each_unit_has_an_enrollment_with_its_own_leaf_and_ten_go_together() {
    let bench = twelve_accepted();
    let (single, bulk) = (bench.root().join("single"), bench.root().join("bulk"));
    bench.station(&INDIVIDUAL).arg("--out").arg(&single).run().expect(0);
    bench.station(&INDIVIDUAL).arg("--bulk").arg("--out").arg(&bulk).run().expect(0);

    let files = names(&single);
    assert_eq!(files.len(), 12);
    assert_eq!(files[..2], ["%63on.json", "gw-c.json"]);
    assert_eq!(files[11], "sn%3A007_888.abc-1.json");
    let files: Vec<PathBuf> = files.iter().map(|name| single.join(name)).collect();
    assert_eq!(judged(&files, "IndividualEnrollment"), 12);
    let units: BTreeMap<String, usize> = bench.accepted(12).into_iter().collect();
    for file in &files[..2] {
        let body = read(file);
        let id = body["registrationId"].as_str().unwrap();
        assert_eq!(body.as_object().unwrap().len(), 3, "nothing that was not asked for: {body}");
        let leaf = bench.unit(units[id]).join("var/secrets/device-id.pem");
        assert_eq!(fingerprint(&certificate(&bench, &body, "primary")), fingerprint(&leaf), "{id}");
    }

    assert_eq!(names(&bulk), ["bulk-0001.json", "bulk-0002.json"]);
    let bulks = ["bulk-0001.json", "bulk-0002.json"].map(|name| bulk.join(name));
    assert_eq!(judged(&bulks, "BulkEnrollmentOperation"), 2);
    let enrollments = |path| read(path)["enrollments"].as_array().unwrap().clone();
    assert_eq!(read(&bulks[0])["mode"], "create");
    let all: Vec<Value> = bulks.iter().flat_map(|path| enrollments(path)).collect();
    let ids: Vec<&str> = all.iter().map(|one| one["registrationId"].as_str().unwrap()).collect();
    assert_eq!(ids, IDS, "the order's own sequence");
    assert_eq!(enrollments(&bulks[0]).len(), 10);

    let lines = bench.station(&INDIVIDUAL).run().expect(0).json_lines();
    assert_eq!(lines, all, "one a line");
    same_bytes(&bench);
    options(&bench);
}

/// From a copy of the ledger, and after its tables were made anew, the same bytes.
fn same_bytes(bench: &Bench) {
    let texts = |on: &Path| {
        let give = |call: &[&str]| Station::new(call).on(on).run().expect(0).stdout;
        [give(&INDIVIDUAL), give(&[&INDIVIDUAL[..], &["--bulk"]].concat())]
    };
    let first = texts(&bench.folder());
    let copy = bench.root().join("a copy");
    assert!(Command::new("cp").arg("-r").arg(bench.folder()).arg(&copy).status().unwrap().success());
    Station::new(&["ledger", "rebuild"]).on(&copy).run().expect(0);
    assert_eq!(texts(&copy), first);
}

fn options(bench: &Bench) {
    let more = ["--verified-ca", "contoso-root", "--device-id", "same", "--iot-edge", "--status", "disabled"];
    let lines = bench.station(&INDIVIDUAL).args(&more).run().expect(0);
    let file = new_file(bench.root().join("options.jsonl"), &lines.stdout);
    assert_eq!(judged(&[file], "IndividualEnrollment"), 12);
    assert_eq!(
        lines.json_lines()[1],
        json!({
            "registrationId": "sn:007_888.abc-1", "deviceId": "sn:007_888.abc-1",
            "attestation": {"type": "x509", "x509": {"caReferences": {"primary": "contoso-root"}}},
            "provisioningStatus": "disabled", "capabilities": {"iotEdge": true},
        })
    );
    for (more, code, part) in [
        (&["--clear"][..], 2, "carry no keys"),
        (&["--rest"], 2, "carry no keys"),
        (&["--group", "g"], 2, "cannot be used with"),
        (&["--authority", "intermediate"], 2, "cannot be used with"),
        (&["--recipient", "age1nonsense"], 2, "no age recipient"),
    ] {
        bench.refuses(bench.station(&INDIVIDUAL).args(more), code, &[part]);
    }
    bench.refuses(bench.station(&["manifest", "dps", "april"]), 2, &["--group", "--individual"]);
    let taken = bench.root().join("single");
    bench.refuses(bench.station(&INDIVIDUAL).arg("--out").arg(&taken), 3, &["exists already"]);
}

#[test]
fn what_is_scrapped_or_named_is_stopped_by_its_own_leaf() {
    let bench = Bench::new(2);
    bench.order("april", 4);
    let simulator = bench.simulate(3, 2, &["--no-pacing"]);
    bench.unlocked(&["run", "april", "--patience", "2"]).run().expect(1);
    drop(simulator);
    bench.refuses(bench.station(&DISALLOW), 3, &["no unit of order april was scrapped", "--identity"]);
    let units: BTreeMap<String, usize> = bench.accepted(3).into_iter().collect();
    let scrapped = units.keys().next().unwrap().clone();
    bench.station(&["unit", "scrap", &scrapped, "--reason", "cracked"]).run().expect(0);

    let stopped = bench.station(&DISALLOW).run().expect(0).says("remove these devices from the hub as well");
    let file = new_file(bench.root().join("stop.jsonl"), &stopped.stdout);
    assert_eq!(judged(&[file], "IndividualEnrollment"), 1);
    let body = &stopped.json_lines()[0];
    assert_eq!(
        (&body["registrationId"], &body["provisioningStatus"]),
        (&json!(scrapped), &json!("disabled"))
    );
    let leaf = bench.unit(units[&scrapped]).join("var/secrets/device-id.pem");
    assert_eq!(fingerprint(&certificate(&bench, body, "primary")), fingerprint(&leaf));

    // A live unit that is named.
    let live = units.keys().nth(1).unwrap();
    let named = bench.station(&DISALLOW).arg("--identity").arg(live).run().expect(0).json_lines();
    assert_eq!((named.len(), &named[0]["registrationId"]), (1, &json!(live)));
    let folder = bench.root().join("stop");
    let bulk = bench.station(&DISALLOW).args(&["--bulk", "--identity", live, "--identity", &scrapped]);
    bulk.arg("--out").arg(&folder).run().expect(0);
    assert_eq!(names(&folder), ["bulk-0001.json"]);
    assert_eq!(judged(&[folder.join("bulk-0001.json")], "BulkEnrollmentOperation"), 1);
    assert_eq!(read(&folder.join("bulk-0001.json"))["mode"], "create");

    for (id, part) in [("gw-0004", "no credential was ever issued"), ("gw-9", "has no identity gw-9")] {
        bench.refuses(bench.station(&DISALLOW).args(&["--identity", id]), 3, &[part]);
    }
    let other = bench.station(&["manifest", "disallow", "may"]);
    bench.refuses(other, 3, &["no order `may`"]);
}

#[test]
fn derived_keys_need_no_enrollment_and_are_stopped_without_any_key() {
    let bench = Bench::symmetric(1);
    bench.order_of("april", "gateway-symmetric.toml", 1);
    let _simulator = bench.simulate(1, 1, &["--no-pacing"]);
    bench.run("april").expect(0);
    bench.refuses(bench.station(&INDIVIDUAL), 3, &["the group and its keys are made in DPS"]);
    let stop = bench.station(&DISALLOW).args(&["--identity", "gw-0001"]).run().expect(0);
    let attestation = &stop.json_lines()[0]["attestation"];
    assert_eq!(*attestation, json!({"type": "symmetricKey", "symmetricKey": {}}));
    let file = new_file(bench.root().join("stop.json"), &stop.stdout);
    assert_eq!(judged(&[file], "IndividualEnrollment"), 1);
}

#[test]
fn keys_that_came_with_the_order_have_their_enrollments_already() {
    let bench = Bench::bare(1);
    bench.station(&["keys", "import", "gateway-console"]).input("rehearsal\n").run().expect(0);
    bench.product_with_given_keys("given.toml");
    let key = acceptance::derived_keys(["gw-1"])["gw-1"].clone();
    let csv =
        format!("IOTC_DEVICEID,IOTC_DEVICENAME,IOTC_SASKEY_PRIMARY,IOTC_SASKEY_SECONDARY\ngw-1,,{key},\n");
    let add = ["order", "add", "april", "--product", "given.toml", "--csv", "-"];
    bench.station(&add).input(csv).run().expect(0);
    let _simulator = bench.simulate(1, 1, &["--no-pacing"]);
    bench.run("april").expect(0);
    bench.refuses(bench.station(&INDIVIDUAL), 3, &["the service that gave them has their enrollments"]);
    let stop = bench.station(&DISALLOW).args(&["--identity", "gw-1"]);
    bench.refuses(stop, 3, &["gw-1 came with its order", "block the device there"]);
}

#[test]
fn a_unit_that_signed_its_own_certificate_belongs_to_no_group() {
    let bench = Bench::bare(1);
    bench.station(&["keys", "import", "gateway-console"]).input("rehearsal\n").run().expect(0);
    bench.order_of("april", "gateway-x509-individual.toml", 1);
    let _simulator = bench.simulate(1, 1, &["--no-pacing"]);
    bench.run("april").expect(0);
    let single = bench.station(&INDIVIDUAL).run().expect(0);
    let body = single.json();
    let from_body = certificate(&bench, &body, "primary");
    assert_eq!(fingerprint(&from_body), fingerprint(&bench.unit(1).join("var/secrets/device-id.pem")));
    let shown = openssl(&[
        "x509",
        "-in",
        from_body.to_str().unwrap(),
        "-noout",
        "-issuer",
        "-subject",
        "-nameopt",
        "RFC2253",
    ]);
    assert_eq!(String::from_utf8_lossy(&shown.stdout), "issuer=CN=gw-0001\nsubject=CN=gw-0001\n");
    let file = new_file(bench.root().join("single.json"), &single.stdout);
    assert_eq!(judged(&[file], "IndividualEnrollment"), 1);
    let ca = bench.station(&INDIVIDUAL).args(&["--verified-ca", "contoso-root"]);
    bench.refuses(ca, 3, &["gw-0001 hangs on no CA"]);
    let group = bench.station(&["manifest", "dps", "april", "--group", "g"]);
    bench.refuses(group, 3, &["each has an enrollment of its own"]);
    // Its enrollment is there already.
    let stop = bench.station(&DISALLOW).args(&["--bulk", "--identity", "gw-0001"]).run().expect(0).json();
    assert_eq!(stop["mode"], "update");
    let stopped = &stop["enrollments"][0];
    assert_eq!(
        (&stopped["attestation"], &stopped["provisioningStatus"]),
        (&body["attestation"], &json!("disabled"))
    );
}
