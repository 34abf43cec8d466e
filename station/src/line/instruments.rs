//! What units are spoken to and looked at with: enough to verify one, nothing to issue or to record with.

use std::path::Path;

use certkit::DeviceKey;

use super::Edge;
use crate::config::Fixture;
use crate::link::{ConsoleLink, Deflations, DeviceLink, EspLink, PortFault, StopSignal, TpmLink, Variables};
use crate::product::{Product, ProductLink};
use crate::tpm::{HierarchyAuths, Tcti};
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
    /// Authorisations of its units' TPMs.
    pub tpm_auths: &'a HierarchyAuths,
    /// What its units get alike.
    pub deflations: &'a Deflations,
    /// Where time and randomness come from.
    pub edge: Edge,
}

impl<'a> Instruments<'a> {
    /// Opens the fixture's port with the product's link. Nothing is sent yet, and no TPM asked.
    ///
    /// # Errors
    /// [`PortFault`]: no unit is to blame.
    pub fn open(&self, fixture: &Fixture, stop: StopSignal) -> Result<Box<dyn DeviceLink + 'a>, PortFault> {
        let Ways { port, tcti } = Ways::of(self.product, fixture)?;
        let link = port.map(|port| self.on(port, stop)).transpose()?;
        match (tcti, link) {
            (Some(tcti), link) => Ok(Box::new(TpmLink::new(link, tcti.clone(), self.tpm_auths))),
            (None, Some(link)) => Ok(link),
            (None, None) => Err(no_link(self.product, fixture.place())),
        }
    }

    fn on(&self, port: &Path, stop: StopSignal) -> Result<Box<dyn DeviceLink + 'a>, PortFault> {
        match &self.product.link {
            ProductLink::Console { baud, dialogue } => {
                Ok(Box::new(ConsoleLink::open(port, *baud, dialogue, self.variables, stop)?))
            }
            ProductLink::Loader { baud, chip, .. } => {
                Ok(Box::new(EspLink::open(port, *chip, *baud, self.deflations.clone(), stop)?))
            }
            ProductLink::Tpm | ProductLink::Programmer => {
                Err(no_link(self.product, format!("port {}", port.display())))
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

/// The ways on which a fixture reaches the units of a product.
#[derive(Debug)]
pub struct Ways<'f> {
    /// To what they are spoken to with, where that is a port.
    pub port: Option<&'f Path>,
    /// To their TPMs, where they attest with them.
    pub tcti: Option<&'f Tcti>,
}

impl<'f> Ways<'f> {
    /// Those that the product needs.
    ///
    /// # Errors
    /// [`PortFault`]: the fixture does not have one.
    pub fn of(product: &Product, fixture: &'f Fixture) -> Result<Self, PortFault> {
        let port = match product.link {
            ProductLink::Console { .. } | ProductLink::Loader { .. } => {
                Some(fixture.port.as_deref().ok_or_else(|| PortFault::NoPort(fixture.name.clone()))?)
            }
            ProductLink::Tpm => None,
            ProductLink::Programmer => return Err(no_link(product, fixture.place())),
        };
        let tcti = match product.attestation.tpm() {
            Some(_) => Some(fixture.tcti.as_ref().ok_or_else(|| PortFault::NoTcti(fixture.name.clone()))?),
            None => None,
        };
        Ok(Self { port, tcti })
    }
}

fn no_link(product: &Product, place: String) -> PortFault {
    PortFault::NoLink { place, link: product.link.to_string() }
}
