//! A `run --json` under way: its events as they come, and signals to it.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command};

use serde_json::Value;

use crate::{Outcome, Station};

/// A run that was started and has not ended.
pub struct Running {
    child: Child,
    output: BufReader<ChildStdout>,
    seen: String,
}

impl Running {
    /// Starts it.
    pub fn start(call: Station) -> Self {
        Self::listen(call.start())
    }

    /// Starts it with its standard input open: see [`Running::type_line`].
    pub fn start_typing(call: Station) -> Self {
        Self::listen(call.start_typing())
    }

    fn listen(mut child: Child) -> Self {
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output, seen: String::new() }
    }

    /// Listens until an event is the one that is waited for. Fails the test where the run ends before that.
    #[track_caller]
    pub fn wait_for(&mut self, what: &str, mut is_it: impl FnMut(&Value) -> bool) -> Value {
        loop {
            let mut line = String::new();
            let read = self.output.read_line(&mut line).unwrap();
            assert!(read > 0, "the run ended before {what}:\n{}", self.seen);
            self.seen.push_str(&line);
            let event: Value = serde_json::from_str(&line).unwrap();
            if is_it(&event) {
                return event;
            }
        }
    }

    /// Types a line. Fails the test where nobody reads any more.
    pub fn type_line(&mut self, line: &str) {
        self.child.stdin.as_mut().unwrap().write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// Sends it a signal: `INT`, `TERM` …
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success(), "the run ended before the signal");
    }

    /// All that it may read of its memory now, a range each (Linux). Whoever may trace it may look.
    pub fn memory(&self) -> Vec<Vec<u8>> {
        let process = PathBuf::from(format!("/proc/{}", self.child.id()));
        let maps = std::fs::read_to_string(process.join("maps")).unwrap();
        let memory = File::open(process.join("mem")).unwrap();
        let range = |line: &str| {
            let (range, rest) = line.split_once(' ')?;
            let (from, to) = range.split_once('-').filter(|_| rest.starts_with('r'))?;
            let [from, to] = [from, to].map(|address| u64::from_str_radix(address, 16).unwrap());
            let mut bytes = vec![0; usize::try_from(to - from).unwrap()];
            // The kernel's own ranges cannot be read.
            memory.read_exact_at(&mut bytes, from).ok().map(|()| bytes)
        };
        maps.lines().filter_map(range).collect()
    }

    /// Waits for its end. Gives all that it said.
    pub fn end(mut self) -> Outcome {
        self.output.read_to_string(&mut self.seen).unwrap();
        let mut outcome = Outcome::of(self.child);
        outcome.stdout = self.seen;
        outcome
    }
}
