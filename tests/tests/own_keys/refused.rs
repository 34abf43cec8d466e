//! Requests, certificates, keys and products that are refused: why, and what happens to the unit.

use std::path::Path;

use acceptance::{Bench, Outcome, Simulator};
use serde_json::Value;

use super::workshop::{Workshop, new_file, plant, replace_openssl, with_last_bit_turned};
use super::{CHAIN, INDIVIDUAL, KEY, P256, READ_OUT, REQUEST, facts, text, without_authorities};

/// Units that stay in their fixtures, and an order in which each has a row of its own: gw-0001 is unit 1.
fn each_in_its_row(bench: &Bench, product: &str, units: usize) -> Simulator {
    let simulator = bench.simulate(units, units, &["--no-pacing", "--exchange-ms", "600000"]);
    let named = [("assign = \"next\"", "assign = \"by-hardware-id\"")];
    bench.template("products", product, "named.toml", &named);
    let rows: String =
        (1..=units).map(|unit| format!("gw-{unit:04},{}\n", bench.hardware_id(unit))).collect();
    let order = ["order", "add", "april", "--product", "named.toml", "--csv", "-"];
    bench.station(&order).input(format!("registration_id,hardware_id\n{rows}")).run().expect(0);
    simulator
}

/// The verdict on a unit that sits in the fixture of its number.
fn verdict(outcome: &Outcome, unit: usize) -> Value {
    let fixture = unit.to_string();
    let of_fixture: Vec<Value> =
        outcome.verdicts().into_iter().filter(|verdict| verdict["fixture"] == fixture).collect();
    assert_eq!(of_fixture.len(), 1, "{}", outcome.stdout);
    of_fixture[0].clone()
}

#[track_caller]
fn assert_failed(verdict: &Value, disposition: &str, part: &str) {
    assert_eq!(
        (&verdict["verdict"], &verdict["disposition"]),
        (&"failed".into(), &disposition.into()),
        "{verdict}"
    );
    assert!(verdict["reason"].as_str().unwrap().contains(part), "`{part}` is not in {verdict}");
}

#[test]
fn a_unit_that_signs_with_another_key_than_it_showed_is_no_pass() {
    for product in [REQUEST, READ_OUT] {
        let bench = Bench::new(1);
        let workshop = Workshop::of(&bench);
        bench.order_of("april", product, 1);
        let _simulator = bench.simulate(1, 1, &["--no-pacing", "--exchange-ms", "600000"]);
        let other = workshop.key("other.pem", &P256);
        new_file(&bench.unit(1).join("root/other.pem"), &std::fs::read(&other).unwrap());
        replace_openssl(&bench, 1, |openssl| {
            format!(
                "test \"$1\" != dgst || exec {openssl} dgst -sha256 -sign /root/other.pem\nexec {openssl} \"$@\"\n"
            )
        });
        let outcome = bench.unlocked(&["--json", "run", "april", "--patience", "2"]).run().expect(1);
        let says = "device-key: the unit does not prove the private key of its certificate";
        assert_failed(&outcome.verdicts()[0], "rework", says);
        assert_eq!(bench.show("gw-0001")["state"], "open");
    }
}

#[test]
fn requests_that_prove_nothing_are_refused_and_a_copied_key_holds_both_units() {
    let bench = Bench::new(5);
    let workshop = Workshop::of(&bench);
    let _simulator = each_in_its_row(&bench, REQUEST, 5);
    let key = workshop.key("own.pem", &P256);
    let broken = with_last_bit_turned(&workshop.request(&key, "/CN=gw-0001", &[]));
    plant(&bench, 1, None, Some(&broken));
    let weak =
        workshop.key("weak.pem", &["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"]);
    plant(&bench, 2, Some(&std::fs::read(&weak).unwrap()), None);
    plant(&bench, 3, None, Some(b"no request: at all\n"));
    // Units 4 and 5 came with one image, key included.
    let copied = workshop.key("copied.pem", &P256);
    for unit in [4, 5] {
        plant(&bench, unit, Some(&std::fs::read(&copied).unwrap()), None);
    }
    let outcome = bench.unlocked(&["--json", "run", "april", "--patience", "2"]).run().expect(1);
    assert_failed(&verdict(&outcome, 1), "rework", "signature");
    assert_failed(&verdict(&outcome, 2), "rework", "2048");
    assert_failed(&verdict(&outcome, 3), "rework", "the unit's own key is not taken");
    let (one, other) = (verdict(&outcome, 4), verdict(&outcome, 5));
    let loser = if one["reason"].to_string().contains("shows the key of") { &one } else { &other };
    assert_failed(loser, "hold", "one key is in two units; both go on hold");
    for late in [&one, &other].into_iter().filter(|verdict| verdict["verdict"] == "failed") {
        assert_eq!(late["reason"], loser["reason"], "each is told the same");
    }
    for (id, unit) in [("gw-0004", 4), ("gw-0005", 5)] {
        assert!(
            loser["reason"].to_string().contains(&format!("unit {} ({id})", bench.hardware_id(unit))),
            "{loser}"
        );
        assert_eq!(bench.show(id)["state"], "on-hold");
    }
    for id in ["gw-0001", "gw-0002", "gw-0003"] {
        assert_eq!(bench.show(id)["credentials"].as_array().unwrap().len(), 0, "{id}");
    }
    bench.head();
}

#[test]
fn a_profile_says_which_keys_and_which_subjects_are_taken() {
    let cases = [
        (
            "keys = [\"p-256\", \"p-384\", \"rsa-2048\", \"rsa-3072\", \"rsa-4096\"]",
            "keys = [\"p-384\"]",
            "rework",
            "p-384",
        ),
        (
            "csr_subject = \"ignored\"",
            "csr_subject = \"equal\"",
            "hold",
            "the certificate request names \"another\"",
        ),
    ];
    for (from, to, disposition, part) in cases {
        let bench = Bench::new(1);
        let workshop = Workshop::of(&bench);
        bench.template("profiles", "azure-device.toml", "azure-device.toml", &[(from, to)]);
        bench.order_of("april", REQUEST, 1);
        let _simulator = bench.simulate(1, 1, &["--no-pacing"]);
        let key = workshop.key("own.pem", &P256);
        plant(&bench, 1, None, Some(&workshop.request(&key, "/CN=another", &[])));
        let outcome = bench.unlocked(&["--json", "run", "april", "--patience", "2"]).run().expect(1);
        assert_failed(&outcome.verdicts()[0], disposition, part);
        assert_eq!(facts(&bench, "issued").len(), 0);
    }
    // A profile of the wrong kind is found before any unit.
    let bench = without_authorities(1);
    bench.order_of("april", INDIVIDUAL, 1);
    bench.template("profiles", "azure-device.toml", "individual-device.toml", &[]);
    let says = "profiles/individual-device.toml is for other certificates than this product's units have";
    bench.refuses(bench.unlocked(&["run", "april", "--patience", "2"]), 3, &[says, "kind = \"individual\""]);
    let checked = bench.station(&["check"]).run().expect(1).stdout;
    assert!(checked.contains(says), "{checked}");
}

#[test]
fn a_certificate_that_is_not_the_units_own_is_refused() {
    let bench = without_authorities(9);
    let workshop = Workshop::of(&bench);
    let _simulator = each_in_its_row(&bench, READ_OUT, 9);
    let key = workshop.key("own.pem", &P256);
    let other_key = workshop.key("other.pem", &P256);
    let leaf = ["-addext", "basicConstraints=critical,CA:FALSE"];
    let ca = text(&workshop.0.join("ca.pem"));
    new_file(Path::new(&ca), &workshop.certificate(&other_key, "/CN=gw-0003", &[]));
    let weak =
        workshop.key("weak.pem", &["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"]);
    let by_other = [&leaf[..], &["-CA", &ca, "-CAkey", &other_key]].concat();
    let cases: [(Vec<u8>, &str, &str); 8] = [
        (
            workshop.certificate(&key, "/CN=gw-0002", &leaf),
            "hold",
            "the unit's certificate is for `gw-0002`, and the unit is gw-0001",
        ),
        (
            workshop.certificate_of("2020-01-01", &key, "/CN=gw-0002", &leaf),
            "rework",
            "the unit's certificate is valid from 2020-01-01",
        ),
        (
            workshop.certificate(&key, "/CN=gw-0003", &by_other),
            "hold",
            "is not signed by its own key with SHA-2",
        ),
        (workshop.certificate(&weak, "/CN=gw-0004", &leaf), "rework", "2048"),
        (b"no certificate: at all\n".to_vec(), "rework", "the unit's own key is not taken"),
        (
            workshop.certificate(&key, "/CN=gw-0006", &["-addext", "basicConstraints=critical,CA:TRUE"]),
            "rework",
            "CA:TRUE",
        ),
        (
            workshop.certificate_of("2099-01-01", &key, "/CN=gw-0007", &leaf),
            "rework",
            "the unit's certificate is valid from 2099-01-01",
        ),
        (
            workshop.certificate(
                &key,
                "/CN=gw-0008",
                &[&leaf[..], &["-addext", "extendedKeyUsage=serverAuth"]].concat(),
            ),
            "rework",
            "not for TLS clients",
        ),
    ];
    for (index, (certificate, ..)) in cases.iter().enumerate() {
        new_file(&bench.unit(index + 1).join(CHAIN), certificate);
        new_file(&bench.unit(index + 1).join(KEY), &std::fs::read(&key).unwrap());
    }
    let outcome = bench.unlocked(&["--json", "run", "april", "--patience", "2"]).run().expect(1);
    for (index, (_, disposition, part)) in cases.iter().enumerate() {
        assert_failed(&verdict(&outcome, index + 1), disposition, part);
    }
    assert_eq!(verdict(&outcome, 9)["verdict"], "accepted");
    bench.head();
}

#[test]
fn a_product_whose_units_make_their_keys_says_how_and_writes_none() {
    let bench = Bench::bare(1);
    let key_item = "[[item]]\nname = \"device-key\"\nevidence = \"challenge\"\nplace = { path = \
        \"/var/secrets/device-id.key.pem\", owner = \"aziotks:aziotks\", mode = \"600\" }\n";
    let with_document = key_item.replace("evidence", "document = \"private-key.pem\"\nevidence");
    let twice = key_item.to_owned() + &key_item.replace("device-key", "second-key");
    for (name, from, to, says) in [
        ("written.toml", key_item, with_document.as_str(), "the unit makes its key, which never leaves it"),
        ("none.toml", key_item, "", "no item stands for that key"),
        ("twice.toml", key_item, &twice, "items `device-key` and `second-key` have no `document`"),
        ("station.toml", "key = \"device\"\n", "", "no item writes ${private_key}"),
        ("way.toml", "make_key = \"openssl", "made_key = \"openssl", "sends ${make_key} in [[make_key]]"),
        (
            "digest.toml",
            "evidence = \"challenge\"",
            "evidence = \"device-digest\"",
            "holds the unit's key and asks for device digest: ask for challenge",
        ),
    ] {
        bench.template("products", REQUEST, name, &[(from, to)]);
        let add = ["order", "add", "april", "--product", name, "--pattern", "gw-{}", "--quantity", "1"];
        bench.refuses(bench.station(&add), 3, &[&format!("product {name}: "), says]);
    }
}
