//! `station flash --explain`: what would be written.

use certkit::RegistrationId;
use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::run::product;
use crate::cli::set_up::random;
use crate::cli::{Exit, Failure, Output};
use crate::clock;
use crate::explain::{Explained, example, explain};
use crate::ledger::LedgerReader;
use crate::ledger::entry::Identity;
use crate::order::OrderName;
use crate::product::{Assign, Product};
use crate::profile::load_for_devices;

#[derive(Serialize)]
struct Listed {
    order: String,
    #[serde(flatten)]
    explained: Explained,
}

pub(super) fn run(
    name: &OrderName,
    id: Option<&RegistrationId>,
    context: &Context,
    output: &Output,
) -> Result<Exit, Failure> {
    let reader = context.reader()?;
    let order = reader.order(&name.to_string())?.ok_or_else(|| crate::cli::order::unknown(name))?;
    let product = product(context, &order)?;
    let identity = identity(&reader, &order.name, &product, id)?;
    let profile = product.attestation.profile();
    let profile =
        profile.map(|(file, kind)| load_for_devices(context.folder.path(), file, kind)).transpose()?;
    let explained = explain(&product, profile.as_ref(), &identity, (clock::now(), random))?;
    let listed = Listed { order: order.name, explained };
    output.data(&listed, |out| write!(out, "{}", listed.explained))?;
    Ok(Exit::Done)
}

/// The identity that is asked for, or the order's next, or its first where all have units; an example where its units bring
/// them, and none has come.
fn identity(
    reader: &LedgerReader,
    order: &str,
    product: &Product,
    id: Option<&RegistrationId>,
) -> Result<Identity, Failure> {
    let next = match id {
        None => reader.next_unbound(order)?,
        Some(_) => None,
    };
    if let Some(next) = next {
        return Ok(next.identity);
    }
    let mut identities = reader.identities(order)?.into_iter().map(|record| record.identity);
    let found = match id {
        None => identities.next(),
        Some(id) => identities.find(|identity| identity.registration_id == *id),
    };
    if found.is_none() && id.is_none() && product.assign == Assign::FromEk {
        return Ok(example(product)?);
    }
    found.ok_or_else(|| {
        let id = id.map(ToString::to_string).unwrap_or_default();
        Failure::input(format!(
            "order {order} has no identity {id}: `station order show {order}` tells what it is for"
        ))
    })
}
