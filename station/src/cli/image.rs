//! `station image`: personalised images for an order, for units that another program writes.

use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use serde::Serialize;

use super::ahead::{self, Ordered, Which};
use super::context::{Context, Unlock};
use super::keyring::Keyring;
use super::{Exit, Failure, Output};
use crate::ahead::{ImageFolder, Images};
use crate::ledger::entry::Door;

/// Makes a folder of personalised images for an order's open identities that no unit has: the product's firmware, with
/// device ID, credential and ID scope in its slots.
///
/// Each image is ID.hex (Intel HEX, where the released firmware is) or ID.bin (raw, from the lowest address to the highest,
/// 0xff where nothing lies). images.csv names each with its format, the address of its first byte, its length and SHA-256,
/// the SHA-256 of the released firmware, and the ranges that are the unit's own.
///
/// The images hold the units' keys in clear. The identities are checked out from then on, as with `station issue`: no unit
/// gets them here; the ledger holds each credential, and the SHA-256 of images.csv, before the folder has its name. What was
/// cut off before never left, and the next `image` begins with its identities.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
    /// A new folder, for its owner alone.
    #[arg(long, value_name = "DIR", requires = "clear")]
    folder: PathBuf,
    /// Yes, let the keys leave in clear.
    #[arg(long)]
    clear: bool,
    #[command(flatten)]
    unlock: Unlock,
}

#[derive(Serialize)]
struct HandedOver<'a> {
    order: &'a str,
    images: u64,
    door: Door,
    to: &'a Path,
    /// Of images.csv, hex.
    sha256: String,
}

pub(super) fn run(args: &Args, context: &Context, output: &Output) -> Result<Exit, Failure> {
    let ordered = Ordered::new(&args.which, "image", context)?;
    let (order, product) = (&ordered.order, &ordered.product);
    let Some(firmware) = &product.firmware else {
        return Err(Failure::input(format!(
            "product {} has no firmware to personalise: its units are written over their console by `station run {}`; \
             credentials alone are made by `station issue {}`",
            product.file, order.name, order.name
        )));
    };
    let config = context.config()?;
    let vault = context.unlocked(args.unlock)?;
    let keyring =
        Keyring { folder: &context.folder, config: &config, vault: &vault, reader: &ordered.reader };
    let source = ahead::source(&keyring, product, &order.name)?;
    let is_individual = source.is_individual();
    let images = Images {
        product: product.clone(),
        id_scope: order.id_scope.clone(),
        own: keyring.variables(product)?,
        above: source.above().to_vec(),
        ledger_key: keyring.ledger_key()?,
        random: super::set_up::random,
    };
    let door = ordered.door(vault.vault(), output)?;
    let (announced, sha256) = door.fill_folder(&args.folder, |beside| {
        let mut folder = ImageFolder::begin(beside, &args.folder, firmware)?;
        let announced = door.announce(source, images, |unit| folder.take(&unit))?;
        Ok((announced, Some(folder.finish()?)))
    })?;
    let handed = HandedOver {
        order: &order.name,
        images: announced.credentials,
        door: Door::Clear,
        to: &args.folder,
        sha256: sha256.unwrap_or_default(),
    };
    ordered.talk_of_the_rest(is_individual, &keyring, output)?;
    output.data(&handed, |out| {
        writeln!(
            out,
            "{} images of order {} are in {}, keys in clear; its images.csv has SHA-256 {}",
            handed.images,
            handed.order,
            handed.to.display(),
            handed.sha256
        )
    })?;
    Ok(Exit::Done)
}
