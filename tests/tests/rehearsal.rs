//! A product is rehearsed: lines fail at random, by a seed, and units have other shells.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test")]

use std::collections::{BTreeMap, BTreeSet};

use acceptance::{Bench, Running, Station};
use serde_json::Value;

/// Of one unit's insertions, by unit and number: the fault that struck, with the byte.
type Faults = BTreeMap<(String, u64), Option<(String, u64)>>;

/// A rehearsal of six units over three fixtures, to its end.
struct Rehearsal {
    bench: Bench,
    simulator: Vec<Value>,
    code: i32,
    events: Vec<Value>,
}

fn rehearse(seed: &str) -> Rehearsal {
    let bench = Bench::new(3);
    bench.order("april", 6);
    let mut simulator = Running::start(
        Station::new(&["simulate", "--json", "--units", "6", "--fixtures", "3", "--fault-percent", "40"])
            .arg(bench.simulated())
            .arg(format!("--seed={seed}"))
            .arg("--boot-ms=100")
            .arg("--exchange-ms=100"),
    );
    simulator.wait_for("it was ready", |event| event["event"] == "ready");
    let outcome = bench.run("april");
    simulator.signal("TERM");
    let simulator = simulator.end().expect(0).json_lines();
    Rehearsal { bench, simulator, code: outcome.code, events: outcome.json_lines() }
}

impl Rehearsal {
    fn faults(&self) -> Faults {
        let mut faults = Faults::new();
        let mut insertions = BTreeMap::new();
        for event in &self.simulator {
            let unit = || event["unit"].as_str().unwrap().to_owned();
            if event["event"] == "unit_in" {
                let insertion = event["insertion"].as_u64().unwrap();
                insertions.insert(unit(), insertion);
                faults.insert((unit(), insertion), None);
            } else if event["event"] == "fault" {
                let fault = (event["fault"].as_str().unwrap().to_owned(), event["after"].as_u64().unwrap());
                faults.insert((unit(), insertions[&unit()]), Some(fault));
            }
        }
        faults
    }

    fn hardware_ids(&self) -> BTreeMap<usize, String> {
        (1..=6).map(|unit| (unit, self.bench.hardware_id(unit))).collect()
    }
}

#[test]
fn lines_that_fail_at_random_keep_no_order_from_its_end_and_the_same_seed_fails_alike() {
    let (one, other) = std::thread::scope(|scope| {
        let one = scope.spawn(|| rehearse("7"));
        let other = scope.spawn(|| rehearse("7"));
        (one.join().unwrap(), other.join().unwrap())
    });
    for rehearsal in [&one, &other] {
        // 1 where the last that was heard of some unit, accepted before, was its line's noise.
        assert!([0, 1].contains(&rehearsal.code), "{}", rehearsal.code);
        let summary = rehearsal.events.last().unwrap();
        assert_eq!((&summary["done"], &summary["accepted"]), (&true.into(), &6.into()), "{summary}");
        let accepted = rehearsal.bench.accepted(6);
        let identities: BTreeSet<&str> = accepted.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!((accepted.len(), identities.len()), (6, 6), "{accepted:?}");
        rehearsal.bench.head();
    }
    assert_eq!(one.hardware_ids(), other.hardware_ids());
    let (faults, again) = (one.faults(), other.faults());
    let struck = |faults: &Faults| faults.values().flatten().count();
    assert!(struck(&faults) >= 2, "{faults:?}");
    // How often a unit comes in again hangs on time; what happens to it then does not.
    for (insertion, fault) in &faults {
        match (fault, again.get(insertion)) {
            (Some(fault), Some(Some(again))) => assert_eq!(fault, again, "{insertion:?}"),
            (fault, Some(again)) if insertion.1 == 1 => assert_eq!(fault, again, "{insertion:?}"),
            _ => {}
        }
    }
}

#[test]
fn units_may_have_bash_or_busybox_for_a_shell() {
    for shell in ["bash", "busybox sh"] {
        let bench = Bench::new(2);
        bench.order("april", 2);
        let _simulator = bench.simulate(2, 2, &["--shell", shell]);
        bench.run("april").expect(0);
        assert_eq!(bench.accepted(2).len(), 2, "{shell}");
    }
}
