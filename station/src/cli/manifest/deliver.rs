//! Individual enrollments that carry keys: recorded first, then sealed to a file or a pipe, or in clear where that was
//! asked for.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use serde::Serialize;

use super::super::context::Context;
use super::super::{Failure, Output};
use super::dps::{Args, talk_of_handed_over};
use crate::clock;
use crate::delivery::{self, Wanted};
use crate::ledger::entry::Door;
use crate::manifest::ManifestError;
use crate::place::{self, Readers};

#[derive(Serialize)]
struct Written<'a> {
    delivery: u64,
    order: &'a str,
    form: Door,
    recipients: &'a [String],
    identities: u64,
    sha256: &'a str,
    file: &'a Path,
}

pub(super) fn run(args: &Args, context: &Context, output: &Output) -> Result<(), Failure> {
    let order = args.order.to_string();
    if args.recipient.is_empty() && !args.clear {
        return Err(ManifestError::CarriesKeys(order).into());
    }
    if args.out.is_none() && io::stdout().is_terminal() {
        return Err(Failure::usage(
            "keys are not shown on a terminal: name a new file with --out, or send them into a pipe",
        ));
    }
    let recipients = args.recipients()?;
    let owner = context.owner("manifest dps")?;
    let vault = context.unlocked(args.unlock)?;
    let wanted = Wanted {
        order: &order,
        verified_ca: args.verified_ca.as_deref(),
        options: args.options(),
        bulk: args.bulk,
        rest: args.rest,
        recipients: &recipients,
    };
    let ready = delivery::prepare(wanted, &context.reader()?, &vault)?;
    let mut number = 0;
    let mut record = || -> Result<(), Failure> {
        number = ready.record(&owner.ledger(), clock::now())?;
        Ok(())
    };
    match &args.out {
        None => {
            record()?;
            let mut out = io::stdout().lock();
            out.write_all(ready.bytes()).and_then(|()| out.flush()).map_err(|error| {
                Failure::station(format!(
                    "delivery {number} did not leave whole ({error}): never acknowledge it, and make another one"
                ))
            })?;
        }
        Some(path) => {
            place::new_file_after(path, ready.bytes(), Readers::Owner, &mut record)?;
            let said = ready.delivery();
            let written = Written {
                delivery: number,
                order: &said.order,
                form: said.form,
                recipients: &said.recipients,
                identities: said.identities,
                sha256: &said.sha256,
                file: path,
            };
            output.data(&written, |out| writeln!(out, "{} is written", path.display()))?;
        }
    }
    talk_of_handed_over(context, &order, output)?;
    output.talk(format!(
        "delivery {number}: {} enrollments, {}. Once whoever it is for has it: `station manifest acknowledge {number}`",
        ready.delivery().identities,
        ready.delivery().form
    ));
    Ok(())
}
