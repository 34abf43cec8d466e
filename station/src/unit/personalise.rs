//! Turns a credential and a product into the items of one unit. Pure.

use sha2::{Digest, Sha256};

use crate::ledger::entry::{Grade, Identity, hex};
use crate::link::{Step, WriteItem};
use crate::product::{Product, Values, Variable};
use crate::vault::Secret;

/// What one unit is to hold, and how each item must be shown.
#[derive(Debug)]
pub struct Plan {
    /// In the order in which they are written.
    pub items: Vec<PlannedItem>,
}

/// One item of one unit.
#[derive(Debug)]
pub struct PlannedItem {
    /// The item with its content; none where it needs a private key that only the unit has now.
    pub write: Option<WriteItem>,
    /// What the product calls it.
    pub name: String,
    /// Where it lies.
    pub place: std::collections::BTreeMap<String, String>,
    /// SHA-256 of its content, hex, where the content is known.
    pub digest: Option<String>,
    /// Whether it holds the private key.
    pub holds_key: bool,
    /// The evidence that a PASS needs.
    pub evidence: Grade,
}

/// Plans the items for an identity with this chain, and with the private key while this process has it.
pub fn personalise(
    product: &Product,
    identity: &Identity,
    chain: &str,
    private_key: Option<&Secret>,
) -> Plan {
    let global_endpoint = product.global_endpoint.to_string();
    let model_id = product.model_id.to_string();
    let values = Values {
        registration_id: identity.registration_id.as_str(),
        id_scope: &identity.id_scope,
        global_endpoint: &global_endpoint,
        model_id: &model_id,
        certificate_chain: chain,
        private_key,
    };
    let items = product
        .items
        .iter()
        .map(|item| {
            let content = item.document.fill(&values);
            PlannedItem {
                name: item.name.clone(),
                place: item.place.clone(),
                digest: content.as_ref().map(|content| hex(&Sha256::digest(content.bytes()))),
                holds_key: item.document.uses(Variable::PrivateKey),
                evidence: item.evidence,
                write: content.map(|content| WriteItem {
                    name: item.name.clone(),
                    content,
                    secret: item.document.is_secret(),
                    place: item.place.clone(),
                }),
            }
        })
        .collect();
    Plan { items }
}

impl Plan {
    /// Whether every item's content is here: false once only the unit has the private key.
    pub fn is_whole(&self) -> bool {
        self.items.iter().all(|item| item.write.is_some())
    }

    /// The acts that put the unit into shape. Empty where the private key is not here: nothing can be written then.
    pub fn steps(&self) -> Vec<Step> {
        let writes: Option<Vec<Step>> =
            self.items.iter().map(|item| item.write.clone().map(Step::Write)).collect();
        writes.unwrap_or_default()
    }
}
