//! `station manifest disallow`: what stops units.

use std::path::PathBuf;

use certkit::RegistrationId;

use super::super::context::Context;
use super::super::{Exit, Failure, Output};
use super::bodies;
use crate::manifest::{Disallowed, disallow};
use crate::order::OrderName;

/// Disabled individual enrollments: what stops units that were scrapped or compromised.
///
/// DPS looks for an individual enrollment before it looks for a group, and a disabled one ends the search. It stops the
/// *next* registration only: remove the device from the hub as well.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The order.
    order: OrderName,
    /// Stop this unit, whatever its state; again for more. Without it all that were scrapped.
    #[arg(long, value_name = "ID")]
    identity: Vec<RegistrationId>,
    /// Bulk operations of at most ten enrollments: POST /enrollments. Without it single bodies: PUT
    /// /enrollments/{registrationId}, which also replaces an enrollment that is there.
    #[arg(long)]
    bulk: bool,
    /// Write into a new folder instead of standard output.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

pub(super) fn run(args: &Args, context: &Context, output: &Output) -> Result<Exit, Failure> {
    let disallowed = disallow(&context.reader()?, &args.order.to_string(), &args.identity)?;
    let bodies =
        if args.bulk { bodies::in_bulk(&disallowed.by_mode())? } else { bodies::single(disallowed.all())? };
    bodies::write(&bodies, disallowed.all().count(), args.out.as_deref(), output)?;
    talk(&disallowed, output);
    Ok(Exit::Done)
}

/// What the enrollments do not do.
pub(in crate::cli) fn talk(disallowed: &Disallowed, output: &Output) {
    for (id, serials) in &disallowed.left_out {
        output.talk(format!(
            "warning: {id} may hold one of further certificates, for which its enrollment has no room: {}. Let it \
             register no more under any group of their issuer, or keep the unit",
            serials.join(", ")
        ));
    }
    output.talk("DPS stops the next registration only: remove these devices from the hub as well");
}
