//! One run of an order: a thread a fixture, until the order is done or no fixture can go on.

use std::path::Path;
use std::sync::mpsc::{self, Sender};
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use serde::Serialize;
use thiserror::Error;

use super::fixture::{Closing, FixtureRun};
use super::pace::{Pace, Until};
use super::{Line, Station, StationFault};
use crate::config::Fixture;
use crate::event::Event;
use crate::ledger::entry::Fact;
use crate::ledger::{Counts, Ledger, LedgerError, LedgerReader};
use crate::link::StopSignal;
use crate::scan::Scans;

/// Why a run ended before its time.
#[derive(Debug, Error)]
pub enum RunError {
    /// The station is at fault: the line must stop.
    #[error(
        "the line stopped; units without a verdict are finished when they are put back in after the cause is mended"
    )]
    Station(#[from] StationFault),
    /// A thread ended by a defect of this program.
    #[error(
        "a defect of this program stopped fixture {0}: its unit has no verdict; report it with the message above"
    )]
    Defect(String),
}

impl From<LedgerError> for RunError {
    fn from(error: LedgerError) -> Self {
        Self::Station(error.into())
    }
}

/// How a run is to go.
#[derive(Debug)]
pub struct RunOptions<'a> {
    /// The fixtures that take part.
    pub fixtures: &'a [Fixture],
    /// Where transcripts are kept.
    pub transcripts: &'a Path,
    /// How far it goes.
    pub until: Until,
    /// The run ends when the order came no further for so long, or the one unit did not come.
    pub patience: Duration,
    /// A person's wish to stop.
    pub stop: StopSignal,
    /// Where each fixture's scans arrive, where the product's units are scanned; in the fixtures' order.
    pub scans: Vec<Scans>,
}

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    /// What came out of it.
    pub summary: Summary,
    /// Why each fixture closed, in the fixtures' order.
    pub closings: Vec<Closing>,
}

/// What came out of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The order.
    pub order: String,
    /// How it stands now.
    #[serde(flatten)]
    pub counts: Counts,
    /// Whether it is done: no identity of it waits for a verdict.
    pub done: bool,
}

/// One run of an order.
#[derive(Debug)]
pub struct Run<'a> {
    line: Line<'a>,
    options: RunOptions<'a>,
}

impl<'a> Run<'a> {
    /// A run on this line.
    pub fn new(line: Line<'a>, options: RunOptions<'a>) -> Self {
        Self { line, options }
    }

    /// Runs as far as it is to go, or until a person stops it, or no fixture can go on. `listen` hears every event, in order.
    ///
    /// # Errors
    /// [`RunError`]. The other fixtures finish their units before it is returned.
    pub fn run(mut self, ledger: &Ledger, mut listen: impl FnMut(&Event)) -> Result<Ended, RunError> {
        let reader = LedgerReader::open(self.line.ledger_file)?;
        let started = Fact::RunStarted {
            order: self.line.order.to_owned(),
            product_sha256: self.line.product.sha256.clone(),
            attestation: self.line.attestation.to_string(),
        };
        ledger.append((self.line.edge.now)(), vec![started])?;
        let mut scans = std::mem::take(&mut self.options.scans).into_iter();
        let pace = Pace::new(self.options.until, self.options.patience, self.options.stop.clone());
        let closings = thread::scope(|scope| {
            let (events, heard) = mpsc::channel();
            let mut threads = Vec::new();
            for fixture in self.options.fixtures {
                let at_fixture = self.at_fixture(fixture, ledger, &events, &pace, scans.next())?;
                let thread = scope.spawn(move || at_fixture.run_to_close());
                threads.push((fixture.name.clone(), thread));
            }
            drop(events);
            heard.iter().for_each(|event| listen(&event));
            outcome(threads)
        })?;
        let counts = reader.counts(self.line.order)?;
        let summary = Summary { order: self.line.order.to_owned(), counts, done: counts.waiting == 0 };
        Ok(Ended { summary, closings })
    }

    fn at_fixture<'l>(
        &'l self,
        fixture: &'l Fixture,
        ledger: &Ledger,
        events: &Sender<Event>,
        pace: &'l Pace,
        scans: Option<Scans>,
    ) -> Result<FixtureRun<'l>, RunError> {
        let station = Station {
            line: &self.line,
            ledger: ledger.clone(),
            reader: LedgerReader::open(self.line.ledger_file)?,
            events: events.clone(),
            fixture: fixture.name.clone(),
        };
        Ok(FixtureRun { station, fixture, pace, transcripts: self.options.transcripts, scans })
    }
}

impl FixtureRun<'_> {
    /// Runs, says why the fixture closed, and stops the line where the station is at fault.
    fn run_to_close(&self) -> Result<Closing, StationFault> {
        let result = self.run();
        let reason = match &result {
            Ok(closing) => closing.reason.clone(),
            Err(fault) => {
                self.pace.stop_the_line(fault.lets_units_finish());
                crate::error_text::with_causes(fault)
            }
        };
        self.station.tell(Event::FixtureClosed { fixture: self.fixture.name.clone(), reason });
        result
    }
}

type FixtureThread<'a> = ScopedJoinHandle<'a, Result<Closing, StationFault>>;

/// Why each fixture closed, or the first failure of any. All threads have ended then: the channel of events has closed.
fn outcome(threads: Vec<(String, FixtureThread<'_>)>) -> Result<Vec<Closing>, RunError> {
    let mut result = Ok(Vec::with_capacity(threads.len()));
    for (fixture, thread) in threads {
        let ended = thread.join().map_or_else(|_| Err(RunError::Defect(fixture)), |ended| Ok(ended?));
        match (&mut result, ended) {
            (Ok(closings), Ok(closing)) => closings.push(closing),
            // "Stopped" is only the echo of another fixture's error.
            (Ok(_) | Err(RunError::Station(StationFault::Ledger(LedgerError::Stopped))), Err(error)) => {
                result = Err(error);
            }
            (Err(_), _) => {}
        }
    }
    result
}
