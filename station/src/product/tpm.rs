//! What a product asks of its units' TPMs.

use serde::Deserialize;

use super::{Assign, Item, ItemContent, Presence, Product, ProductLink};
use crate::ledger::entry::Grade;
use crate::vault::SecretName;

/// What is asked of a unit's TPM.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TpmRules {
    /// Whether one that is a program is taken.
    pub software_tpm: SoftwareTpm,
    /// Whether its maker must vouch for it.
    pub ek_certificate: EkCertificate,
    /// Whether its keys are put at their handles where nothing lies there. Nothing else is ever written into it.
    pub keep_keys: bool,
    /// The endorsement hierarchy's authorisation in the vault, where it is set.
    pub endorsement_auth: Option<SecretName>,
    /// The same of the owner's hierarchy.
    pub owner_auth: Option<SecretName>,
}

/// Whether a TPM that is a program is taken. Its key can be copied, as any file can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SoftwareTpm {
    /// Its unit is refused.
    #[default]
    Refuse,
    /// Its unit is taken, and marked for ever.
    Allow,
}

/// Whether a TPM must show where it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EkCertificate {
    /// A maker whose root the engineer has put into `makers` vouches for it.
    #[default]
    Required,
    /// One without a certificate is taken, and marked for ever. A certificate that is there must be right.
    AbsentOk,
}

/// What the product's file says of it.
#[derive(Debug, Default)]
pub(super) struct TpmFile {
    pub(super) software_tpm: Option<SoftwareTpm>,
    pub(super) ek_certificate: Option<EkCertificate>,
    pub(super) keep_keys: Option<bool>,
    pub(super) endorsement_auth: Option<SecretName>,
    pub(super) owner_auth: Option<SecretName>,
}

impl TpmFile {
    /// Each key of the file, and whether it is given.
    pub(super) fn given(&self) -> [(&'static str, bool); 5] {
        [
            ("software_tpm", self.software_tpm.is_some()),
            ("ek_certificate", self.ek_certificate.is_some()),
            ("keep_keys", self.keep_keys.is_some()),
            ("endorsement_auth", self.endorsement_auth.is_some()),
            ("owner_auth", self.owner_auth.is_some()),
        ]
    }

    pub(super) fn rules(self) -> TpmRules {
        TpmRules {
            software_tpm: self.software_tpm.unwrap_or_default(),
            ek_certificate: self.ek_certificate.unwrap_or_default(),
            keep_keys: self.keep_keys.unwrap_or_default(),
            endorsement_auth: self.endorsement_auth,
            owner_auth: self.owner_auth,
        }
    }
}

/// What a product asks of its units' TPMs must fit what it asks of the units.
pub(super) fn check(product: &Product) -> Result<(), String> {
    if product.attestation.tpm().is_none() {
        return match product.assign {
            Assign::FromEk => Err(
                "assign = \"from-ek\" names units by their TPM's endorsement key, and they attest in another way: set \"next\", \
                 \"by-hardware-id\" or \"by-scan\""
                    .to_owned(),
            ),
            _ => Ok(()),
        };
    }
    match (&product.link, product.presence) {
        (ProductLink::Loader { .. }, _) => Err(
            "attestation \"tpm\" goes with a console or with the TPM alone: remove [link] loader".to_owned(),
        ),
        (ProductLink::Tpm, Presence::Usb) => Err(
            "presence = \"usb\" looks at a port, and nothing but the TPM is spoken to: set \"poll\" or \"scan\"".to_owned(),
        ),
        (ProductLink::Tpm, _) if product.firmware.is_some() => {
            Err("[flash] names firmware, and nothing but the TPM is spoken to: remove it".to_owned())
        }
        _ => one_item(product),
    }
}

/// The endorsement key has one item; where nothing else is spoken to, there is no other.
fn one_item(product: &Product) -> Result<(), String> {
    let mut keys = product.items.iter().filter(|item| item.is_own_key());
    let Some(key) = keys.next() else {
        return Err("no item stands for the endorsement key: add an [[item]] with a name, evidence = \"challenge\", and without a \
                    `document`"
            .to_owned());
    };
    if let Some(other) = keys.next() {
        let (one, other) = (&key.name, &other.name);
        return Err(format!("items `{one}` and `{other}` have no `document`: a TPM has one endorsement key"));
    }
    let other = product.items.iter().find(|item| !item.is_own_key());
    match (other, &product.link) {
        (Some(Item { name, .. }), ProductLink::Tpm) => Err(format!(
            "item `{name}` is written over a console, and nothing but the TPM is spoken to: name [link] dialogue, or remove it"
        )),
        _ => of_the_key(key),
    }
}

fn of_the_key(Item { name, content, evidence }: &Item) -> Result<(), String> {
    if *evidence != Grade::Challenge {
        return Err(format!(
            "item `{name}` is the endorsement key and asks for {evidence}: ask for challenge, which shows that the TPM holds it"
        ));
    }
    match content {
        ItemContent::OwnKey { place } if !place.is_empty() => {
            Err(format!("item `{name}` is the endorsement key, which lies in the TPM: remove its `place`"))
        }
        _ => Ok(()),
    }
}
