//! One unit by hand: flashed as a run does it, verified against the ledger, and what would be written told beforehand.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test")]

mod explained;
mod verified;

use std::time::Duration;

use acceptance::{Bench, Outcome, Running, WIFI_PASSWORD, derived_keys, label};
use serde_json::Value;

/// What takes one unit by hand.
const VERBS: [&str; 2] = ["flash", "verify"];

fn event(outcome: &Outcome, name: &str) -> Value {
    let found = outcome.json_lines().into_iter().find(|event| event["event"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {}", outcome.stdout))
}

/// The one verdict.
fn verdict(outcome: &Outcome) -> Value {
    let mut verdicts = outcome.verdicts();
    assert_eq!(verdicts.len(), 1, "{}", outcome.stdout);
    verdicts.remove(0)
}

fn order(bench: &Bench, name: &str) -> Value {
    bench.station(&["--json", "order", "show", name]).run().expect(0).json()
}

#[test]
fn one_unit_of_an_order_is_flashed_and_proves_itself_when_it_comes_again() {
    let bench = Bench::new(1);
    bench.order("april", 3);
    let _simulator = bench.simulate(1, 1, &[]);
    let outcome = bench.flash("april", 1).run().expect(0);
    let first = verdict(&outcome);
    assert_eq!((&first["verdict"], &first["fixture"]), (&"accepted".into(), &"1".into()), "{first}");
    assert_eq!(event(&outcome, "decided")["decision"], "new");
    let evidence = first["evidence"].as_array().unwrap();
    assert!(evidence.iter().any(|item| item["grade"] == "challenge" && item["after_restart"] == true));
    let summary = event(&outcome, "summary");
    assert_eq!((&summary["accepted"], &summary["open"]), (&1.into(), &2.into()), "{summary}");
    assert_eq!(bench.accepted(1), [("gw-0001".to_owned(), 1)]);

    let again = bench.flash("april", 1).run().expect(0);
    assert_eq!(event(&again, "decided")["decision"], "same-again");
    assert_eq!(verdict(&again)["registration_id"], "gw-0001");
    let shown = bench.show("gw-0001");
    assert_eq!(shown["credentials"].as_array().unwrap().len(), 1, "nothing was issued");
    assert_eq!(shown["attempts"].as_array().unwrap().len(), 2);
    for attempt in shown["attempts"].as_array().unwrap() {
        assert!(bench.folder().join(format!("transcripts/{}.txt", attempt["attempt"])).exists());
    }
    bench.head();
}

#[test]
fn a_person_sees_the_verdict_and_why_a_unit_is_not_taken() {
    let bench = Bench::new(1);
    bench.order("april", 1);
    let _simulator = bench.simulate(2, 1, &[]);
    let flash = || bench.unlocked(&["flash", "april"]).arg("--port").arg(bench.port(1));
    let stdout = flash().run().expect(0).stdout;
    assert!(stdout.contains("PASS  fixture 1  gw-0001"), "{stdout}");
    assert!(stdout.contains("order april: ordered 1 = accepted 1"), "{stdout}");
    // The next unit has no identity left.
    let stdout = flash().run().expect(1).stdout;
    assert!(stdout.contains("order april has no identity left"), "{stdout}");
    // The first one is back, of an order that is done.
    let stdout = flash().run().expect(0).stdout;
    assert!(stdout.contains("AGAIN fixture 1  gw-0001"), "{stdout}");
}

#[test]
fn a_unit_that_fails_or_is_scrapped_is_told_by_the_exit_code() {
    let bench = Bench::new(1);
    bench.order("april", 2);
    let _simulator = bench.simulate(1, 1, &["--fault", "unplug:1:3000"]);
    let failed = verdict(&bench.flash("april", 1).run().expect(1));
    assert_eq!((&failed["verdict"], &failed["disposition"]), (&"failed".into(), &"retry".into()), "{failed}");
    assert_eq!(verdict(&bench.flash("april", 1).run().expect(0))["registration_id"], "gw-0001");
    bench.station(&["unit", "scrap", "gw-0001", "--reason", "cracked"]).run().expect(0);
    let refused = verdict(&bench.flash("april", 1).run().expect(1));
    assert!(refused["reason"].as_str().unwrap().contains("was scrapped (cracked)"), "{refused}");
}

#[test]
fn the_ledger_names_the_fixture_that_has_the_port_or_says_by_hand() {
    let bench = Bench::new(1);
    bench.order("april", 2);
    let _simulator = bench.simulate(2, 2, &[]);
    // Another name for the port of fixture 1.
    let alias = bench.root().join("the-first-socket");
    std::os::unix::fs::symlink(bench.port(1), &alias).unwrap();
    let by_alias = bench.unlocked(&["--json", "flash", "april"]).arg("--port").arg(&alias).run().expect(0);
    assert_eq!(verdict(&by_alias)["fixture"], "1");
    // station.toml has no fixture 2.
    assert_eq!(verdict(&bench.flash("april", 2).run().expect(0))["fixture"], "by hand");
    let attempts = order(&bench, "april")["attempts"].as_array().unwrap().clone();
    let fixtures: Vec<&Value> = attempts.iter().map(|attempt| &attempt["fixture"]).collect();
    assert_eq!(fixtures, ["1", "by hand"]);
}

#[test]
fn a_unit_may_come_within_the_patience_and_no_later() {
    let bench = Bench::new(1);
    bench.order("april", 1);
    let mut flashing = Running::start(bench.flash("april", 1));
    let warned = flashing.wait_for("it was told that nobody is there", |event| event["event"] == "warning");
    assert!(warned["text"].as_str().unwrap().contains("no unit yet"), "{warned}");
    let _simulator = bench.simulate(1, 1, &[]);
    assert_eq!(verdict(&flashing.end().expect(0))["verdict"], "accepted");

    let nowhere = bench.root().join("nowhere");
    let late =
        bench.unlocked(&["flash", "april", "--patience", "1"]).arg("--port").arg(&nowhere).run().expect(3);
    late.says(&format!("port {} is not there: plug the unit in, or give another --port", nowhere.display()));
}

#[test]
fn a_port_on_which_nobody_answers_is_told() {
    let bench = Bench::new(1);
    bench.product("polled.toml", &[("presence = \"usb\"", "presence = \"poll\"")]);
    bench.template("dialogues", "linux-gateway.toml", "linux-gateway.toml", &[("within = 60", "within = 1")]);
    bench.order_of("april", "polled.toml", 1);
    let _simulator = bench.simulate(1, 1, &["--fault", "silence:1"]);
    let flash = bench.unlocked(&["flash", "april", "--patience", "1"]).arg("--port").arg(bench.port(1));
    flash.run().expect(3).says(&format!("nobody answers on port {}", bench.port(1).display()));
}

#[test]
fn boards_are_flashed_under_the_label_that_is_given() {
    let bench = Bench::mxchip_without_scanners(1);
    bench.order_boards("april", "mxchip-az3166.toml", 2);
    let labelled = |label: &str| bench.flash("april", 1).args(&["--label", label]);
    // The label is known before the board is in.
    let mut flashing = Running::start(labelled(&label(1)));
    flashing.wait_for("it waits", |event| event["event"] == "warning");
    let _simulator = bench.simulate_boards(1, 1, &[]);
    let accepted = verdict(&flashing.end().expect(0));
    assert_eq!(accepted["hardware_id"], label(1).as_str(), "{accepted}");
    let key = &derived_keys(["mx-0001"])["mx-0001"];
    assert!(bench.stored(1, "iot-hub").unwrap().contains(&format!("DeviceId=mx-0001;SymmetricKey={key}")));
    assert_eq!(bench.stored(1, "wifi-password").as_deref(), Some(WIFI_PASSWORD));
    // Nothing on the board can be asked again: neither a pass nor a failure.
    assert_eq!(verdict(&labelled(&label(1)).run().expect(1))["verdict"], "not_needed");
    let wrong = verdict(&labelled("az3166-999999").run().expect(1));
    assert!(wrong["reason"].as_str().unwrap().contains("no row of order april"), "{wrong}");
}

#[test]
fn a_label_is_given_where_the_product_wants_one_and_nowhere_else() {
    let boards = Bench::mxchip(1);
    boards.order_boards("april", "mxchip-az3166.toml", 1);
    let why = "product mxchip-az3166.toml has each unit's label scanned: give the unit's as --label";
    for verb in VERBS {
        let call = |bench: &Bench| bench.unlocked(&[verb, "april"]).arg("--port").arg(bench.port(1));
        boards.refuses(call(&boards), 2, &[why]);
        boards.refuses(call(&boards).args(&["--label", " "]), 2, &["it is no label"]);
        let gateways = Bench::symmetric(1);
        gateways.order_of("april", "gateway-symmetric.toml", 1);
        let says = ["product gateway-symmetric.toml scans no labels: leave --label out"];
        gateways.refuses(call(&gateways).args(&["--label", "SN-1"]), 2, &says);
        let unknown = gateways.unlocked(&[verb, "may", "--port", "x"]);
        gateways.refuses(unknown, 3, &["the ledger has no order `may`"]);
    }
}

#[test]
fn ctrl_c_lets_the_unit_come_to_its_verdict_and_twice_abandons_it() {
    let bench = Bench::new(1);
    bench.order("april", 1);
    let simulator = bench.simulate(1, 1, &["--boot-ms", "2000"]);
    let restarting = || {
        let mut flashing = Running::start(bench.flash("april", 1));
        flashing.wait_for("the restart", |event| event["step"] == "restart");
        flashing
    };
    let flashing = restarting();
    flashing.signal("INT");
    std::thread::sleep(Duration::from_millis(200));
    flashing.signal("INT");
    let abandoned = verdict(&flashing.end().expect(1).says("stopping now"));
    assert_eq!((&abandoned["verdict"], &abandoned["disposition"]), (&"failed".into(), &"retry".into()));
    let flashing = restarting();
    flashing.signal("INT");
    let finished = flashing.end().expect(0).says("finishing the units in hand");
    assert_eq!(event(&finished, "decided")["decision"], "resume");
    drop(simulator);

    let mut waiting = Running::start(bench.flash("april", 1));
    waiting.wait_for("it waits", |event| event["event"] == "warning");
    waiting.signal("INT");
    let outcome = waiting.end().expect(1).says("stopped: no unit was taken");
    assert_eq!(outcome.verdicts(), Vec::<Value>::new());
}

#[test]
fn nothing_is_flashed_beside_a_run() {
    let bench = Bench::new(1);
    bench.order("april", 1);
    let mut run = Running::start(bench.unlocked(&["--json", "run", "april"]));
    run.wait_for("the fixture waited", |event| event["event"] == "waiting");
    let refused = bench.flash("april", 1).run().expect(4).says("run");
    assert_eq!(refused.stdout, "");
    run.signal("INT");
    run.end().expect(1);
}
