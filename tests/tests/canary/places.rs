//! Every place where a secret could lie, and how what lies there is taken.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use acceptance::{Outcome, Station, sha256};

pub(crate) const OUTPUT: &str = "standard output";
pub(crate) const TALK: &str = "standard error";
pub(crate) const JSON: &str = "output of --json";
pub(crate) const ERRORS: &str = "errors";
pub(crate) const PANICS: &str = "panics";
pub(crate) const PROCESS: &str = "/proc/PID";
pub(crate) const TEMPORARY: &str = "temporary files";
const OTHER: &str = "other files of the station";

/// Each must have been searched, and each must give a planted secret away.
pub(crate) const PLACES: [&str; 15] = [
    OUTPUT,
    TALK,
    JSON,
    ERRORS,
    PANICS,
    PROCESS,
    TEMPORARY,
    "ledger.db",
    "ledger.db-wal",
    "ledger.db-shm",
    "transcripts",
    "manifests",
    "station.toml",
    "vault",
    "ca",
];

/// What a process shows of itself without anyone looking into its memory.
const SHOWN: [&str; 11] = [
    "cmdline",
    "environ",
    "comm",
    "status",
    "stat",
    "maps",
    "limits",
    "mountinfo",
    "io",
    "wchan",
    "oom_score",
];
const LOOK: Duration = Duration::from_millis(10);

/// What was taken, by place: each content once.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    contents: BTreeMap<&'static str, Vec<(String, Vec<u8>)>>,
    known: BTreeSet<String>,
    /// How often the folder of temporary files was looked at.
    pub(crate) looks: usize,
}

impl Taken {
    pub(crate) fn add(&mut self, place: &'static str, what: &str, bytes: &[u8]) {
        if self.known.insert(format!("{place} {}", sha256(bytes))) {
            self.contents.entry(place).or_default().push((what.to_owned(), bytes.to_vec()));
        }
    }

    pub(crate) fn of(&self, place: &str) -> &[(String, Vec<u8>)] {
        self.contents.get(place).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static str, &String, &Vec<u8>)> {
        self.contents.iter().flat_map(|(place, all)| all.iter().map(|(what, bytes)| (*place, what, bytes)))
    }

    /// What a call said, on standard output and standard error.
    pub(crate) fn outcome(&mut self, what: &str, json: bool, outcome: &Outcome) {
        self.said(what, json, outcome.code, outcome.stdout.as_bytes(), outcome.stderr.as_bytes());
    }

    /// The same of a call that has not ended yet: its very bytes, which an outcome holds as text.
    pub(crate) fn until_ended(&mut self, what: &str, json: bool, child: Child) -> Outcome {
        let output = child.wait_with_output().unwrap();
        let code = output.status.code().unwrap_or(-1);
        self.said(what, json, code, &output.stdout, &output.stderr);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Outcome { code, stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    fn said(&mut self, what: &str, json: bool, code: i32, output: &[u8], talk: &[u8]) {
        self.add(if json { JSON } else { OUTPUT }, what, output);
        self.add(TALK, what, talk);
        if code != 0 {
            self.add(ERRORS, what, talk);
            self.add(ERRORS, what, output);
        }
        if String::from_utf8_lossy(talk).contains("panicked at") {
            self.add(PANICS, what, talk);
        }
    }

    /// A station's folder as it is now. Files come and go meanwhile.
    pub(crate) fn folder(&mut self, folder: &Path) {
        for path in files(folder) {
            let Ok(bytes) = std::fs::read(&path) else { continue };
            let name = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
            self.add(place_of(&name), &name, &bytes);
        }
    }

    /// The private folder of temporary files: names count too.
    pub(crate) fn temporary(&mut self, folder: &Path) {
        self.looks += 1;
        for path in files(folder) {
            let name = path.to_string_lossy().into_owned();
            self.add(TEMPORARY, &name, name.as_bytes());
            self.add(TEMPORARY, &name, &std::fs::read(&path).unwrap_or_default());
        }
    }

    /// What a running process shows, its threads' names and its open files included.
    pub(crate) fn process(&mut self, pid: u32) {
        let process = PathBuf::from(format!("/proc/{pid}"));
        for name in SHOWN {
            let bytes = std::fs::read(process.join(name)).unwrap_or_default();
            if !bytes.is_empty() {
                self.add(PROCESS, name, &bytes);
            }
        }
        for thread in entries(&process.join("task")) {
            self.add(PROCESS, "a thread's comm", &std::fs::read(thread.join("comm")).unwrap_or_default());
        }
        for descriptor in entries(&process.join("fd")) {
            let target = std::fs::read_link(descriptor).unwrap_or_default();
            self.add(PROCESS, "fd", target.to_string_lossy().as_bytes());
        }
    }
}

fn place_of(name: &str) -> &'static str {
    if name.contains(".station-") {
        return TEMPORARY;
    }
    let first = name.split('/').next().unwrap_or_default();
    PLACES.into_iter().find(|place| *place == first).unwrap_or(OTHER)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let (folders, mut found): (Vec<PathBuf>, Vec<PathBuf>) =
        entries(folder).into_iter().partition(|path| path.is_dir() && !path.is_symlink());
    found.extend(folders.iter().flat_map(|folder| files(folder)));
    found
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
}

/// A call at its loudest.
pub(crate) fn loud(call: Station, temporary: &Path) -> Station {
    call.env("RUST_LOG", "trace").env("RUST_BACKTRACE", "full").env("TMPDIR", temporary)
}

/// Runs a call at its loudest, and watches its process while it runs, the folder and the temporary files.
pub(crate) fn watched(
    taken: &mut Taken,
    what: &str,
    call: Station,
    (folder, temporary): (&Path, &Path),
) -> Outcome {
    let child: Child = loud(call, temporary).start();
    let mut said = Taken::default();
    let outcome = watching(taken, Some(child.id()), folder, temporary, || {
        said.until_ended(what, what.contains("--json"), child)
    });
    for (place, what, bytes) in said.all() {
        taken.add(place, what, bytes);
    }
    outcome
}

/// Watches for as long as `run` takes.
pub(crate) fn watching<T>(
    taken: &mut Taken,
    process: Option<u32>,
    folder: &Path,
    temporary: &Path,
    run: impl FnOnce() -> T,
) -> T {
    let ended = AtomicBool::new(false);
    let result = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                if let Some(pid) = process {
                    taken.process(pid);
                }
                taken.folder(folder);
                taken.temporary(temporary);
                std::thread::sleep(LOOK);
            }
        });
        let result = run();
        ended.store(true, Ordering::Relaxed);
        result
    });
    taken.folder(folder);
    taken.temporary(temporary);
    result
}

/// Plants bytes in a place, in the way in which a leak would get there, and takes the place again.
pub(crate) fn plant(place: &'static str, bytes: &[u8], folder: &Path, temporary: &Path) -> Taken {
    let mut taken = Taken::default();
    match place {
        OUTPUT | TALK | JSON | ERRORS | PANICS => {
            let stream = if matches!(place, OUTPUT | JSON) { "1" } else { "2" };
            let said = if place == PANICS { "thread 'main' panicked at " } else { "" };
            let script =
                format!("printf '%s%s' \"{said}\" \"$0\" >&{stream}; exit {}", u8::from(place == ERRORS));
            let mut shell = Command::new("sh");
            shell.arg("-c").arg(script).arg(os(bytes)).stdout(Stdio::piped()).stderr(Stdio::piped());
            taken.until_ended("planted", place == JSON, shell.spawn().unwrap());
        }
        PROCESS => {
            let mut child = Command::new("sleep").arg("60").env("PLANTED", os(bytes)).spawn().unwrap();
            // While a program is being started its environment reads empty.
            while !taken.of(PROCESS).iter().any(|(what, _)| what == "environ") {
                taken.process(child.id());
            }
            child.kill().unwrap();
            child.wait().unwrap();
        }
        TEMPORARY => {
            new_file(&temporary.join("planted"), bytes);
            taken.temporary(temporary);
            std::fs::remove_file(temporary.join("planted")).unwrap();
        }
        _ => {
            let path = folder.join(place);
            let path = if path.is_dir() { path.join("planted") } else { path };
            let before = std::fs::read(&path).unwrap_or_default();
            let _ = std::fs::remove_file(&path);
            new_file(&path, &[&before, bytes].concat());
            taken.folder(folder);
            std::fs::remove_file(&path).unwrap();
            new_file(&path, &before);
        }
    }
    taken
}

fn os(bytes: &[u8]) -> std::ffi::OsString {
    std::os::unix::ffi::OsStringExt::from_vec(bytes.to_vec())
}

pub(crate) fn new_file(path: &Path, bytes: &[u8]) {
    std::io::Write::write_all(&mut std::fs::File::create_new(path).unwrap(), bytes).unwrap();
}
