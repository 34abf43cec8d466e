//! The command line: one file a verb. Standard output is data, standard error is talk.

mod failure;
mod output;
#[cfg(unix)]
mod simulate;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use failure::{Exit, Failure};
pub use output::Output;

/// Flashes and provisions units for Azure DPS and IoT Central, and proves what it did.
#[derive(Debug, Parser)]
#[command(name = "station", version, propagate_version = true)]
struct Arguments {
    /// Print data as JSON, one document or one event a line.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    #[cfg(unix)]
    Simulate(simulate::Args),
}

/// Parses the command line, runs the verb and turns a failure into its text and exit code.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = Output::new(arguments.json);
    let result = match arguments.verb {
        #[cfg(unix)]
        Verb::Simulate(args) => simulate::run(args, &output),
    };
    match result {
        Ok(exit) => exit.into(),
        Err(failure) => failure.report(),
    }
}
