//! The points at which a run is killed, out of the trace of a clean one.

use acceptance::strace::{Aim, Call, FRAME, Traced, aim};
use serde_json::Value;

const WAL: &str = "ledger.db-wal";
/// Of the frames to a loader, as strace shows their commands: MEM_DATA (the stub), CHANGE_BAUDRATE, FLASH_DATA (of the slot:
/// 16 bytes and whole sectors), FLASH_DEFL_BEGIN, FLASH_DEFL_DATA, FLASH_END.
const CHANGING: [&str; 6] = [r"\7", r"\17", r"\3\20", r"\20", r"\21", r"\4\4"];
/// FLASH_DEFL_DATA and FLASH_DATA.
const DATA: [&str; 2] = [r"\21", r"\3\20"];

/// One point.
#[derive(Debug)]
pub(crate) struct Point {
    /// Index of the verb that is killed there.
    pub(crate) verb: usize,
    /// What is about to happen there.
    pub(crate) what: String,
    /// How to strike it.
    pub(crate) aim: Aim,
    /// How the killed run shows that it was struck there.
    sign: Sign,
}

#[derive(Debug)]
enum Sign {
    /// The call has this label, and so many syncs of its file came before.
    Call { label: String, syncs: usize },
    /// Something is said.
    Said,
    /// It listens, and what was said last ends with this and has no answer yet.
    Listening { said: String },
}

/// Where an order's run is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strikes {
    /// At every durable commit.
    Commits,
    /// Only around the making of the first unit's key: at the commits of these facts, at the vault's files, and while
    /// the unit makes a key itself.
    AroundTheKey(&'static [&'static str]),
    /// At the first unit's device steps too, the next unit's being the same.
    CommitsAndSteps,
    /// At the first unit's commits, and at the frames to its loader that change something.
    CommitsAndFrames,
}

/// Where a kill struck.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Struck {
    /// Where it was to.
    Here,
    /// Somewhere else, or not at all.
    Elsewhere,
}

impl Strikes {
    /// Whether commits and files of the units after the first are struck too.
    fn at_other_units(self) -> bool {
        !matches!(self, Strikes::AroundTheKey(_) | Strikes::CommitsAndFrames)
    }

    /// Whether a commit of this fact is struck.
    fn at_commit_of(self, fact: &str) -> bool {
        match self {
            Strikes::AroundTheKey(facts) => facts.contains(&fact),
            Strikes::Commits | Strikes::CommitsAndSteps | Strikes::CommitsAndFrames => true,
        }
    }

    /// Whether this other call is struck.
    fn at(self, call: &Call) -> bool {
        match self {
            Strikes::AroundTheKey(_) if call.is_said() => {
                ["rm -f '/var/secrets/device-id.key.pem.new", "printf 'request:"]
                    .iter()
                    .any(|part| call.text.contains(part))
            }
            Strikes::AroundTheKey(_) => call.path.contains("/vault"),
            Strikes::Commits => !call.is_said(),
            Strikes::CommitsAndFrames if call.is_said() => {
                let changes = |frame: &str| CHANGING.iter().any(|command| frame.starts_with(command));
                call.text.strip_prefix(FRAME).is_some_and(changes)
            }
            Strikes::CommitsAndSteps | Strikes::CommitsAndFrames => true,
        }
    }
}

/// The points of an order's run. `entries` are the facts that the clean run recorded.
pub(crate) fn of_order(calls: &[Call], entries: &[Value], strikes: Strikes) -> Vec<Point> {
    let mut entries = entries.iter();
    let mut points = Vec::new();
    let (mut pages, mut last_page) = (0, 0);
    let mut heard = true;
    let mut first_unit = true;
    for (index, call) in calls.iter().enumerate() {
        if call.path.ends_with(WAL) && call.name == "pwrite64" {
            (pages, last_page) = (pages + 1, index);
        } else if call.path.ends_with(WAL) && call.is_sync() {
            // One write is the log's own header; none is its end.
            if pages > 1 {
                let fact = fact_name(entries.next().unwrap());
                if strikes.at_commit_of(&fact) && (first_unit || strikes.at_other_units()) {
                    points.extend(point(calls, last_page, format!("{fact}: commit torn")));
                    points.extend(point(calls, index, format!("{fact}: commit not synced")));
                }
            } else if strikes.at(call) {
                points.extend(point(calls, index, call.label()));
            }
            pages = 0;
        } else if call.is_said() {
            if heard && first_unit && strikes.at(call) {
                points.extend(of_step(calls, index));
            }
            heard = false;
        } else if call.name == "read" {
            heard |= call.path.starts_with("/dev/pts/");
        } else if is_step_of_a_file(calls, index) {
            if strikes.at(call) && (first_unit || strikes.at_other_units()) {
                points.extend(point(calls, index, call.label()));
            }
            // A unit's transcript is kept when it is done with.
            first_unit &= !call.path.contains("/transcripts/");
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

/// A device step: at its first byte; where it carries content, in its middle; and where the device shows all that it
/// hears, while its echo comes in.
fn of_step(calls: &[Call], index: usize) -> Vec<Point> {
    let call = &calls[index];
    let mut points: Vec<Point> = point(calls, index, call.label()).into_iter().collect();
    let on_board = call.text.starts_with("set_");
    let carries = |frame: &str| DATA.iter().any(|command| frame.starts_with(command));
    let is_data = call.text.strip_prefix(FRAME).is_some_and(carries);
    if !on_board && !is_data && !call.text.contains("cat >>") {
        return points;
    }
    let heard = |at: &usize| calls[*at].name == "read" && calls[*at].path == call.path;
    let answered = (index..calls.len()).find(heard).unwrap();
    let said: Vec<usize> = (index..answered).filter(|at| calls[*at].is_said()).collect();
    // A whole line can be one write: then it has no middle.
    let middle = said[said.len() / 2];
    if middle != index {
        let point = point(calls, middle, format!("{}, in its middle", call.label()));
        points.extend(point.map(|point| Point { sign: Sign::Said, ..point }));
    }
    if on_board {
        let said = calls[said[said.len() - 1]].text.clone();
        let point = point(calls, answered, format!("{}, in its echo", call.label()));
        points.extend(point.map(|point| Point { sign: Sign::Listening { said }, ..point }));
    }
    points
}

fn point(calls: &[Call], index: usize, what: String) -> Option<Point> {
    let call = &calls[index];
    let Some(aim) = aim(calls, index) else {
        // Until it has its name it is as if it were not there; the giving of the name is a point of its own.
        assert!(call.is_unnamed(), "{what} cannot be struck");
        return None;
    };
    let syncs = calls[..index].iter().filter(|other| other.is_sync() && other.path == call.path).count();
    Some(Point { verb: 0, what, aim, sign: Sign::Call { label: call.label(), syncs } })
}

fn fact_name(fact: &Value) -> String {
    let part = |name: &str| fact[name].as_str().map(|text| format!(" {text}")).unwrap_or_default();
    format!("{}{}{}", fact["kind"].as_str().unwrap(), part("act"), part("item"))
}

/// Whether the killed run was struck at the point: among the calls that did not return is the one that was aimed at.
pub(crate) fn struck(point: &Point, killed: &Traced) -> Struck {
    let calls = &killed.calls;
    let is_it = |at: usize| {
        let call = &calls[at];
        if call.returned || call.name != point.aim.name() {
            return false;
        }
        match &point.sign {
            Sign::Call { label, syncs } => {
                *label == call.label() && (call.is_said() || *syncs == syncs_before(calls, at))
            }
            Sign::Said => call.is_said(),
            Sign::Listening { said } => is_unanswered(calls, at, said),
        }
    };
    let here = killed.killed && (0..calls.len()).any(is_it);
    if here { Struck::Here } else { Struck::Elsewhere }
}

fn syncs_before(calls: &[Call], at: usize) -> usize {
    let file = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    calls[..at].iter().filter(|other| other.is_sync() && file(&other.path) == file(&calls[at].path)).count()
}

fn is_unanswered(calls: &[Call], at: usize, said: &str) -> bool {
    let on_port = || calls[..at].iter().rev().filter(|other| other.path == calls[at].path);
    let heard = on_port().take_while(|call| call.name == "read");
    let answered = heard.into_iter().any(|call| call.text.contains("INFO"));
    !answered && on_port().find(|call| call.is_said()).is_some_and(|call| call.text == *said)
}
