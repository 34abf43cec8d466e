//! The program is killed with −9, from outside, at every durable commit and every device step of one order, and at
//! every durable step of setting a station up. Each time the next call ends the work: no identity lost, none on two units.
//!
//! strace sends SIGKILL as a call is entered, so the call is not made. A commit is struck twice: at the last page that
//! it writes (the transaction is torn), and at its sync (the transaction stands in the file, and nobody was told). After
//! a commit comes a device step, and each is struck at its first byte, those that carry content in their middle too.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "what cannot be set up fails the test"
)]

mod points;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use acceptance::strace::{self, Aim, Call};
use acceptance::{Bench, SECRET, Station, openssl, root_certificate, sha256};
use points::{Point, Struck, Table, of_order, of_set_up, struck};
use serde_json::Value;

const UNITS: usize = 2;
const CHAIN: &str = "var/secrets/device-id.pem";
const KEY: &str = "var/secrets/device-id.key.pem";
const QUICK: [&str; 5] = ["--no-pacing", "--boot-ms", "20", "--exchange-ms", "20"];

fn run_of(bench: &Bench) -> Station {
    bench.unlocked(&["--json", "run", "april", "--patience", "60"])
}

fn facts(bench: &Bench) -> Vec<Value> {
    let shown = bench.station(&["--json", "ledger", "show"]).run().expect(0);
    shown.json_lines().into_iter().map(|entry| entry["fact"].clone()).collect()
}

#[test]
fn an_order_killed_at_any_instant_is_ended_by_the_next_run() {
    let prepared = Bench::new(1);
    prepared.order("april", UNITS);
    let before = facts(&prepared).len();
    let clean = prepared.copy();
    let (calls, port) = {
        let _simulator = clean.simulate(UNITS, 1, &QUICK);
        let port = std::fs::read_link(clean.port(1)).unwrap().to_str().unwrap().to_owned();
        let run = strace::traced(run_of(&clean));
        run.outcome.expect(0);
        (run.calls, port)
    };
    judge(&clean);
    let entries: Vec<Value> = facts(&clean).split_off(before);
    let points = of_order(&calls, &entries);

    let table = Table::of(&points, |point| {
        let bench = prepared.copy();
        let _simulator = bench.simulate(UNITS, 1, &QUICK);
        let port_now = std::fs::read_link(bench.port(1)).unwrap();
        let aim = moved(&point.aim, &clean, &bench).moved(&port, port_now.to_str().unwrap());
        let killed = strace::killed(run_of(&bench), &aim);
        if struck(point, &killed) == Struck::Elsewhere {
            return false;
        }
        bench.run("april").expect(0);
        judge(&bench);
        true
    });
    table.finish("killed-table.txt");
}

fn moved(aim: &Aim, from: &Bench, to: &Bench) -> Aim {
    aim.clone().moved(from.root().to_str().unwrap(), to.root().to_str().unwrap())
}

/// The order is done, and ledger and units agree on who is who.
fn judge(bench: &Bench) {
    bench.head();
    let order = bench.station(&["--json", "order", "show", "april"]).run().expect(0).json();
    for (state, count) in [("ordered", UNITS), ("accepted", UNITS), ("open", 0), ("on_hold", 0), ("burnt", 0)]
    {
        assert_eq!(order[state], count, "{state}: {order}");
    }
    let accepted = bench.accepted(UNITS);
    let ids: BTreeSet<&str> = accepted.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids, BTreeSet::from(["gw-0001", "gw-0002"]), "{accepted:?}");

    let (mut serials, mut keys) = (BTreeSet::new(), BTreeSet::new());
    let (mut unit_of, mut identity_of) = (BTreeMap::new(), BTreeMap::new());
    let text = |fact: &Value, name: &str| fact[name].as_str().unwrap().to_owned();
    for fact in facts(bench) {
        if fact["kind"] == "issued" {
            assert!(
                serials.insert(text(&fact, "certificate_serial")),
                "a certificate serial was issued twice"
            );
            assert!(keys.insert(text(&fact, "public_key")), "a public key was certified twice");
        }
        if fact["kind"] == "claimed" {
            let (id, unit) = (text(&fact["identity"], "registration_id"), text(&fact, "hardware_id"));
            assert_eq!(unit_of.entry(id.clone()).or_insert(unit.clone()), &unit, "{id} was on two units");
            assert_eq!(
                identity_of.entry(unit.clone()).or_insert(id.clone()),
                &id,
                "{unit} had two identities"
            );
        }
    }
    let root = root_certificate(bench);
    for (id, unit) in accepted {
        judge_unit(&bench.show(&id), &bench.unit(unit), &root);
    }
}

/// The unit's own files hold the credential that the ledger says is live.
fn judge_unit(shown: &Value, files: &Path, root: &Path) {
    let (chain, key) = (files.join(CHAIN), files.join(KEY));
    let (chain, key, root) = (chain.to_str().unwrap(), key.to_str().unwrap(), root.to_str().unwrap());
    let live: Vec<&Value> =
        shown["credentials"].as_array().unwrap().iter().filter(|one| one["state"] == "live").collect();
    assert_eq!(live.len(), 1, "{shown}");
    let serial = String::from_utf8(openssl(&["x509", "-in", chain, "-noout", "-serial"]).stdout).unwrap();
    let bare = |serial: &str| serial.trim().to_lowercase().trim_start_matches('0').to_owned();
    let serial = serial.trim().trim_start_matches("serial=").to_owned();
    assert_eq!(bare(&serial), bare(live[0]["certificate_serial"].as_str().unwrap()), "{shown}");
    let public = openssl(&["pkey", "-in", key, "-pubout", "-outform", "DER"]).stdout;
    assert_eq!(
        sha256(&public),
        live[0]["public_key"],
        "the key in the unit is not its certificate's: {shown}"
    );
    let verified = openssl(&["verify", "-x509_strict", "-CAfile", root, "-untrusted", chain, chain]);
    assert!(verified.status.success(), "{verified:?}");
}

/// A verb of setting up: what it is called on, and what shows that its work is done.
struct Verb {
    name: &'static str,
    call: fn(&Bench) -> Station,
    done: fn(&Bench),
}

const SET_UP: [Verb; 4] = [
    Verb {
        name: "init",
        call: |bench| {
            Station::new(&["init"]).arg(bench.root().join("another")).arg("--port=/dev/a").unlocked_by(SECRET)
        },
        done: |bench| {
            let folder = bench.root().join("another");
            Station::new(&["ledger", "verify"]).on(&folder).run().expect(0);
            // The vault opens, and the station works.
            let root = ["ca", "root", "--common-name", "Test Root"];
            Station::new(&root).on(&folder).unlocked_by(SECRET).run().expect(0);
        },
    },
    Verb {
        name: "keys import",
        call: |bench| bench.station(&["keys", "import", "gateway-console"]).input("rehearsal\n"),
        done: |bench| assert!(bench.folder().join("vault/gateway-console.age").exists()),
    },
    Verb {
        name: "ca root",
        call: |bench| bench.unlocked(&["ca", "root", "--common-name", "Test Root"]),
        // The root's key opens, and signs.
        done: |bench| {
            let intermediate = ["ca", "intermediate", "--common-name", "Test Line 1"];
            bench.unlocked(&intermediate).run().expect(0);
        },
    },
    Verb {
        name: "order add",
        call: |bench| {
            let order = ["order", "add", "april", "--product", "gateway-x509.toml", "--pattern", "gw-{:04}"];
            bench.station(&order).args(&["--quantity", "2"])
        },
        done: |bench| {
            let shown = bench.station(&["--json", "order", "show", "april"]).run().expect(0).json();
            assert_eq!((&shown["ordered"], &shown["open"]), (&2.into(), &2.into()), "{shown}");
        },
    },
];

#[test]
fn setting_up_killed_at_any_instant_is_done_when_it_is_said_again() {
    let prepared = Bench::bare(1);
    let clean: Vec<(Bench, Vec<Call>)> = SET_UP
        .iter()
        .map(|verb| {
            let bench = prepared.copy();
            let run = strace::traced((verb.call)(&bench));
            run.outcome.expect(0);
            (verb.done)(&bench);
            (bench, run.calls)
        })
        .collect();
    let points: Vec<Point> =
        (0..SET_UP.len()).flat_map(|verb| of_set_up(verb, SET_UP[verb].name, &clean[verb].1)).collect();

    let table = Table::of(&points, |point| {
        let bench = prepared.copy();
        let verb = &SET_UP[point.verb];
        let killed = strace::killed((verb.call)(&bench), &moved(&point.aim, &clean[point.verb].0, &bench));
        if struck(point, &killed) == Struck::Elsewhere {
            return false;
        }
        let again = (verb.call)(&bench).run();
        let done_already = again.code == 3 && again.stderr.contains("already");
        assert!(again.code == 0 || done_already, "{again:?}");
        bench.head();
        (verb.done)(&bench);
        true
    });
    table.finish("killed-set-up-table.txt");
}
