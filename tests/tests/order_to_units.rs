//! The main job: an order, simulated gateways, and openssl as the judge of what lies in the units' own files.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test")]

use std::path::Path;
use std::process::Command;

use acceptance::{Bench, openssl, root_certificate};

const CHAIN: &str = "var/secrets/device-id.pem";
const KEY: &str = "var/secrets/device-id.key.pem";

fn verifies(root: &Path, chain: &Path) -> bool {
    let (root, chain) = (root.to_str().unwrap(), chain.to_str().unwrap());
    let purpose = ["verify", "-x509_strict", "-purpose", "sslclient", "-no-CApath", "-no-CAstore"];
    openssl(&[&purpose[..], &["-CAfile", root, "-untrusted", chain, chain]].concat()).status.success()
}

fn public_key_of_certificate(path: &Path) -> Vec<u8> {
    openssl(&["x509", "-in", path.to_str().unwrap(), "-noout", "-pubkey"]).stdout
}

fn public_key_of_key(path: &Path) -> Vec<u8> {
    openssl(&["pkey", "-in", path.to_str().unwrap(), "-pubout"]).stdout
}

/// Files with the pieces of a chain, each broken in another way.
fn broken_chains(chain: &str, foreign: &str) -> Vec<(&'static str, String)> {
    let blocks = |text: &str| -> Vec<String> {
        text.split_inclusive("-----END CERTIFICATE-----\n").map(str::to_owned).collect()
    };
    let (own, other) = (blocks(chain), blocks(foreign));
    let mut tampered = own[0].clone().into_bytes();
    let at = tampered.len() / 2;
    tampered[at] = if tampered[at] == b'A' { b'B' } else { b'A' };
    vec![
        ("the intermediate is missing", own[0].clone()),
        ("the intermediate is another station's", own[0].clone() + &other[1]),
        ("the leaf is another station's", other[0].clone() + &own[1]),
        ("the leaf was changed", String::from_utf8(tampered).unwrap() + &own[1]),
    ]
}

#[test]
fn an_order_becomes_verified_units() {
    let bench = Bench::new(2);
    bench.order("april", 4);
    let simulator = bench.simulate(4, 2, &[]);
    let outcome = bench.run("april").expect(0);
    drop(simulator);

    let verdicts = outcome.verdicts();
    // A unit that was back before the last one was done is verified again.
    assert!(verdicts.len() >= 4, "{}", outcome.stdout);
    for verdict in &verdicts {
        assert_eq!(verdict["verdict"], "accepted");
        let evidence = verdict["evidence"].as_array().unwrap();
        assert!(evidence.iter().any(|item| item["item"] == "device-key" && item["grade"] == "challenge"));
        assert!(evidence.iter().all(|item| item["after_restart"] == true));
    }
    let mut accepted = bench.accepted(4);
    accepted.sort();
    assert_eq!(
        accepted.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(),
        ["gw-0001", "gw-0002", "gw-0003", "gw-0004"]
    );

    let root = root_certificate(&bench);
    for (id, unit) in &accepted {
        let files = bench.unit(*unit);
        assert!(verifies(&root, &files.join(CHAIN)), "{id}");
        assert_eq!(
            public_key_of_certificate(&files.join(CHAIN)),
            public_key_of_key(&files.join(KEY)),
            "{id}"
        );
        let subject =
            openssl(&["x509", "-in", files.join(CHAIN).to_str().unwrap(), "-noout", "-subject"]).stdout;
        assert!(String::from_utf8_lossy(&subject).trim_end().ends_with(&format!("CN = {id}")), "{subject:?}");
        let config = std::fs::read_to_string(files.join("etc/aziot/config.toml")).unwrap();
        for part in [
            &format!("registration_id = \"{id}\""),
            "id_scope = \"0ne00ABCDEF\"",
            "global.azure-devices-provisioning.net",
        ] {
            assert!(config.contains(part), "{config}");
        }
        let payload = std::fs::read_to_string(files.join("etc/aziot/payload.json")).unwrap();
        assert_eq!(payload, "{\"iotcModelId\":\"dtmi:com:example:Gateway;1\"}\n");
    }
    bench.head();
}

#[test]
fn every_broken_chain_is_rejected_by_openssl() {
    let (one, other) = (Bench::new(1), Bench::new(1));
    for bench in [&one, &other] {
        bench.order("april", 1);
        let _simulator = bench.simulate(1, 1, &[]);
        bench.run("april").expect(0);
    }
    let chain = std::fs::read_to_string(one.unit(1).join(CHAIN)).unwrap();
    let foreign = std::fs::read_to_string(other.unit(1).join(CHAIN)).unwrap();
    let root = root_certificate(&one);
    assert!(verifies(&root, &one.unit(1).join(CHAIN)));
    assert!(!verifies(&root_certificate(&other), &one.unit(1).join(CHAIN)), "under another root");
    for (number, (how, text)) in broken_chains(&chain, &foreign).into_iter().enumerate() {
        let path = one.root().join(format!("broken-{number}.pem"));
        std::io::Write::write_all(&mut std::fs::File::create_new(&path).unwrap(), text.as_bytes()).unwrap();
        assert!(!verifies(&root, &path), "{how}");
    }
}

#[test]
fn the_preview_payload_is_written_where_the_product_says_so() {
    let bench = Bench::new(1);
    bench.product(
        "preview.toml",
        &[("document = \"payload-ga.json\"", "document = \"payload-preview.json\"")],
    );
    bench.order_of("april", "preview.toml", 1);
    let _simulator = bench.simulate(1, 1, &[]);
    bench.run("april").expect(0);
    let payload = std::fs::read_to_string(bench.unit(1).join("etc/aziot/payload.json")).unwrap();
    assert_eq!(payload, "{\"__iot:interfaces\":{\"CapabilityModelId\":\"dtmi:com:example:Gateway;1\"}}\n");
}

#[test]
fn the_key_is_for_its_service_alone_and_the_console_keeps_no_history() {
    use std::os::unix::fs::MetadataExt;
    let bench = Bench::new(1);
    bench.order("april", 1);
    let _simulator = bench.simulate(1, 1, &["--shell", "bash"]);
    bench.run("april").expect(0);
    let unit = bench.unit(1);
    let key = unit.join(KEY).metadata().unwrap();
    assert_eq!(key.mode() & 0o777, 0o600);
    assert_ne!(
        key.uid(),
        unit.join("etc/aziot/config.toml").metadata().unwrap().uid(),
        "aziotks owns it, not root"
    );
    let leftovers = Command::new("find")
        .arg(&unit)
        .args(["-name", "*history*", "-o", "-name", "*.part", "-o", "-name", "*.new"])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&leftovers.stdout), "");
}

#[test]
fn a_unit_without_openssl_fails_and_the_spare_takes_its_place() {
    let bench = Bench::new(1);
    bench.order("april", 2);
    let _simulator = bench.simulate(3, 1, &[]);
    let openssl = bench.unit(1).join("bin/openssl");
    std::fs::hard_link(&openssl, bench.unit(1).join("bin/hidden")).unwrap();
    std::fs::remove_file(&openssl).unwrap();
    let outcome = bench.run("april").expect(1);
    let failed: Vec<_> =
        outcome.verdicts().into_iter().filter(|verdict| verdict["verdict"] == "failed").collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0]["disposition"], "rework");
    assert!(failed[0]["reason"].as_str().unwrap().contains("no `openssl`"), "{failed:?}");
    let accepted = bench.accepted(3);
    assert_eq!(accepted.iter().map(|(_, unit)| *unit).collect::<Vec<_>>(), [2, 3]);
}

/// Waits for the unit's last item, and does something to the unit while it restarts.
fn while_the_unit_restarts(bench: &Bench, unit: usize, act: impl FnOnce(&Path)) {
    let files = bench.unit(unit);
    let last = files.join("etc/aziot/config.toml");
    while !last.exists() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    act(&files);
}

#[test]
fn a_key_swapped_between_write_and_verify_is_never_a_pass() {
    let bench = Bench::new(1);
    bench.order("april", 1);
    let _simulator = bench.simulate(1, 1, &["--boot-ms", "3000"]);
    let run = bench.unlocked(&["--json", "run", "april", "--patience", "20"]).start();
    while_the_unit_restarts(&bench, 1, |files| {
        let other = openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]).stdout;
        let key = std::fs::OpenOptions::new().write(true).truncate(true).open(files.join(KEY));
        std::io::Write::write_all(&mut key.unwrap(), &other).unwrap();
    });
    let outcome = acceptance::Outcome::of(run);
    let first = &outcome.verdicts()[0];
    assert_eq!(first["verdict"], "failed", "{first}");
    assert_eq!(first["disposition"], "rework");
    assert!(first["reason"].as_str().unwrap().contains("device-key"), "{first}");
}

#[test]
fn a_unit_that_answers_the_digest_and_signs_with_another_key_is_no_pass() {
    let bench = Bench::new(1);
    bench.order("april", 1);
    let _simulator = bench.simulate(1, 1, &[]);
    // The unit's openssl signs with a key of its own, whatever key file it is given; its digests stay right.
    let bin = bench.unit(1).join("bin");
    let other = openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]).stdout;
    std::io::Write::write_all(
        &mut std::fs::File::create_new(bench.unit(1).join("root/other.pem")).unwrap(),
        &other,
    )
    .unwrap();
    let target = std::fs::read_link(bin.join("openssl")).unwrap();
    std::fs::remove_file(bin.join("openssl")).unwrap();
    let script = format!("#!/bin/sh\nexec {} dgst -sha256 -sign /root/other.pem\n", target.display());
    std::io::Write::write_all(
        &mut std::fs::File::create_new(bin.join("openssl")).unwrap(),
        script.as_bytes(),
    )
    .unwrap();
    Command::new("chmod").arg("755").arg(bin.join("openssl")).status().unwrap();
    let outcome = bench.unlocked(&["--json", "run", "april", "--patience", "15"]).run().expect(1);
    let verdicts = outcome.verdicts();
    assert!(verdicts.iter().all(|verdict| verdict["verdict"] == "failed"), "{}", outcome.stdout);
    assert!(
        verdicts[0]["reason"].as_str().unwrap().contains("does not prove the private key"),
        "{}",
        verdicts[0]
    );
}

#[test]
fn a_unit_that_comes_back_is_verified_and_nothing_is_issued() {
    let bench = Bench::new(1);
    bench.order("april", 2);
    {
        let _simulator = bench.simulate(1, 1, &[]);
        // One unit for two identities: it comes again and again until patience runs out.
        let outcome = bench.unlocked(&["--json", "run", "april", "--patience", "8"]).run();
        assert!(outcome.verdicts().len() > 1, "{}", outcome.stdout);
        assert!(outcome.verdicts().iter().all(|verdict| verdict["registration_id"] == "gw-0001"));
    }
    let shown = bench.show("gw-0001");
    assert_eq!(shown["credentials"].as_array().unwrap().len(), 1);
    assert_eq!(shown["state"], "live");
    assert_eq!(bench.show("gw-0002")["unit"], serde_json::Value::Null);
}
