//! `station ledger`: the record of facts.

use clap::Subcommand;
use serde::Serialize;

use super::context::Context;
use super::{Exit, Failure, Output};
use crate::ledger::{LedgerOwner, verify};

/// The ledger: show its entries, verify the chain, rebuild the tables.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Show entries, oldest first.
    Show {
        /// From this entry on.
        #[arg(long, default_value_t = 1, value_name = "SEQ")]
        from: u64,
        /// At most so many.
        #[arg(long, value_name = "N", default_value_t = u64::MAX >> 1, hide_default_value = true)]
        most: u64,
    },
    /// Check every entry's hash and link, and the tables against the entries. Works beside a running station.
    Verify,
    /// Make the tables anew from the entries. The entries stay as they are.
    Rebuild,
}

#[derive(Serialize)]
struct Rebuilt {
    entries: u64,
}

/// Entries read at once while showing.
const PAGE: u64 = 1000;

pub(super) fn run(verb: Verb, context: &Context, output: &Output) -> Result<Exit, Failure> {
    match verb {
        Verb::Show { from, most } => show(context, output, from, most),
        Verb::Verify => {
            let verification = verify(&context.folder.ledger())?;
            output.data(&verification, |out| {
                writeln!(out, "{} entries, head {}", verification.entries, verification.head)?;
                for finding in &verification.findings {
                    writeln!(out, "  {}", finding.what)?;
                }
                let verdict = if verification.findings.is_empty() {
                    "the ledger holds together"
                } else {
                    "the ledger is damaged"
                };
                writeln!(out, "{verdict}")
            })?;
            Ok(if verification.findings.is_empty() { Exit::Done } else { Exit::Station })
        }
        Verb::Rebuild => {
            let config = context.config()?;
            let entries = LedgerOwner::rebuild(&context.folder.ledger(), &config.name.to_string())?;
            let rebuilt = Rebuilt { entries };
            output
                .data(&rebuilt, |out| writeln!(out, "tables made anew from {} entries", rebuilt.entries))?;
            Ok(Exit::Done)
        }
    }
}

fn show(context: &Context, output: &Output, from: u64, most: u64) -> Result<Exit, Failure> {
    let reader = context.reader()?;
    let (mut next, mut left) = (from, most);
    while left > 0 {
        let entries = reader.entries(next, left.min(PAGE))?;
        let Some(last) = entries.last() else { break };
        (next, left) = (last.seq + 1, left - entries.len() as u64);
        for entry in &entries {
            output.data(entry, |out| {
                let fact = serde_json::to_string(&entry.fact)?;
                writeln!(out, "{:>6} {} {}", entry.seq, entry.at, fact)
            })?;
        }
    }
    Ok(Exit::Done)
}
