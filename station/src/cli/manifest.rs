//! `station manifest`: what the cloud imports.

pub(super) mod bodies;
mod deliver;
mod disallow;
mod dps;

use std::io;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde::Serialize;

pub(super) use disallow::talk as talk_disallowed;

use super::context::Context;
use super::{Exit, Failure, Output};
use crate::clock;
use crate::delivery;
use crate::manifest::central_import;
use crate::order::OrderName;
use crate::place::{self, Readers};

/// Manifests, derived from the ledger, and deliveries, which carry keys.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// What DPS takes: the body of an X.509 enrollment group, or individual enrollments.
    Dps(dps::Args),
    /// The CSV that IoT Central imports devices from.
    Central {
        /// The order.
        order: OrderName,
        /// Write a new file instead of standard output.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Disabled individual enrollments: what stops units that were scrapped or compromised.
    Disallow(disallow::Args),
    /// Show the deliveries: enrollments with keys that left the station.
    Deliveries {
        /// Only those of this order.
        order: Option<OrderName>,
    },
    /// A delivery has arrived: record it, and withdraw its keys from the vault. Again: finish what was cut off.
    Acknowledge {
        /// The delivery's number.
        delivery: u64,
    },
}

/// The CSV as one line of JSON, where `--json` asks for it.
#[derive(Serialize)]
struct Central {
    csv: String,
}

#[derive(Serialize)]
struct Written<'a> {
    file: &'a Path,
}

pub(super) fn run(verb: Verb, context: &Context, output: &Output) -> Result<Exit, Failure> {
    match verb {
        Verb::Dps(args) if dps::carries_keys(&args, context)? => deliver::run(&args, context, output)?,
        Verb::Dps(args) => return dps::run(args, context, output),
        Verb::Disallow(args) => return disallow::run(&args, context, output),
        Verb::Central { order, out } => {
            dps::talk_of_handed_over(context, &order.to_string(), output)?;
            let carried = "of which IoT Central's import says nothing";
            dps::talk_of_marked(context, &order.to_string(), carried, output)?;
            let central = Central { csv: central_import(&context.reader()?, &order.to_string())? };
            print(&central, &central.csv, out.as_deref(), output)?;
        }
        Verb::Deliveries { order } => deliveries(order.as_ref(), context, output)?,
        Verb::Acknowledge { delivery } => acknowledge(delivery, context, output)?,
    }
    Ok(Exit::Done)
}

/// A manifest that is one text: the same in a file and on standard output.
fn print<T: Serialize>(body: &T, text: &str, out: Option<&Path>, output: &Output) -> Result<(), Failure> {
    match out {
        None => output.data(body, |out| write!(out, "{text}"))?,
        Some(file) => {
            place::new_file(file, text.as_bytes(), Readers::Everyone)?;
            output.data(&Written { file }, |out| writeln!(out, "{} is written", file.display()))?;
        }
    }
    Ok(())
}

/// A body as a person reads it.
pub(super) fn pretty<T: Serialize>(body: &T) -> io::Result<String> {
    Ok(serde_json::to_string_pretty(body)? + "\n")
}

fn deliveries(order: Option<&OrderName>, context: &Context, output: &Output) -> Result<(), Failure> {
    let reader = context.reader()?;
    if let Some(order) = order
        && reader.order(&order.to_string())?.is_none()
    {
        return Err(super::order::unknown(order));
    }
    let wanted = order.map(ToString::to_string);
    for one in reader.deliveries()? {
        if wanted.as_ref().is_some_and(|order| *order != one.order) {
            continue;
        }
        output.data(&one, |out| {
            let state = match &one.acknowledged_at {
                Some(at) => format!("acknowledged {at}"),
                None => "not acknowledged".to_owned(),
            };
            let (identities, form) = (one.identities, &one.form);
            writeln!(
                out,
                "{:>6} {} {}: {identities} enrollments, {form}, {state}",
                one.delivery, one.at, one.order
            )
        })?;
    }
    Ok(())
}

fn acknowledge(number: u64, context: &Context, output: &Output) -> Result<(), Failure> {
    let owner = context.owner("manifest acknowledge")?;
    let (reader, vault) = (context.reader()?, context.vault()?);
    let done = delivery::acknowledge(number, &owner.ledger(), &reader, &vault, clock::now())?;
    output.data(&done, |out| {
        let order = &done.delivery.order;
        writeln!(
            out,
            "delivery {number} of order {order} has arrived: the keys of {} identities left the vault",
            done.withdrawn
        )
    })?;
    Ok(())
}
