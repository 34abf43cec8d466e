//! The program is killed with −9, from outside, at every durable commit of an order of each product and at every device
//! step of its first unit, and at every durable step of setting a station up. Each time the next call ends the work: no
//! identity lost, none on two units, and no secret left behind.
//!
//! strace sends SIGKILL as a call is entered, so the call is not made. A commit is struck twice: at the last page that
//! it writes (the transaction is torn), and at its sync (the transaction stands in the file, and nobody was told). After
//! a commit comes a device step, and each is struck at its first byte; those that carry content in their middle too, and
//! on a board that echoes it, while the echo comes in.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "what cannot be set up fails the test"
)]

mod points;
mod products;
mod set_up;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use acceptance::canary::Canary;
use acceptance::strace::{self, Aim};
use acceptance::{Bench, Outcome, Station};
use points::{Struck, of_order, struck};
use products::{BOARD, ESP_UNIT, OWN_KEYS, Product, RANDOM_KEYS, SYMMETRIC_GATEWAY, UNITS, X509_GATEWAY};
use serde_json::Value;
use table::Table;

fn run_of(bench: &Bench) -> Station {
    bench.unlocked(&["--json", "run", "april", "--patience", "60"])
}

fn facts(bench: &Bench) -> Vec<Value> {
    let shown = bench.station(&["--json", "ledger", "show"]).run().expect(0);
    shown.json_lines().into_iter().map(|entry| entry["fact"].clone()).collect()
}

#[test]
fn an_order_of_x509_gateways_killed_at_any_instant_is_ended_by_the_next_run() {
    kill(&X509_GATEWAY);
}

#[test]
fn an_order_of_symmetric_gateways_killed_at_any_commit_is_ended_by_the_next_run() {
    kill(&SYMMETRIC_GATEWAY);
}

#[test]
fn an_order_with_random_keys_killed_around_them_is_ended_by_the_next_run() {
    kill(&RANDOM_KEYS);
}

#[test]
fn an_order_with_keys_of_the_units_own_killed_around_them_is_ended_by_the_next_run() {
    kill(&OWN_KEYS);
}

#[test]
fn an_order_of_boards_killed_at_any_instant_is_ended_by_the_next_run() {
    kill(&BOARD);
}

#[test]
fn an_order_of_esp32_boards_killed_at_any_commit_and_in_their_flash_is_ended_by_the_next_run() {
    kill(&ESP_UNIT);
}

fn kill(product: &Product) {
    let prepared = (product.prepare)();
    let before = facts(&prepared).len();
    let canary = Canary::of(&product.secrets());
    let clean = prepared.copy();
    let (calls, port) = {
        let _simulator = (product.simulate)(&clean);
        let port = std::fs::read_link(clean.port(1)).unwrap().to_str().unwrap().to_owned();
        let run = strace::traced(run_of(&clean));
        run.outcome.expect(0);
        (run.calls, port)
    };
    judge(product, &clean);
    let entries: Vec<Value> = facts(&clean).split_off(before);
    let points = of_order(&calls, &entries, product.strikes);

    let table = Table::of(&points, |point| {
        let bench = prepared.copy();
        let _simulator = (product.simulate)(&bench);
        let port_now = std::fs::read_link(bench.port(1)).unwrap();
        let aim = moved(&point.aim, &clean, &bench).moved(&port, port_now.to_str().unwrap());
        let killed = strace::killed(run_of(&bench), &aim);
        if struck(point, &killed) == Struck::Elsewhere {
            return false;
        }
        let next = bench.run("april").expect(0);
        judge(product, &bench);
        no_secret_is_left(&canary, &bench, &[killed.outcome, next]);
        true
    });
    table.finish(&format!("killed-{}-table.txt", product.name));
}

fn moved(aim: &Aim, from: &Bench, to: &Bench) -> Aim {
    aim.clone().moved(from.root().to_str().unwrap(), to.root().to_str().unwrap())
}

/// The order is done, and ledger and units agree on who is who.
fn judge(product: &Product, bench: &Bench) {
    bench.head();
    let order = bench.station(&["--json", "order", "show", "april"]).run().expect(0).json();
    for (state, count) in [("ordered", UNITS), ("accepted", UNITS), ("open", 0), ("on_hold", 0), ("burnt", 0)]
    {
        assert_eq!(order[state], count, "{state}: {order}");
    }
    let facts = facts(bench);
    judge_facts(&facts);
    let units: BTreeMap<String, usize> =
        (1..=UNITS).map(|unit| ((product.hardware_id)(bench, unit), unit)).collect();
    let mut seen = BTreeSet::new();
    for id in product.ids {
        let shown = bench.show(id);
        assert_eq!(shown["state"], "live", "{shown}");
        let unit = units[shown["unit"].as_str().unwrap()];
        assert!(seen.insert(unit), "{id} is on a unit that has another identity: {shown}");
        (product.judge)(bench, unit, &shown, &facts);
    }
}

fn judge_facts(facts: &[Value]) {
    let (mut serials, mut keys) = (BTreeSet::new(), BTreeSet::new());
    let (mut unit_of, mut identity_of, mut mac_of) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let text = |fact: &Value, name: &str| fact[name].as_str().unwrap().to_owned();
    for fact in facts.iter().filter(|fact| fact["kind"] == "issued") {
        if fact["credential_kind"] == "certificate" {
            let serial = text(fact, "certificate_serial");
            assert!(serials.insert(serial), "a certificate serial was issued twice");
            assert!(keys.insert(text(fact, "public_key")), "a public key was certified twice");
        } else if fact["key_origin"] == "random" {
            for mac in [text(fact, "key_mac"), text(fact, "secondary_mac")] {
                assert!(keys.insert(mac), "a random key was issued twice");
            }
        } else {
            let (id, mac) = (text(&fact["identity"], "registration_id"), text(fact, "key_mac"));
            assert_eq!(mac_of.entry(id.clone()).or_insert(mac.clone()), &mac, "{id} had two keys");
        }
    }
    let macs: BTreeSet<&String> = mac_of.values().collect();
    assert_eq!(macs.len(), mac_of.len(), "two identities had one key");
    for fact in facts.iter().filter(|fact| fact["kind"] == "claimed") {
        let (id, unit) = (text(&fact["identity"], "registration_id"), text(fact, "hardware_id"));
        assert_eq!(unit_of.entry(id.clone()).or_insert(unit.clone()), &unit, "{id} was on two units");
        assert_eq!(identity_of.entry(unit.clone()).or_insert(id.clone()), &id, "{unit} had two identities");
    }
}

/// Neither the station's folder, torn files included, nor what was said shows a secret.
fn no_secret_is_left(canary: &Canary, bench: &Bench, said: &[Outcome]) {
    for outcome in said {
        for text in [&outcome.stdout, &outcome.stderr] {
            assert_eq!(canary.find(text.as_bytes()), Vec::<&str>::new(), "{text}");
        }
    }
    search(canary, &bench.folder());
}

fn search(canary: &Canary, folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            search(canary, &path);
        } else {
            let found = canary.find(&std::fs::read(&path).unwrap()).join(", ");
            assert_eq!(found, "", "in {}", path.display());
        }
    }
}
