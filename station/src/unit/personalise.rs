//! Turns a credential and a product into the items of one unit. Pure.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use thiserror::Error;

use super::Credential;
use crate::ledger::entry::{Grade, Identity, hex};
use crate::link::{Step, Variables, WriteItem};
use crate::product::{Item, Product, Values};
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
    /// Whether it is the key that the unit makes itself: never written.
    pub own_key: bool,
    /// What the product calls it.
    pub name: String,
    /// Where it lies.
    pub place: BTreeMap<String, String>,
    /// SHA-256 of its content, hex, where the content is known.
    pub digest: Option<String>,
    /// The evidence that a PASS needs.
    pub evidence: Grade,
}

/// Why an item cannot be written to this device.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PlanError {
    /// The device would cut it off, or refuse it.
    #[error("item `{item}` of {id} has {bytes} bytes, and its place on the device takes {most}: shorten it")]
    TooLong {
        /// The item.
        item: String,
        /// The identity.
        id: String,
        /// How many bytes it has.
        bytes: usize,
        /// How many the device takes.
        most: usize,
    },
    /// The device's console would take it for something else.
    #[error(
        "item `{item}` of {id} holds {character}, which the device's console does not take: choose another value"
    )]
    Character {
        /// The item.
        item: String,
        /// The identity.
        id: String,
        /// Which kind of character.
        character: &'static str,
    },
}

/// Plans the items for an identity with this credential. `own` are the product's own values and secrets.
///
/// # Errors
/// [`PlanError`] where an item cannot be what its device takes.
pub fn personalise(
    product: &Product,
    identity: &Identity,
    credential: &Credential,
    own: &Variables,
) -> Result<Plan, PlanError> {
    let global_endpoint = product.global_endpoint.to_string();
    let model_id = product.model_id.to_string();
    let (chain, private_key, device_key) = match credential {
        Credential::Certificate { chain, private_key } => (Some(chain.to_pem()), private_key.as_ref(), None),
        Credential::DeviceKey(key) => (None, None, Some(key)),
    };
    let device_key_text = device_key.map(certkit::DeviceKey::to_base64);
    let values = Values {
        registration_id: identity.registration_id.as_str(),
        id_scope: &identity.id_scope,
        global_endpoint: &global_endpoint,
        model_id: &model_id,
        certificate_chain: chain.as_deref(),
        private_key,
        device_key: device_key_text.as_ref().map(|text| text.as_str()),
        device_key_bytes: device_key.map(certkit::DeviceKey::bytes),
        own,
    };
    let id = identity.registration_id.as_str();
    let content = |item: &Item| item.document.as_ref().and_then(|document| document.fill(&values));
    let items = product.items.iter().map(|item| plan(item, content(item), id));
    Ok(Plan { items: items.collect::<Result<_, _>>()? })
}

fn plan(item: &Item, content: Option<Secret>, id: &str) -> Result<PlannedItem, PlanError> {
    if let Some(content) = &content {
        check(item, content.bytes(), id)?;
    }
    Ok(PlannedItem {
        name: item.name.clone(),
        place: item.place.clone(),
        digest: content.as_ref().map(|content| hex(&Sha256::digest(content.bytes()))),
        evidence: item.evidence,
        own_key: item.document.is_none(),
        write: content.map(|content| WriteItem {
            name: item.name.clone(),
            content,
            secret: item.secret,
            place: item.place.clone(),
        }),
    })
}

fn check(item: &Item, content: &[u8], id: &str) -> Result<(), PlanError> {
    let (name, id) = (|| item.name.clone(), || id.to_owned());
    match item.longest {
        Some(most) if content.len() > most => {
            Err(PlanError::TooLong { item: name(), id: id(), bytes: content.len(), most })
        }
        _ if !item.in_quotes => Ok(()),
        _ if content.iter().any(|byte| matches!(byte, b'"' | b'\\')) => {
            Err(PlanError::Character { item: name(), id: id(), character: "a quote or a backslash" })
        }
        _ if content.iter().any(|byte| !(b' '..=b'~').contains(byte)) => Err(PlanError::Character {
            item: name(),
            id: id(),
            character: "a character that is not printable ASCII",
        }),
        _ => Ok(()),
    }
}

impl Plan {
    /// The acts that put the unit into shape. Empty where a private key is not here: nothing can be written then.
    pub fn steps(&self) -> Vec<Step> {
        let written = self.items.iter().filter(|item| !item.own_key);
        let writes: Option<Vec<Step>> = written.map(|item| item.write.clone().map(Step::Write)).collect();
        writes.unwrap_or_default()
    }
}
