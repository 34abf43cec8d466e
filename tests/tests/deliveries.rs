//! Enrollments that carry keys: sealed, recorded, acknowledged; with age and Microsoft's service client as the judges.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use acceptance::{
    AgeKey, Bench, SECRET, at_terminal, opened_vault, python_tool, sha256, station_binary, strace,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

const DPS: [&str; 4] = ["manifest", "dps", "april", "--individual"];

/// A station of which these many gateways with random keys are accepted.
fn accepted(units: usize) -> Bench {
    let bench = Bench::bare(2);
    bench.station(&["keys", "import", "gateway-console"]).input("rehearsal\n").run().expect(0);
    bench.order_of("april", "gateway-symmetric-individual.toml", 3);
    build(&bench, units);
    bench
}

fn build(bench: &Bench, units: usize) {
    let _simulator = bench.simulate(units, 2, &["--no-pacing"]);
    bench.unlocked(&["run", "april", "--patience", "2"]).run();
    assert_eq!(bench.accepted(units).len(), units);
}

#[track_caller]
fn judged(bench: &Bench, text: &str, kind: &str) -> usize {
    let file = bench.root().join("judged.jsonl");
    let _ = std::fs::remove_file(&file);
    std::io::Write::write_all(&mut std::fs::File::create_new(&file).unwrap(), text.as_bytes()).unwrap();
    let output = python_tool("enrollment_bodies.py", &[&file]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    std::fs::remove_file(&file).unwrap();
    said.matches(&format!("{kind}: equal after a round trip")).count()
}

/// Primary and secondary key of each enrollment, by ID.
fn keys(text: &str) -> BTreeMap<String, [String; 2]> {
    let bodies = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let keys = bodies.map(|body| {
        let keys = &body["attestation"]["symmetricKey"];
        let key = |name: &str| keys[name].as_str().unwrap().to_owned();
        let both = [key("primaryKey"), key("secondaryKey")];
        (body["registrationId"].as_str().unwrap().to_owned(), both)
    });
    keys.collect()
}

/// The keys that the vault holds, by attempt.
fn in_vault(bench: &Bench) -> BTreeMap<String, String> {
    let vault = opened_vault(&bench.folder(), SECRET);
    vault.into_iter().filter(|(name, _)| name.starts_with("unit-keys_")).collect()
}

/// The ledger's entries of a kind.
fn entries(bench: &Bench, kind: &str) -> Vec<Value> {
    let all = bench.station(&["--json", "ledger", "show"]).run().expect(0).json_lines();
    all.into_iter().filter(|entry| entry["fact"]["kind"] == kind).collect()
}

#[test]
fn a_delivery_holds_every_unit_s_keys_for_its_recipients_alone_and_is_on_record() {
    let bench = accepted(2);
    let importer = AgeKey::new(bench.root(), "importer");
    let auditor = AgeKey::new(bench.root(), "auditor");
    let (recipient, other) = (&importer.recipient, &auditor.recipient);
    let out = bench.root().join("april.age");
    let both = ["--recipient", recipient, "--recipient", other, "--json"];
    let call = bench.unlocked(&DPS).args(&both).arg("--out").arg(&out);
    let written = call.run().expect(0).says("station manifest acknowledge").json();

    let text = importer.open(&out);
    assert_eq!(auditor.open(&out), text);
    assert_eq!(judged(&bench, &text, "IndividualEnrollment"), 2);
    let keys = keys(&text);
    let distinct: BTreeSet<&String> = keys.values().flatten().collect();
    assert_eq!((keys.len(), distinct.len()), (2, 4));
    for (id, unit) in bench.accepted(2) {
        let held = STANDARD.encode(std::fs::read(bench.key_file(unit)).unwrap());
        assert_eq!(keys[&id][0], held, "{id} has its primary key");
    }
    let vault: BTreeSet<String> = in_vault(&bench).into_values().collect();
    let lines: BTreeSet<String> = keys.values().map(|[one, two]| format!("{one}\n{two}\n")).collect();
    assert_eq!(lines, vault);

    let entry = &entries(&bench, "delivered")[0];
    let fact = &entry["fact"];
    assert_eq!(written["delivery"], entry["seq"]);
    assert_eq!((&fact["order"], &fact["form"]), (&"april".into(), &"sealed".into()));
    assert_eq!(fact["recipients"], serde_json::json!([recipient, other]));
    assert_eq!(fact["sha256"], sha256(&std::fs::read(&out).unwrap()));
    assert_eq!((&fact["identities"], fact["attempts"].as_array().unwrap().len()), (&2.into(), 2));
    let listed = bench.station(&["manifest", "deliveries", "april", "--json"]).run().expect(0).json();
    assert_eq!((&listed["delivery"], &listed["acknowledged_at"]), (&entry["seq"], &Value::Null));
    bench.head();

    // Bulk operations, and into a pipe.
    let piped = bench.unlocked(&DPS).args(&["--clear", "--bulk"]).run().expect(0);
    assert_eq!(judged(&bench, &piped.stdout, "BulkEnrollmentOperation"), 1);
    let clear = bench.root().join("clear.jsonl");
    bench.unlocked(&DPS).arg("--clear").arg("--out").arg(&clear).run().expect(0);
    assert_eq!(std::fs::read_to_string(&clear).unwrap(), text);
    assert_eq!(clear.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let forms: Vec<Value> =
        entries(&bench, "delivered").iter().map(|entry| entry["fact"]["form"].clone()).collect();
    assert_eq!(forms, ["sealed", "clear", "clear"]);
}

#[test]
fn keys_are_neither_shown_nor_overwritten_nor_given_to_nobody() {
    let bench = accepted(1);
    let AgeKey { identity: file, recipient } = AgeKey::new(bench.root(), "importer");
    bench.refuses(bench.unlocked(&DPS), 3, &["carry symmetric keys", "--recipient", "--clear"]);
    let identity = std::fs::read_to_string(&file).unwrap();
    let identity = identity.lines().last().unwrap();
    let refused = bench.refuses(bench.unlocked(&DPS).args(&["--recipient", identity]), 2, &["recipient"]);
    assert!(
        refused.stderr.contains("a private key") && !refused.stderr.contains(identity),
        "{}",
        refused.stderr
    );
    let both = bench.unlocked(&DPS).args(&["--clear", "--recipient", &recipient]);
    bench.refuses(both, 2, &["cannot be used with"]);
    let taken = bench.unlocked(&DPS).args(&["--recipient", &recipient]).arg("--out").arg(&file);
    bench.refuses(taken, 3, &["exists already"]);
    let nowhere = bench.root().join("no/such/folder");
    let nowhere = bench.unlocked(&DPS).args(&["--recipient", &recipient]).arg("--out").arg(&nowhere);
    bench.refuses(nowhere, 4, &["check that the folder exists"]);
    bench.refuses(bench.unlocked(&DPS).args(&["--clear", "--verified-ca", "x"]), 3, &["hangs on no CA"]);
    let group = bench.station(&["manifest", "dps", "april", "--group", "g"]);
    bench.refuses(group, 3, &["each has an enrollment of its own", "--individual"]);

    let before = bench.snapshot();
    let mut call = vec![station_binary().display().to_string()];
    call.extend(DPS.map(str::to_owned));
    call.extend(["--clear".to_owned(), "--station".to_owned(), bench.folder().display().to_string()]);
    let outcome = at_terminal(&call, &[]).expect(2);
    assert!(outcome.stdout.contains("keys are not shown on a terminal"), "{}", outcome.stdout);
    assert_eq!(bench.snapshot(), before);
}

#[test]
fn an_acknowledged_delivery_takes_its_keys_out_of_the_vault_and_the_rest_follows() {
    let bench = accepted(2);
    let deliver = |more: &[&str]| bench.unlocked(&DPS).arg("--clear").args(more);
    let first = deliver(&[]).run().expect(0);
    let number = entries(&bench, "delivered")[0]["seq"].to_string();
    assert_eq!(in_vault(&bench).len(), 2);
    let acknowledge = ["manifest", "acknowledge", &number, "--json"];
    let done = bench.station(&acknowledge).run().expect(0).json();
    assert_eq!((&done["withdrawn"], done["acknowledged_at"].is_string()), (&2.into(), true));
    assert_eq!(in_vault(&bench).len(), 0);
    let again = bench.station(&acknowledge).run().expect(0).json();
    assert_eq!((&again["withdrawn"], &again["acknowledged_at"]), (&0.into(), &done["acknowledged_at"]));
    assert_eq!(entries(&bench, "delivery_acknowledged").len(), 1);

    bench.refuses(deliver(&[]), 3, &["gw-0001, gw-0002 left the vault", "--rest"]);
    bench.refuses(deliver(&["--rest"]), 3, &["there is no rest"]);
    bench.refuses(bench.station(&["manifest", "acknowledge", "1"]), 3, &["no delivery 1", "deliveries"]);

    // A third unit, and the first with new keys; the second's stay where they are.
    bench.station(&["unit", "rework", "gw-0001", "--reason", "new board"]).run().expect(0);
    std::fs::remove_dir_all(bench.simulated()).unwrap();
    build_third(&bench);
    bench.refuses(deliver(&[]), 3, &["the keys of gw-0002 left the vault"]);
    let rest = deliver(&["--rest"]).run().expect(0);
    let ids = |text: &str| keys(text).into_keys().collect::<Vec<_>>();
    assert_eq!(
        (ids(&first.stdout), ids(&rest.stdout)),
        (vec!["gw-0001".to_owned(), "gw-0002".to_owned()], vec!["gw-0001".to_owned(), "gw-0003".to_owned()])
    );
    assert_ne!(keys(&first.stdout)["gw-0001"], keys(&rest.stdout)["gw-0001"]);
    // The service has an enrollment of the first already, with its old keys.
    let bulk = deliver(&["--rest", "--bulk"]).run().expect(0).json_lines();
    let said: Vec<(&str, &str)> = bulk
        .iter()
        .map(|one| (&one["mode"], &one["enrollments"][0]["registrationId"]))
        .map(|(mode, id)| (mode.as_str().unwrap(), id.as_str().unwrap()))
        .collect();
    assert_eq!(said, [("create", "gw-0003"), ("update", "gw-0001")]);
}

fn build_third(bench: &Bench) {
    // The simulator numbers its units from the start: three of them, of which two are known.
    let _simulator = bench.simulate(3, 2, &["--no-pacing"]);
    bench.run("april").expect(0);
}

#[test]
fn a_vault_that_lost_or_mixed_up_keys_gives_nothing_by_half() {
    let bench = accepted(2);
    let files: Vec<PathBuf> =
        in_vault(&bench).keys().map(|name| bench.folder().join(format!("vault/{name}.age"))).collect();
    let aside = bench.root().join("aside");
    std::fs::copy(&files[0], &aside).unwrap();
    std::fs::copy(&files[1], &files[0]).unwrap();
    let deliver = || bench.unlocked(&DPS).arg("--clear");
    bench.refuses(deliver(), 3, &["the keys of gw-000", "are not those that the ledger announced"]);
    std::fs::remove_file(&files[0]).unwrap();
    bench.refuses(deliver(), 3, &["the keys of gw-000", "are not in the vault", "backup"]);
    std::fs::copy(&aside, &files[0]).unwrap();
    deliver().run().expect(0);
}

#[test]
fn an_acknowledgement_that_is_killed_is_finished_by_the_next() {
    let bench = accepted(2);
    bench.unlocked(&DPS).arg("--clear").run().expect(0);
    let number = entries(&bench, "delivered")[0]["seq"].to_string();
    let acknowledge = |on: &Bench| on.station(&["manifest", "acknowledge", &number]);
    let clean = bench.copy();
    let run = strace::traced(acknowledge(&clean));
    let withdrawals: Vec<usize> = run
        .calls
        .iter()
        .enumerate()
        .filter(|(_, call)| call.name.starts_with("unlink") && call.path.contains("unit-keys_"))
        .map(|(index, _)| index)
        .collect();
    assert_eq!(withdrawals.len(), 2);
    let synced =
        run.calls.iter().take(withdrawals[0]).any(|call| call.is_sync() && call.path.contains("ledger.db"));
    assert!(synced, "the fact is on disk before the first key goes");
    let aim = strace::aim(&run.calls, withdrawals[1]).unwrap();
    let (from, to) = (clean.root().to_str().unwrap(), bench.root().to_str().unwrap());
    assert!(strace::killed(acknowledge(&bench), &aim.moved(from, to)).killed);
    assert_eq!((entries(&bench, "delivery_acknowledged").len(), in_vault(&bench).len()), (1, 1));
    // The key that is still there does not go out again.
    bench.unlocked(&DPS).arg("--clear").run().expect(3).says("gw-0001, gw-0002 left the vault");
    acknowledge(&bench).run().expect(0);
    assert_eq!((entries(&bench, "delivery_acknowledged").len(), in_vault(&bench).len()), (1, 0));
    bench.head();
}
