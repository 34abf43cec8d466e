//! A product with what its units need out of the vault: what a run, a flash and a verification share.

use std::path::Path;

use certkit::DeviceKey;

use super::Failure;
use super::keyring::Keyring;
use crate::clock;
use crate::line::{Attestation, Edge, Instruments, IssueBudget, Line, UnitsInHand};
use crate::link::{Deflations, Variables};
use crate::product::Product;
use crate::tpm::HierarchyAuths;

/// A product, and what its units need out of the vault.
pub(super) struct SetUp {
    pub(super) product: Product,
    variables: Variables,
    ledger_key: DeviceKey,
    tpm_auths: HierarchyAuths,
    deflations: Deflations,
}

impl SetUp {
    pub(super) fn of(keyring: &Keyring<'_>, product: Product) -> Result<Self, Failure> {
        let (variables, ledger_key) = (keyring.variables(&product)?, keyring.ledger_key()?);
        let tpm_auths = keyring.tpm_auths(&product)?;
        Ok(Self { product, variables, ledger_key, tpm_auths, deflations: Deflations::default() })
    }

    /// What units are looked at with.
    pub(super) fn instruments(&self) -> Instruments<'_> {
        Instruments {
            product: &self.product,
            variables: &self.variables,
            ledger_key: &self.ledger_key,
            tpm_auths: &self.tpm_auths,
            deflations: &self.deflations,
            edge: edge(),
        }
    }

    /// What units are built on.
    pub(super) fn line<'a>(
        &'a self,
        order: &'a str,
        attestation: &'a Attestation,
        ledger_file: &'a Path,
    ) -> Line<'a> {
        if let Some(firmware) = &self.product.firmware {
            self.deflations.begin(firmware.ranges.iter().map(|range| range.content.clone()).collect());
        }
        Line {
            product: &self.product,
            order,
            attestation,
            variables: &self.variables,
            ledger_key: &self.ledger_key,
            tpm_auths: &self.tpm_auths,
            deflations: self.deflations.clone(),
            ledger_file,
            edge: edge(),
            in_hand: UnitsInHand::default(),
            budget: IssueBudget::default(),
        }
    }
}

/// The clock and the system's randomness.
fn edge() -> Edge {
    Edge { now: clock::now, random }
}

pub(super) fn random() -> Result<[u8; 32], getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}
