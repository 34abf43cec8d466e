//! `station tpm enroll`: one unit by hand, and its enrollment.

use std::collections::BTreeSet;

use clap::Args;

use super::super::context::Context;
use super::super::manifest::pretty;
use super::super::one_unit::{OneUnit, Purpose, Taken};
use super::super::{Exit, Failure, Output};
use crate::manifest::{EnrollmentOptions, Enrollments, ManifestError, individual_enrollments};
use crate::order::OrderName;
use crate::product::Product;

#[derive(Debug, Args)]
pub(in crate::cli) struct Enroll {
    /// The order: its product attests by TPM.
    order: OrderName,
    #[command(flatten)]
    unit: OneUnit,
    /// Name the storage root key beside the endorsement key.
    #[arg(long)]
    storage_root_key: bool,
}

pub(super) fn run(args: Enroll, context: &Context, output: &Output) -> Result<Exit, Failure> {
    let Enroll { order, unit, storage_root_key } = args;
    let purpose = Purpose { verb: "tpm enroll", aside: true, fits: attests_by_tpm };
    let Taken::Accepted(registration_id) = unit.take(&order, &purpose, context, output)? else {
        return Ok(Exit::UnitFailed);
    };
    let (order, none) = (order.to_string(), BTreeSet::new());
    let options = EnrollmentOptions { storage_root_key, ..EnrollmentOptions::default() };
    let wanted = Enrollments { order: &order, verified_ca: None, options, without: &none };
    let refuse = |_: &_| Err(ManifestError::CarriesKeys(order.clone()));
    let enrollments = individual_enrollments(&context.reader()?, wanted, refuse)?;
    for body in enrollments.iter().filter(|body| body.registration_id().as_str() == registration_id) {
        output.data(body, |out| write!(out, "{}", pretty(body)?))?;
    }
    Ok(Exit::Done)
}

fn attests_by_tpm(product: &Product) -> Result<(), Failure> {
    match product.attestation.tpm() {
        Some(_) => Ok(()),
        None => Err(Failure::input(format!(
            "units of product {} attest in another way than by TPM: take them with `station flash`",
            product.file
        ))),
    }
}
