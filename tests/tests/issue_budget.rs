//! An order's issue budget: the most credentials that may ever be issued for it, whatever runs and restarts.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test")]

use acceptance::{Bench, Outcome};
use serde_json::Value;

fn order(bench: &Bench) -> Value {
    bench.station(&["--json", "order", "show", "april"]).run().expect(0).json()
}

fn take(bench: &Bench, quantity: &str, more: &[&str]) {
    let add =
        ["order", "add", "april", "--product", "gateway-x509.toml", "--pattern", "gw-{:04}", "--quantity"];
    bench.station(&[&add[..], &[quantity], more].concat()).run().expect(0);
}

fn stops(outcome: Outcome) {
    outcome
        .expect(4)
        .says("the issue budget of order april is used up: 3 credentials were issued of at most 3")
        .says("`station order budget april N --reason …`");
}

#[test]
fn a_budget_that_is_used_up_stops_the_line_and_no_restart_refills_it() {
    let bench = Bench::new(2);
    take(&bench, "5", &["--issue-budget", "3"]);
    let _simulator = bench.simulate(5, 2, &[]);
    stops(bench.run("april"));
    let shown = order(&bench);
    assert_eq!(
        (&shown["issue_budget"], &shown["issued"], &shown["accepted"]),
        (&3.into(), &3.into(), &3.into())
    );
    stops(bench.run("april"));
    assert_eq!(order(&bench)["issued"], 3);
    bench.head();

    let text = bench.station(&["order", "show", "april"]).run().expect(0).stdout;
    assert!(text.contains("credentials issued 3 (at most 3)"), "{text}");
    let raise = ["--json", "order", "budget", "april", "6", "--reason", "two more units are wanted"];
    assert_eq!(bench.station(&raise).run().expect(0).json()["issue_budget"], 6);
    bench.run("april").expect(0);
    assert_eq!((&order(&bench)["issued"], &order(&bench)["accepted"]), (&5.into(), &5.into()));
    let entries = bench.station(&["--json", "ledger", "show"]).run().expect(0).json_lines();
    let set = entries.iter().find(|entry| entry["fact"]["kind"] == "budget_set").unwrap();
    assert_eq!(set["fact"]["reason"], "two more units are wanted");
    bench.head();
}

/// A replacement counts as well: a unit whose key is written again and again is what a budget stops.
#[test]
fn a_reworked_unit_draws_on_the_budget_again() {
    let bench = Bench::new(1);
    take(&bench, "1", &["--issue-budget", "1"]);
    {
        let _simulator = bench.simulate(1, 1, &[]);
        bench.run("april").expect(0);
    }
    bench.station(&["unit", "rework", "gw-0001", "--reason", "a new board"]).run().expect(0);
    std::fs::remove_dir_all(bench.simulated()).unwrap();
    let _simulator = bench.simulate(1, 1, &[]);
    bench.run("april").expect(4).says("1 credentials were issued of at most 1");
    let unit = bench.show("gw-0001");
    assert_eq!(unit["credentials"].as_array().unwrap().len(), 1);
}

#[test]
fn an_order_without_a_budget_has_no_limit_and_can_get_one() {
    let bench = Bench::new(1);
    take(&bench, "2", &[]);
    assert_eq!(order(&bench)["issue_budget"], Value::Null);
    let text = bench.station(&["order", "show"]).run().expect(0).stdout;
    assert!(text.contains("credentials issued 0 (no limit)"), "{text}");
    let _simulator = bench.simulate(2, 1, &[]);
    bench.run("april").expect(0);
    let budget = |arguments: &[&str]| bench.station(&[&["order", "budget"], arguments].concat());
    bench.refuses(budget(&["april", "1", "--reason", "x"]), 3, &["order april has 2 credentials already"]);
    bench.refuses(budget(&["april", "9", "--reason", " "]), 2, &["it is empty: the ledger keeps why"]);
    bench.refuses(budget(&["april", "9"]), 2, &["--reason"]);
    bench.refuses(budget(&["may", "9", "--reason", "x"]), 3, &["the ledger has no order `may`"]);
    bench.refuses(budget(&["april", "-1", "--reason", "x"]), 2, &["-1"]);
    budget(&["april", "2", "--reason", "no more"]).run().expect(0);
    assert_eq!(order(&bench)["issue_budget"], 2);
}

/// What is issued without devices counts like the rest, and nothing is issued by half.
#[test]
fn issuing_without_devices_draws_on_the_budget() {
    let bench = Bench::new(1);
    take(&bench, "5", &["--issue-budget", "3"]);
    let issue = |folder: &str, more: &[&str]| {
        let call = bench.unlocked(&["issue", "april", "--clear"]).args(more).arg("--folder");
        call.arg(bench.root().join(folder)).run()
    };
    issue("all", &[]).expect(4).says("3 with --quantity").says("`station order budget april N --reason …`");
    assert!(!bench.root().join("all").exists());
    assert_eq!(order(&bench)["issued"], 0);
    issue("three", &["--quantity", "3"]).expect(0);
    issue("again", &["--again", "the folder was lost", "--quantity", "1"]).expect(4);
    assert_eq!(order(&bench)["issued"], 3);
    bench.head();
}
