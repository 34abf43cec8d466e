//! How a run ends before its order does: by a person, by patience, by a reader that has gone. And who else may work on
//! the station meanwhile.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test")]

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use acceptance::{Bench, Outcome, Running, SECRET, station_binary};

const RUN: [&str; 5] = ["--json", "run", "april", "--patience", "60"];

fn start(bench: &Bench) -> Running {
    Running::start(bench.unlocked(&RUN))
}

/// Waits until the units of two fixtures are being restarted: everything is written, and nothing proved.
fn wait_for_two_restarts(run: &mut Running) {
    let mut restarting = BTreeSet::new();
    run.wait_for("two units were restarted", |event| {
        if event["event"] == "step" && event["step"].as_str().unwrap().contains("restart") {
            restarting.insert(event["fixture"].as_str().unwrap().to_owned());
        }
        restarting.len() == 2
    });
}

/// Runs the order to its end: every identity is live, each on a unit of its own.
fn finish(bench: &Bench, units: usize) {
    bench.run("april").expect(0);
    let accepted = bench.accepted(units);
    let identities: BTreeSet<&str> = accepted.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!((accepted.len(), identities.len()), (units, units), "{accepted:?}");
    bench.head();
}

fn credentials(bench: &Bench, unit: &str) -> usize {
    bench.show(unit)["credentials"].as_array().unwrap().len()
}

#[test]
fn one_signal_lets_the_units_in_hand_come_to_their_verdict() {
    for signal in ["INT", "TERM"] {
        let bench = Bench::new(2);
        bench.order("april", 4);
        let _simulator = bench.simulate(4, 2, &["--boot-ms", "800"]);
        let mut run = start(&bench);
        wait_for_two_restarts(&mut run);
        run.signal(signal);
        let outcome = run.end().expect(1).says("finishing the units in hand");
        let verdicts = outcome.verdicts();
        assert_eq!(verdicts.len(), 2, "{signal}: {}", outcome.stdout);
        assert!(verdicts.iter().all(|verdict| verdict["verdict"] == "accepted"), "{signal}: {verdicts:?}");
        let closed = outcome.json_lines().into_iter().filter(|event| event["event"] == "fixture_closed");
        assert_eq!(closed.filter(|event| event["reason"] == "stopped by the operator").count(), 2);
        finish(&bench, 4);
    }
}

#[test]
fn two_ctrl_c_abandon_the_units_and_the_next_run_finishes_them() {
    abandon_and_finish("INT");
}

#[test]
fn two_sigterm_do_the_same() {
    abandon_and_finish("TERM");
}

fn abandon_and_finish(signal: &str) {
    let bench = Bench::new(2);
    bench.order("april", 2);
    let _simulator = bench.simulate(2, 2, &["--boot-ms", "2500"]);
    let mut run = start(&bench);
    wait_for_two_restarts(&mut run);
    run.signal(signal);
    // Two signals of a kind at the same moment are one to the system.
    std::thread::sleep(Duration::from_millis(200));
    run.signal(signal);
    let asked = Instant::now();
    let outcome = run.end().expect(1).says("stopping now");
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    let verdicts = outcome.verdicts();
    assert_eq!(verdicts.len(), 2, "{}", outcome.stdout);
    for verdict in verdicts {
        assert_eq!(verdict["verdict"], "failed");
        assert_eq!(verdict["disposition"], "retry");
        assert!(verdict["reason"].as_str().unwrap().contains("stopped by the operator"), "{verdict}");
    }
    bench.head();
    finish(&bench, 2);
    // The units held what had been announced, and proved it: no second credential.
    assert_eq!((credentials(&bench, "gw-0001"), credentials(&bench, "gw-0002")), (1, 1));
}

#[test]
fn beside_a_run_reading_works_and_writing_is_refused() {
    let bench = Bench::new(1);
    bench.order("april", 1);
    let mut run = start(&bench);
    run.wait_for("the fixture waited", |event| event["event"] == "waiting");

    let head = bench.head();
    for verb in [
        &["run", "april", "--unlock-fd", "0"][..],
        &["order", "add", "may", "--product", "gateway-x509.toml", "--pattern", "m-{}", "--quantity", "1"],
        &["keys", "import", "other"],
        &["ca", "root", "--label", "other", "--common-name", "Other", "--unlock-fd", "0"],
        &["unit", "scrap", "gw-0001", "--reason", "cracked"],
        &["unit", "rework", "gw-0001", "--reason", "repaired"],
        &["ledger", "rebuild"],
    ] {
        let refused = bench.station(verb).input(format!("{SECRET}\n")).run().expect(4).says("run");
        assert_eq!(refused.stdout, "", "{verb:?}");
    }
    for verb in [
        &["order", "show"][..],
        &["order", "show", "april"],
        &["unit", "show", "gw-0001"],
        &["ledger", "show"],
        &["ledger", "verify"],
        &["ca", "show", "root"],
    ] {
        let shown = bench.station(verb).run().expect(0);
        assert_ne!(shown.stdout, "", "{verb:?}");
    }
    bench
        .station(&["manifest", "central", "april"])
        .run()
        .expect(3)
        .says("no unit of order april is accepted");
    let check = bench.station(&["check"]).run();
    assert!(check.stdout.contains("ledger"), "{}{}", check.stdout, check.stderr);
    assert_eq!(bench.head(), head);

    run.signal("INT");
    run.end().expect(1);
    bench
        .station(&[
            "order",
            "add",
            "may",
            "--product",
            "gateway-x509.toml",
            "--pattern",
            "m-{}",
            "--quantity",
            "1",
        ])
        .run()
        .expect(0);
}

#[test]
fn a_reader_that_has_gone_stops_no_run() {
    for json in [&["--json"][..], &[]] {
        let bench = Bench::new(1);
        bench.order("april", 2);
        let _simulator = bench.simulate(2, 1, &[]);
        let line = format!("printf '%s\\n' {SECRET} | \"$@\" | head -n 1; echo \"code ${{PIPESTATUS[1]}}\"");
        let child = Command::new("bash")
            .args(["-c", &line, "bash"])
            .arg(station_binary())
            .args(json)
            .args(["--station", bench.folder().to_str().unwrap()])
            .args(["run", "april", "--patience", "60", "--unlock-fd", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let outcome = Outcome::of(child);
        let lines: Vec<&str> = outcome.stdout.lines().collect();
        assert_eq!((lines.len(), lines[1], outcome.stderr.as_str()), (2, "code 0", ""), "{lines:?}");
        assert_eq!(bench.accepted(2).len(), 2);
    }
}

#[test]
fn a_reader_that_has_gone_is_no_error_of_a_verb_that_shows() {
    let bench = Bench::new(1);
    for number in 0..40 {
        let (name, pattern) = (format!("o-{number}"), format!("o{number}-{{}}"));
        let order = ["order", "add", &name, "--product", "gateway-x509.toml", "--pattern", &pattern];
        bench.station(&[&order[..], &["--quantity", "30"]].concat()).run().expect(0);
    }
    let child = Command::new("bash")
        .args(["-c", "\"$@\" | head -n 1", "bash"])
        .arg(station_binary())
        .args(["--json", "--station", bench.folder().to_str().unwrap(), "ledger", "show"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let outcome = Outcome::of(child);
    assert_eq!((outcome.stdout.lines().count(), outcome.stderr.as_str()), (1, ""));
}

#[test]
fn patience_ends_a_run_to_which_nothing_comes() {
    let bench = Bench::new(1);
    bench.order("april", 1);
    let began = Instant::now();
    let outcome = bench.unlocked(&["--json", "run", "april", "--patience", "1"]).run().expect(1);
    assert!(began.elapsed() >= Duration::from_secs(1) && began.elapsed() < Duration::from_secs(10));
    let events = outcome.json_lines();
    let closed = events.iter().find(|event| event["event"] == "fixture_closed").unwrap();
    let reason = closed["reason"].as_str().unwrap();
    assert!(reason.contains("came no further for 1 s"), "{reason}");
    assert!(reason.contains(bench.port(1).to_str().unwrap()), "{reason}");
    assert_eq!(events.last().unwrap()["done"], false);
}

#[test]
fn a_run_takes_the_fixtures_that_were_named_and_knows_no_others() {
    let bench = Bench::new(2);
    bench.order("april", 1);
    for (fixtures, code, message) in [
        (&["--fixture", "3"][..], 3, "no fixture `3`: it has 1, 2"),
        (&["--fixture", "2", "--fixture", "2"], 2, "--fixture 2 is given twice"),
    ] {
        let refused = bench.unlocked(&[&RUN[..], fixtures].concat()).run().expect(code).says(message);
        assert_eq!(refused.stdout, "");
    }
    let _simulator = bench.simulate(2, 2, &[]);
    let outcome = bench.unlocked(&[&RUN[..], &["--fixture", "2"]].concat()).run().expect(0);
    let named =
        outcome.json_lines().into_iter().filter_map(|event| event["fixture"].as_str().map(str::to_owned));
    assert_eq!(named.collect::<BTreeSet<_>>(), BTreeSet::from(["2".to_owned()]));
}

#[test]
fn where_the_port_does_not_tell_the_units_are_asked_who_they_are() {
    let bench = Bench::new(2);
    bench.product("polled.toml", &[("presence = \"usb\"", "presence = \"poll\"")]);
    bench.order_of("april", "polled.toml", 4);
    let _simulator = bench.simulate(4, 2, &[]);
    let outcome = bench.run("april").expect(0);
    let accepted = outcome.verdicts().into_iter().filter(|verdict| verdict["verdict"] == "accepted");
    let units: BTreeSet<String> =
        accepted.map(|verdict| verdict["hardware_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(units, (1..=4).map(|unit| bench.hardware_id(unit)).collect());
    assert_eq!(bench.accepted(4).len(), 4);
}
