//! `station flash`: one unit, by hand, exactly as a run takes it.

mod explained;

use certkit::RegistrationId;
use clap::Args as ClapArgs;

use super::context::Context;
use super::one_unit::{OneUnit, Purpose, Taken};
use super::{Exit, Failure, Output};
use crate::order::OrderName;

/// Takes one unit to its verdict, as `station run` does.
///
/// Exit code 0: the unit is accepted, now or again. --explain tells what would be written, and touches nothing.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// The order.
    order: OrderName,
    #[command(flatten)]
    unit: OneUnit,
    /// List what would be written, secrets left out, and touch nothing.
    #[arg(long, conflicts_with_all = ["port", "tcti", "label", "patience", "unlock_fd"])]
    explain: bool,
    /// Of this identity; without it of the order's next.
    #[arg(long, value_name = "ID", requires = "explain")]
    registration_id: Option<RegistrationId>,
}

pub(super) fn run(args: Args, context: &Context, output: &Output) -> Result<Exit, Failure> {
    if args.explain {
        return explained::run(&args.order, args.registration_id.as_ref(), context, output);
    }
    let purpose = Purpose { verb: "flash", aside: false, fits: |_| Ok(()) };
    Ok(match args.unit.take(&args.order, &purpose, context, output)? {
        Taken::Accepted(_) => Exit::Done,
        Taken::Failed | Taken::Stopped => Exit::UnitFailed,
    })
}
