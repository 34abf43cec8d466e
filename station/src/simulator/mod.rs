//! Units that are not there, on pseudo-terminals, to rehearse a product: Linux gateways with real shells, MXChip
//! boards whose console follows their published firmware, or ESP32 boards in their loader.
//!
//! ```text
//! host ── outer terminal ── relay ── gateway's console ── inner terminal ── shell in its unit's folder
//!         (fixtures/1)      speed,   boot, login
//!                           faults
//!                                 ── MXChip's console ── its unit's eeprom/
//!                                 ── ESP32's console ── loader ── its unit's flash.bin
//! host ── scanner (scanners/1) ── label of the unit in the fixture
//! ```
//!
//! **The exchange rule.** Units wait in one queue, 1 to N; the first M go into the fixtures. When the host closes the
//! port, the unit leaves if the last that happened on its console was a logout or a refused login (gateway), or if the
//! last command was `exit` or was answered with an error (MXChip), or if it was told to boot its application, was
//! written nothing, refused its last command or had a fault of a frame (ESP32), or if it is silent or babbles by a
//! fault. Then its port vanishes, it goes to the queue's end, and after a pause the next unit of the queue comes in. If the host closes
//! the port in the midst of its work (it died), or without having said anything, the unit stays. An unplugged unit
//! comes back into the same fixture.

mod board;
mod console;
mod esp;
mod event;
mod fault;
mod fixture;
mod frame_fault;
mod gateway;
mod mxchip;
mod noise;
mod pacing;
mod plan;
mod port;
mod power;
mod pty;
mod queue;
mod relay;
mod scanner;
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

use thiserror::Error;

pub use board::Board;
pub use esp::{EspChip, EspChipError};
pub use event::{Event, Reason};
pub use fault::{FaultError, FaultRequest, ImageFault, LineFault, LineFaultKind};
pub use frame_fault::FrameFaultKind;
pub use gateway::{ConsolePassword, EnclosureError};
pub use plan::{Device, Plan};
pub use stop::{Stop, StopSwitch, stop_switch};
pub use unit::UnitError;
pub use unit_number::{UnitNumber, UnitNumberError};

use fixture::{Fixture, Hall};
use port::Port;
use power::Power;
use queue::{Queue, WaitingUnit};
use scanner::{Scanner, Window};
use unit::Unit;

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
    /// A fault is asked of a unit that cannot have it.
    #[error("`{fault}` is a fault of the board {of}, not of {board}: leave it out, or take --board {of}")]
    NotOfBoard {
        /// What was asked for.
        fault: FaultRequest,
        /// A board that can have it.
        of: Board,
        /// The board that is simulated.
        board: Board,
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
    check_faults(plan)?;
    let power = Power::prepare(plan)?;
    let _lock = hold(&plan.folder)?;
    let ports = empty_ports_folder(&plan.folder, "fixtures")?;
    let units = open_units(plan, &power)?;
    let hall = Hall { plan, power, queue: Queue::new(units) };
    let observe = RefCell::new(observe);
    let tell = |event: Event| observe.borrow_mut()(&event);
    let fixtures: Vec<Fixture<'_>> = (1..=plan.fixtures)
        .map(|number| Fixture {
            number,
            link: ports.join(number.to_string()),
            window: Window::default(),
            hall: &hall,
        })
        .collect();
    let mut occupied = Vec::new();
    for fixture in &fixtures {
        let inserted = fixture
            .put_next_in(&tell)
            .map_err(|source| SimulatorError::Fixture { fixture: fixture.number, source })?;
        occupied.push((fixture, inserted));
    }
    let mut scanners = Vec::new();
    let mut scanner_ports = Vec::new();
    if plan.scanners {
        let folder = empty_ports_folder(&plan.folder, "scanners")?;
        for fixture in &fixtures {
            let link = folder.join(fixture.number.to_string());
            let scanner = Scanner::plug_in(fixture.number, &link, &fixture.window)
                .map_err(|source| SimulatorError::Fixture { fixture: fixture.number, source })?;
            scanners.push(scanner);
            scanner_ports.push(link);
        }
    }
    tell(Event::Ready {
        units: plan.units.get(),
        ports: fixtures.iter().map(|fixture| fixture.link.clone()).collect(),
        scanners: scanner_ports,
    });
    exchange_units(occupied, scanners, &tell, stop)
}

/// Each fault must be one that its unit can have.
fn check_faults(plan: &Plan) -> Result<(), SimulatorError> {
    let board = plan.device.board();
    for request in &plan.faults {
        if request.unit() > plan.units {
            return Err(SimulatorError::NoSuchUnit { fault_of: request.unit(), last: plan.units });
        }
        if !request.fits(board)
            && let Some(of) = Board::ALL.into_iter().find(|of| request.fits(*of))
        {
            return Err(SimulatorError::NotOfBoard { fault: *request, of, board });
        }
    }
    Ok(())
}

/// Runs the fixtures and the scanners, a thread each, until all have ended.
fn exchange_units(
    fixtures: Vec<(&Fixture<'_>, Option<(WaitingUnit, Port)>)>,
    scanners: Vec<Scanner<'_>>,
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
                failed(fixture.number, fixture.run(inserted, &report, stop), &report)
            }));
        }
        for scanner in scanners {
            let sender = sender.clone();
            threads.push(scope.spawn(move || {
                let report = |event| drop(sender.send(event));
                failed(scanner.fixture(), scanner.run(&report, stop), &report)
            }));
        }
        drop(sender);
        receiver.iter().for_each(tell);
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

/// Tells at once if a fixture or its scanner has failed: the others go on.
fn failed(fixture: u16, result: io::Result<()>, report: &dyn Fn(Event)) -> Result<(), SimulatorError> {
    result.map_err(|source| {
        report(Event::FixtureFailed { fixture, reason: source.to_string() });
        SimulatorError::Fixture { fixture, source }
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

/// A folder of ports, absolute, without what a killed simulator left in it.
fn empty_ports_folder(folder: &Path, name: &str) -> Result<PathBuf, SimulatorError> {
    let empty = || {
        let ports = std::path::absolute(folder.join(name))?;
        DirBuilder::new().recursive(true).create(&ports)?;
        for entry in fs::read_dir(&ports)? {
            let entry = entry?;
            if entry.file_type()?.is_symlink() {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(ports)
    };
    empty().map_err(|source| SimulatorError::Folder { path: folder.join(name), source })
}

fn open_units(plan: &Plan, power: &Power) -> Result<Vec<Unit>, SimulatorError> {
    let failed = |source| SimulatorError::Folder { path: plan.folder.join("units"), source };
    let units = std::path::absolute(plan.folder.join("units")).map_err(failed)?;
    DirBuilder::new().recursive(true).create(&units).map_err(failed)?;
    let mut opened = Vec::new();
    for number in plan.units.all_up_to() {
        let unit = Unit::open_or_make(&units, number, plan.device.board(), plan.seed, &plan.faults)?;
        if let Some(program) = power.missing_shell(&unit) {
            return Err(SimulatorError::NoShell { unit: number, program });
        }
        opened.push(unit);
    }
    Ok(opened)
}
