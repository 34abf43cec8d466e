//! Several at one TPM, and several TPMs at one station.

use std::process::Child;

use acceptance::{Bench, Outcome, Running, Swtpm, TpmMaker};

use super::{assert_at_handles, assert_failed, persistent, tpm_of, verdict};

#[test]
fn eight_units_on_eight_fixtures_pass_at_once() {
    let maker = TpmMaker::new();
    let tpms = maker.tpms(8);
    let bench = Bench::of_tpms(&maker, &tpms.iter().collect::<Vec<_>>(), 8);
    let outcome = bench.run("april").expect(0);
    let verdicts = outcome.verdicts();
    assert_eq!(verdicts.len(), 8, "{}", outcome.stdout);
    let mut ids = std::collections::BTreeSet::new();
    for verdict in &verdicts {
        assert_eq!(verdict["verdict"], "accepted", "{verdict}");
        let tpm = &tpms[verdict["fixture"].as_str().unwrap().parse::<usize>().unwrap() - 1];
        let id = verdict["registration_id"].as_str().unwrap();
        assert!(ids.insert(id.to_owned()), "{id} twice");
        let seen = tpm_of(&bench, id);
        assert_at_handles(tpm, &seen);
        assert_eq!(seen["origin"], "proven");
        assert_eq!(tpm.loaded(), "", "left behind");
    }
    bench.head();
}

#[test]
fn slots_that_another_program_left_full_are_for_the_next_try() {
    let maker = TpmMaker::new();
    let tpm = maker.tpm();
    let bench = Bench::of_tpms(&maker, &[&tpm], 1);
    for context in ["a.ctx", "b.ctx", "c.ctx"] {
        tpm.tool("createprimary", &["-C", "n", "-G", "ecc", "-c", context]);
    }
    let left = tpm.loaded();
    let outcome = bench.flash_tpm("april", &tpm.tcti()).run().expect(1);
    let failed = verdict(&outcome);
    assert_eq!(failed["disposition"], "retry", "{failed}");
    let reason = failed["reason"].as_str().unwrap();
    assert!(reason.contains("no free slot for") && reason.contains("tpm2_flushcontext"), "{reason}");
    assert_eq!(tpm.loaded(), left, "what others left is theirs");
    // A session too many, and nothing else.
    tpm.tool("flushcontext", &["-t"]);
    verdict(&bench.flash_tpm("april", &tpm.tcti()).run().expect(0));
    assert_eq!(tpm.loaded(), "", "left behind");
    assert_at_handles(&tpm, &tpm_of(&bench, "gw-0001"));
}

#[test]
fn two_runs_of_one_station_are_one_too_many() {
    let maker = TpmMaker::new();
    let tpm = maker.tpm();
    let bench = Bench::of_tpms(&maker, &[&tpm], 2);
    let mut first = Running::start(bench.unlocked(&["--json", "run", "april", "--patience", "30"]));
    first.wait_for("its first verdict", |event| event["event"] == "verdict");
    let second = bench.unlocked(&["--json", "run", "april", "--patience", "1"]).run().expect(4);
    assert_eq!(second.verdicts(), Vec::<serde_json::Value>::new());
    second.says("run");
    first.signal("INT");
    first.end();
    let order = bench.order_shown("april");
    assert_eq!((&order["accepted"], &order["unbound"]), (&1.into(), &1.into()), "{order}");
    assert_eq!(tpm.loaded(), "", "left behind");
}

/// Two stations know nothing of each other. Each has the one unit once, or says why not; the TPM has its own keys and
/// nothing else.
#[test]
fn two_stations_at_one_tpm_leave_nothing_half() {
    let maker = TpmMaker::new();
    for _ in 0..3 {
        let tpm: Swtpm = maker.tpm();
        let benches = [Bench::of_tpms(&maker, &[&tpm], 1), Bench::of_tpms(&maker, &[&tpm], 1)];
        let started: Vec<Child> =
            benches.iter().map(|bench| bench.flash_tpm("april", &tpm.tcti()).start()).collect();
        let outcomes: Vec<Outcome> = started.into_iter().map(Outcome::of).collect();
        for (bench, outcome) in benches.iter().zip(&outcomes) {
            // One that never got a word in says that nobody answers.
            let told = outcome.verdicts();
            match (outcome.code, told.as_slice()) {
                (0, [verdict]) => assert_eq!(verdict["verdict"], "accepted", "{verdict}"),
                (1, [_]) => {
                    assert_failed(bench, outcome, &tpm, "retry", &["TPM"]);
                }
                (3, []) => assert!(outcome.stderr.contains("nobody answers"), "{}", outcome.stderr),
                _ => panic!("{}\n{}", outcome.stdout, outcome.stderr),
            }
            bench.head();
        }
        assert!(outcomes.iter().any(|outcome| outcome.code == 0), "{outcomes:?}");
        assert_eq!(tpm.loaded(), "", "left behind");
        // Whoever was unlucky tries again.
        for bench in &benches {
            bench.flash_tpm("april", &tpm.tcti()).run().expect(0);
            assert_at_handles(&tpm, &tpm_of(bench, "gw-0001"));
        }
        assert_eq!(persistent(&tpm).len(), 3);
        assert_eq!(tpm.loaded(), "", "left behind");
    }
}
