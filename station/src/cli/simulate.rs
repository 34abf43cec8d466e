//! `station simulate`: units that are not there, for rehearsing a product.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args as ClapArgs;
use zeroize::Zeroizing;

use super::{Exit, Failure, Output};
use crate::simulator::{self, ConsolePassword, FaultRequest, Plan, SimulatorError, UnitNumber};

/// Simulates Linux gateways on pseudo-terminals, to rehearse a product.
///
/// Each unit is a folder, FOLDER/units/0001 and so on, with a file system of its own, in which a real shell runs with this
/// computer's own programs. What is written to a unit stays there, also for the next simulator on the same FOLDER.
///
/// Each fixture is a port, FOLDER/fixtures/1 and so on, that is there while a unit is in it. On it is a console: login as
/// `root`, password `rehearsal`; `reboot` and `exit` do what they do on a gateway. The hardware ID is in
/// /sys/firmware/devicetree/base/serial-number.
///
/// The exchange rule: units wait in one queue, 1 to N, and the first go into the fixtures. When the host closes the
/// port after a logout or a refused login, or the port of a unit that is silent or babbles by a fault, the unit goes
/// to the queue's end and the next comes in. If the host closes the port with a session open, or without having said
/// anything, the unit stays. An unplugged unit comes back into its fixture after a second.
///
/// Ends with Ctrl-C.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// Holds units and ports; made if it is not there.
    folder: PathBuf,
    /// How many units there are.
    #[arg(long, value_name = "N")]
    units: UnitNumber,
    /// How many fixtures there are.
    #[arg(long, value_name = "M", value_parser = clap::value_parser!(u16).range(1..=256))]
    fixtures: u16,
    /// The units' shell: sh, bash, dash, or "busybox sh".
    #[arg(long, default_value = "sh")]
    shell: String,
    /// File with the password of the units' consoles [default: the password is `rehearsal`]
    #[arg(long, value_name = "FILE")]
    console_password_file: Option<PathBuf>,
    /// Milliseconds that a unit takes to boot.
    #[arg(long, value_name = "MS", default_value_t = 300)]
    boot_ms: u64,
    /// Milliseconds that a fixture is empty between two units.
    #[arg(long, value_name = "MS", default_value_t = 200)]
    exchange_ms: u64,
    /// Let lines be as fast as they can, whatever speed the host sets.
    #[arg(long)]
    no_pacing: bool,
    /// A fault of one unit; can be given several times.
    ///
    /// Of the line, once, after so many BYTES from the host (0 where none are given): unplug:UNIT:BYTES,
    /// babble:UNIT:BYTES (binary noise instead of answers), silence:UNIT:BYTES. A second one for the same unit
    /// strikes when it is put in for the second time.
    ///
    /// Of the image, made with the unit and there to stay: no-openssl:UNIT, wrong-password:UNIT,
    /// blank-hardware-id:UNIT, shared-hardware-id:UNIT:OTHER (UNIT shows the hardware ID of OTHER).
    #[arg(long = "fault", value_name = "KIND:UNIT[:BYTES]")]
    faults: Vec<FaultRequest>,
    /// Hardware IDs and random faults come from this number: the same seed, the same rehearsal.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Give so many of a hundred insertions a random fault of the line.
    #[arg(long, value_name = "P", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=100))]
    fault_percent: u8,
}

pub(super) fn run(args: Args, output: &Output) -> Result<Exit, Failure> {
    let console_password = match &args.console_password_file {
        Some(path) => read_password(path)?,
        None => ConsolePassword::rehearsal(),
    };
    let plan = Plan {
        folder: args.folder,
        units: args.units,
        fixtures: args.fixtures,
        shell: args.shell,
        console_password,
        boot: Duration::from_millis(args.boot_ms),
        exchange: Duration::from_millis(args.exchange_ms),
        pacing: !args.no_pacing,
        seed: args.seed,
        faults: args.faults,
        fault_percent: args.fault_percent,
    };
    let (switch, stop) = simulator::stop_switch().map_err(|error| Failure::new(Exit::Station, &error))?;
    let switch = Arc::new(switch);
    let on_signal = Arc::clone(&switch);
    ctrlc::set_handler(move || on_signal.turn()).map_err(|error| Failure::new(Exit::Station, &error))?;
    let result = simulator::run(&plan, &stop, |event| {
        // Nobody listens any more: there is no one to rehearse for.
        if output.data(event, |out| writeln!(out, "{event}")).is_err() {
            switch.turn();
        }
    });
    match result {
        Ok(()) => Ok(Exit::Done),
        Err(error @ SimulatorError::NoSuchUnit { .. }) => Err(Failure::usage(error)),
        Err(error @ (SimulatorError::Unit(_) | SimulatorError::NoShell { .. })) => {
            Err(Failure::new(Exit::Input, &error))
        }
        Err(error) => Err(Failure::new(Exit::Station, &error)),
    }
}

fn read_password(path: &Path) -> Result<ConsolePassword, Failure> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(ConsolePassword::new(Zeroizing::new(text))),
        Err(error) => {
            Err(Failure::input(format!("cannot read the console password from {}: {error}", path.display())))
        }
    }
}
