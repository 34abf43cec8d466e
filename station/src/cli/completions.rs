//! `station completions` and `station man`: made from the same definitions as the command line itself.

use std::io;

use clap::{Args as ClapArgs, CommandFactory};
use clap_complete::Shell;

use super::{Arguments, Exit, Failure};

/// Prints a completion script for a shell.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// The shell.
    shell: Shell,
}

/// Prints the manual page (roff).
#[derive(Debug, ClapArgs)]
pub(super) struct ManArgs {}

pub(super) fn run(args: Args) -> Result<Exit, Failure> {
    clap_complete::generate(args.shell, &mut Arguments::command(), "station", &mut io::stdout());
    Ok(Exit::Done)
}

pub(super) fn man(_args: ManArgs) -> Result<Exit, Failure> {
    clap_mangen::Man::new(Arguments::command()).render(&mut io::stdout())?;
    Ok(Exit::Done)
}
