//! `station init`: makes a station's folder.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use serde::Serialize;

use super::context::Unlock;
use super::{Exit, Failure, Output};
use crate::clock;
use crate::config::{Fixture, StationFolder, StationName, new_config};
use crate::ledger::LedgerOwner;
use crate::place::{self, Readers};
use crate::tpm::Tcti;
use crate::vault::Vault;

/// Makes a station: its folder with station.toml, ledger and vault. Asks for the new unlock secret.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// The folder to make.
    dir: PathBuf,
    /// Who this station is: letters, digits and hyphens. It cannot be changed afterwards.
    #[arg(long, default_value = "line-1")]
    name: StationName,
    /// A fixture's port; again for each fixture. More can be written into station.toml later.
    #[arg(long, value_name = "PATH")]
    port: Vec<PathBuf>,
    /// The way to the TPM of the unit in a fixture, as in device:/dev/tpm1; again for each fixture, in the same sequence
    /// as --port, or without any.
    #[arg(long)]
    tcti: Vec<Tcti>,
    /// The port of a fixture's label scanner; again for each fixture, in the same sequence as --port.
    #[arg(long, value_name = "PATH")]
    scanner: Vec<PathBuf>,
    #[command(flatten)]
    unlock: Unlock,
}

#[derive(Serialize)]
struct Made {
    station: String,
    folder: PathBuf,
}

pub(super) fn run(args: Args, output: &Output) -> Result<Exit, Failure> {
    if args.port.iter().enumerate().any(|(index, port)| args.port[..index].contains(port)) {
        return Err(Failure::usage("the same --port is given twice: each fixture has a port of its own"));
    }
    if args.tcti.iter().enumerate().any(|(index, tcti)| args.tcti[..index].contains(tcti)) {
        return Err(Failure::usage("the same --tcti is given twice: each fixture has its own"));
    }
    if !args.port.is_empty() && args.tcti.len() > args.port.len() {
        return Err(Failure::usage("there are more --tcti than --port: each TPM belongs to a fixture"));
    }
    if args.scanner.len() > args.port.len().max(args.tcti.len()) {
        return Err(Failure::usage(
            "there are more --scanner than --port or --tcti: each scanner belongs to a fixture",
        ));
    }
    let unlock = args.unlock.source().obtain(true)?;
    place::new_folder(&args.dir, |path| -> Result<(), Failure> {
        let folder = StationFolder::new(path);
        Vault::create(&folder.vault(), &unlock)?;
        for inside in [folder.authorities(), folder.transcripts()] {
            place::private_folder(&inside)?;
        }
        drop(LedgerOwner::create(&folder.ledger(), &args.name.to_string(), clock::now())?);
        place::new_file(
            &folder.config(),
            new_config(&args.name, &fixtures(&args)).as_bytes(),
            Readers::Everyone,
        )?;
        Ok(())
    })?;
    let made = Made { station: args.name.to_string(), folder: args.dir };
    output.data(&made, |out| {
        writeln!(out, "station {} is made in {}", made.station, made.folder.display())?;
        writeln!(out, "next: look at station.toml there, then let `station check` say what is missing")
    })?;
    Ok(Exit::Done)
}

fn fixtures(args: &Args) -> Vec<Fixture> {
    let fixture = |index: usize| Fixture {
        name: (index + 1).to_string(),
        port: args.port.get(index).cloned(),
        tcti: args.tcti.get(index).cloned(),
        scanner: args.scanner.get(index).cloned(),
    };
    (0..args.port.len().max(args.tcti.len())).map(fixture).collect()
}
