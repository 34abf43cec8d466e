//! `station check`: is everything in place for a run?

use clap::Args as ClapArgs;

use super::context::{Context, Unlock};
use super::set_up::random;
use super::{Exit, Failure, Output};
use crate::check::{CheckVerdict, Scene, check};
use crate::clock;
use crate::tpm::{TpmError, without_library_log};
use crate::vault::UnlockFrom;

/// Checks clock, vault, ledger, authorities, products and ports. Writes nothing, asks nothing.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(flatten)]
    unlock: Unlock,
}

pub(super) fn run(args: Args, context: &Context, output: &Output) -> Result<Exit, Failure> {
    let config = context.config()?;
    if config.fixtures.iter().any(|fixture| fixture.tcti.is_some()) {
        match without_library_log() {
            // A finding of each fixture tells it.
            Ok(()) | Err(TpmError::NotBuilt) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let vault = match args.unlock.source() {
        UnlockFrom::Prompt => None, // a check is run by scripts too: what needs the secret is skipped, and says so
        _ => Some(context.unlocked(args.unlock)?),
    };
    let now = clock::now();
    let scene = Scene { folder: &context.folder, config: &config, vault: vault.as_ref(), now, random };
    let findings = check(&scene);
    output.data(&findings, |out| {
        for finding in &findings {
            let verdict = match finding.verdict {
                CheckVerdict::Ok => "ok     ",
                CheckVerdict::Skipped => "skipped",
                CheckVerdict::Warning => "WARNING",
                CheckVerdict::Failed => "FAILED ",
            };
            writeln!(out, "{verdict}  {}: {}", finding.id, finding.seen)?;
            if !finding.todo.is_empty() {
                writeln!(out, "         -> {}", finding.todo)?;
            }
        }
        Ok(())
    })?;
    let failed = findings.iter().any(|finding| finding.verdict == CheckVerdict::Failed);
    Ok(if failed { Exit::UnitFailed } else { Exit::Done })
}
