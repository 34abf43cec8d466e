//! What units are spoken to and looked at with: enough to verify one, nothing to issue or to record with.

use std::path::Path;

use certkit::DeviceKey;

use super::Edge;
use crate::link::{ConsoleLink, DeviceLink, EspLink, PortFault, StopSignal, Variables};
use crate::product::{Product, ProductLink};
use crate::unit::Personaliser;

/// What units of one product are looked at with.
#[derive(Debug, Clone, Copy)]
pub struct Instruments<'a> {
    /// What is built.
    pub product: &'a Product,
    /// Values of the dialogue's variables, and the documents'.
    pub variables: &'a Variables,
    /// The vault's ledger key: of what is flashed the ledger holds a MAC under it.
    pub ledger_key: &'a DeviceKey,
    /// Where time and randomness come from.
    pub edge: Edge,
}

impl<'a> Instruments<'a> {
    /// Opens the port with the product's link. Nothing is sent yet.
    ///
    /// # Errors
    /// [`PortFault`]: no unit is to blame.
    pub fn open(&self, port: &Path, stop: StopSignal) -> Result<Box<dyn DeviceLink + 'a>, PortFault> {
        match &self.product.link {
            ProductLink::Console { baud, dialogue } => {
                Ok(Box::new(ConsoleLink::open(port, *baud, dialogue, self.variables, stop)?))
            }
            ProductLink::Loader { baud, chip, .. } => Ok(Box::new(EspLink::open(port, *chip, *baud, stop)?)),
            ProductLink::Programmer => {
                Err(PortFault::NoLink { path: port.to_owned(), link: self.product.link.to_string() })
            }
        }
    }

    /// What turns credentials into what its units are to hold.
    pub fn personaliser(&self) -> Personaliser<'a> {
        Personaliser {
            product: self.product,
            own: self.variables,
            ledger_key: self.ledger_key,
            random: self.edge.random,
        }
    }
}
