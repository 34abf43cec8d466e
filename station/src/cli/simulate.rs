//! `station simulate`: units that are not there, for rehearsing a product.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args as ClapArgs, ValueEnum};
use zeroize::Zeroizing;

use super::{Exit, Failure, Output};
use crate::simulator::{
    self, ConsolePassword, Device, EspChip, FaultRequest, Plan, SimulatorError, UnitNumber,
};

/// Simulates Linux gateways, MXChip boards or ESP32 boards on pseudo-terminals, to rehearse a product.
///
/// Each unit is a folder, FOLDER/units/0001 and so on. What is written to a unit stays there, also for the next
/// simulator on the same FOLDER. Each fixture is a port, FOLDER/fixtures/1 and so on, that is there while a unit is in
/// it.
///
/// Of a gateway, the folder holds a file system of its own (root/), in which a real shell runs with this computer's own
/// programs. On the port is a console: login as `root`, password `rehearsal`; `reboot` and `exit` do what they do on a
/// gateway. The hardware ID is in /sys/firmware/devicetree/base/serial-number.
///
/// Of an MXChip AZ3166, the folder holds the zones of its secure chip (eeprom/iot-hub, wifi-ssid, wifi-password,
/// dps-uds: the text that was set, without the NUL at its end). On the port is its configuration console, as the
/// published firmware has it (not compared with a board): the fixture holds button A, so that each boot ends there.
///
/// Of an ESP32 board (esp32, esp32c3, esp32s3, esp32c6), the folder holds the flash, byte by byte (flash.bin, 4 MiB).
/// On the port is the loader of the chip's ROM, or the stub loader once a host has put it into the RAM; esptool and
/// espflash can be the host, told not to reset (a pseudo-terminal has no DTR and RTS). Speeds and their changes are
/// those of a board: at another speed than the board's, both sides see noise. FLASH_END with 0 (`reboot`) restarts into
/// the ROM's loader, as the fixture holds the boot pin; FLASH_END with 1 in the ROM (`run user code`) and RUN_USER_CODE
/// in the stub boot the application, which is a boot log at 115,200 baud. Its MAC address is its hardware ID. It has
/// been compared with esptool, and with no board; flash takes no time to erase and to program.
///
/// With --scanners each fixture has a barcode scanner, FOLDER/scanners/1 and so on, always there. It sends the label of
/// the unit in the fixture and CR LF: once a unit comes in, or once somebody opens the scanner's port. A label is
/// az3166-000001, gateway-000001, esp32c3-000001 and so on; it stands in unit.toml.
///
/// The exchange rule: units wait in one queue, 1 to N, and the first go into the fixtures. A unit goes to the queue's
/// end and the next comes in when the host closes the port: of a gateway after a logout or a refused login; of an
/// MXChip if the last command was `exit`, or was answered with an error, or if it got empty lines alone; of an ESP32
/// board if it boots its application, or nothing was written to it, or its last command was answered with an error, or
/// a fault of a frame has struck; of any unit that is silent or babbles by a fault. If the host closes the port in the
/// midst of its work, or without having said anything, the unit stays; an ESP32 board is reset into its loader. An
/// unplugged unit comes back into its fixture after a second.
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
    /// What the units are.
    #[arg(long, value_enum, default_value_t = BoardName::Gateway)]
    board: BoardName,
    /// Give each fixture a scanner that reads the units' labels.
    #[arg(long)]
    scanners: bool,
    /// The gateways' shell: sh, bash, dash, or "busybox sh" [default: sh]
    #[arg(long)]
    shell: Option<String>,
    /// File with the password of the gateways' consoles [default: the password is `rehearsal`]
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
    /// Of one frame on the line of an ESP32 board, once, the FRAME-th from the host since the unit was put in (1 where
    /// none is given): garbled-command:UNIT:FRAME, garbled-answer:UNIT:FRAME (one byte is another),
    /// dropped-command:UNIT:FRAME, dropped-answer:UNIT:FRAME (it does not arrive), stalled-answer:UNIT:FRAME (it
    /// comes after 4 seconds), brown-out:UNIT:FRAME (power fails with half of the frame's data written),
    /// pulled-out:UNIT:FRAME (the port vanishes), wrong-md5:UNIT:FRAME (the next digest from there on is wrong),
    /// lost-writes:UNIT:FRAME (what is written from there on is acknowledged and seen, and lost at the next reset).
    ///
    /// Of the image, made with the unit and there to stay. Gateway: no-openssl:UNIT, wrong-password:UNIT,
    /// blank-hardware-id:UNIT, shared-hardware-id:UNIT:OTHER (UNIT shows the hardware ID of OTHER). MXChip:
    /// eeprom-write-fails:UNIT, eeprom-verify-fails:UNIT (what the chip takes is garbled). ESP32: blank-hardware-id,
    /// shared-hardware-id, secure-boot:UNIT, flash-encryption:UNIT, secure-download:UNIT (not esp32), other-chip:UNIT:CHIP
    /// (UNIT has CHIP, such as esp32s3). All: same-label:UNIT:OTHER (UNIT has the label of OTHER).
    #[arg(long = "fault", value_name = "KIND:UNIT[:BYTES]")]
    faults: Vec<FaultRequest>,
    /// Hardware IDs and random faults come from this number: the same seed, the same rehearsal.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Give so many of a hundred insertions a random fault of the line or, of an ESP32 board, of a frame.
    #[arg(long, value_name = "P", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=100))]
    fault_percent: u8,
}

/// A board by its name.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum BoardName {
    /// A Linux gateway with a login and a shell.
    Gateway,
    /// An MXChip AZ3166 in its configuration console.
    Mxchip,
    /// A board with an ESP32, in its loader.
    Esp32,
    /// A board with an ESP32-C3, in its loader.
    Esp32c3,
    /// A board with an ESP32-S3, in its loader.
    Esp32s3,
    /// A board with an ESP32-C6, in its loader.
    Esp32c6,
}

pub(super) fn run(args: Args, output: &Output) -> Result<Exit, Failure> {
    let plan = Plan {
        device: device(args.board, args.shell, args.console_password_file.as_deref())?,
        folder: args.folder,
        units: args.units,
        fixtures: args.fixtures,
        scanners: args.scanners,
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
        Err(error @ (SimulatorError::NoSuchUnit { .. } | SimulatorError::NotOfBoard { .. })) => {
            Err(Failure::usage(error))
        }
        Err(error @ (SimulatorError::Unit(_) | SimulatorError::NoShell { .. })) => {
            Err(Failure::new(Exit::Input, &error))
        }
        Err(error) => Err(Failure::new(Exit::Station, &error)),
    }
}

fn device(board: BoardName, shell: Option<String>, password: Option<&Path>) -> Result<Device, Failure> {
    match board {
        BoardName::Gateway => Ok(Device::Gateway {
            shell: shell.unwrap_or_else(|| "sh".to_owned()),
            console_password: match password {
                Some(path) => read_password(path)?,
                None => ConsolePassword::rehearsal(),
            },
        }),
        BoardName::Mxchip if shell.is_some() || password.is_some() => Err(Failure::usage(
            "an MXChip has neither a shell nor a password: leave out --shell and --console-password-file",
        )),
        _ if shell.is_some() || password.is_some() => Err(Failure::usage(
            "an ESP32 board has neither a shell nor a password: leave out --shell and --console-password-file",
        )),
        BoardName::Mxchip => Ok(Device::Mxchip),
        BoardName::Esp32 => Ok(Device::Esp(EspChip::Esp32)),
        BoardName::Esp32c3 => Ok(Device::Esp(EspChip::Esp32c3)),
        BoardName::Esp32s3 => Ok(Device::Esp(EspChip::Esp32s3)),
        BoardName::Esp32c6 => Ok(Device::Esp(EspChip::Esp32c6)),
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
