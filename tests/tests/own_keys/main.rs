//! Gateways that make their keys themselves, and those whose certificates their own keys sign, with openssl as the judge
//! of what lies in the units' files.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test")]

mod refused;
mod workshop;

use std::path::Path;
use std::process::Command;

use acceptance::canary::{Canary, Secret};
use acceptance::{Bench, Outcome, openssl, root_certificate, sha256};
use serde_json::{Value, json};
use workshop::{Workshop, new_file, plant};

/// The unit makes its key, and the station issues its certificate.
const REQUEST: &str = "gateway-x509-device-key.toml";
/// The unit makes key and certificate, which are read out.
const READ_OUT: &str = "gateway-x509-read-out.toml";
/// The station makes the key, which signs its own certificate.
const INDIVIDUAL: &str = "gateway-x509-individual.toml";
const CHAIN: &str = "var/secrets/device-id.pem";
const KEY: &str = "var/secrets/device-id.key.pem";
const P256: [&str; 5] = ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// A station without authorities: individual certificates need none.
fn without_authorities(fixtures: usize) -> Bench {
    let bench = Bench::bare(fixtures);
    bench.station(&["keys", "import", "gateway-console"]).input("rehearsal\n").run().expect(0);
    bench
}

#[track_caller]
fn run(arguments: &[&str]) -> Vec<u8> {
    let output = openssl(arguments);
    assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn shown(certificate: &Path, what: &[&str]) -> String {
    String::from_utf8(run(&[&["x509", "-in", &text(certificate), "-noout"], what].concat())).unwrap()
}

/// The private key that lies in a unit is the one in its certificate, and in the ledger.
#[track_caller]
fn holds_its_key(bench: &Bench, unit: usize, id: &str) {
    let (chain, key) = (bench.unit(unit).join(CHAIN), bench.unit(unit).join(KEY));
    let of_key = run(&["pkey", "-in", &text(&key), "-pubout"]);
    assert_eq!(shown(&chain, &["-pubkey"]).as_bytes(), of_key, "{id}");
    let der = run(&["pkey", "-in", &text(&key), "-pubout", "-outform", "DER"]);
    let shown = bench.show(id);
    assert_eq!(shown["credential"]["public_key"], sha256(&der), "{shown}");
    assert_eq!(shown["credential"]["state"], "live", "{shown}");
}

/// A live certificate of an authority's, or of its own key.
#[track_caller]
fn verifies(trusted: &Path, chain: &Path) {
    let purpose = ["verify", "-x509_strict", "-purpose", "sslclient", "-no-CApath", "-no-CAstore"];
    run(&[&purpose[..], &["-CAfile", &text(trusted), "-untrusted", &text(chain), &text(chain)]].concat());
}

fn facts(bench: &Bench, kind: &str) -> Vec<Value> {
    let shown = bench.station(&["--json", "ledger", "show"]).run().expect(0);
    let facts = shown.json_lines().into_iter().map(|entry| entry["fact"].clone());
    facts.filter(|fact| fact["kind"] == kind).collect()
}

/// The unit's private key is nowhere in the station's folder, in no encoding, nor in what was said.
fn stays_in_the_unit(bench: &Bench, unit: usize, said: &Outcome) {
    let key = text(&bench.unit(unit).join(KEY));
    let pkcs8 = run(&["pkcs8", "-topk8", "-nocrypt", "-outform", "DER", "-in", &key]);
    let canary = Canary::of(&[Secret::key("the unit's own key", &pkcs8)]);
    assert_ne!(canary.find(&std::fs::read(&key).unwrap()), [""; 0], "the canary would find it");
    let files = Command::new("find").arg(bench.folder()).args(["-type", "f"]).output().unwrap().stdout;
    let files = String::from_utf8(files).unwrap();
    assert!(files.contains("/transcripts/"), "{files}");
    for file in files.lines() {
        assert_eq!(canary.find(&std::fs::read(file).unwrap()), [""; 0], "in {file}");
    }
    assert_eq!(canary.find(said.stdout.as_bytes()), [""; 0]);
}

#[test]
fn a_key_that_the_unit_makes_is_certified_and_never_leaves_it() {
    let bench = Bench::new(2);
    bench.order_of("april", REQUEST, 2);
    let simulator = bench.simulate(2, 2, &[]);
    let outcome = bench.run("april").expect(0);
    drop(simulator);
    let root = root_certificate(&bench);
    for verdict in outcome.verdicts() {
        let evidence = verdict["evidence"].as_array().unwrap();
        let proven = |item: &Value| item["item"] == "device-key" && item["grade"] == "challenge";
        assert!(evidence.iter().any(proven), "{verdict}");
        assert!(evidence.iter().all(|item| item["after_restart"] == true), "{verdict}");
    }
    let accepted = bench.accepted(2);
    assert_eq!(accepted.len(), 2);
    for (id, unit) in &accepted {
        let chain = bench.unit(*unit).join(CHAIN);
        verifies(&root, &chain);
        assert_eq!(shown(&chain, &["-subject", "-nameopt", "RFC2253"]).trim(), format!("subject=CN={id}"));
        holds_its_key(&bench, *unit, id);
        stays_in_the_unit(&bench, *unit, &outcome);
        let credential = &bench.show(id)["credential"];
        assert_eq!(
            (&credential["key_maker"], &credential["authority"]),
            (&"device".into(), &"intermediate".into())
        );
        let shown = bench.station(&["unit", "show", id]).run().expect(0).stdout;
        assert!(shown.contains("issued by intermediate for a key that the unit made: live"), "{shown}");
    }
    // The ledger has each request, as the unit's own key signed it.
    let requests = facts(&bench, "certificate_requested");
    assert_eq!(requests.len(), 2);
    for request in requests {
        let path = bench.root().join(format!("{}.csr", request["attempt"]));
        new_file(&path, request["request"].as_str().unwrap().as_bytes());
        run(&["req", "-in", &text(&path), "-noout", "-verify"]);
        assert_eq!(request["not_granted"], Value::Null, "{request}");
    }
    bench.head();
}

#[test]
fn keys_of_other_kinds_are_certified_as_the_profile_allows_them() {
    let ways = [
        ("rsa", "-algorithm RSA -pkeyopt rsa_keygen_bits:2048", "-sha256"),
        ("p-384", "-algorithm EC -pkeyopt ec_paramgen_curve:P-384", "-sha384"),
    ];
    for (name, options, hash) in ways {
        let bench = Bench::new(1);
        let changes = [
            ("-algorithm EC -pkeyopt ec_paramgen_curve:P-256", options),
            ("dgst -sha256", &format!("dgst {hash}")),
        ];
        bench.template("products", REQUEST, "own.toml", &changes);
        bench.order_of("april", "own.toml", 1);
        let _simulator = bench.simulate(1, 1, &[]);
        bench.run("april").expect(0);
        eprintln!("case: {name}");
        verifies(&root_certificate(&bench), &bench.unit(1).join(CHAIN));
        holds_its_key(&bench, 1, "gw-0001");
    }
}

#[test]
fn an_individual_certificate_is_signed_by_its_own_key_whoever_makes_it() {
    for (product, maker, says) in [
        (INDIVIDUAL, Value::Null, "issued by itself: live"),
        (READ_OUT, "device".into(), "issued by itself for a key that the unit made: live"),
    ] {
        let bench = without_authorities(1);
        bench.order_of("april", product, 1);
        let outcome = {
            let _simulator = bench.simulate(1, 1, &[]);
            bench.run("april").expect(0)
        };
        let chain = bench.unit(1).join(CHAIN);
        verifies(&chain, &chain);
        assert_eq!(shown(&chain, &["-issuer"]).replace("issuer", "subject"), shown(&chain, &["-subject"]));
        assert!(shown(&chain, &["-subject"]).contains("gw-0001"));
        assert!(shown(&chain, &["-text"]).contains("CA:FALSE"), "{product}");
        holds_its_key(&bench, 1, "gw-0001");
        let credential = &bench.show("gw-0001")["credential"];
        assert_eq!((&credential["key_maker"], &credential["authority"]), (&maker, &Value::Null), "{product}");
        assert_eq!(credential["chain"], std::fs::read_to_string(&chain).unwrap(), "{product}");
        let text = bench.station(&["unit", "show", "gw-0001"]).run().expect(0).stdout;
        assert!(text.contains(says), "{text}");
        if product == READ_OUT {
            stays_in_the_unit(&bench, 1, &outcome);
        }
        bench.head();
    }
}

#[test]
fn a_unit_pulled_out_proves_the_key_that_was_announced_or_makes_another() {
    // While its chain is written; then when all but the last item is there.
    for (fault, credentials) in [("unplug:1:2600", 2), ("unplug:1:5600", 1)] {
        let bench = Bench::new(1);
        bench.order_of("april", REQUEST, 1);
        let outcome = {
            let _simulator = bench.simulate(1, 1, &["--no-pacing", "--fault", fault]);
            bench.run("april").expect(0)
        };
        assert_eq!(outcome.verdicts().len(), 2, "{fault}: {}", outcome.stdout);
        eprintln!("{fault}: {}", outcome.verdicts()[0]["reason"]);
        let shown = bench.show("gw-0001");
        assert_eq!(shown["credentials"].as_array().unwrap().len(), credentials, "{fault}: {shown}");
        assert_eq!(facts(&bench, "certificate_requested").len(), credentials);
        holds_its_key(&bench, 1, "gw-0001");
        bench.head();
    }
}

#[test]
fn a_key_that_cannot_be_challenged_is_taken_where_the_product_says_so_by_name() {
    let bench = without_authorities(1);
    let asked = [(
        "name = \"device-key\"\nevidence = \"challenge\"",
        "name = \"device-key\"\nevidence = \"acknowledged\"",
    )];
    bench.template("products", READ_OUT, "own.toml", &asked);
    bench.order_of("april", "own.toml", 1);
    let _simulator = bench.simulate(1, 1, &[]);
    let outcome = bench.run("april").expect(0);
    let evidence = outcome.verdicts()[0]["evidence"].clone();
    let of_key = evidence.as_array().unwrap().iter().find(|item| item["item"] == "device-key").unwrap();
    assert_eq!(*of_key, json!({"item": "device-key", "grade": "acknowledged", "after_restart": false}));
    holds_its_key(&bench, 1, "gw-0001");
}

#[test]
fn a_certificate_that_is_there_is_read_out_again_after_rework() {
    let bench = without_authorities(1);
    bench.order_of("april", READ_OUT, 1);
    let once = || {
        let _simulator = bench.simulate(1, 1, &["--no-pacing"]);
        bench.run("april").expect(0);
        bench.show("gw-0001")["credential"].clone()
    };
    let before = once();
    bench.station(&["unit", "rework", "gw-0001", "--reason", "case exchanged"]).run().expect(0);
    once();
    let shown = bench.show("gw-0001");
    assert_eq!(shown["credentials"].as_array().unwrap().len(), 2, "{shown}");
    assert_eq!(shown["credential"]["public_key"], before["public_key"], "a device may show its key again");
    holds_its_key(&bench, 1, "gw-0001");
}

#[test]
fn a_request_that_asks_for_more_gets_a_plain_device_certificate() {
    let bench = Bench::new(1);
    let workshop = Workshop::of(&bench);
    bench.order_of("april", REQUEST, 1);
    let _simulator = bench.simulate(1, 1, &[]);
    let key = workshop.key("own.pem", &P256);
    let more = [
        "-addext",
        "basicConstraints=critical,CA:TRUE",
        "-addext",
        "subjectAltName=DNS:evil.example",
        "-addext",
        "keyUsage=critical,keyCertSign",
    ];
    let request = workshop.request(&key, "/O=Chip maker/CN=serial-4711", &more);
    plant(&bench, 1, Some(&std::fs::read(&key).unwrap()), Some(&request));
    let outcome = bench.run("april").expect(0);
    verifies(&root_certificate(&bench), &bench.unit(1).join(CHAIN));
    holds_its_key(&bench, 1, "gw-0001");
    let certificate = shown(&bench.unit(1).join(CHAIN), &["-text"]);
    for wrong in ["CA:TRUE", "evil.example", "Certificate Sign", "Chip maker", "serial-4711"] {
        assert!(!certificate.contains(wrong), "{wrong}: {certificate}");
    }
    let recorded = facts(&bench, "certificate_requested")[0]["not_granted"].clone();
    let events = outcome.json_lines();
    let told = events.iter().find(|event| event["event"] == "not_granted").unwrap();
    assert_eq!((&told["asked"], &told["registration_id"]), (&recorded, &"gw-0001".into()));
    assert_eq!(recorded, json!(["CA:TRUE", "subject alternative names", "the key usage key-cert-sign"]));
}
