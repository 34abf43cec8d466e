//! Shows that a refused command said why and left everything as it was.

use std::collections::BTreeSet;
use std::ffi::OsString;

use crate::{Bench, Outcome, Station, Tree};

/// All that a refused command must leave as it is.
#[derive(Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// What lies beside the station's folder: nothing half made is left there.
    beside: BTreeSet<OsString>,
    folder: Tree,
    head: String,
}

impl Bench {
    /// The station's folder and its ledger's head, as they are now.
    pub fn snapshot(&self) -> Snapshot {
        let beside = std::fs::read_dir(self.root()).unwrap().map(|entry| entry.unwrap().file_name());
        Snapshot { beside: beside.collect(), folder: Tree::of(&self.folder()), head: self.head() }
    }

    /// Runs a call that must be refused with this exit code and say all these parts, and must change nothing.
    #[track_caller]
    pub fn refuses(&self, call: Station, code: i32, parts: &[&str]) -> Outcome {
        let before = self.snapshot();
        let outcome = call.run().expect(code);
        for part in parts {
            outcome.clone().says(part);
        }
        assert_eq!(outcome.stdout, "", "a refused command gives no data");
        assert_eq!(said_twice(&outcome.stderr), None, "a cause is printed twice: {}", outcome.stderr);
        assert_eq!(self.snapshot(), before, "the refused command left something");
        outcome
    }
}

/// A part of a message, between colons, that stands in one line twice.
fn said_twice(message: &str) -> Option<&str> {
    message.lines().find_map(|line| {
        let mut parts = BTreeSet::new();
        line.split(": ").filter(|part| part.len() > 8).find(|part| !parts.insert(*part))
    })
}
