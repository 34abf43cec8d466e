//! The straight line: two units, their keys, their certificates, and what the cloud gets.

use acceptance::{
    Bench, Fate, Swtpm, TPM_PRODUCT, TpmMaker, TpmRelay, node_tool, openssl, python_tool, swtpm,
};
use serde_json::{Value, json};

use super::{
    CERTIFICATE, ENDORSEMENT_KEY, STORAGE_ROOT_KEY, assert_at_handles, bytes, persistent, tpm_of, verdict,
};

#[test]
fn two_units_are_proven_and_enrolled_and_known_again() {
    let maker = TpmMaker::new();
    let tpms = [maker.tpm(), maker.tpm()];
    let bench = Bench::of_tpms(&maker, &[&tpms[0], &tpms[1]], 2);
    let outcome = bench.run("april").expect(0);
    let verdicts = outcome.verdicts();
    assert_eq!(verdicts.len(), 2, "{}", outcome.stdout);
    for verdict in &verdicts {
        let proven = json!([{"item": "endorsement-key", "grade": "challenge", "after_restart": false}]);
        assert_eq!(verdict["evidence"], proven, "{verdict}");
        let fixture: usize = verdict["fixture"].as_str().unwrap().parse().unwrap();
        let tpm = &tpms[fixture - 1];
        assert_eq!(tpm.loaded(), "", "left behind");
        let seen = tpm_of(&bench, verdict["registration_id"].as_str().unwrap());
        assert_at_handles(tpm, &seen);
        let marks = [&seen["origin"], &seen["root"], &seen["software"]];
        assert_eq!(marks, [&json!("proven"), &json!("CN=swtpm-localca-rootca"), &json!(true)]);
        assert_certified(tpm, &seen["certificate"]);
        assert_eq!(verdict["hardware_id"], fingerprint(tpm), "SHA-256 of SubjectPublicKeyInfo");
    }
    let text = bench.station(&["unit", "show", "gw-0001"]).run().expect(0).stdout;
    assert!(text.contains("vouched for by CN=swtpm-localca-rootca (software TPM): live"), "{text}");
    judge_manifests(&bench, &tpms, &verdicts);

    let again = verdict(&bench.flash_tpm("april", &tpms[1].tcti()).run().expect(0));
    assert_eq!(again["verdict"], "accepted", "{again}");
    let by_hand = bench.unlocked(&["--json", "verify", "april", "--tcti", &tpms[0].tcti()]).run().expect(0);
    assert_eq!(by_hand.json()["verdict"], "proven");
    let in_fixture = |name: &str| bench.unlocked(&["--json", "verify", "april", "--fixture", name]).run();
    assert_eq!(in_fixture("2").expect(0).json()["verdict"], "proven");
    in_fixture("9").expect(3).says("has no fixture `9`: it has 1, 2");
    let with_port = bench.flash_tpm("april", &tpms[0].tcti()).arg("--port").arg("/dev/ttyUSB0").run();
    with_port.expect(2).says("are reached by their TPM alone: leave --port out");
    assert_eq!(tpms[0].loaded() + &tpms[1].loaded(), "", "left behind");
    bench.head();
}

/// openssl: the certificate is the one that its maker left, and it is the key's.
fn assert_certified(tpm: &Swtpm, certificate: &Value) {
    let pem = tpm.put("ledger.pem", certificate.as_str().unwrap());
    let der = openssl(&["x509", "-in", &pem, "-outform", "DER"]).stdout;
    tpm.tool("nvread", &[CERTIFICATE, "-C", "o", "-o", "maker.der"]);
    assert_eq!(der, std::fs::read(tpm.file("maker.der")).unwrap());
    tpm.tool("readpublic", &["-c", ENDORSEMENT_KEY, "-f", "pem", "-o", "ek.pem"]);
    let key = openssl(&["x509", "-in", &pem, "-noout", "-pubkey"]).stdout;
    assert_eq!(key, std::fs::read(tpm.file("ek.pem")).unwrap());
}

fn fingerprint(tpm: &Swtpm) -> String {
    let pem = tpm.file("ek.pem").display().to_string();
    acceptance::sha256(&openssl(&["pkey", "-pubin", "-in", &pem, "-outform", "DER"]).stdout)
}

/// Microsoft's service client takes them, and they hold what the TPMs hold.
fn judge_manifests(bench: &Bench, tpms: &[Swtpm; 2], verdicts: &[Value]) {
    let manifest = |more: &[&str]| {
        let said = bench.station(&["manifest", "dps", "april", "--individual"]).args(more).run().expect(0);
        let file = tpms[0].put(&format!("manifest{}.json", more.concat()), &said.stdout);
        let judged = python_tool("enrollment_bodies.py", &[file.as_ref()]);
        assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stdout));
        said.stdout
    };
    let tpm_of = |id: &str| {
        let verdict = verdicts.iter().find(|verdict| verdict["registration_id"] == id).unwrap();
        &tpms[verdict["fixture"].as_str().unwrap().parse::<usize>().unwrap() - 1]
    };
    let judge = |enrollment: &Value, with_storage_root_key: bool| {
        let tpm = tpm_of(enrollment["registrationId"].as_str().unwrap());
        let keys = &enrollment["attestation"]["tpm"];
        assert_eq!(bytes(&keys["endorsementKey"]), tpm.public(ENDORSEMENT_KEY));
        match with_storage_root_key {
            true => assert_eq!(bytes(&keys["storageRootKey"]), tpm.public(STORAGE_ROOT_KEY)),
            false => assert_eq!(keys["storageRootKey"], Value::Null),
        }
    };
    let single = manifest(&[]);
    let single: Vec<Value> = single.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(single.len(), 2);
    single.iter().for_each(|enrollment| judge(enrollment, false));
    let bulk = manifest(&["--bulk", "--storage-root-key"]);
    let bulk: Value = serde_json::from_str(&bulk).unwrap();
    let enrollments = bulk["enrollments"].as_array().unwrap();
    assert_eq!(enrollments.len(), 2);
    enrollments.iter().for_each(|enrollment| judge(enrollment, true));
}

#[test]
fn keys_are_kept_or_not_as_the_product_says() {
    let maker = TpmMaker::new();
    for keep in [true, false] {
        let tpm = Swtpm::fresh();
        let bench = Bench::of_tpms(&maker, &[&tpm], 1);
        let keys = format!("keep_keys = {keep}");
        bench.template(
            "products",
            "tpm.toml",
            "unproven.toml",
            &[
                &TPM_PRODUCT[..],
                &[
                    ("ek_certificate = \"required\"", "ek_certificate = \"absent-ok\""),
                    ("keep_keys = true", &keys),
                ],
            ]
            .concat(),
        );
        bench.order_of_pattern("may", "unproven.toml", "m-{}", 1);
        let outcome = bench.flash_tpm("may", &tpm.tcti()).run().expect(0);
        assert_eq!(tpm.loaded(), "", "left behind");
        let kept = outcome.json_lines().iter().any(|event| event["step"] == "keep the TPM's keys");
        assert_eq!(kept, keep, "{}", outcome.stdout);
        let seen = tpm_of(&bench, "m-1");
        let marks = [&seen["origin"], &seen["software"], &seen["endorsement_key_from"], &seen["certificate"]];
        assert_eq!(marks, [&json!("unproven"), &json!(true), &json!("template"), &Value::Null]);
        let text = bench.station(&["unit", "show", "m-1"]).run().expect(0).stdout;
        assert!(text.contains("vouched for by no maker (origin unproven, software TPM): live"), "{text}");
        if keep {
            assert_eq!(persistent(&tpm), [STORAGE_ROOT_KEY, ENDORSEMENT_KEY]);
            assert_at_handles(&tpm, &seen);
        } else {
            assert_eq!(persistent(&tpm), [""; 0]);
            tpm.tool("createek", &["-G", "rsa", "-c", "ek.ctx", "-u", "ek.pub", "-f", "tss"]);
            tpm.tool("flushcontext", &["-t"]);
            assert_eq!(bytes(&seen["endorsement_key"]), std::fs::read(tpm.file("ek.pub")).unwrap());
        }
    }
}

/// TPMs of hardware take seconds for a key: one look at who is there, and both keys for the attempt.
#[test]
fn keys_that_are_not_kept_are_made_no_oftener_than_they_must() {
    const CREATE_PRIMARY: u32 = 0x131;
    let tpm = Swtpm::fresh();
    let relay = TpmRelay::start(tpm.port(), Fate::Passed);
    let bench = Bench::of_tpms(&TpmMaker::new(), &[], 0);
    let changes = [
        ("ek_certificate = \"required\"", "ek_certificate = \"absent-ok\""),
        ("keep_keys = true", "keep_keys = false"),
    ];
    bench.template("products", "tpm.toml", "unkept.toml", &[&TPM_PRODUCT[..], &changes].concat());
    bench.order_of("april", "unkept.toml", 1);
    bench.flash_tpm("april", &swtpm::tcti(relay.port())).run().expect(0);
    assert_eq!(relay.codes().iter().filter(|code| **code == CREATE_PRIMARY).count(), 3);
}

/// Somebody cleared its TPM since it was accepted: its software would make a key from another template than the one that is
/// enrolled. Whatever the product says by now, the unit was to keep its keys.
#[test]
fn a_live_unit_whose_tpm_lost_its_keys_is_held() {
    let maker = TpmMaker::new();
    let tpm = maker.tpm();
    let bench = Bench::of_tpms(&maker, &[&tpm], 1);
    bench.flash_tpm("april", &tpm.tcti()).run().expect(0);
    tpm.tool("clear", &["-c", "p"]);
    let differs =
        bench.unlocked(&["--json", "verify", "april", "--tcti", &tpm.tcti()]).run().expect(1).json();
    assert_eq!(differs["items"][0]["result"], "differs", "{differs}");
    let path = bench.folder().join("products/own.toml");
    let text = std::fs::read_to_string(&path).unwrap().replace("keep_keys = true", "keep_keys = false");
    std::fs::remove_file(&path).unwrap();
    std::io::Write::write_all(&mut std::fs::File::create_new(&path).unwrap(), text.as_bytes()).unwrap();
    let lost = bench.flash_tpm("april", &tpm.tcti()).run();
    super::assert_failed(&bench, &lost, &tpm, "hold", &["has not kept its keys at their handles"]);
    assert_eq!(bench.show("gw-0001")["state"], "on-hold");
}

/// As Microsoft's clients make them: another template, so another key. It is the unit's, and stays.
#[test]
fn a_live_unit_is_judged_by_what_it_was_given() {
    let maker = TpmMaker::new();
    let tpms = [maker.tpm(), maker.tpm()];
    let bench = Bench::of_tpms(&maker, &[&tpms[0], &tpms[1]], 2);
    bench.flash_tpm("april", &tpms[0].tcti()).run().expect(0);
    // The product takes no programs any more: that is for new units.
    let product =
        bench.folder().join("products").join(bench.order_shown("april")["product"].as_str().unwrap());
    let text = std::fs::read_to_string(&product).unwrap();
    std::fs::remove_file(&product).unwrap();
    let stricter = text.replace("software_tpm = \"allow\"", "software_tpm = \"refuse\"");
    assert_ne!(stricter, text);
    std::io::Write::write_all(&mut std::fs::File::create_new(&product).unwrap(), stricter.as_bytes())
        .unwrap();
    let again = verdict(&bench.flash_tpm("april", &tpms[0].tcti()).run().expect(0));
    assert_eq!(again["verdict"], "accepted", "{again}");
    let new = verdict(&bench.flash_tpm("april", &tpms[1].tcti()).run().expect(1));
    assert!(new["reason"].as_str().unwrap().contains("its TPM is a program"), "{new}");
}

#[test]
fn a_key_that_lies_at_its_handle_is_the_unit_s_whatever_made_it() {
    let maker = TpmMaker::new();
    let tpm = Swtpm::fresh();
    let client = |tpm: &Swtpm| -> Value {
        let output = node_tool("tpm_client.js", &[&tpm.port().to_string()]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let by_client = client(&tpm);
    let (endorsement_key, storage_root_key) = (tpm.public(ENDORSEMENT_KEY), tpm.public(STORAGE_ROOT_KEY));
    let bench = Bench::of_tpms(&maker, &[&tpm], 1);
    bench.template(
        "products",
        "tpm.toml",
        "from-ek.toml",
        &[TPM_PRODUCT[0], ("ek_certificate = \"required\"", "ek_certificate = \"absent-ok\"")],
    );
    bench.station(&["order", "add", "may", "--product", "from-ek.toml", "--quantity", "1"]).run().expect(0);
    let accepted = verdict(&bench.flash_tpm("may", &tpm.tcti()).run().expect(0));
    let id = accepted["registration_id"].as_str().unwrap();
    assert_eq!(by_client["registrationId"], id);
    let seen = tpm_of(&bench, id);
    assert_eq!(seen["endorsement_key"], by_client["endorsementKey"]);
    assert_eq!(seen["storage_root_key"], by_client["storageRootKey"]);
    assert_eq!(seen["endorsement_key_from"], "persistent");
    assert_eq!(
        (bytes(&seen["endorsement_key"]), bytes(&seen["storage_root_key"])),
        (endorsement_key.clone(), storage_root_key)
    );
    assert_eq!(tpm.public(ENDORSEMENT_KEY), endorsement_key, "it was replaced");
    assert_eq!(persistent(&tpm), [STORAGE_ROOT_KEY, ENDORSEMENT_KEY]);
    assert_eq!(client(&tpm), by_client);
    assert_eq!(tpm.loaded(), "", "left behind");
}

/// The same for a line whose product keeps keys in a TPM whose maker left one.
#[test]
fn microsoft_s_client_sees_what_the_line_enrolled() {
    let maker = TpmMaker::new();
    let tpm = maker.tpm();
    let bench = Bench::of_tpms(&maker, &[&tpm], 1);
    bench.flash_tpm("april", &tpm.tcti()).run().expect(0);
    let seen = tpm_of(&bench, "gw-0001");
    let output = node_tool("tpm_client.js", &[&tpm.port().to_string()]);
    let by_client: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(by_client["endorsementKey"], seen["endorsement_key"]);
    assert_eq!(by_client["storageRootKey"], seen["storage_root_key"]);
}
