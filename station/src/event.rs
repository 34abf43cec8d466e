//! What happens on the line, in the order in which it happens. Command line, screen and tests listen to these.
//!
//! Of one unit, on one fixture: `UnitFound`, `Identified`, `Decided`, then `Step`, `NotGranted` and `Progress` as often as needed,
//! then exactly one `Verdict`. `FixtureClosed` is the last event of its fixture.

use serde::Serialize;

use crate::ledger::entry::{Disposition, Evidence};

/// One event of one fixture.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The fixture waits for a unit.
    Waiting {
        /// The fixture.
        fixture: String,
    },
    /// A unit sits in the fixture.
    UnitFound {
        /// The fixture.
        fixture: String,
    },
    /// The unit has said who it is.
    Identified {
        /// The fixture.
        fixture: String,
        /// What it shows.
        hardware_id: String,
        /// The attempt's number.
        attempt: u64,
    },
    /// It is decided what to do with the unit.
    Decided {
        /// The fixture.
        fixture: String,
        /// `new`, `same-again`, `resume`, `reissue`.
        decision: String,
        /// The identity.
        registration_id: String,
    },
    /// A unit's certificate request asks for more than a certificate of this product contains.
    NotGranted {
        /// The fixture.
        fixture: String,
        /// The identity.
        registration_id: String,
        /// What it asks for, and does not get.
        asked: Vec<String>,
    },
    /// A step begins.
    Step {
        /// The fixture.
        fixture: String,
        /// Number of the step, from 1.
        number: usize,
        /// How many there will be.
        of: usize,
        /// What it does.
        step: String,
    },
    /// A step has come this far.
    Progress {
        /// The fixture.
        fixture: String,
        /// Bytes done.
        done: usize,
        /// Bytes in all.
        total: usize,
    },
    /// Something beside the unit's verdict went wrong.
    Warning {
        /// The fixture.
        fixture: String,
        /// What.
        text: String,
    },
    /// The unit is done, one way or the other.
    Verdict(Verdict),
    /// The fixture takes no further units.
    FixtureClosed {
        /// The fixture.
        fixture: String,
        /// Why.
        reason: String,
    },
}

/// What became of one unit in one attempt.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// The fixture.
    pub fixture: String,
    /// The attempt's number, where one was opened.
    pub attempt: Option<u64>,
    /// What the unit showed, as far as it got.
    pub hardware_id: Option<String>,
    /// The identity, as far as it got.
    pub registration_id: Option<String>,
    /// Pass or fail.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Seconds from the unit's appearance to the verdict.
    pub seconds: f64,
}

/// Pass or fail.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Outcome {
    /// All required evidence was obtained, and the ledger says so.
    Accepted {
        /// What was obtained.
        evidence: Vec<Evidence>,
    },
    /// The unit failed.
    Failed {
        /// What happens next.
        disposition: Disposition,
        /// Why.
        reason: String,
    },
    /// The unit was not needed.
    NotNeeded {
        /// Why.
        reason: String,
    },
}
