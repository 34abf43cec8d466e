//! `station check`: a list of small checkers, each with an id, a verdict and what to do. Nothing is written.

mod authorities;
mod clock;
mod ledger;
mod ports;
mod products;
mod tpms;
mod vault;

use serde::Serialize;
use time::{Duration, OffsetDateTime};

use crate::config::{Config, StationFolder};
use crate::unit::Random;
use crate::vault::UnlockedVault;

/// A CA that expires, or is outlived, within this time is worth a warning: rolling over takes its time at the customer's too.
const SOON: Duration = Duration::days(90);

/// What a checker found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckVerdict {
    /// All is well.
    Ok,
    /// Could not be looked at, for the reason given.
    Skipped,
    /// It works, and needs attention soon.
    Warning,
    /// The line cannot run, or must not.
    Failed,
}

/// One finding of one checker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which checker, and of what: `port/1`.
    pub id: String,
    /// The verdict.
    pub verdict: CheckVerdict,
    /// What was seen.
    pub seen: String,
    /// What to do about it; empty where all is well.
    pub todo: String,
}

impl Finding {
    fn ok(id: impl Into<String>, seen: impl Into<String>) -> Self {
        Self { id: id.into(), verdict: CheckVerdict::Ok, seen: seen.into(), todo: String::new() }
    }

    fn skipped(id: impl Into<String>, seen: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { id: id.into(), verdict: CheckVerdict::Skipped, seen: seen.into(), todo: todo.into() }
    }

    fn warning(id: impl Into<String>, seen: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { id: id.into(), verdict: CheckVerdict::Warning, seen: seen.into(), todo: todo.into() }
    }

    fn failed(id: impl Into<String>, seen: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { id: id.into(), verdict: CheckVerdict::Failed, seen: seen.into(), todo: todo.into() }
    }
}

/// What the checkers look at.
#[derive(Debug)]
pub struct Scene<'a> {
    /// The station's folder.
    pub folder: &'a StationFolder,
    /// Its configuration.
    pub config: &'a Config,
    /// The vault, where it was unlocked.
    pub vault: Option<&'a UnlockedVault>,
    /// The time.
    pub now: OffsetDateTime,
    /// Where the keys of units come from that are only tried out.
    pub random: Random,
}

/// Runs every checker, in the order in which an engineer would mend things.
pub fn check(scene: &Scene<'_>) -> Vec<Finding> {
    [clock::check, vault::check, ledger::check, authorities::check, products::check, ports::check]
        .iter()
        .flat_map(|checker| checker(scene))
        .collect()
}
