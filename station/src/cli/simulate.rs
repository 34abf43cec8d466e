//! `station simulate`: units that are not there, for rehearsing a product.

use clap::Args as ClapArgs;

use super::{Exit, Failure, Output};

/// Simulates units on pseudo-terminals, to rehearse a product.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {}

pub(super) fn run(_args: Args, _output: &Output) -> Result<Exit, Failure> {
    Ok(Exit::Done)
}
