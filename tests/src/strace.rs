//! The program under strace: what it asked of the system, and a kill from outside at a chosen call.

use std::collections::BTreeMap;
use std::path::Path;

use crate::Station;

/// What is watched: all that changes a disk or speaks to a device, and what is heard from one.
const CALLS: &str =
    "fsync,fdatasync,pwrite64,read,write,rename,renameat,renameat2,link,linkat,unlink,unlinkat";

/// What a frame to an ESP32 board's loader begins with, as strace escapes it: 0xc0, and 0 for "from the host".
pub const FRAME: &str = r"\300\0";

/// One system call of a traced run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Its thread, from 1 in the order of their first calls.
    pub thread: usize,
    /// The call's name.
    pub name: String,
    /// The file that it is on; where it names two, the second.
    pub path: String,
    /// What is written, as strace escapes it.
    pub text: String,
    /// Whether it came to its end: not where the program was killed as it entered it.
    pub returned: bool,
    /// How often its thread has made this call, this one counted.
    nth: usize,
    /// How often its thread has made this call on this file.
    nth_on_path: usize,
}

/// Where a run is to be killed: SIGKILL comes as the call is entered, and the call is not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aim {
    name: String,
    nth: usize,
    path: Option<String>,
}

/// A run of the program under strace.
#[derive(Debug)]
pub struct Traced {
    /// The calls, in order.
    pub calls: Vec<Call>,
    /// Whether SIGKILL ended it.
    pub killed: bool,
    /// What the program said.
    pub outcome: crate::Outcome,
}

impl Call {
    /// Whether this goes to a device.
    pub fn is_said(&self) -> bool {
        self.name == "write" && self.path.starts_with("/dev/pts/")
    }

    /// Whether this makes something durable.
    pub fn is_sync(&self) -> bool {
        matches!(self.name.as_str(), "fsync" | "fdatasync")
    }

    /// Whether the file, or a folder above it, is still to get its final name: its name is random, and until it has
    /// the final one nobody looks at it.
    pub fn is_unnamed(&self) -> bool {
        self.path.contains("/.station-")
    }

    /// What is done to which file, with what differs from run to run left out.
    pub fn label(&self) -> String {
        if self.is_said() && self.text.starts_with(FRAME) {
            // Of a frame its command: what follows depends on what it carries.
            return format!("send frame {}", self.text.chars().skip(FRAME.len()).take(3).collect::<String>());
        }
        if self.is_said() {
            return format!("say `{}`", self.text.chars().take(32).collect::<String>());
        }
        let name = Path::new(&self.path).file_name().unwrap_or_default().to_string_lossy();
        // Temporary names and certificate serials.
        let by_chance = name.starts_with(".station-") || name.starts_with(".tmp");
        let shown = if by_chance { ".…".to_owned() } else { without_serials(&name) };
        format!("{} {shown}", self.name)
    }
}

fn without_serials(name: &str) -> String {
    let is_serial = |part: &str| part.len() >= 16 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let parts = name.split_inclusive(['-', '.']).map(|part| {
        let bare = part.trim_end_matches(['-', '.']);
        if is_serial(bare) { part.replace(bare, "…") } else { part.to_owned() }
    });
    parts.collect()
}

/// How to strike exactly this call of a clean run: nothing where an earlier call of another thread would be struck.
///
/// strace counts calls by thread, and by file where it is told one.
pub fn aim(calls: &[Call], index: usize) -> Option<Aim> {
    let call = &calls[index];
    let first_is = |matches: &dyn Fn(&Call) -> bool| {
        calls.iter().position(|other| other.name == call.name && matches(other)) == Some(index)
    };
    if first_is(&|other| other.nth == call.nth) {
        return Some(Aim { name: call.name.clone(), nth: call.nth, path: None });
    }
    let on_path = first_is(&|other| other.path == call.path && other.nth_on_path == call.nth_on_path);
    (on_path && !call.is_unnamed()).then(|| Aim {
        name: call.name.clone(),
        nth: call.nth_on_path,
        path: Some(call.path.clone()),
    })
}

impl Aim {
    /// Name of the call that is struck.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same aim where a file has another name now.
    pub fn moved(mut self, from: &str, to: &str) -> Self {
        self.path = self.path.map(|path| path.replace(from, to));
        self
    }
}

/// Runs the program with every call traced.
pub fn traced(station: Station) -> Traced {
    run(station, &[format!("-etrace={CALLS}")])
}

/// Runs the program, and kills it at the aim.
pub fn killed(station: Station, aim: &Aim) -> Traced {
    let Aim { name, nth, path } = aim;
    let only = match path {
        Some(path) => vec![format!("-P{path}")],
        None => Vec::new(),
    };
    // The syncs are seen too, to know where in the run it was; of who is struck while it listens, what was said.
    let said = if name == "read" { ",write" } else { "" };
    let seen = format!("-etrace={name},fsync,fdatasync{said}");
    let inject = format!("-einject={name}:signal=KILL:when={nth}");
    run(station, &[only, vec![seen, inject]].concat())
}

fn run(station: Station, options: &[String]) -> Traced {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("trace");
    let fixed = ["-f", "-y", "-s256", "-o", log.to_str().unwrap()].map(str::to_owned);
    let outcome = station.under("strace", &[&fixed, options].concat()).run();
    let text = std::fs::read_to_string(&log)
        .unwrap_or_else(|error| panic!("strace made no trace ({error}): {}", outcome.stderr));
    Traced { calls: calls(&text), killed: text.contains("+++ killed by SIGKILL +++"), outcome }
}

fn calls(trace: &str) -> Vec<Call> {
    let (mut threads, mut counts) = (Vec::new(), BTreeMap::new());
    let mut calls = Vec::new();
    for line in trace.lines() {
        // `23169 fsync(6</tmp/x/ledger.db-wal>) = 0`
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        let returned = !line.ends_with("= ?") && !line.ends_with("<unfinished ...>");
        if rest.starts_with("<... ") {
            // The second half of a call in whose line another thread was heard.
            let thread = threads.iter().position(|known| *known == thread).map(|at| at + 1);
            if let Some(call) = calls.iter_mut().rfind(|call: &&mut Call| Some(call.thread) == thread) {
                call.returned = returned;
            }
            continue;
        }
        let Some((name, arguments)) = rest.split_once('(') else { continue };
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            continue;
        }
        if !threads.contains(&thread) {
            threads.push(thread);
        }
        let thread = threads.iter().position(|known| *known == thread).unwrap() + 1;
        let quoted: Vec<&str> = arguments.split('"').skip(1).step_by(2).collect();
        let named = !matches!(name, "fsync" | "fdatasync" | "read" | "write" | "pwrite64");
        let path = match arguments.split_once('<').and_then(|(_, rest)| rest.split_once('>')) {
            _ if named => quoted.last().copied().unwrap_or_default(),
            Some((path, _)) => path,
            None => "",
        };
        let text = arguments.split_once('"').and_then(|(_, rest)| rest.rsplit_once('"'));
        let nth = count(&mut counts, (thread, name.to_owned(), String::new()));
        let nth_on_path = count(&mut counts, (thread, name.to_owned(), path.to_owned()));
        calls.push(Call {
            thread,
            name: name.to_owned(),
            path: path.to_owned(),
            text: text.map_or(String::new(), |(text, _)| text.to_owned()),
            returned,
            nth,
            nth_on_path,
        });
    }
    calls
}

fn count(counts: &mut BTreeMap<(usize, String, String), usize>, of: (usize, String, String)) -> usize {
    let count = counts.entry(of).or_default();
    *count += 1;
    *count
}
