//! What a person, or a program, sees of a run: a line a verdict, and on a terminal a progress line a fixture.

use std::collections::BTreeMap;
use std::io;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::unit_of;
use crate::cli::Output;
use crate::cli::order::{burnt_text, checked_out_text};
use crate::cli::unit::evidence_text;
use crate::config::Fixture;
use crate::event::{Event, Outcome, Verdict};
use crate::line::Summary;

/// Listens to a run.
pub(in crate::cli) struct Screen {
    output: Output,
    /// Whether lines are talk: standard output is for something else.
    aside: bool,
    bars: MultiProgress,
    fixtures: BTreeMap<String, ProgressBar>,
    /// Units by what they showed, and whether the last verdict of each was a failure.
    failed: BTreeMap<String, bool>,
    /// What was decided of the unit in each fixture.
    decided: BTreeMap<String, String>,
}

impl Screen {
    pub(in crate::cli) fn new(output: &Output, fixtures: &[Fixture]) -> Self {
        // indicatif draws on standard error, and nothing where that is no terminal.
        let bars = MultiProgress::new();
        let style = ProgressStyle::with_template("{prefix:>12}  {bar:20} {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        let fixtures = fixtures
            .iter()
            .map(|fixture| {
                let bar = bars.add(ProgressBar::new(1).with_style(style.clone()));
                bar.set_prefix(format!("fixture {}", fixture.name));
                (fixture.name.clone(), bar)
            })
            .collect();
        Self {
            output: *output,
            aside: false,
            bars,
            fixtures,
            failed: BTreeMap::new(),
            decided: BTreeMap::new(),
        }
    }

    /// One whose lines go to standard error.
    pub(in crate::cli) fn aside(output: &Output, fixtures: &[Fixture]) -> Self {
        Self { aside: true, ..Self::new(output, fixtures) }
    }

    pub(in crate::cli) fn show(&mut self, event: &Event) {
        if let Some((unit, failed)) = unit_of(event) {
            self.failed.insert(unit, failed);
        }
        if let Event::Decided { fixture, decision, .. } = event {
            self.decided.insert(fixture.clone(), decision.clone());
        }
        let shown = if self.output.json() && !self.aside {
            self.bars.suspend(|| self.output.data(event, |_| Ok(())))
        } else {
            self.draw(event);
            match self.event_line(event) {
                Some(line) => self.bars.suspend(|| self.line(&line)),
                None => Ok(()),
            }
        };
        // Whoever read standard output has gone; the units in hand are finished all the same.
        let _ = shown;
    }

    pub(in crate::cli) fn some_unit_failed(&self) -> bool {
        self.failed.values().any(|failed| *failed)
    }

    pub(in crate::cli) fn end(self, summary: &Summary) -> io::Result<()> {
        self.fixtures.values().for_each(ProgressBar::finish_and_clear);
        if self.output.json() && !self.aside {
            let event = serde_json::to_value(summary).map(|mut event| {
                event["event"] = "summary".into();
                event
            });
            return self.output.data(&event.map_err(io::Error::from)?, |_| Ok(()));
        }
        let counts = &summary.counts;
        self.line(&format!(
            "order {}: ordered {} = accepted {} + open {} + on hold {}{}{}",
            summary.order,
            counts.ordered,
            counts.accepted,
            counts.open,
            counts.on_hold,
            checked_out_text(counts),
            burnt_text(counts)
        ))
    }

    fn line(&self, line: &str) -> io::Result<()> {
        if self.aside {
            self.output.talk(line);
            return Ok(());
        }
        self.output.text(&format!("{line}\n"))
    }

    /// What stays on the screen.
    fn event_line(&self, event: &Event) -> Option<String> {
        match event {
            Event::Verdict(verdict) => {
                let again =
                    self.decided.get(&verdict.fixture).is_some_and(|decision| decision == "same-again");
                Some(verdict_line(verdict, again))
            }
            Event::FixtureClosed { fixture, reason } => Some(format!("fixture {fixture} closed: {reason}")),
            Event::Warning { fixture, text } => Some(format!("fixture {fixture}: {text}")),
            Event::NotGranted { fixture, registration_id, asked } => Some(format!(
                "fixture {fixture}: {registration_id} asks for {}, and does not get it",
                asked.join(", ")
            )),
            _ => None,
        }
    }

    fn draw(&self, event: &Event) {
        let Some(bar) = self.fixtures.get(fixture_of(event)) else { return };
        match event {
            Event::Waiting { .. } => bar.set_message("waiting for a unit"),
            Event::UnitFound { .. } => bar.set_message("identifying"),
            Event::Identified { hardware_id, .. } => bar.set_message(hardware_id.clone()),
            Event::Decided { decision, registration_id, .. } => {
                bar.set_message(format!("{registration_id} ({decision})"));
            }
            Event::Step { number, of, step, .. } => bar.set_message(format!("{step} ({number} of {of})")),
            Event::Progress { done, total, .. } => {
                bar.set_length(*total as u64);
                bar.set_position(*done as u64);
            }
            Event::Warning { .. } | Event::NotGranted { .. } => {}
            Event::Verdict(_) => {
                bar.set_position(0);
                bar.set_message("take the unit out");
            }
            Event::FixtureClosed { reason, .. } => bar.set_message(format!("closed: {reason}")),
        }
    }
}

fn fixture_of(event: &Event) -> &str {
    match event {
        Event::Waiting { fixture }
        | Event::UnitFound { fixture }
        | Event::Identified { fixture, .. }
        | Event::Decided { fixture, .. }
        | Event::Step { fixture, .. }
        | Event::Progress { fixture, .. }
        | Event::NotGranted { fixture, .. }
        | Event::Warning { fixture, .. }
        | Event::FixtureClosed { fixture, .. } => fixture,
        Event::Verdict(verdict) => &verdict.fixture,
    }
}

fn verdict_line(verdict: &Verdict, again: bool) -> String {
    let Verdict { fixture, hardware_id, registration_id, outcome, seconds, .. } = verdict;
    let unit = hardware_id.as_deref().unwrap_or("unknown unit");
    let id = registration_id.as_deref().unwrap_or("-");
    match outcome {
        Outcome::Accepted { .. } if again => {
            format!("AGAIN fixture {fixture}  {id}  {unit}  {seconds:.1} s  accepted before, verified again")
        }
        Outcome::Accepted { evidence } => {
            format!("PASS  fixture {fixture}  {id}  {unit}  {seconds:.1} s  {}", evidence_text(evidence))
        }
        Outcome::Failed { disposition, reason } => {
            format!("FAIL  fixture {fixture}  {id}  {unit}  {seconds:.1} s  -> {disposition}: {reason}")
        }
        Outcome::NotNeeded { reason } => format!("----  fixture {fixture}  {id}  {unit}  {reason}"),
    }
}
