//! Units that fail: the reason, what happens next, what the ledger keeps, and that the unit passes once it is mended.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test")]

use std::collections::BTreeSet;

use acceptance::{Bench, Holder, Outcome, Station, Tree};
use serde_json::Value;

/// A gateway whose station waits five seconds for a login, not a minute.
const IMPATIENT: &str = "impatient.toml";

fn bench(fixtures: usize, units: usize) -> Bench {
    let bench = Bench::new(fixtures);
    bench.template("dialogues", "linux-gateway.toml", IMPATIENT, &[("within = 60", "within = 5")]);
    bench.product(IMPATIENT, &[("linux-gateway.toml", IMPATIENT)]);
    bench.order_of("april", IMPATIENT, units);
    bench
}

/// Puts each unit into its fixture, once, and takes it to one verdict.
fn once(bench: &Bench, order: &str, units: usize, faults: &[&str]) -> Outcome {
    let mut more = vec!["--no-pacing", "--exchange-ms", "600000"];
    more.extend(faults.iter().flat_map(|fault| ["--fault", fault]));
    let _simulator = bench.simulate(units, units, &more);
    watched(bench, bench.unlocked(&["--json", "run", order, "--patience", "1"]))
}

/// Runs an order on bad units: whatever they do, the station's folder gets its transcripts and nothing else, and the
/// ledger goes on from where it stood.
#[track_caller]
fn watched(bench: &Bench, run: Station) -> Outcome {
    let (tree, head) = (Tree::of(&bench.folder()), bench.head());
    let outcome = run.run();
    let after = Tree::of(&bench.folder());
    let transcripts = outcome.verdicts().iter().filter(|verdict| !verdict["attempt"].is_null()).count();
    assert_eq!(after.count("transcripts"), tree.count("transcripts") + transcripts, "one an attempt");
    assert_eq!(after.without("transcripts"), tree.without("transcripts"), "only transcripts are new");
    let (entries, hash) = head.split_once(' ').unwrap();
    let next = (entries.parse::<u64>().unwrap() + 1).to_string();
    let shown = bench.station(&["--json", "ledger", "show", "--from", &next, "--most", "1"]).run().expect(0);
    assert_eq!(shown.json()["previous"], hash.trim_matches('"'), "the new entries follow the old head");
    bench.head();
    outcome
}

/// The verdicts of one fixture, in their sequence.
fn at(outcome: &Outcome, fixture: usize) -> Vec<Value> {
    let fixture = fixture.to_string();
    outcome.verdicts().into_iter().filter(|verdict| verdict["fixture"] == fixture).collect()
}

/// Why a fixture took no further unit.
fn closed(outcome: &Outcome, fixture: usize) -> String {
    let fixture = fixture.to_string();
    let mut events = outcome.json_lines().into_iter();
    let event = events.find(|event| event["event"] == "fixture_closed" && event["fixture"] == fixture);
    event.unwrap()["reason"].as_str().unwrap().to_owned()
}

#[track_caller]
fn assert_failed(verdict: &Value, disposition: &str, part: &str) {
    assert_eq!(verdict["verdict"], "failed", "{verdict}");
    assert_eq!(verdict["disposition"], disposition, "{verdict}");
    assert!(verdict["reason"].as_str().unwrap().contains(part), "`{part}` is not in {verdict}");
}

/// The order as it stands: accepted, open, on hold. They must add up, and every verdict must be in the ledger.
#[track_caller]
fn reconciled(bench: &Bench, order: &str, outcome: &Outcome) -> [u64; 3] {
    let shown = bench.station(&["--json", "order", "show", order]).run().expect(0).json();
    let count = |name: &str| shown[name].as_u64().unwrap();
    let counts = ["accepted", "open", "on_hold"].map(count);
    assert_eq!(count("ordered"), counts.iter().sum::<u64>(), "{shown}");
    let attempts = shown["attempts"].as_array().unwrap();
    for verdict in outcome.verdicts() {
        let recorded = attempts.iter().find(|attempt| attempt["attempt"] == verdict["attempt"]).unwrap();
        for key in ["disposition", "reason"] {
            assert_eq!(recorded[key], verdict[key], "{recorded}");
        }
        let transcript = format!("transcripts/{}.txt", verdict["attempt"]);
        assert!(bench.folder().join(transcript).is_file(), "{verdict}");
    }
    bench.head();
    counts
}

/// All units of an order passed, each under an identity of its own.
#[track_caller]
fn assert_complete(bench: &Bench, outcome: Outcome, units: usize) {
    let outcome = outcome.expect(0);
    assert_eq!(reconciled(bench, "april", &outcome), [units as u64, 0, 0]);
    let accepted = bench.accepted(units);
    let ids: BTreeSet<_> = accepted.iter().map(|(id, _)| id).collect();
    assert_eq!((accepted.len(), ids.len()), (units, units), "{accepted:?}");
}

/// A unit comes back from the workshop with a new image. It keeps its hardware ID.
fn mend(bench: &Bench, unit: usize) {
    std::fs::remove_dir_all(bench.unit(unit).parent().unwrap()).unwrap();
}

#[test]
fn each_bad_unit_fails_for_its_reason_and_no_other_fixture_is_touched() {
    let bench = bench(8, 8);
    let faults = [
        (
            "silence:1",
            "retry",
            "the unit said nothing for 5 s during recover: check that it is powered and booted",
        ),
        ("babble:2", "rework", "the unit babbles during log in ("),
        ("wrong-password:3", "hold", "the unit refused the console password: check the vault's entry"),
        ("no-openssl:4", "rework", "the unit's image has no `openssl`, which the station needs"),
        (
            "blank-hardware-id:5",
            "hold",
            "the hardware ID `0000000000000000` is what an unprogrammed board shows",
        ),
        ("silence:6:3000", "retry", "during write: check that it is powered and booted"),
        ("babble:7:3000", "rework", "the unit babbles during write ("),
    ];
    let outcome = once(&bench, "april", 8, &faults.map(|(fault, _, _)| fault)).expect(1);
    for (index, (fault, disposition, part)) in faults.into_iter().enumerate() {
        eprintln!("case: {fault}");
        let verdicts = at(&outcome, index + 1);
        assert_eq!(verdicts.len(), 1);
        assert_failed(&verdicts[0], disposition, part);
    }
    assert_eq!(at(&outcome, 8)[0]["verdict"], "accepted");
    assert_eq!(reconciled(&bench, "april", &outcome), [1, 7, 0]);

    // Who was not identified has no identity; who failed later keeps the one that it was bound to.
    let bound = |unit: usize| bench.show(&bench.hardware_id(unit))["registration_id"].clone();
    for unit in [1, 2, 3, 4] {
        let shown = bench.station(&["unit", "show", &bench.hardware_id(unit)]).run();
        shown.expect(3).says("the ledger knows no unit");
    }
    let kept = [bound(6), bound(7), bound(8)];
    for unit in [3, 4, 5] {
        mend(&bench, unit);
    }
    assert_complete(&bench, once(&bench, "april", 8, &[]), 8);
    assert_eq!([bound(6), bound(7), bound(8)], kept);
    let credentials = |unit: usize| bench.show(&bench.hardware_id(unit))["credentials"].clone();
    assert_eq!(credentials(8).as_array().unwrap().len(), 1, "nothing was issued to the healthy unit again");
}

#[test]
fn a_unit_unplugged_in_mid_dialogue_passes_when_it_is_put_back_in() {
    let bench = bench(2, 2);
    let faults = ["--fault", "unplug:1:1500", "--fault", "unplug:2:4000"];
    let outcome = {
        let _simulator = bench.simulate(2, 2, &[&["--no-pacing"], &faults[..]].concat());
        watched(&bench, bench.unlocked(&["--json", "run", "april", "--patience", "60"])).expect(0)
    };
    for fixture in [1, 2] {
        let verdicts = at(&outcome, fixture);
        let part = "the unit was unplugged, or its port failed, during write: put it back in";
        assert_failed(&verdicts[0], "retry", part);
        assert_eq!(verdicts[1]["verdict"], "accepted", "{}", outcome.stdout);
        let [first, second] = [0, 1].map(|attempt| &verdicts[attempt]["registration_id"]);
        assert!(first.is_string() && first == second, "it keeps its identity");
    }
    assert_complete(&bench, outcome, 2);
}

#[test]
fn a_unit_unplugged_before_it_said_who_it_is_counts_as_failed() {
    let bench = bench(1, 1);
    let outcome = {
        let _simulator = bench.simulate(1, 1, &["--no-pacing", "--fault", "unplug:1:300"]);
        // Nobody can tell that the unit that passed is the one that failed.
        watched(&bench, bench.unlocked(&["--json", "run", "april", "--patience", "60"])).expect(1)
    };
    let verdicts = at(&outcome, 1);
    let part = "the unit was unplugged, or its port failed, during identify: put it back in";
    assert_failed(&verdicts[0], "retry", part);
    assert_eq!(verdicts[0]["registration_id"], Value::Null);
    assert_eq!(verdicts[1]["verdict"], "accepted");
    assert_eq!(reconciled(&bench, "april", &outcome), [1, 0, 0]);
}

#[test]
fn three_failures_in_a_row_close_a_fixture() {
    let bench = bench(1, 1);
    let outcome = {
        let _simulator = bench.simulate(1, 1, &["--no-pacing", "--fault", "wrong-password:1"]);
        watched(&bench, bench.unlocked(&["--json", "run", "april", "--patience", "60"])).expect(1)
    };
    assert_eq!(outcome.verdicts().len(), 3, "{}", outcome.stdout);
    outcome.verdicts().iter().for_each(|verdict| assert_failed(verdict, "hold", "the console password"));
    let closed = closed(&outcome, 1);
    assert!(
        closed.starts_with("3 failures in a row: look at fixture, cable and units; the last one: "),
        "{closed}"
    );
    assert_eq!(reconciled(&bench, "april", &outcome), [0, 1, 0]);
    mend(&bench, 1);
    assert_complete(&bench, once(&bench, "april", 1, &[]), 1);
}

#[test]
fn a_port_that_is_missing_or_busy_closes_its_fixture_alone() {
    let bench = bench(3, 2);
    let (busy, missing) = (bench.port(1), bench.port(3));
    let in_use = format!("port {} is in use by another program: close the terminal program", busy.display());
    let not_there = format!("port {} is not there: plug the unit in, or correct", missing.display());
    let (outcome, check) = {
        let _simulator = bench.simulate(2, 2, &["--no-pacing", "--exchange-ms", "600000"]);
        let _holder = Holder::of(&busy);
        let run = ["--json", "run", "april", "--patience", "3"];
        (watched(&bench, bench.unlocked(&run)).expect(1), bench.station(&["check"]).run().expect(1))
    };
    assert!(closed(&outcome, 1).starts_with(&in_use), "{}", outcome.stdout);
    assert!(closed(&outcome, 3).contains(&not_there), "{}", outcome.stdout);
    assert_eq!(at(&outcome, 2)[0]["verdict"], "accepted");
    assert_eq!(outcome.verdicts().len(), 1, "no unit is blamed for its port");
    assert_eq!(reconciled(&bench, "april", &outcome), [1, 1, 0]);
    assert!(check.stdout.contains(&in_use) && check.stdout.contains(&not_there), "{}", check.stdout);
    assert_complete(&bench, once(&bench, "april", 2, &[]), 2);
}

#[test]
fn a_second_unit_with_the_hardware_id_of_a_live_one_puts_both_on_hold() {
    let bench = bench(1, 3);
    let outcome = {
        let _simulator = bench.simulate(2, 1, &["--no-pacing", "--fault", "shared-hardware-id:2:1"]);
        watched(&bench, bench.unlocked(&["--json", "run", "april", "--patience", "6"])).expect(1)
    };
    let verdicts = at(&outcome, 1);
    assert_eq!(verdicts[0]["verdict"], "accepted");
    let unit = bench.hardware_id(1);
    let shared =
        format!("unit {unit} shows the hardware ID of gw-0001, which is live, and does not prove it");
    assert_failed(&verdicts[1], "hold", &shared);
    assert_failed(&verdicts[2], "hold", &format!("unit {unit} (gw-0001) is on hold: "));
    assert_failed(&verdicts[2], "hold", "An engineer frees it with `station unit rework gw-0001 --reason …`");
    // Who comes again and again is one failure, and closes no fixture.
    assert!(
        verdicts.len() > 4 && closed(&outcome, 1).starts_with("the order came no further"),
        "{verdicts:?}"
    );
    assert_eq!(reconciled(&bench, "april", &outcome), [0, 2, 1]);
    assert_eq!(bench.show("gw-0001")["state"], "on-hold");
    assert_eq!(bench.show("gw-0001")["credentials"].as_array().unwrap().len(), 1);
    assert_eq!(bench.show("gw-0002")["unit"], Value::Null, "the second unit got no identity");

    let rework = ["unit", "rework", "gw-0001", "--reason", "the other one is gone"];
    bench.station(&rework).run().expect(0);
    let again = once(&bench, "april", 1, &[]);
    assert_eq!(again.verdicts()[0]["verdict"], "accepted", "{}", again.stdout);
    assert_eq!(reconciled(&bench, "april", &again), [1, 2, 0]);
    assert_eq!(bench.show("gw-0001")["credentials"][0]["state"], "revoked");
}

#[test]
fn one_hardware_id_on_two_fixtures_at_once_puts_both_units_on_hold() {
    let bench = bench(2, 2);
    let outcome = once(&bench, "april", 2, &["shared-hardware-id:2:1"]).expect(1);
    let part = format!("show the same hardware ID {} at once: two units share it", bench.hardware_id(1));
    for fixture in [1, 2] {
        assert_eq!(at(&outcome, fixture).len(), 1);
        assert_failed(&at(&outcome, fixture)[0], "hold", &part);
    }
    let [accepted, ..] = reconciled(&bench, "april", &outcome);
    assert_eq!(accepted, 0);
    // Where one of them was bound before the other was seen, its identity waits for an engineer's word.
    if bench.show("gw-0001")["state"] == "on-hold" {
        bench.station(&["unit", "rework", "gw-0001", "--reason", "one is mended"]).run().expect(0);
    }
    mend(&bench, 2);
    assert_complete(&bench, once(&bench, "april", 2, &[]), 2);
}

#[test]
fn the_wrong_unit_on_a_fixture_gets_nothing() {
    let bench = Bench::new(3);
    bench.product("named.toml", &[("assign = \"next\"", "assign = \"by-hardware-id\"")]);
    let _simulator = bench.simulate(3, 3, &["--no-pacing", "--exchange-ms", "600000"]);
    let rows = [("gw-1", 2), ("gw-2", 3)].map(|(id, unit)| format!("{id},{}\n", bench.hardware_id(unit)));
    let csv = format!("registration_id,hardware_id\n{}", rows.concat());
    let order = ["order", "add", "april", "--product", "named.toml", "--csv", "-"];
    bench.station(&order).input(csv).run().expect(0);
    let outcome = watched(&bench, bench.unlocked(&["--json", "run", "april", "--patience", "10"])).expect(1);
    let wrong = bench.hardware_id(1);
    let part = format!("unit {wrong} is in no row of order april: it is the wrong unit for this order");
    assert_failed(&at(&outcome, 1)[0], "hold", &part);
    assert_eq!(reconciled(&bench, "april", &outcome), [2, 0, 0]);
    assert_eq!(bench.accepted(3), [("gw-1".to_owned(), 2), ("gw-2".to_owned(), 3)]);
    assert!(!bench.unit(1).join("var/secrets/device-id.pem").exists(), "nothing was written to it");
    let shown = bench.station(&["--json", "unit", "show", &wrong]).run().expect(0).json();
    assert_eq!(shown["attempts"][0]["reason"], part);
    assert_eq!(shown["registration_id"], Value::Null);
}

#[test]
fn a_unit_that_is_bound_to_another_order_or_scrapped_gets_nothing() {
    let bench = bench(1, 2);
    bench
        .station(&["order", "add", "march", "--product", IMPATIENT, "--pattern", "old-{}", "--quantity", "1"])
        .run()
        .expect(0);
    once(&bench, "march", 1, &[]).expect(0);
    let unit = bench.hardware_id(1);
    let (live, files) = (bench.show("old-1"), Tree::of(&bench.unit(1).join("var")));

    let outcome = once(&bench, "april", 1, &[]).expect(1);
    let bound = format!("unit {unit} is already bound to old-1 of order march: it belongs there");
    assert_failed(&at(&outcome, 1)[0], "hold", &bound);
    assert_eq!(reconciled(&bench, "april", &outcome), [0, 2, 0]);
    let after = bench.show("old-1");
    assert_eq!((&after["state"], &after["credentials"]), (&live["state"], &live["credentials"]));
    assert_eq!(Tree::of(&bench.unit(1).join("var")), files, "what it holds stays");

    bench.station(&["unit", "scrap", "old-1", "--reason", "cracked housing"]).run().expect(0);
    let outcome = once(&bench, "april", 1, &[]).expect(1);
    let scrapped = format!("unit {unit} was scrapped (cracked housing) and is never used again");
    assert_failed(&at(&outcome, 1)[0], "scrap", &scrapped);
    assert_eq!(reconciled(&bench, "april", &outcome), [0, 2, 0]);
    assert_eq!(bench.show("old-1")["state"], "burnt");
    let again = ["unit", "rework", "old-1", "--reason", "glued"];
    bench.refuses(
        bench.station(&again),
        3,
        &["is burnt (cracked housing): neither it nor its unit is ever used again"],
    );

    // Another unit takes the place.
    std::fs::remove_dir_all(bench.simulated()).unwrap();
    let outcome = {
        let more = ["--no-pacing", "--exchange-ms", "100", "--seed", "7"];
        let _simulator = bench.simulate(2, 1, &more);
        watched(&bench, bench.unlocked(&["--json", "run", "april", "--patience", "60"]))
    };
    assert_complete(&bench, outcome, 2);
}
