//! A simulated fixture: a port that is there while a unit is in it.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::console::Happening;
use super::event::{Event, Reason};
use super::fault::{LineFault, LineFaults};
use super::noise::Noise;
use super::plan::Plan;
use super::port::Port;
use super::power::Power;
use super::queue::{Queue, WaitingUnit};
use super::relay::{Occurrence, Relay};
use super::scanner::Window;
use super::stop::Stop;

/// An unplugged unit is back after this.
const REPLUG: Duration = Duration::from_secs(1);
/// An empty fixture looks this often for a unit.
const EMPTY: Duration = Duration::from_millis(50);

/// What all fixtures share.
#[derive(Debug)]
pub(super) struct Hall<'a> {
    pub(super) plan: &'a Plan,
    pub(super) power: Power,
    pub(super) queue: Queue,
}

/// One fixture.
pub(super) struct Fixture<'a> {
    pub(super) number: u16,
    pub(super) link: PathBuf,
    /// What its scanner sees, if it has one.
    pub(super) window: Window,
    pub(super) hall: &'a Hall<'a>,
}

impl Fixture<'_> {
    /// Takes the next unit of the queue, if one waits.
    pub(super) fn put_next_in(&self, report: &dyn Fn(Event)) -> io::Result<Option<(WaitingUnit, Port)>> {
        match self.hall.queue.take() {
            Some(unit) => self.put_in(unit, report).map(Some),
            None => Ok(None),
        }
    }

    /// Exchanges units until the simulator ends. `inserted` is in already.
    pub(super) fn run(
        &self,
        mut inserted: Option<(WaitingUnit, Port)>,
        report: &dyn Fn(Event),
        stop: &Stop,
    ) -> io::Result<()> {
        loop {
            let Some((unit, port)) = inserted else {
                if stop.wait(EMPTY)? {
                    return Ok(());
                }
                inserted = self.put_next_in(report)?;
                continue;
            };
            let reason = self.attend(&unit, port, report, stop)?;
            self.window.clear();
            report(Event::UnitOut { fixture: self.number, unit: unit.unit.number(), reason });
            inserted = match reason {
                Reason::Stopped => return Ok(()),
                Reason::Unplugged => {
                    if stop.wait(REPLUG)? {
                        return Ok(());
                    }
                    Some(self.put_in(unit, report)?)
                }
                Reason::LoggedOut
                | Reason::LoginRefused
                | Reason::Rebooted
                | Reason::CommandRefused
                | Reason::LeftAlone
                | Reason::NotWritten
                | Reason::AfterFault
                | Reason::Mute => {
                    self.hall.queue.put_back(unit);
                    if stop.wait(self.hall.plan.exchange)? {
                        return Ok(());
                    }
                    self.put_next_in(report)?
                }
            };
        }
    }

    fn put_in(&self, mut unit: WaitingUnit, report: &dyn Fn(Event)) -> io::Result<(WaitingUnit, Port)> {
        unit.insertions += 1;
        let port = Port::plug_in(&self.link)?;
        report(Event::UnitIn {
            fixture: self.number,
            unit: unit.unit.number(),
            hardware_id: unit.unit.hardware_id().map(str::to_owned),
            label: unit.unit.label().to_owned(),
            insertion: unit.insertions,
            port: self.link.clone(),
        });
        self.window.show(unit.unit.number(), unit.unit.label());
        Ok((unit, port))
    }

    /// Runs the unit's console until it leaves. The port is gone then.
    fn attend(
        &self,
        waiting: &WaitingUnit,
        mut port: Port,
        report: &dyn Fn(Event),
        stop: &Stop,
    ) -> io::Result<Reason> {
        let Hall { plan, power, .. } = self.hall;
        let (fixture, unit) = (self.number, waiting.unit.number());
        let faults = LineFaults {
            requests: &plan.faults,
            seed: plan.seed,
            percent: plan.fault_percent,
            within: plan.device.board().bytes_of_a_unit(),
            frames: plan.device.board().frames_of_a_unit(),
        };
        let fault = faults.at(unit, waiting.insertions);
        let noise = || Noise::new(plan.seed, unit, waiting.insertions);
        let tell = |occurrence| {
            report(match occurrence {
                Occurrence::Console(Happening::LoggedIn) => Event::LoggedIn { fixture, unit },
                Occurrence::Console(Happening::LoginRefused) => Event::LoginRefused { fixture, unit },
                Occurrence::Console(Happening::LoggedOut) => Event::LoggedOut { fixture, unit },
                Occurrence::Console(Happening::Rebooted) => Event::Rebooted { fixture, unit },
                Occurrence::Console(Happening::CommandRefused) => Event::CommandRefused { fixture, unit },
                Occurrence::Console(Happening::FaultStruck) => match fault {
                    Some(fault) => Event::Fault { fixture, unit, fault: fault.kind, after: fault.after },
                    None => return,
                },
                Occurrence::Fault(fault) => {
                    Event::Fault { fixture, unit, fault: fault.kind, after: fault.after }
                }
            });
        };
        let of_frame = fault.and_then(LineFault::of_frame);
        let of_line = fault.filter(|fault| fault.of_frame().is_none());
        let console = power.on(&waiting.unit, of_frame, noise(), Instant::now())?;
        Relay::new(&mut port, console, of_line, noise(), plan.pacing, &tell).run(stop)
    }
}
