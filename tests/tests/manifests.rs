//! What the cloud imports: read by Microsoft's own service client, by openssl and by Python's csv module.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use acceptance::{Bench, Station, openssl, python_tool};
use serde_json::{Value, json};

const CSV: &str = "registration_id,name\n\
    gw-a,\"Pump, hall 3\"\n\
    gw-b,\"The \"\"big\"\" one\"\n\
    gw-c,\n";
const DPS: [&str; 5] = ["manifest", "dps", "april", "--group", "line-1"];
const CENTRAL: [&str; 3] = ["manifest", "central", "april"];

/// A station whose order of three, with names, is accepted.
fn three_accepted() -> Bench {
    let bench = Bench::new(3);
    bench
        .station(&["order", "add", "april", "--product", "gateway-x509.toml", "--csv", "-"])
        .input(CSV)
        .run()
        .expect(0);
    let _simulator = bench.simulate(3, 3, &[]);
    bench.run("april").expect(0);
    bench
}

/// The station's own text of a manifest.
fn manifest(bench: &Bench, arguments: &[&str]) -> String {
    bench.station(arguments).run().expect(0).stdout
}

fn new_file(path: &Path, bytes: impl AsRef<[u8]>) -> PathBuf {
    std::io::Write::write_all(&mut std::fs::File::create_new(path).unwrap(), bytes.as_ref()).unwrap();
    path.to_owned()
}

/// The rows of a CSV, as Python reads them.
fn rows(csv: &str) -> Value {
    let program = "import csv, json, sys; print(json.dumps(list(csv.reader(sys.stdin, strict=True))))";
    let mut python = Command::new("python3")
        .args(["-c", program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut python.stdin.take().unwrap(), csv.as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "{csv}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_service_client_takes_every_body_and_the_units_hang_on_its_certificate() {
    let bench = three_accepted();
    let intermediate = manifest(&bench, &DPS);
    let verified_ca = manifest(&bench, &[&DPS[..], &["--verified-ca", "contoso-root"]].concat());
    let files = [
        new_file(&bench.root().join("intermediate.json"), &intermediate),
        new_file(&bench.root().join("verified-ca.json"), &verified_ca),
    ];
    let judged = python_tool("enrollment_bodies.py", &[&files[0], &files[1]]);
    let said = String::from_utf8(judged.stdout).unwrap();
    assert!(judged.status.success(), "{said}");
    assert_eq!(said.matches("EnrollmentGroup: equal after a round trip").count(), 2, "{said}");

    let body: Value = serde_json::from_str(&verified_ca).unwrap();
    assert_eq!(body["enrollmentGroupId"], "line-1");
    assert_eq!(body["attestation"]["x509"], json!({"caReferences": {"primary": "contoso-root"}}));

    let body: Value = serde_json::from_str(&intermediate).unwrap();
    let certificate =
        body["attestation"]["x509"]["signingCertificates"]["primary"]["certificate"].as_str().unwrap();
    let certificate = new_file(&bench.root().join("from-the-body.pem"), certificate);
    for unit in 1..=3 {
        let chain = bench.unit(unit).join("var/secrets/device-id.pem");
        assert!(issued(&certificate, &chain), "unit {unit}");
    }
    let root = acceptance::root_certificate(&bench);
    assert!(!issued(&root, &bench.unit(1).join("var/secrets/device-id.pem")), "the root signed no leaf");
}

/// Whether openssl takes this one certificate for the issuer of the leaf.
fn issued(issuer: &Path, leaf: &Path) -> bool {
    let (issuer, leaf) = (issuer.to_str().unwrap(), leaf.to_str().unwrap());
    let alone = ["verify", "-x509_strict", "-partial_chain", "-no-CApath", "-no-CAstore", "-CAfile"];
    openssl(&[&alone[..], &[issuer, leaf]].concat()).status.success()
}

#[test]
fn a_body_that_is_not_right_is_found_by_the_service_client() {
    let group = |attestation: &Value| json!({"enrollmentGroupId": "g", "attestation": attestation});
    let unit = |attestation: &Value| json!({"registrationId": "gw-1", "attestation": attestation});
    let bulk = |attestation: &Value| json!({"mode": "create", "enrollments": [unit(attestation)]});
    let certificate = json!({"type": "x509", "x509": {"caReferences": {"primary": "root"}}});
    let tpm = json!({"type": "tpm", "tpm": {"endorsementKey": "AToA", "storageRootKey": "ARoA"}});
    let without_key = json!({"type": "tpm", "tpm": {"storageRootKey": "ARoA"}});
    let typed_otherwise = json!({"type": "x509", "tpm": tpm["tpm"]});
    let mut misspelt = group(&certificate);
    misspelt["provisionningStatus"] = "enabled".into();
    let cases = [
        (group(&certificate), "equal after a round trip"),
        (unit(&tpm), "equal after a round trip"),
        (bulk(&tpm), "equal after a round trip"),
        (misspelt, "provisionningStatus: unknown to the client"),
        (json!({"enrollmentGroupId": "g"}), "attestation' can not be None"),
        (unit(&without_key), "endorsement_key' can not be None"),
        (bulk(&without_key), "endorsement_key' can not be None"),
        (unit(&typed_otherwise), "holds tpm and type, and its type is x509"),
        (bulk(&typed_otherwise), "holds tpm and type, and its type is x509"),
        (unit(&json!({"type": "tpm"})), "holds type, and its type is tpm"),
        (group(&tpm), "a group of TPMs"),
    ];
    let folder = tempfile::tempdir().unwrap();
    let lines: String = cases.iter().map(|(body, _)| format!("{body}\n")).collect();
    let judged = python_tool("enrollment_bodies.py", &[&new_file(&folder.path().join("bodies"), &lines)]);
    assert_eq!(judged.status.code(), Some(1), "{}", String::from_utf8_lossy(&judged.stderr));
    let verdicts = String::from_utf8(judged.stdout).unwrap();
    assert_eq!(verdicts.lines().count(), cases.len(), "{verdicts}");
    for (verdict, (body, said)) in verdicts.lines().zip(&cases) {
        assert!(verdict.contains(said), "{body}: {verdict}");
    }
}

#[test]
fn the_same_ledger_gives_the_same_bytes() {
    let bench = three_accepted();
    let folder = |on: &Path, arguments: &[&str]| Station::new(arguments).on(on).run().expect(0).stdout;
    let both = |on: &Path| [folder(on, &DPS), folder(on, &CENTRAL)];
    let first = both(&bench.folder());
    assert_eq!(both(&bench.folder()), first, "a second time");

    let copy = bench.root().join("a copy");
    assert!(Command::new("cp").arg("-r").arg(bench.folder()).arg(&copy).status().unwrap().success());
    assert_eq!(both(&copy), first, "on a copied folder");

    Station::new(&["ledger", "rebuild"]).on(&copy).run().expect(0);
    assert_eq!(both(&copy), first, "after the tables were made anew");
}

#[test]
fn central_gets_names_as_the_order_gave_them_and_no_unit_that_was_scrapped() {
    let bench = three_accepted();
    let all = rows(&manifest(&bench, &CENTRAL));
    assert_eq!(
        all,
        json!([
            ["IOTC_DEVICEID", "IOTC_DEVICENAME"],
            ["gw-a", "Pump, hall 3"],
            ["gw-b", "The \"big\" one"],
            ["gw-c", "gw-c"],
        ])
    );
    bench.station(&["unit", "scrap", "gw-b", "--reason", "cracked"]).run().expect(0);
    let left = rows(&manifest(&bench, &CENTRAL));
    assert_eq!(
        left,
        json!([["IOTC_DEVICEID", "IOTC_DEVICENAME"], ["gw-a", "Pump, hall 3"], ["gw-c", "gw-c"]])
    );
    for unit in ["gw-a", "gw-c"] {
        bench.station(&["unit", "scrap", unit, "--reason", "cracked"]).run().expect(0);
    }
    for verb in [&DPS[..], &CENTRAL] {
        bench.station(verb).run().expect(3).says("no unit of order april is accepted");
    }
}

#[test]
fn a_manifest_goes_into_a_new_file_and_never_over_an_old_one() {
    let bench = three_accepted();
    for (verb, name) in [(&DPS[..], "line-1.json"), (&CENTRAL, "devices.csv")] {
        let path = bench.root().join(name);
        let out = [verb, &["--out", path.to_str().unwrap()]].concat();
        bench.station(&out).run().expect(0);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), manifest(&bench, verb));

        let other = new_file(&bench.root().join(format!("old-{name}")), "mine");
        let out = [verb, &["--out", other.to_str().unwrap()]].concat();
        let refused = bench.station(&out).run().expect(3).says(other.to_str().unwrap());
        assert_eq!(refused.stdout, "");
        assert_eq!(std::fs::read_to_string(&other).unwrap(), "mine");
    }
    let files: Vec<String> = std::fs::read_dir(bench.root())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !["station", "simulated"].contains(&name.as_str()))
        .collect();
    assert_eq!(files.len(), 4, "nothing was left beside the files: {files:?}");
}

#[test]
fn an_order_without_accepted_units_and_an_unknown_one_have_no_manifest() {
    let bench = Bench::bare(1);
    bench.order("april", 1);
    let path = bench.root().join("out");
    for verb in [&["dps", "april", "--group", "g"][..], &["central", "april"]] {
        let verb = [&["manifest"], verb, &["--out", path.to_str().unwrap()]].concat();
        let refused = bench.station(&verb).run().expect(3).says("run it first");
        assert_eq!(refused.stdout, "");
    }
    for verb in [&["dps", "may", "--group", "g"][..], &["central", "may"]] {
        let verb = [&["manifest"], verb, &["--out", path.to_str().unwrap()]].concat();
        bench.station(&verb).run().expect(3).says("no order `may`").says("station order show");
    }
    assert!(!path.exists());
}

#[test]
fn central_gets_what_was_handed_over_without_units() {
    let bench = Bench::new(1);
    bench.order("april", 2);
    let folder = bench.root().join("keys");
    let issue = bench.unlocked(&["issue", "april", "--clear", "--folder", folder.to_str().unwrap()]);
    issue.run().expect(0);
    let central =
        bench.station(&CENTRAL).run().expect(0).says("2 identities of order april were handed over");
    assert_eq!(central.stdout, "IOTC_DEVICEID,IOTC_DEVICENAME\ngw-0001,gw-0001\ngw-0002,gw-0002\n");
}
