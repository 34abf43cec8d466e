//! Every fault of a frame at every step of an ESP32 unit's life: what is accepted is right in the flash at that moment,
//! the unit is accepted in the same attempt or the next, the ledger tells what happened, and the other fixtures do not
//! notice.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "what cannot be set up fails the test"
)]

mod locks;
mod points;

use std::collections::BTreeMap;
use std::sync::Mutex;

use acceptance::{Bench, NVS, Running, Station, derived_keys, station_binary, strace};
use points::{Point, points};
use serde_json::Value;

const KINDS: [&str; 9] = [
    "garbled-command",
    "garbled-answer",
    "dropped-command",
    "dropped-answer",
    "stalled-answer",
    "brown-out",
    "pulled-out",
    "wrong-md5",
    "lost-writes",
];
/// Runs at the same time.
const AT_ONCE: usize = 4;
/// Points of one run: each with every kind of fault, on as many fixtures.
const TOGETHER: usize = 3;
/// Units without a fault on fixtures beside them.
const BESIDE: usize = 2;

/// A unit with its fault.
struct Struck {
    kind: &'static str,
    point: Point,
}

/// What came of a unit.
#[derive(Debug, Default, Clone)]
struct Story {
    /// Verdicts in order.
    verdicts: Vec<Value>,
    /// Accepted once, without the flash that belongs to it.
    wrong: Option<String>,
}

#[test]
fn every_fault_at_every_step_is_no_pass_or_a_right_one_and_nobody_else_notices() {
    let points = found();
    let alone = at_once(&[(); AT_ONCE], |()| seconds(&run_of(&[], TOGETHER * KINDS.len() + BESIDE)));
    let chunks: Vec<&[Point]> = points.chunks(TOGETHER).collect();
    let (told, beside): (Vec<_>, Vec<_>) = at_once(&chunks, |points| try_points(points)).into_iter().unzip();
    let mut rows = told.concat();
    rows.sort();
    let bad = rows.iter().filter(|(.., text)| text.contains("WRONG")).count();
    finish(&rows);
    let all = points.iter().map(|point| KINDS.iter().filter(|kind| can_strike(kind, point)).count());
    assert_eq!(rows.len(), all.sum::<usize>(), "a row for each fault at each point");
    assert_eq!(bad, 0, "see the table");
    let (alone, beside) = (median(alone.concat()), median(beside.concat()));
    println!("a unit without a fault: {beside:.1} s beside faults, {alone:.1} s beside none");
    assert!(beside <= 1.25 * alone + 0.5, "{beside} s beside faults, {alone} s beside none");
}

/// The same for each, some at the same time.
fn at_once<T: Sync, R: Send>(items: &[T], act: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = Mutex::new(items.iter());
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(item) = next.lock().unwrap().next() else { return };
                    let result = act(item);
                    results.lock().unwrap().push(result);
                }
            });
        }
    });
    results.into_inner().unwrap()
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

/// The points, as a run without faults shows them.
fn found() -> Vec<Point> {
    let bench = bench(1);
    let _simulator = simulator(&bench, 1, &[]);
    let traced = strace::traced(bench.unlocked(&["--json", "run", "april", "--patience", "60"]));
    traced.outcome.expect(0);
    points(&traced.calls)
}

fn bench(units: usize) -> Bench {
    let bench = Bench::esp(units);
    bench.esp_product("own.toml", NVS, "esp32c3", &[]);
    bench.order_of("april", "own.toml", units);
    bench
}

fn simulator(bench: &Bench, units: usize, faults: &[String]) -> Running {
    let count = units.to_string();
    let mut call = Station::new(&["simulate", "--json", "--board", "esp32c3", "--units", &count]).args(&[
        "--fixtures",
        &count,
        "--exchange-ms",
        "100",
        "--boot-ms",
        "100",
    ]);
    for fault in faults {
        call = call.args(&["--fault", fault]);
    }
    let mut simulator = Running::start(call.arg(bench.simulated()));
    simulator.wait_for("it was ready", |event| event["event"] == "ready");
    simulator
}

/// The rows of these points: frame, number of the kind, text. And what the units without a fault took.
fn try_points(points: &[Point]) -> (Vec<(usize, usize, String)>, Vec<f64>) {
    let struck: Vec<(usize, Struck)> = points
        .iter()
        .flat_map(|point| {
            let kinds = KINDS.into_iter().enumerate().filter(|(_, kind)| can_strike(kind, point));
            kinds.map(|(number, kind)| (number, Struck { kind, point: point.clone() }))
        })
        .collect();
    let faults: Vec<String> = struck
        .iter()
        .enumerate()
        .map(|(index, (_, struck))| format!("{}:{}:{}", struck.kind, index + 1, struck.point.frame))
        .collect();
    let stories = run_of(&faults, BESIDE);
    let (stories, clean) = stories.split_at(faults.len());
    assert!(clean.iter().all(|story| story.told() == "accepted"), "{clean:?}");
    let told = struck.iter().zip(stories).map(|((number, struck), story)| {
        let Struck { kind, point } = struck;
        let text =
            format!("{kind:16} {:9} {:18} {:>4}  {}", point.step, point.what, point.frame, story.told());
        (point.frame, *number, text)
    });
    (told.collect(), seconds(clean))
}

/// Once a unit leaves it is asked for no digest any more.
fn can_strike(kind: &str, point: &Point) -> bool {
    kind != "wrong-md5" || point.step != "leave"
}

fn seconds(stories: &[Story]) -> Vec<f64> {
    stories.iter().map(|story| story.verdicts[0]["seconds"].as_f64().unwrap()).collect()
}

/// Runs an order for units with these faults, one each, and units without one, each in a fixture of its own. Gives what
/// came of them.
fn run_of(faults: &[String], beside: usize) -> Vec<Story> {
    let units = faults.len() + beside;
    let bench = bench(units);
    let ids: Vec<String> = (1..=units).map(|unit| format!("gw-{unit:04}")).collect();
    let keys = derived_keys(ids.iter().map(String::as_str));
    let simulator = simulator(&bench, units, faults);
    let unit_of: BTreeMap<String, usize> = (1..=units).map(|unit| (bench.esp_mac(unit), unit)).collect();
    let mut stories = vec![Story::default(); units];
    let mut run = Running::start(bench.unlocked(&["--json", "run", "april", "--patience", "60"]));
    loop {
        let event =
            run.wait_for("the summary", |event| event["event"] == "verdict" || event["event"] == "summary");
        if event["event"] == "summary" {
            break;
        }
        // A unit that did not say who it is can only be the one that was first put there: faults strike once.
        let unit = match event["hardware_id"].as_str() {
            Some(mac) => unit_of[mac],
            None => event["fixture"].as_str().unwrap().parse().unwrap(),
        };
        let story = &mut stories[unit - 1];
        if event["verdict"] == "accepted" {
            let (flash, id) = (bench.esp_flash(unit), event["registration_id"].as_str().unwrap());
            let judged = std::panic::catch_unwind(|| bench.assert_nvs_unit(&flash, "esp32c3", id, &keys[id]));
            story.wrong = story.wrong.take().or(judged.is_err().then(|| format!("flash of {id}")));
        }
        story.verdicts.push(event);
    }
    run.end();
    simulator.signal("TERM");
    let happened = simulator.end().json_lines();
    for (index, fault) in faults.iter().enumerate() {
        let unit = format!("{:04}", index + 1);
        let is_it = |event: &&Value| event["event"] == "fault" && event["unit"] == unit;
        assert!(happened.iter().any(|event| is_it(&event)), "{fault} struck nothing");
    }
    judge_ledger(&bench, units, &stories);
    stories
}

/// The order is done, and of every attempt that failed the ledger tells why.
fn judge_ledger(bench: &Bench, units: usize, stories: &[Story]) {
    bench.head();
    let order = bench.station(&["--json", "order", "show", "april"]).run().expect(0).json();
    for (state, count) in [("ordered", units), ("accepted", units), ("open", 0), ("on_hold", 0), ("burnt", 0)]
    {
        assert_eq!(order[state], count, "{state}: {order}");
    }
    let shown = bench.station(&["--json", "ledger", "show"]).run().expect(0).json_lines();
    for verdict in stories.iter().flat_map(|story| &story.verdicts) {
        let kinds: &[&str] =
            if verdict["verdict"] == "accepted" { &["accepted", "verified"] } else { &["failed", "refused"] };
        let is_told = shown.iter().any(|entry| {
            let fact = &entry["fact"];
            // Who never said who it is has an attempt of this one entry.
            let attempt = if fact["attempt"].is_null() { &entry["seq"] } else { &fact["attempt"] };
            kinds.contains(&fact["kind"].as_str().unwrap())
                && *attempt == verdict["attempt"]
                && fact["reason"] == verdict["reason"]
                && fact["disposition"] == verdict["disposition"]
        });
        assert!(is_told, "the ledger tells nothing of {verdict}");
    }
}

impl Story {
    /// In words for the table: the verdicts, and what must not be.
    fn told(&self) -> String {
        // A unit that was accepted comes again and again, and is verified each time: that is not told.
        let accepted = self.verdicts.iter().position(|verdict| verdict["verdict"] == "accepted");
        let is_told =
            |(at, verdict): &(usize, &Value)| verdict["verdict"] != "accepted" || Some(*at) == accepted;
        let told = self.verdicts.iter().enumerate().filter(is_told);
        let verdicts: Vec<String> = told
            .map(|(_, verdict)| match verdict["verdict"].as_str().unwrap() {
                "failed" => format!(
                    "failed ({}: {})",
                    verdict["disposition"].as_str().unwrap(),
                    verdict["reason"].as_str().unwrap()
                ),
                other => other.to_owned(),
            })
            .collect();
        let failed = self.verdicts.iter().filter(|verdict| verdict["verdict"] != "accepted").count();
        let mut wrong = self.wrong.iter().map(|what| format!(" WRONG: {what}")).collect::<String>();
        if failed > 1 || accepted.is_none_or(|at| at != failed) {
            wrong.push_str(" WRONG: neither this attempt nor the next succeeded");
        }
        if self.verdicts.iter().any(|verdict| verdict["disposition"] == "hold") {
            wrong.push_str(" WRONG: on hold");
        }
        verdicts.join(", then ") + &wrong
    }
}

fn finish(rows: &[(usize, usize, String)]) {
    let mut text = "kind             step      frame              no    verdicts\n".to_owned();
    for (.., row) in rows {
        text.push_str(row);
        text.push('\n');
    }
    println!("{text}");
    let path = station_binary().ancestors().nth(2).unwrap().join("esp-faults-table.txt");
    let _ = std::fs::remove_file(&path);
    std::io::Write::write_all(&mut std::fs::File::create_new(&path).unwrap(), text.as_bytes()).unwrap();
}
