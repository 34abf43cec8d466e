//! The program is killed with -9 in the middle of an attempt: the next run ends the order, and nothing is doubled.

use acceptance::{Bench, Fate, Running, TpmMaker, TpmRelay, swtpm};
use serde_json::Value;

use super::{assert_at_handles, persistent, tpm_of};

/// When it is killed: as soon as it has told this event.
const AFTER: [(&str, &str); 6] = [
    ("unit_found", ""),
    ("identified", ""),
    ("decided", ""),
    ("step", "keep the TPM's keys"),
    ("step", "verify endorsement-key"),
    ("verdict", ""),
];

#[test]
fn a_run_killed_after_any_event_is_ended_by_the_next() {
    let maker = TpmMaker::new();
    let delivered = maker.tpm();
    let prepared = Bench::of_tpms(&maker, &[], 0);
    prepared.template("products", "tpm.toml", "own-2.toml", &acceptance::TPM_PRODUCT);
    prepared.order_of("april", "own-2.toml", 1);
    for (name, step) in AFTER {
        let (bench, mut tpm) = (prepared.copy(), delivered.copied());
        bench.fit(&[(None, Some(tpm.tcti()))]);
        let mut run = Running::start(bench.unlocked(&["--json", "run", "april", "--patience", "30"]));
        let is_it = |event: &Value| event["event"] == name && (step.is_empty() || event["step"] == step);
        run.wait_for(name, is_it);
        run.signal("KILL");
        run.end();
        // Nobody flushed what it had loaded: the unit goes off and on again.
        tpm.cut();
        tpm.power();
        bench.fit(&[(None, Some(tpm.tcti()))]);
        let next = bench.run("april");
        assert!(next.code == 0, "{name} {step}: {}\n{}", next.stdout, next.stderr);
        judge(&bench, &tpm);
    }
}

/// The same while the TPM is at work: at the command that keeps a key, and at the one that opens the challenge.
#[test]
fn a_run_killed_while_the_tpm_works_is_ended_by_the_next() {
    const EVICT_CONTROL: u32 = 0x120;
    const ACTIVATE_CREDENTIAL: u32 = 0x147;
    let maker = TpmMaker::new();
    let delivered = maker.tpm();
    let prepared = Bench::of_tpms(&maker, &[], 0);
    prepared.template("products", "tpm.toml", "own-2.toml", &acceptance::TPM_PRODUCT);
    prepared.order_of("april", "own-2.toml", 1);
    let clean = delivered.copied();
    let relay = TpmRelay::start(clean.port(), Fate::Passed);
    prepared.copy().flash_tpm("april", &swtpm::tcti(relay.port())).run().expect(0);
    let codes = relay.codes();
    for code in [EVICT_CONTROL, ACTIVATE_CREDENTIAL] {
        let at = codes.iter().position(|seen| *seen == code).unwrap();
        let (bench, mut tpm) = (prepared.copy(), delivered.copied());
        let relay = TpmRelay::start(tpm.port(), Fate::Silent(at));
        let call = bench.flash_tpm("april", &swtpm::tcti(relay.port()));
        let run = Running::start(call);
        relay.wait_for_death();
        run.signal("KILL");
        run.end();
        tpm.cut();
        tpm.power();
        bench.fit(&[(None, Some(tpm.tcti()))]);
        bench.run("april").expect(0);
        judge(&bench, &tpm);
    }
}

fn judge(bench: &Bench, tpm: &acceptance::Swtpm) {
    bench.head();
    let order = bench.order_shown("april");
    assert_eq!((&order["accepted"], &order["ordered"]), (&1.into(), &1.into()), "{order}");
    let claims: Vec<Value> = bench.facts().into_iter().filter(|fact| fact["kind"] == "claimed").collect();
    assert!(claims.iter().all(|claim| claim["hardware_id"] == claims[0]["hardware_id"]), "{claims:?}");
    assert!(claims.iter().all(|claim| claim["identity"] == claims[0]["identity"]), "{claims:?}");
    assert_at_handles(tpm, &tpm_of(bench, "gw-0001"));
    assert_eq!(persistent(tpm).len(), 3);
    assert_eq!(tpm.loaded(), "", "left behind");
}
