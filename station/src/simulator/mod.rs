//! Units that are not there: Linux gateways with real shells, on pseudo-terminals, to rehearse a product.
//!
//! ```text
//! host ── outer terminal ── relay ── console ── inner terminal ── shell in its unit's folder
//!         (fixtures/1)      speed,   boot,
//!                           faults   login
//! ```
//!
//! **The exchange rule.** Units wait in one queue, 1 to N; the first M go into the fixtures. When the host closes the
//! port, the unit leaves if the last that happened on its console was a logout or a refused login, or if it is silent
//! or babbles by a fault. Then its port vanishes, it goes to the queue's end, and after a pause the next unit of the
//! queue comes in. If the host closes the port with a session open (it died), or without having said anything, the
//! unit stays. An unplugged unit comes back into the same fixture.

mod console;
mod enclosure;
mod event;
mod fault;
mod fixture;
mod login;
mod pacing;
mod port;
mod pty;
mod queue;
mod relay;
mod root_file_system;
mod session;
mod stop;
mod unit;
mod unit_number;

use std::cell::RefCell;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use thiserror::Error;

pub use enclosure::EnclosureError;
pub use event::{Event, Reason};
pub use fault::{FaultError, FaultRequest, ImageFault, LineFault, LineFaultKind};
pub use login::ConsolePassword;
pub use stop::{Stop, StopSwitch, stop_switch};
pub use unit::UnitError;
pub use unit_number::{UnitNumber, UnitNumberError};

use console::ConsoleSettings;
use enclosure::Enclosure;
use fixture::{Fixture, Hall};
use port::Port;
use queue::{Queue, WaitingUnit};
use unit::Unit;

/// What to simulate.
#[derive(Debug)]
pub struct Plan {
    /// Holds the units and the ports. Made if it is not there; units that are there are kept.
    pub folder: PathBuf,
    /// How many units.
    pub units: UnitNumber,
    /// How many fixtures.
    pub fixtures: u16,
    /// The shell, with its arguments: `sh`, `bash`, `busybox sh`.
    pub shell: String,
    /// The password of root on the consoles.
    pub console_password: ConsolePassword,
    /// How long a unit takes to boot.
    pub boot: Duration,
    /// How long a fixture is empty between two units.
    pub exchange: Duration,
    /// Whether lines are as slow as their speed says.
    pub pacing: bool,
    /// From this come hardware IDs and random faults.
    pub seed: u64,
    /// Faults of certain units.
    pub faults: Vec<FaultRequest>,
    /// So many insertions of a hundred have a random fault of the line.
    pub fault_percent: u8,
}

/// Why the simulator cannot start or go on.
#[derive(Debug, Error)]
pub enum SimulatorError {
    /// A fault is asked of a unit that is not simulated.
    #[error("a fault is asked of unit {fault_of}, but the last unit is {last}: simulate more units")]
    NoSuchUnit {
        /// Of whom.
        fault_of: UnitNumber,
        /// The last.
        last: UnitNumber,
    },
    /// The folder cannot be used.
    #[error("cannot use {path}: check that the folder can be written and has room")]
    Folder {
        /// The folder, or what in it.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another simulator uses the folder.
    #[error("another simulator uses {0}: end it, or take another folder")]
    Held(PathBuf),
    /// A unit cannot be used.
    #[error(transparent)]
    Unit(#[from] UnitError),
    /// A unit has no such shell.
    #[error(
        "unit {unit} has no program `{program}` to run as its shell: install it and take a new folder, or name another"
    )]
    NoShell {
        /// The unit.
        unit: UnitNumber,
        /// What is missing in its `bin`.
        program: String,
    },
    /// No shell can be run here.
    #[error(transparent)]
    Enclosure(#[from] EnclosureError),
    /// A fixture could not go on.
    #[error("fixture {fixture} could not go on")]
    Fixture {
        /// Which.
        fixture: u16,
        /// What the system said.
        source: io::Error,
    },
}

/// Simulates until it is told to stop. `observe` gets every event.
///
/// # Errors
/// [`SimulatorError`]. One fixture that fails does not end the others; the first such failure is the error.
pub fn run(plan: &Plan, stop: &Stop, observe: impl FnMut(&Event)) -> Result<(), SimulatorError> {
    let outside = plan.faults.iter().map(FaultRequest::unit).find(|unit| *unit > plan.units);
    if let Some(fault_of) = outside {
        return Err(SimulatorError::NoSuchUnit { fault_of, last: plan.units });
    }
    let enclosure = Enclosure::prepare()?;
    let shell: Vec<String> = plan.shell.split_whitespace().map(str::to_owned).collect();
    let _lock = hold(&plan.folder)?;
    let ports = empty_ports_folder(&plan.folder)?;
    let units = open_units(plan, &shell)?;
    let console = ConsoleSettings { shell, password: plan.console_password.clone(), boot: plan.boot };
    let hall = Hall { plan, console, enclosure, queue: Queue::new(units) };
    let observe = RefCell::new(observe);
    let tell = |event: Event| observe.borrow_mut()(&event);
    let mut fixtures = Vec::new();
    for number in 1..=plan.fixtures {
        let fixture = Fixture { number, link: ports.join(number.to_string()), hall: &hall };
        let inserted = fixture
            .put_next_in(&tell)
            .map_err(|source| SimulatorError::Fixture { fixture: number, source })?;
        fixtures.push((fixture, inserted));
    }
    tell(Event::Ready {
        units: plan.units.get(),
        ports: fixtures.iter().map(|(fixture, _)| fixture.link.clone()).collect(),
    });
    exchange_units(fixtures, &tell, stop)
}

/// Runs the fixtures, a thread each, until all have ended.
fn exchange_units(
    fixtures: Vec<(Fixture<'_>, Option<(WaitingUnit, Port)>)>,
    tell: &dyn Fn(Event),
    stop: &Stop,
) -> Result<(), SimulatorError> {
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for (fixture, inserted) in fixtures {
            let sender = sender.clone();
            threads.push(scope.spawn(move || {
                // The receiver lives until all senders are gone.
                let report = |event| drop(sender.send(event));
                fixture.run(inserted, &report, stop).map_err(|source| {
                    report(Event::FixtureFailed { fixture: fixture.number, reason: source.to_string() });
                    SimulatorError::Fixture { fixture: fixture.number, source }
                })
            }));
        }
        drop(sender);
        receiver.iter().for_each(tell);
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

/// Makes the folder and keeps other simulators out of it for as long as the file lives.
fn hold(folder: &Path) -> Result<File, SimulatorError> {
    let failed = |source| SimulatorError::Folder { path: folder.to_owned(), source };
    // Units hold keys: what lies in them is for who runs the simulator.
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    let lock =
        OpenOptions::new().create(true).append(true).open(folder.join("simulator.lock")).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(SimulatorError::Held(folder.to_owned())),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// The folder of ports, absolute, without what a killed simulator left in it.
fn empty_ports_folder(folder: &Path) -> Result<PathBuf, SimulatorError> {
    let empty = || {
        let ports = std::path::absolute(folder.join("fixtures"))?;
        DirBuilder::new().recursive(true).create(&ports)?;
        for entry in fs::read_dir(&ports)? {
            let entry = entry?;
            if entry.file_type()?.is_symlink() {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(ports)
    };
    empty().map_err(|source| SimulatorError::Folder { path: folder.join("fixtures"), source })
}

fn open_units(plan: &Plan, shell: &[String]) -> Result<Vec<Unit>, SimulatorError> {
    let failed = |source| SimulatorError::Folder { path: plan.folder.join("units"), source };
    let units = std::path::absolute(plan.folder.join("units")).map_err(failed)?;
    DirBuilder::new().recursive(true).create(&units).map_err(failed)?;
    let mut opened = Vec::new();
    for number in plan.units.all_up_to() {
        let unit = Unit::open_or_make(&units, number, plan.seed, &plan.faults)?;
        let program = shell.first().map_or("sh", String::as_str);
        if unit.root().join("bin").join(program).symlink_metadata().is_err() {
            return Err(SimulatorError::NoShell { unit: number, program: program.to_owned() });
        }
        opened.push(unit);
    }
    Ok(opened)
}
