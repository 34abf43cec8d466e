//! The points at which a run is killed, out of the trace of a clean one, and the table of what was hit.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use acceptance::station_binary;
use acceptance::strace::{Aim, Call, Traced, aim};
use serde_json::Value;

/// Killed at the same time: most of a killed order's time is waiting for a unit with an open session.
const AT_ONCE: usize = 6;
/// Certificates and signatures differ in length from run to run, and shift what follows: then it is tried anew.
const TRIES: usize = 6;
const WAL: &str = "ledger.db-wal";

/// One point.
#[derive(Debug)]
pub(crate) struct Point {
    /// Index of the verb that is killed there.
    pub(crate) verb: usize,
    /// What is about to happen there.
    pub(crate) what: String,
    /// How to strike it.
    pub(crate) aim: Aim,
    /// The call, as the killed run must show it.
    label: Option<String>,
    /// Syncs of the same file before it.
    syncs: usize,
}

/// Where a kill struck.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Struck {
    /// Where it was to.
    Here,
    /// Somewhere else, or not at all.
    Elsewhere,
}

/// The points of an order's run. `entries` are the facts that the clean run recorded.
pub(crate) fn of_order(calls: &[Call], entries: &[Value]) -> Vec<Point> {
    let mut entries = entries.iter();
    let mut points = Vec::new();
    let (mut pages, mut last_page) = (0, 0);
    let mut heard = true;
    for (index, call) in calls.iter().enumerate() {
        if call.path.ends_with(WAL) && call.name == "pwrite64" {
            (pages, last_page) = (pages + 1, index);
        } else if call.path.ends_with(WAL) && call.is_sync() {
            // One write is the log's own header; none is its end.
            if pages > 1 {
                let fact = fact_name(entries.next().unwrap());
                points.extend(point(calls, last_page, format!("{fact}: commit torn")));
                points.extend(point(calls, index, format!("{fact}: commit not synced")));
            } else {
                points.extend(point(calls, index, call.label()));
            }
            pages = 0;
        } else if call.is_said() {
            if heard {
                points.extend(point(calls, index, call.label()));
                points.extend(middle(calls, index));
            }
            heard = false;
        } else if call.name == "read" {
            heard |= call.path.starts_with("/dev/pts/");
        } else if is_step_of_a_file(calls, index) {
            points.extend(point(calls, index, call.label()));
        }
    }
    assert!(entries.next().is_none(), "a commit for each entry");
    points
}

/// The points of a verb that sets up.
pub(crate) fn of_set_up(verb: usize, name: &str, calls: &[Call]) -> Vec<Point> {
    let points = (0..calls.len()).filter(|index| calls[*index].is_sync() || is_step_of_a_file(calls, *index));
    points
        .filter_map(|index| point(calls, index, format!("{name}: {}", calls[index].label())))
        .map(|point| Point { verb, ..point })
        .collect()
}

/// Syncs, names given and taken, and the first page of each return of the log's pages to the database.
fn is_step_of_a_file(calls: &[Call], index: usize) -> bool {
    let call = &calls[index];
    let page_before = index > 0 && calls[index - 1].name == "pwrite64" && calls[index - 1].path == call.path;
    match call.name.as_str() {
        "pwrite64" => call.path.ends_with("ledger.db") && !page_before,
        "read" | "write" => false,
        _ => true,
    }
}

/// The middle of a device step that carries content.
fn middle(calls: &[Call], index: usize) -> Option<Point> {
    if !calls[index].text.contains("cat >>") {
        return None;
    }
    let said: Vec<usize> = (index..calls.len())
        .take_while(|at| {
            *at == index || calls[*at].name != "read" || !calls[*at].path.starts_with("/dev/pts/")
        })
        .filter(|at| calls[*at].is_said())
        .collect();
    let at = said[said.len() / 2];
    let point = point(calls, at, format!("{}, in its middle", calls[index].label()))?;
    Some(Point { label: None, ..point })
}

fn point(calls: &[Call], index: usize, what: String) -> Option<Point> {
    let call = &calls[index];
    let Some(aim) = aim(calls, index) else {
        // Until it has its name it is as if it were not there; the giving of the name is a point of its own.
        assert!(call.is_unnamed(), "{what} cannot be struck");
        return None;
    };
    let syncs = calls[..index].iter().filter(|other| other.is_sync() && other.path == call.path).count();
    Some(Point { verb: 0, what, aim, label: Some(call.label()), syncs })
}

fn fact_name(fact: &Value) -> String {
    let part = |name: &str| fact[name].as_str().map(|text| format!(" {text}")).unwrap_or_default();
    format!("{}{}{}", fact["kind"].as_str().unwrap(), part("act"), part("item"))
}

/// Whether the killed run was struck at the point: among the calls that did not return is the one that was aimed at.
pub(crate) fn struck(point: &Point, killed: &Traced) -> Struck {
    let file = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let is_it = |at: usize| {
        let call = &killed.calls[at];
        if call.returned || call.name != point.aim.name() {
            return false;
        }
        let same_file = |other: &&Call| other.is_sync() && file(&other.path) == file(&call.path);
        let syncs = killed.calls[..at].iter().filter(same_file).count();
        match &point.label {
            Some(label) => *label == call.label() && (call.is_said() || syncs == point.syncs),
            None => call.is_said(),
        }
    };
    let here = killed.killed && (0..killed.calls.len()).any(is_it);
    if here { Struck::Here } else { Struck::Elsewhere }
}

/// Each point with what came of it.
#[derive(Debug)]
pub(crate) struct Table(Vec<Row>);

#[derive(Debug)]
struct Row {
    what: String,
    hits: usize,
    tries: usize,
    trouble: Option<String>,
}

impl Table {
    /// Kills at every point, several at once. `kill` says whether the point was hit, and panics where the next run did
    /// not end the work.
    pub(crate) fn of(points: &[Point], kill: impl Fn(&Point) -> bool + Sync) -> Self {
        let rows: Vec<Mutex<Option<Row>>> = points.iter().map(|_| Mutex::new(None)).collect();
        let next = Mutex::new(0..points.len());
        std::thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| {
                    loop {
                        let Some(index) = next.lock().unwrap().next() else { return };
                        *rows[index].lock().unwrap() = Some(row(&points[index], &kill));
                    }
                });
            }
        });
        Self(rows.into_iter().map(|row| row.into_inner().unwrap().unwrap()).collect())
    }

    /// Prints the table, keeps it beside the program, and fails where a point has no hit or the next run did not end
    /// the work.
    pub(crate) fn finish(self, file: &str) {
        let mut text = format!("{:>4} {:>4} {:>5}  point\n", "no", "hits", "tries");
        for (index, Row { what, hits, tries, trouble }) in self.0.iter().enumerate() {
            text.push_str(&format!("{:>4} {hits:>4} {tries:>5}  {what}\n", index + 1));
            if let Some(trouble) = trouble {
                text.push_str(&format!("      FAILED: {trouble}\n"));
            }
        }
        println!("{text}");
        let path = station_binary().ancestors().nth(2).unwrap().join(file);
        let _ = std::fs::remove_file(&path);
        std::io::Write::write_all(&mut std::fs::File::create_new(&path).unwrap(), text.as_bytes()).unwrap();
        let bad = self.0.iter().filter(|row| row.hits == 0 || row.trouble.is_some()).count();
        assert!(!self.0.is_empty(), "the clean run has no points");
        assert_eq!(
            bad, 0,
            "points without a hit, or whose work was not ended by the next run: see the table"
        );
    }
}

fn row(point: &Point, kill: impl Fn(&Point) -> bool) -> Row {
    let mut row = Row { what: point.what.clone(), hits: 0, tries: 0, trouble: None };
    while row.hits == 0 && row.tries < TRIES {
        row.tries += 1;
        match catch_unwind(AssertUnwindSafe(|| kill(point))) {
            Ok(true) => row.hits += 1,
            Ok(false) => {}
            Err(panic) => {
                let text = panic.downcast_ref::<String>().cloned();
                let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
                row.trouble = Some(text.unwrap_or_default());
                break;
            }
        }
    }
    row
}
