//! What authorities sign besides certificates of units: revocation lists and proofs of possession; with openssl and
//! Python's cryptography as the judges.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test")]

use std::path::{Path, PathBuf};

use acceptance::{Bench, openssl, python_tool, root_certificate};
use serde_json::{Value, json};

const CODE: &str = "106A5SD242AF512B3498BD6098C4941E66R34H268DDB3288";

fn certificate(bench: &Bench, label: &str) -> PathBuf {
    let shown = bench.station(&["--json", "ca", "show", label]).run().expect(0).json();
    let path = bench.root().join(format!("{label}.pem"));
    if !path.exists() {
        let text = shown["certificate"].as_str().unwrap();
        std::io::Write::write_all(&mut std::fs::File::create_new(&path).unwrap(), text.as_bytes()).unwrap();
    }
    path
}

/// The list that an authority signs, as the program tells of it.
fn list(bench: &Bench, label: &str, file: &str, more: &[&str]) -> (PathBuf, Value) {
    let path = bench.root().join(file);
    let call = bench.unlocked(&["--json", "ca", "crl", label]).args(more).arg("--out").arg(&path);
    (path, call.run().expect(0).json())
}

/// What Python's cryptography reads in it.
fn read(bench: &Bench, list: &Path, issuer: &str) -> Value {
    let output = python_tool("revocation_list.py", &[list, &certificate(bench, issuer)]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Whether openssl takes a leaf whose issuer's list it has.
fn taken(bench: &Bench, leaf: &Path, crl: &Path) -> (bool, String) {
    let (root, line) = (root_certificate(bench), certificate(bench, "intermediate"));
    let arguments = ["verify", "-x509_strict", "-crl_check", "-CAfile"];
    let paths = [root.as_path(), Path::new("-untrusted"), &line, Path::new("-CRLfile"), crl, leaf];
    let paths: Vec<&str> = paths.iter().map(|path| path.to_str().unwrap()).collect();
    let output = openssl(&[&arguments[..], &paths].concat());
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_list_names_what_units_no_longer_have_and_openssl_refuses_it() {
    let bench = Bench::new(1);
    bench.order("april", 2);
    let simulator = bench.simulate(2, 1, &["--no-pacing"]);
    bench.run("april").expect(0);
    let units: Vec<(String, usize)> = bench.accepted(2);
    let leaf = |unit: usize| bench.unit(unit).join("var/secrets/device-id.pem");
    let (empty, said) = list(&bench, "intermediate", "empty.crl", &[]);
    assert_eq!(said["revoked"], 0);
    assert_eq!(read(&bench, &empty, "intermediate")["revoked"], json!([]));
    assert!(taken(&bench, &leaf(1), &empty).0);

    bench.station(&["unit", "scrap", &units[0].0, "--reason", "cracked"]).run().expect(0);
    bench.station(&["unit", "rework", &units[1].0, "--reason", "new board"]).run().expect(0);
    let serial =
        |id: &str| bench.show(id)["credentials"][0]["certificate_serial"].as_str().unwrap().to_owned();
    let (pem, said) = list(&bench, "intermediate", "line.pem", &["--days", "7"]);
    assert_eq!((&said["revoked"], &said["form"]), (&2.into(), &"pem".into()));
    let held = read(&bench, &pem, "intermediate");
    let number = |serial: &str| serial.trim_start_matches('0').to_owned();
    assert_eq!(
        held["revoked"],
        json!([
            [number(&serial(&units[0].0)), "cessationOfOperation"],
            [number(&serial(&units[1].0)), "superseded"],
        ])
    );
    assert_eq!((&held["days"], &held["number"]), (&7.into(), &said["number"]));
    assert!(held["number"].as_u64() > read(&bench, &empty, "intermediate")["number"].as_u64());
    for unit in [1, 2] {
        let (taken, why) = taken(&bench, &leaf(unit), &pem);
        assert!(!taken && why.contains("certificate revoked"), "{why}");
    }
    let line = certificate(&bench, "intermediate");
    let verified = openssl(&[
        "crl",
        "-verify",
        "-noout",
        "-in",
        pem.to_str().unwrap(),
        "-CAfile",
        line.to_str().unwrap(),
    ]);
    assert!(String::from_utf8_lossy(&verified.stderr).contains("verify OK"));

    let entries = bench.station(&["--json", "ledger", "show"]).run().expect(0).json_lines();
    let recorded: Vec<&Value> =
        entries.iter().filter(|entry| entry["fact"]["kind"] == "revocation_list_issued").collect();
    assert_eq!((recorded.len(), &recorded[1]["fact"]["number"]), (2, &recorded[1]["seq"]));
    assert_eq!(recorded[1]["fact"]["number"], said["number"]);
    drop(simulator);
    bench.head();
}

#[test]
fn the_root_s_list_names_the_intermediate_whose_key_may_be_known() {
    let bench = Bench::new(1);
    let next = ["ca", "intermediate", "--label", "line-2", "--common-name", "Test Line 2"];
    bench.unlocked(&next).run().expect(0);
    let breach = ["roll-over", "breach", "intermediate", "line-2", "--group", "g"];
    bench.station(&breach).arg("--out").arg(bench.root().join("breach")).run().expect(0);
    let (der, _) = list(&bench, "root", "root.crl", &[]);
    let shown = bench.station(&["--json", "ca", "show", "intermediate"]).run().expect(0).json();
    let serial = shown["certificate_serial"].as_str().unwrap().trim_start_matches('0');
    assert_eq!(read(&bench, &der, "root")["revoked"], json!([[serial, "cACompromise"]]));
    // What is retired can still say what it takes back.
    let (own, _) = list(&bench, "intermediate", "own", &["--form", "der"]);
    assert_eq!(read(&bench, &own, "intermediate")["revoked"], json!([]));
}

#[test]
fn a_proof_of_possession_carries_the_code_and_the_authority_s_signature() {
    let bench = Bench::new(1);
    let root = root_certificate(&bench);
    for (file, form) in [("proof.cer", "der"), ("proof.pem", "pem")] {
        let path = bench.root().join(file);
        let call = bench.unlocked(&["--json", "ca", "possession", "root", CODE]).arg("--out").arg(&path);
        let said = call.run().expect(0).json();
        assert_eq!((&said["code"], &said["form"]), (&CODE.into(), &form.into()));
        let path = path.to_str().unwrap();
        let shown = openssl(&[
            "x509", "-in", path, "-inform", form, "-noout", "-subject", "-serial", "-nameopt", "RFC2253",
        ]);
        let shown = String::from_utf8_lossy(&shown.stdout).to_lowercase();
        assert!(shown.contains(&format!("subject=cn={}\n", CODE.to_lowercase())), "{shown}");
        assert!(shown.contains(said["certificate_serial"].as_str().unwrap()), "{shown}");
        let pem = bench.root().join(format!("{file}.as.pem"));
        openssl(&["x509", "-in", path, "-inform", form, "-out", pem.to_str().unwrap()]);
        let verify = ["verify", "-x509_strict", "-CAfile", root.to_str().unwrap(), pem.to_str().unwrap()];
        assert!(openssl(&verify).status.success());
        let later = ["x509", "-in", pem.to_str().unwrap(), "-noout", "-checkend", "700000"];
        assert!(!openssl(&later).status.success(), "it is valid for days only");
    }
    let entries = bench.station(&["--json", "ledger", "show"]).run().expect(0).json_lines();
    let proofs = entries.iter().filter(|entry| entry["fact"]["kind"] == "possession_proven").count();
    assert_eq!(proofs, 2);
    bench.head();
}

#[test]
fn what_cannot_be_signed_or_written_is_refused() {
    let bench = Bench::new(1);
    let out = bench.root().join("x.pem");
    let proof =
        |label: &str, code: &str| bench.unlocked(&["ca", "possession", label, code]).arg("--out").arg(&out);
    for (code, part) in [
        ("106A5SD2 42AF", "' ' at index 8"),
        ("../106A5SD242AF", "'.' at index 0"),
        ("106A5SD242AF\n", "'\\n' at index 12"),
        ("106A", "4 characters"),
    ] {
        bench.refuses(proof("root", code), 2, &[part]);
    }
    bench.refuses(proof("line-9", CODE), 3, &["no authority `line-9`"]);
    let crl = |more: &[&str]| bench.unlocked(&["ca", "crl", "intermediate"]).args(more);
    bench.refuses(crl(&["--days", "0"]).arg("--out").arg(&out), 2, &["--days"]);
    let unnamed = bench.root().join("list");
    bench.refuses(crl(&[]).arg("--out").arg(&unnamed), 2, &["does not tell its form", "--form"]);
    bench.refuses(crl(&[]).arg("--out").arg(root_certificate(&bench)), 3, &["exists already"]);
    bench.template("profiles", "intermediate.toml", "mute.toml", &[(", \"crl-sign\"", "")]);
    let mute = ["ca", "intermediate", "--label", "mute", "--profile", "mute.toml", "--common-name", "Mute"];
    bench.unlocked(&mute).run().expect(0);
    let mute = bench.unlocked(&["ca", "crl", "mute"]).arg("--out").arg(&out);
    bench.refuses(mute, 3, &["does not have the usage crlSign"]);
    let device = proof("root", CODE).args(&["--profile", "azure-device.toml"]);
    bench.refuses(device, 3, &["does not fit"]);
}
