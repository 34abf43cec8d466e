//! One fixture: units come, are taken to their verdict, and go.

use std::path::Path;
use std::time::{Duration, Instant};

use super::pace::Pace;
use super::{Case, Line, Station, StationFault};
use crate::config::Fixture;
use crate::error_text::with_causes;
use crate::event::{Event, Outcome, Verdict};
use crate::link::{DeviceLink, Leaving, LinkError, PortFault, PortMark, Stop};
use crate::place::{self, Readers};
use crate::product::{Presence, ProductLink};
use crate::scan::Scans;
use crate::tpm::TpmError;

/// So many failures in a row, of one unit after another, close a fixture: then it is the fixture, or the whole batch, and
/// a person must look.
const FAILURES_IN_A_ROW: u32 = 3;
/// How often the fixture looks whether a unit came or went.
const LOOK: Duration = Duration::from_millis(50);
/// How often a console is asked who is there, where the port does not tell.
const POLL: Duration = Duration::from_secs(1);
/// A port that has just come may be held for a moment by the system (udev, modem managers).
const BUSY_FOR: Duration = Duration::from_secs(5);

/// A link on an open port.
type Link<'a> = Box<dyn DeviceLink + 'a>;

/// A fixture with its port, for the length of a run.
pub(super) struct FixtureRun<'l> {
    pub(super) station: Station<'l>,
    pub(super) fixture: &'l Fixture,
    pub(super) pace: &'l Pace,
    pub(super) transcripts: &'l Path,
    pub(super) scans: Option<Scans>,
}

/// Why a fixture takes no further unit.
#[derive(Debug)]
pub struct Closing {
    /// In words for the person at the line.
    pub reason: String,
    /// What its port lacks, where that is why.
    pub port: Option<PortFault>,
}

impl Closing {
    fn of(reason: String) -> Self {
        Self { reason, port: None }
    }
}

/// What a fixture remembers of the unit that was last in it.
#[derive(Default)]
struct Last {
    port: Option<PortMark>,
    shown: Option<String>,
    scanned: Option<String>,
    /// Whether a unit was ever there, or a person was told that none is.
    told: bool,
}

/// Failures in a row. A unit that fails, stays in the fixture and fails again says nothing new about the fixture.
#[derive(Debug, Default)]
struct Failures {
    in_a_row: u32,
    /// The unit of the last one, where it told who it is.
    of: Option<String>,
    why: String,
}

impl Failures {
    fn hear(&mut self, verdict: &Verdict) {
        match &verdict.outcome {
            Outcome::Accepted { .. } => *self = Self::default(),
            Outcome::NotNeeded { .. } => {}
            Outcome::Failed { reason, .. } => {
                let of = verdict.hardware_id.clone().filter(|shown| !shown.is_empty());
                if of.is_none() || of != self.of {
                    self.in_a_row += 1;
                }
                (self.of, self.why) = (of, reason.clone());
            }
        }
    }

    fn close(&self) -> Option<Closing> {
        let Self { in_a_row, why, .. } = self;
        let reason =
            format!("{in_a_row} failures in a row: look at fixture, cable and units; the last one: {why}");
        (*in_a_row >= FAILURES_IN_A_ROW).then(|| Closing::of(reason))
    }
}

impl FixtureRun<'_> {
    /// Takes units until the run is over or this fixture cannot go on. Gives the reason.
    pub(super) fn run(&self) -> Result<Closing, StationFault> {
        let mut failures = Failures::default();
        let mut had_a_unit = false;
        let mut last = Last::default();
        self.station.tell(Event::Waiting { fixture: self.fixture.name.clone() });
        if let Some(port) = self.fixture.port.as_deref().filter(|port| PortMark::of(port).is_none()) {
            let port = port.display();
            self.warn(if self.pace.is_for_one_unit() {
                format!("no unit yet: port {port} is not there: plug the unit in")
            } else {
                format!(
                    "no unit yet: port {port} is not there. Plug a unit in, or correct the fixture's port in station.toml"
                )
            });
        }
        loop {
            if let Some(reason) = self.pace.over(&self.station.reader, self.station.line.order)? {
                return Ok(if had_a_unit { Closing::of(reason) } else { self.without_unit(reason) });
            }
            let mut link = match self.next_unit(&mut last) {
                Ok(Some(link)) => link,
                Ok(None) => {
                    std::thread::sleep(LOOK);
                    continue;
                }
                Err(fault) => return Ok(Closing { reason: with_causes(&fault), port: Some(fault) }),
            };
            if !self.answers(link.as_mut())? {
                continue;
            }
            had_a_unit = true;
            let verdict = self.attempt(link.as_mut(), &mut last)?;
            failures.hear(&verdict);
            self.pace.verdict_given();
            self.station.tell(Event::Verdict(verdict));
            if let Some(closing) = failures.close() {
                return Ok(closing);
            }
        }
    }

    fn mark(&self) -> Option<PortMark> {
        self.fixture.port.as_deref().and_then(PortMark::of)
    }

    fn lacks_its_port(&self) -> bool {
        self.fixture.port.is_some() && self.mark().is_none()
    }

    /// The link to a unit that is in the fixture and was not there at the last verdict, if there is one.
    fn next_unit(&self, last: &mut Last) -> Result<Option<Link<'_>>, PortFault> {
        match self.station.line.product.presence {
            Presence::Usb => {
                let mark = self.mark();
                if mark == last.port {
                    return Ok(None);
                }
                let link = if mark.is_none() { None } else { self.open()? };
                // Exchanged between the look and the opening: nobody knows which of the two this is.
                if self.mark() != mark {
                    return Ok(None);
                }
                last.port = mark;
                Ok(link)
            }
            // A label that is given by hand may be given before the unit is in.
            Presence::Scan if self.pace.is_for_one_unit() && self.lacks_its_port() => Ok(None),
            Presence::Scan => {
                last.scanned = self.scans.as_ref().and_then(Scans::next);
                let Some(label) = &last.scanned else { return Ok(None) };
                let link = self.open()?;
                if link.is_none() {
                    self.warn(format!(
                        "label {label} was scanned, and the unit's port is not there: scan it again"
                    ));
                }
                Ok(link)
            }
            Presence::Poll => {
                let (shown, link) = self.who_is_there(last)?;
                if shown == last.shown {
                    drop(link);
                    std::thread::sleep(POLL);
                    return Ok(None);
                }
                last.shown = shown;
                Ok(link)
            }
        }
    }

    /// Asks who is there: a hardware ID, a unit in trouble (an empty one), or nobody. The port stays open
    /// for the attempt that follows: the unit that answered is the one that is taken.
    fn who_is_there(&self, last: &mut Last) -> Result<(Option<String>, Option<Link<'_>>), PortFault> {
        let Some(mut link) = self.open()? else { return Ok((None, None)) };
        let shown = match link.look() {
            Ok(shown) => shown.unwrap_or_default().trim().to_owned(),
            Err(LinkError::Tpm(absent @ TpmError::Absent { .. })) => {
                if !std::mem::replace(&mut last.told, true) {
                    self.warn(format!("no unit yet: {absent}"));
                }
                return Ok((None, None));
            }
            Err(LinkError::Silent { .. } | LinkError::Unplugged { .. } | LinkError::Stopped(_)) => {
                return Ok((None, None));
            }
            Err(_) => String::new(),
        };
        last.told = true;
        let _ = link.leave(Leaving::Unfinished); // the attempt that follows logs in anew, whatever this left behind
        Ok((Some(shown), Some(link)))
    }

    /// By hand, a unit may have yet to come to a port that is always there: as long as no loader answers, none has.
    /// False where the run is over by then.
    fn answers(&self, link: &mut dyn DeviceLink) -> Result<bool, StationFault> {
        let Line { product, order, .. } = self.station.line;
        if !self.pace.is_for_one_unit() || !matches!(product.link, ProductLink::Loader { .. }) {
            return Ok(true);
        }
        while let Err(LinkError::NoLoader { .. } | LinkError::Stopped(_)) = link.identify() {
            if self.pace.over(&self.station.reader, order)?.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Opens the port; none where the unit went again before that.
    fn open(&self) -> Result<Option<Link<'_>>, PortFault> {
        let began = Instant::now();
        loop {
            match self.station.line.instruments().open(self.fixture, self.pace.stop().clone()) {
                Err(PortFault::Busy(_) | PortFault::Failed { .. })
                    if began.elapsed() < BUSY_FOR && self.pace.stop().get() == Stop::No =>
                {
                    std::thread::sleep(LOOK);
                }
                Err(PortFault::Missing(_)) => return Ok(None),
                other => return other.map(Some),
            }
        }
    }

    /// One unit, from its appearance to its verdict.
    fn attempt(&self, link: &mut dyn DeviceLink, last: &mut Last) -> Result<Verdict, StationFault> {
        let began = Instant::now();
        self.station.tell(Event::UnitFound { fixture: self.fixture.name.clone() });
        let mut case = Case { scanned: last.scanned.clone(), ..Case::default() };
        let outcome = self.station.process(link, &mut case);
        let how = match &outcome {
            Ok(Outcome::Accepted { .. }) => Leaving::Accepted,
            _ => Leaving::Unfinished,
        };
        let _ = link.leave(how); // the verdict stands; a unit that was pulled out has no session left to end
        self.keep_transcript(link, &case);
        self.drop_early_scans();
        if let Some(shown) = &case.hardware_id {
            last.shown = Some(shown.clone());
        }
        Ok(Verdict {
            fixture: self.fixture.name.clone(),
            attempt: case.attempt,
            hardware_id: case.hardware_id,
            registration_id: case.identity.map(|identity| identity.registration_id.to_string()),
            outcome: outcome?,
            seconds: began.elapsed().as_secs_f64(),
        })
    }

    /// A label that was scanned while a unit was in work may be that unit's, again, or the next one's: nobody can tell.
    fn drop_early_scans(&self) {
        while let Some(label) = self.scans.as_ref().and_then(Scans::next) {
            self.warn(format!("label {label} was scanned while another unit was in work: scan it again"));
        }
    }

    fn warn(&self, text: String) {
        self.station.tell(Event::Warning { fixture: self.fixture.name.clone(), text });
    }

    /// Keeps what was said, masked, under the attempt's number. Helps the engineer; the verdict does not hang on it.
    fn keep_transcript(&self, link: &dyn DeviceLink, case: &Case) {
        let Some(attempt) = case.attempt else { return };
        let path = self.transcripts.join(format!("{attempt}.txt"));
        if let Err(error) = place::new_file(&path, link.transcript().as_bytes(), Readers::Owner) {
            self.warn(with_causes(&error));
        }
    }

    /// A fixture that never saw its port says so.
    fn without_unit(&self, reason: String) -> Closing {
        let Some(port) = self.fixture.port.as_ref().filter(|port| PortMark::of(port).is_none()) else {
            return Closing::of(reason);
        };
        let fault = PortFault::Missing(port.clone());
        Closing { reason: format!("{reason}; {fault}"), port: Some(fault) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::entry::Disposition;

    /// How many failures in a row are counted after these units: `+` passed, `.` was not needed, the others failed.
    fn counted(units: &[&str]) -> u32 {
        let mut failures = Failures::default();
        for unit in units {
            let reason = "x".to_owned();
            let outcome = match *unit {
                "+" => Outcome::Accepted { evidence: Vec::new() },
                "." => Outcome::NotNeeded { reason },
                _ => Outcome::Failed { disposition: Disposition::Hold, reason },
            };
            failures.hear(&Verdict {
                fixture: "1".to_owned(),
                attempt: None,
                hardware_id: (*unit != "nobody").then(|| (*unit).to_owned()),
                registration_id: None,
                outcome,
                seconds: 0.0,
            });
        }
        assert_eq!(failures.close().is_some(), failures.in_a_row >= 3);
        failures.in_a_row
    }

    #[test]
    fn a_unit_that_fails_and_stays_is_one_failure() {
        assert_eq!(counted(&["a", "a", ".", "a", "a"]), 1);
        assert_eq!(counted(&["a", "b", "a"]), 3);
        assert_eq!(counted(&["nobody", "nobody", ""]), 3);
        assert_eq!(counted(&["a", "a", "nobody", "a"]), 3);
        assert_eq!(counted(&["a", "b", "+", "b"]), 1);
    }
}
