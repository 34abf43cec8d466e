//! The command line: one file a verb. Standard output is data, standard error is talk.

mod ahead;
mod by_hand;
mod ca;
mod check;
mod completions;
mod context;
mod failure;
mod flash;
mod image;
mod init;
mod issue;
mod keyring;
mod keys;
mod ledger;
mod manifest;
mod one_unit;
mod order;
mod output;
mod progress;
mod roll_over;
mod run;
mod set_up;
#[cfg(target_os = "linux")]
mod simulate;
mod tpm;
mod unit;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use context::Context;
pub use failure::{Exit, Failure};
pub use output::Output;

/// Flashes and provisions units for Azure DPS and IoT Central, and proves what it did.
///
/// Exit codes: 0 all units accepted (or: done), 1 some unit or check failed, 2 usage, 3 configuration or input,
/// 4 the station itself is at fault, 70 a defect of this program.
#[derive(Debug, Parser)]
#[command(name = "station", version, propagate_version = true)]
struct Arguments {
    /// The station's folder, as made by `station init`.
    #[arg(long, global = true, value_name = "DIR", default_value = ".")]
    station: PathBuf,
    /// Print data as JSON, one document or one event a line.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Init(init::Args),
    Check(check::Args),
    #[command(subcommand)]
    Ca(ca::Verb),
    #[command(subcommand)]
    Keys(keys::Verb),
    #[command(subcommand)]
    Order(order::Verb),
    #[command(subcommand)]
    Tpm(tpm::Verb),
    Run(run::Args),
    Flash(flash::Args),
    Verify(verify::Args),
    Issue(Box<issue::Args>),
    Image(image::Args),
    #[command(subcommand)]
    Unit(unit::Verb),
    #[command(subcommand)]
    Ledger(ledger::Verb),
    #[command(subcommand)]
    Manifest(manifest::Verb),
    #[command(subcommand)]
    RollOver(roll_over::Verb),
    #[cfg(target_os = "linux")]
    Simulate(simulate::Args),
    Completions(completions::Args),
    Man(completions::ManArgs),
}

/// Parses the command line, runs the verb and turns a failure into its text and exit code.
pub fn main() -> ExitCode {
    crate::core_dumps::switch_off();
    let arguments = Arguments::parse();
    let output = Output::new(arguments.json);
    let context = Context::new(arguments.station);
    let result = match arguments.verb {
        Verb::Init(args) => init::run(args, &output),
        Verb::Check(args) => check::run(args, &context, &output),
        Verb::Ca(verb) => ca::run(verb, &context, &output),
        Verb::Keys(verb) => keys::run(verb, &context, &output),
        Verb::Order(verb) => order::run(verb, &context, &output),
        Verb::Issue(args) => issue::run(&args, &context, &output),
        Verb::Image(args) => image::run(&args, &context, &output),
        Verb::Run(args) => run::run(args, &context, &output),
        Verb::Flash(args) => flash::run(args, &context, &output),
        Verb::Verify(args) => verify::run(args, &context, &output),
        Verb::Tpm(verb) => tpm::run(verb, &context, &output),
        Verb::Unit(verb) => unit::run(verb, &context, &output),
        Verb::Ledger(verb) => ledger::run(verb, &context, &output),
        Verb::Manifest(verb) => manifest::run(verb, &context, &output),
        Verb::RollOver(verb) => roll_over::run(verb, &context, &output),
        #[cfg(target_os = "linux")]
        Verb::Simulate(args) => simulate::run(args, &output),
        Verb::Completions(args) => completions::run(args),
        Verb::Man(args) => completions::man(args),
    };
    match result {
        Ok(exit) => exit.into(),
        Err(failure) => failure.report(),
    }
}
