//! The TPM dies before each command of an attempt, and after those that change it: never a PASS, the ledger says why, and
//! the same unit succeeds once its TPM is back.

use std::path::Path;
use std::sync::Mutex;

use acceptance::{Bench, Fate, Running, Swtpm, TPM_PRODUCT, TpmMaker, TpmRelay, station_binary, swtpm};
use serde_json::Value;

use super::{STORAGE_ROOT_KEY, assert_at_handles, persistent, tpm_of};

/// Units that are in the fixtures of one run.
const AT_ONCE: usize = 12;
const EVICT_CONTROL: u32 = 0x120;

/// Names of the commands (TPM 2.0 Library, part 2, §6.5.2).
fn name(code: u32) -> &'static str {
    match code {
        EVICT_CONTROL => "EvictControl",
        0x131 => "CreatePrimary",
        0x147 => "ActivateCredential",
        0x14e => "NV_Read",
        0x151 => "PolicySecret",
        0x165 => "FlushContext",
        0x169 => "NV_ReadPublic",
        0x173 => "ReadPublic",
        0x176 => "StartAuthSession",
        0x17a => "GetCapability",
        _ => "another",
    }
}

/// Before some command somebody puts another unit in: where that one does not pass, its TPM is as it came.
#[test]
fn nothing_is_kept_in_a_tpm_that_was_exchanged() {
    let maker = TpmMaker::new();
    let (tpm, other) = (maker.tpm(), maker.tpm());
    let prepared = Bench::of_tpms(&maker, &[], 0);
    prepared.template("products", "tpm.toml", "kept.toml", &TPM_PRODUCT);
    prepared.order_of("may", "kept.toml", 1);
    let commands = commands_of(&prepared, &tpm);
    let keeping = commands.iter().position(|code| *code == EVICT_CONTROL).unwrap();
    let as_it_came = persistent(&other);
    let mut mixed_up = 0;
    for command in 0..=keeping {
        let (bench, tpm, other) = (prepared.copy(), tpm.copied(), other.copied());
        let relay = TpmRelay::start(tpm.port(), Fate::Exchanged(command, other.port()));
        let verdict = super::verdict(&bench.flash_tpm("may", &swtpm::tcti(relay.port())).run());
        // Where it came before the first look at its keys, it is a unit like any other.
        if verdict["verdict"] == "failed" {
            mixed_up += 1;
            assert_eq!(persistent(&other), as_it_came, "before command {command}: {verdict}");
        }
    }
    assert!(mixed_up > 3, "{mixed_up} of {keeping}");
}

struct Unit {
    tpm: Mutex<Swtpm>,
    relay: TpmRelay,
    verdicts: Mutex<Vec<Value>>,
}

impl Unit {
    /// Its TPM is back once the line has seen that it is gone.
    fn come_back(&self) {
        self.relay.wait_for_a_look();
        let mut tpm = self.tpm.lock().unwrap();
        tpm.cut();
        tpm.power();
        self.relay.revive(tpm.port());
    }
}

#[test]
fn a_tpm_may_die_at_any_command_of_an_attempt() {
    let maker = TpmMaker::new();
    let tpms = maker.tpms(AT_ONCE);
    let prepared = Bench::of_tpms(&maker, &[], 0);
    prepared.template("products", "tpm.toml", "kept.toml", &TPM_PRODUCT);
    prepared.order_of("may", "kept.toml", AT_ONCE);

    // As delivered: the storage root key is still to be kept. Struck is what keeps it.
    let commands = commands_of(&prepared, &tpms[0]);
    let keeping: Vec<usize> =
        (0..commands.len()).filter(|command| commands[*command] == EVICT_CONTROL).collect();
    assert_eq!(keeping.len(), 1, "its maker kept the other one");
    let (first, last) = (keeping[0] - 1, keeping[0] + 2);
    let fates = (first..last).flat_map(|command| [Fate::Dead(command), Fate::DeadAfter(command + 1)]);
    let mut rows = strike(&prepared, &tpms, &commands, &fates.collect::<Vec<_>>());

    // As they come back: all keys lie there. Struck is everything.
    for tpm in &tpms {
        tpm.tool("createprimary", &["-C", "o", "-G", "rsa2048", "-c", "srk.ctx"]);
        tpm.tool("evictcontrol", &["-C", "o", "-c", "srk.ctx", STORAGE_ROOT_KEY]);
        tpm.tool("flushcontext", &["-t"]);
    }
    let commands = commands_of(&prepared, &tpms[0]);
    assert!(commands.len() > 45, "{}", commands.len());
    // Where a connection's first two find nobody, there is no unit.
    let fates: Vec<Fate> = (2..commands.len()).map(Fate::Dead).collect();
    rows.extend(strike(&prepared, &tpms, &commands, &fates));
    finish(&rows);
    assert!(rows.iter().all(|row| !row.contains("WRONG")), "see the table");
}

/// What a run without a death says to the TPM, the last look that finds the order done left out.
fn commands_of(prepared: &Bench, tpm: &Swtpm) -> Vec<u32> {
    let (bench, tpm) = (prepared.copy(), tpm.copied());
    let relay = TpmRelay::start(tpm.port(), Fate::Passed);
    bench.flash_tpm("may", &swtpm::tcti(relay.port())).run().expect(0);
    relay.codes()
}

/// Lets as many units at once as there are TPMs run into these fates. A row for each.
fn strike(prepared: &Bench, tpms: &[Swtpm], commands: &[u32], fates: &[Fate]) -> Vec<String> {
    let rows = fates.chunks(tpms.len()).flat_map(|fates| {
        let units: Vec<Unit> = fates
            .iter()
            .zip(tpms)
            .map(|(fate, tpm)| {
                let tpm = tpm.copied();
                let relay = TpmRelay::start(tpm.port(), *fate);
                Unit { tpm: Mutex::new(tpm), relay, verdicts: Mutex::default() }
            })
            .collect();
        let bench = prepared.copy();
        run(&bench, &units);
        let told = |(fate, unit): (&Fate, &Unit)| {
            let (command, when) = match fate {
                Fate::DeadAfter(command) => (command - 1, "after"),
                Fate::Dead(command) => (*command, "before"),
                other => panic!("{other:?}"),
            };
            format!("{when:6} {command:>4} {:18} {}", name(commands[command]), story(unit))
        };
        fates.iter().zip(&units).map(told).collect::<Vec<_>>()
    });
    rows.collect()
}

/// Runs until each unit is accepted.
fn run(bench: &Bench, units: &[Unit]) {
    let quantity = units.len();
    bench.order_of_pattern("april", "kept.toml", "m-{}", quantity);
    bench.fit(&units.iter().map(|unit| (None, Some(swtpm::tcti(unit.relay.port())))).collect::<Vec<_>>());
    let mut run = Running::start(bench.unlocked(&["--json", "run", "april", "--patience", "30"]));
    std::thread::scope(|scope| {
        loop {
            let is_it = |event: &Value| event["event"] == "verdict" || event["event"] == "summary";
            let event = run.wait_for("the summary", is_it);
            if event["event"] == "summary" {
                break;
            }
            let unit = &units[event["fixture"].as_str().unwrap().parse::<usize>().unwrap() - 1];
            if event["verdict"] == "failed" && unit.relay.is_dead() {
                scope.spawn(|| unit.come_back());
            }
            unit.verdicts.lock().unwrap().push(event);
        }
    });
    run.end();
    judge(bench, units);
}

/// The order is done, no identity is doubled or lost, and the ledger tells of every attempt.
fn judge(bench: &Bench, units: &[Unit]) {
    bench.head();
    let order = bench.order_shown("april");
    for (state, count) in [("accepted", units.len()), ("open", 0), ("on_hold", 0), ("burnt", 0)] {
        assert_eq!(order[state], count, "{state}: {order}");
    }
    let attempts = order["attempts"].as_array().unwrap();
    let mut ids = std::collections::BTreeSet::new();
    for unit in units {
        let verdicts = unit.verdicts.lock().unwrap();
        for verdict in verdicts.iter() {
            let recorded = attempts.iter().find(|attempt| attempt["attempt"] == verdict["attempt"]);
            let recorded = recorded.unwrap_or_else(|| panic!("the ledger tells nothing of {verdict}"));
            assert_eq!(recorded["reason"], verdict["reason"]);
            let state = if verdict["verdict"] == "accepted" { "accepted" } else { "failed" };
            let refused = recorded["state"] == "refused" && verdict["registration_id"].is_null();
            assert!(recorded["state"] == state || refused, "{recorded}");
        }
        let accepted = verdicts.iter().find(|verdict| verdict["verdict"] == "accepted").unwrap();
        let id = accepted["registration_id"].as_str().unwrap();
        assert!(ids.insert(id.to_owned()), "{id} twice");
        let mut named = verdicts.iter().filter_map(|verdict| verdict["registration_id"].as_str());
        assert!(named.all(|named| named == id), "another identity: {verdicts:?}");
        if !unit.relay.is_dead() {
            let tpm = unit.tpm.lock().unwrap();
            assert_at_handles(&tpm, &tpm_of(bench, id));
            assert_eq!(tpm.loaded(), "", "left behind");
        }
    }
}

/// In words for the table: the verdicts, and what must not be.
fn story(unit: &Unit) -> String {
    let mut told = Vec::new();
    let mut wrong = String::new();
    for verdict in unit.verdicts.lock().unwrap().iter() {
        if verdict["verdict"] == "accepted" {
            told.push("accepted".to_owned());
            break;
        }
        told.push(format!(
            "{}: {}",
            verdict["disposition"].as_str().unwrap(),
            verdict["reason"].as_str().unwrap()
        ));
        if verdict["disposition"] != "retry" {
            wrong.push_str(" WRONG: not to be tried again");
        }
    }
    if told.len() > 2 || told.last().is_none_or(|last| last != "accepted") {
        wrong.push_str(" WRONG: neither this attempt nor the next succeeded");
    }
    told.join(", then ") + &wrong
}

fn finish(rows: &[String]) {
    let text = format!("when    no  command            verdicts\n{}\n", rows.join("\n"));
    println!("{text}");
    let path = station_binary().ancestors().nth(2).unwrap().join("tpm-deaths-table.txt");
    let _ = std::fs::remove_file(&path);
    put(&path, &text);
}

fn put(path: &Path, text: &str) {
    std::io::Write::write_all(&mut std::fs::File::create_new(path).unwrap(), text.as_bytes()).unwrap();
}
