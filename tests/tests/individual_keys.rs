//! Gateways with random keys of their own, with openssl and age as the judges of units, vault and ledger.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};

use acceptance::{Bench, SECRET, opened_vault};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

const PRODUCT: &str = "gateway-symmetric-individual.toml";

/// A station for gateways with random keys: the console's password, and no group key.
fn bench(fixtures: usize) -> Bench {
    let bench = Bench::bare(fixtures);
    bench.station(&["keys", "import", "gateway-console"]).input("rehearsal\n").run().expect(0);
    bench
}

/// The random keys in the vault, primary and secondary, by the attempt that issued them.
fn keys_in_vault(bench: &Bench) -> BTreeMap<u64, [Vec<u8>; 2]> {
    let vault = opened_vault(&bench.folder(), SECRET);
    let keys = vault.iter().filter_map(|(name, text)| {
        let attempt = name.strip_prefix("unit-keys_")?.parse().unwrap();
        let lines: Vec<Vec<u8>> = text.lines().map(|line| STANDARD.decode(line).unwrap()).collect();
        assert!(text.ends_with('\n'));
        Some((attempt, lines.try_into().unwrap()))
    });
    keys.collect()
}

/// HMAC-SHA256 as openssl computes it, hex.
fn hmac(key: &[u8], message: &[u8]) -> String {
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let hexkey = format!("hexkey:{hex}");
    let mut openssl = Command::new("openssl")
        .args(["dgst", "-sha256", "-mac", "HMAC", "-macopt", &hexkey, "-r"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    openssl.stdin.take().unwrap().write_all(message).unwrap();
    let output = openssl.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap().split_whitespace().next().unwrap().to_owned()
}

fn live(shown: &Value) -> &Value {
    let credentials = shown["credentials"].as_array().unwrap();
    let live: Vec<&Value> = credentials.iter().filter(|one| one["state"] == "live").collect();
    assert_eq!(live.len(), 1, "{shown}");
    live[0]
}

#[test]
fn each_unit_has_a_random_key_and_the_vault_has_it_with_its_second() {
    let bench = bench(2);
    bench.order_of("april", PRODUCT, 3);
    let simulator = bench.simulate(3, 2, &[]);
    let outcome = bench.run("april").expect(0);
    drop(simulator);
    for verdict in outcome.verdicts() {
        let evidence = verdict["evidence"].as_array().unwrap();
        let proven = |item: &Value| item["item"] == "device-key" && item["grade"] == "challenge";
        assert!(evidence.iter().any(proven), "{verdict}");
    }
    let keys = keys_in_vault(&bench);
    let ledger_key = STANDARD.decode(opened_vault(&bench.folder(), SECRET)["ledger-key"].trim_end()).unwrap();
    let accepted = bench.accepted(3);
    assert_eq!((accepted.len(), keys.len()), (3, 3), "{accepted:?}");
    let mut seen = BTreeSet::new();
    for (id, unit) in &accepted {
        let shown = bench.show(id);
        let live = live(&shown);
        let [primary, secondary] = &keys[&live["attempt"].as_u64().unwrap()];
        assert_eq!(&std::fs::read(bench.key_file(*unit)).unwrap(), primary, "{id} has its primary key");
        for (key, mac) in [(primary, &live["key_mac"]), (secondary, &live["secondary_mac"])] {
            assert_eq!(key.len(), 64);
            assert!(seen.insert(key.clone()), "no two keys are alike");
            assert_eq!(mac, &hmac(&ledger_key, key), "{id}");
        }
        assert_eq!((&live["key_origin"], &live["credential_kind"]), (&"random".into(), &"device-key".into()));
        let text = bench.station(&["unit", "show", id]).run().expect(0).stdout;
        assert!(text.contains("device key, made at random for this unit: live"), "{text}");
    }
    bench.head();
}

#[test]
fn a_unit_pulled_out_goes_on_with_its_key_where_it_has_it_and_gets_another_where_it_has_not() {
    // Within the key's own piece; then in the last item, the key being there.
    for (fault, credentials) in [("unplug:1:1350", 2), ("unplug:1:4150", 1)] {
        let bench = bench(1);
        bench.order_of("april", PRODUCT, 1);
        let outcome = {
            let _simulator = bench.simulate(1, 1, &["--no-pacing", "--fault", fault]);
            bench.run("april").expect(0)
        };
        assert_eq!(outcome.verdicts().len(), 2, "{fault}: {}", outcome.stdout);
        let shown = bench.show("gw-0001");
        println!("{fault}: {}", outcome.verdicts()[0]["reason"]);
        assert_eq!(shown["credentials"].as_array().unwrap().len(), credentials, "{fault}: {shown}");
        let attempt = live(&shown)["attempt"].as_u64().unwrap();
        let [primary, _] = &keys_in_vault(&bench)[&attempt];
        assert_eq!(&std::fs::read(bench.key_file(1)).unwrap(), primary, "{fault}");
        // The next run withdraws what no unit has: nothing else.
        bench.run("april").expect(0);
        assert_eq!(keys_in_vault(&bench).into_keys().collect::<Vec<_>>(), [attempt], "{fault}");
        bench.head();
    }
}

#[test]
fn keys_that_were_never_announced_are_withdrawn_and_no_others() {
    let bench = bench(1);
    bench.order_of("april", PRODUCT, 2);
    let _simulator = bench.simulate(1, 1, &["--fault", "wrong-password:1"]);
    // What a run leaves that was killed before its announcement: keys of an attempt without a credential. The other
    // number is of no attempt that this ledger knows: such keys are not for the station to judge.
    bench.unlocked(&["run", "april", "--patience", "2"]).run().expect(1);
    let refused = bench.station(&["--json", "order", "show", "april"]).run().expect(0).json();
    let attempt = refused["attempts"][0]["attempt"].as_u64().unwrap();
    for number in [attempt, 99_999] {
        let from = bench.folder().join("vault/ledger-key.age");
        std::fs::copy(from, bench.folder().join(format!("vault/unit-keys_{number}.age"))).unwrap();
    }
    bench.unlocked(&["run", "april", "--patience", "1"]).run().expect(1);
    assert!(!bench.folder().join(format!("vault/unit-keys_{attempt}.age")).exists());
    assert!(bench.folder().join("vault/unit-keys_99999.age").exists());
}

#[test]
fn a_unit_whose_keys_were_withdrawn_is_live_and_not_asked_again() {
    let bench = bench(1);
    bench.order_of("april", PRODUCT, 2);
    let _simulator = bench.simulate(1, 1, &["--exchange-ms", "1500"]);
    let mut run = acceptance::Running::start(bench.unlocked(&["--json", "run", "april", "--patience", "4"]));
    let first = run.wait_for("the first verdict", |event| event["event"] == "verdict");
    assert_eq!(first["verdict"], "accepted", "{first}");
    let attempt = keys_in_vault(&bench).into_keys().next().unwrap();
    std::fs::remove_file(bench.folder().join(format!("vault/unit-keys_{attempt}.age"))).unwrap();
    let second = run.wait_for("the second verdict", |event| event["event"] == "verdict");
    assert_eq!(second["verdict"], "not_needed", "{second}");
    run.signal("INT");
    run.end();
    assert_eq!(bench.show("gw-0001")["state"], "live");
}

#[test]
fn a_length_that_dps_does_not_take_is_refused_and_a_foreign_key_named() {
    let bench = bench(1);
    for (name, line, says) in [
        ("long.toml", "key_bytes = 65", "key_bytes = 65: DPS takes keys of 16 to 64 bytes"),
        ("short.toml", "key_bytes = 15", "key_bytes = 15: DPS takes keys of 16 to 64 bytes"),
        (
            "group.toml",
            "group_key = \"contoso-group-key\"",
            "attestation \"symmetric-individual\" has no use for `group_key`: remove it",
        ),
    ] {
        bench.template("products", PRODUCT, name, &[("key_bytes = 64", line)]);
        let add = ["order", "add", "april", "--product", name, "--pattern", "gw-{}", "--quantity", "1"];
        bench.refuses(bench.station(&add), 3, &[&format!("product {name}: {says}")]);
    }
    bench.template("products", PRODUCT, "sixteen.toml", &[("key_bytes = 64", "key_bytes = 16")]);
    bench.order_of("april", "sixteen.toml", 1);
    let _simulator = bench.simulate(1, 1, &[]);
    bench.run("april").expect(0);
    assert_eq!(std::fs::read(bench.key_file(1)).unwrap().len(), 16);
}
