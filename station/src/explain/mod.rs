//! What would be written into a unit, secrets left out: nothing is asked of a unit, and nothing of the vault.

mod console;
mod flash;
mod stand_in;

use std::fmt;

use certkit::{Profile, RegistrationIdError};
use firmware_image::Shown;
use serde::Serialize;
use thiserror::Error;
use time::OffsetDateTime;

use crate::ledger::entry::Identity;
use crate::product::{Assign, Product};
use crate::unit::{Personaliser, PlanError, Random};

pub use console::ConsoleStep;
pub use flash::FlashRange;
pub use stand_in::StandInError;

/// What a unit is called that is only tried out.
const TYPICAL: &str = "typical-unit-0001";
/// The same where its TPM's endorsement key names it: that of the key in certkit's documentation. All are as long.
const TYPICAL_FROM_EK: &str = "codm2knmvyqkrvdkwrrmq7bndamjjl6eduyqidyljvw4b5jum6ga";

/// What a unit would get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// The product's file.
    pub product: String,
    /// The identity.
    pub registration_id: String,
    /// How it is written.
    pub link: String,
    /// What of the list is made up.
    pub made_up: String,
    /// What is written.
    #[serde(flatten)]
    pub writes: Writes,
}

/// What is written, by what writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Writes {
    /// On a console, one step after the other.
    Console {
        /// The steps.
        steps: Vec<ConsoleStep>,
    },
    /// An image, by a loader or another program.
    Flash {
        /// SHA-256 of each file of the released firmware, hex.
        base: Vec<String>,
        /// Every range in the order of addresses.
        ranges: Vec<FlashRange>,
        /// Whether a range that the device's digest shows to be there already is not written again.
        skips_what_agrees: bool,
    },
}

/// A value, as far as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Value {
    /// Its length; none of a secret.
    pub bytes: Option<usize>,
    /// The value itself, where it is a short text; none of a secret.
    pub text: Option<String>,
    /// Whether it is a secret.
    pub secret: bool,
}

/// Why it cannot be told what a unit would get.
#[derive(Debug, Error)]
pub enum ExplainError {
    /// No credential can stand in for the unit's.
    #[error(transparent)]
    StandIn(#[from] StandInError),
    /// The unit's items cannot be what its device takes.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// No name can stand in for the unit's.
    #[error("no registration ID can stand in for the unit's")]
    Example(#[from] RegistrationIdError),
}

/// An identity to try a product out with, where no unit has told one yet.
///
/// # Errors
/// [`ExplainError::Example`].
pub fn example(product: &Product) -> Result<Identity, ExplainError> {
    let name = if product.assign == Assign::FromEk { TYPICAL_FROM_EK } else { TYPICAL };
    Ok(Identity { id_scope: product.id_scope.to_string(), registration_id: name.parse()? })
}

/// Lists what a unit of this identity would get. `profile` is the product's, where it has one.
///
/// # Errors
/// [`ExplainError`].
pub fn explain(
    product: &Product,
    profile: Option<&Profile>,
    identity: &Identity,
    (now, random): (OffsetDateTime, Random),
) -> Result<Explained, ExplainError> {
    let credential = stand_in::credential(product, profile, &identity.registration_id, (now, random))?;
    let (own, ledger_key) = (stand_in::variables(product), stand_in::device_key(32, random)?);
    let personaliser = Personaliser { product, own: &own, ledger_key: &ledger_key, random };
    let slots = personaliser.fill_slots(identity, &credential)?;
    let writes = match product.firmware.as_ref().zip(slots) {
        Some((firmware, slots)) => flash::ranges(product, &slots.within(firmware)?.plan),
        None => {
            Writes::Console { steps: console::steps(product, &personaliser.plan(identity, &credential)?) }
        }
    };
    Ok(Explained {
        product: product.file.clone(),
        registration_id: identity.registration_id.to_string(),
        link: product.link.to_string(),
        made_up: made_up(product, identity),
        writes,
    })
}

fn made_up(product: &Product, identity: &Identity) -> String {
    let credential = if product.attestation.is_x509() {
        "the unit's key and certificates are made up for this list, and lengths of certificates are theirs"
    } else if identity.registration_id.as_str() == TYPICAL_FROM_EK {
        "no TPM was asked: the registration ID is made up for this list"
    } else if product.attestation.tpm().is_some() {
        "no TPM was asked: nothing in this list is of its key"
    } else {
        "the unit's key is made up for this list"
    };
    match product.secrets.is_empty() {
        true => credential.to_owned(),
        false => format!("{credential}; the vault's secrets were not looked up"),
    }
}

impl Value {
    fn new(bytes: usize, shown: &Shown) -> Self {
        match shown {
            Shown::Secret => Self { bytes: None, text: None, secret: true },
            Shown::Text(text) => Self { bytes: Some(bytes), text: Some(text.clone()), secret: false },
            Shown::Bytes => Self { bytes: Some(bytes), text: None, secret: false },
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self { secret: true, .. } => f.write_str("secret"),
            Self { text: Some(text), .. } => f.write_str(text),
            Self { bytes, .. } => write!(f, "{} bytes", bytes.unwrap_or_default()),
        }
    }
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { product, registration_id, link, made_up, writes } = self;
        writeln!(f, "{registration_id}, a unit of {product}, written by {link}")?;
        writeln!(f, "({made_up})")?;
        match writes {
            Writes::Console { steps } => {
                (1..).zip(steps).try_for_each(|(number, step)| writeln!(f, "{number:>3}  {step}"))
            }
            Writes::Flash { base, ranges, skips_what_agrees } => {
                base.iter().try_for_each(|digest| writeln!(f, "released firmware: SHA-256 {digest}"))?;
                ranges.iter().try_for_each(|range| writeln!(f, "{range}"))?;
                if *skips_what_agrees {
                    writeln!(
                        f,
                        "a range is not written again where the device's digest of it agrees already"
                    )?;
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use certkit::EndorsementKey;

    use super::*;
    use crate::product::Service;

    /// A product can be tried out before any of its units has said what its key names it.
    #[test]
    fn a_unit_that_is_named_by_its_tpm_can_be_tried_out_before_it_comes() {
        let folder = tempfile::tempdir().unwrap();
        let named_by_order = Product::load(folder.path(), "gateway-tpm.toml").unwrap();
        assert_eq!(example(&named_by_order).unwrap().registration_id.as_str(), TYPICAL);
        let product = Product::load(folder.path(), "tpm.toml").unwrap();
        let identity = example(&product).unwrap();
        let key = include_str!("../../../certkit/tests/vectors/endorsement-key.txt").trim();
        assert_eq!(identity.registration_id, EndorsementKey::from_base64(key).unwrap().registration_id());
        Service::Central.check(&identity.registration_id).unwrap();
        let now = time::macros::datetime!(2026-11-30 12:00 UTC);
        let explained = explain(&product, None, &identity, (now, || Ok([7; 32]))).unwrap();
        assert_eq!(explained.registration_id.len(), 52);
        assert!(explained.made_up.contains("the registration ID is made up"), "{}", explained.made_up);
    }
}
