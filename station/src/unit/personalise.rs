//! Turns a credential and a product into the items of one unit. Pure.

use std::collections::BTreeMap;

use certkit::DeviceKey;
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::image::{self, FilledSlots, FlashPart};
use super::values::UnitValues;
use super::{Credential, Random};
use crate::ledger::WrittenRecord;
use crate::ledger::entry::{Grade, Identity, hex};
use crate::link::{FlashItem, Observed, Place, Step, Variables, WriteItem};
use crate::product::{Item, ItemContent, Product, Values};

/// What one unit is to hold, and how each item must be shown.
#[derive(Debug)]
pub struct Plan {
    /// In the order in which they are written.
    pub items: Vec<PlannedItem>,
}

/// One item of one unit.
#[derive(Debug)]
pub struct PlannedItem {
    /// What puts it there; none where it needs a private key that only the unit has now.
    pub step: Option<Step>,
    /// Whether it is the key that the unit makes itself: never written.
    pub own_key: bool,
    /// What the product calls it.
    pub name: String,
    /// Where it lies.
    pub at: Place,
    /// What the unit must show of it.
    pub expected: Expected,
    /// The evidence that a PASS needs.
    pub evidence: Grade,
}

impl PlannedItem {
    /// Whether its content is known here.
    pub fn is_known(&self) -> bool {
        self.expected != Expected::Unknown
    }

    /// Whether it is a region of flash of which the ledger says nothing.
    pub fn is_forgotten(&self) -> bool {
        matches!(self.at, Place::Flash(_)) && !self.is_known()
    }
}

/// What the unit must show of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// Its content is not known here.
    Unknown,
    /// SHA-256 of its content, hex.
    Sha256(String),
    /// MAC of the content's digest under the vault's ledger key, hex: what the ledger holds of it.
    Mac(String),
}

impl Expected {
    /// Whether the unit shows it. What is not known is never shown.
    pub fn is(&self, observed: &Observed, ledger_key: &DeviceKey) -> bool {
        match (self, observed) {
            (Self::Sha256(expected), Observed::Sha256(shown)) => expected == shown,
            (Self::Mac(expected), shown) => *expected == mac(shown, ledger_key),
            _ => false,
        }
    }
}

/// What the ledger holds of content that a unit would show so.
fn mac(shown: &Observed, ledger_key: &DeviceKey) -> String {
    match shown {
        Observed::Sha256(digits) => hex(&ledger_key.mac(digits.as_bytes())),
        Observed::Md5(digest) => hex(&ledger_key.mac(digest)),
    }
}

/// Why an item cannot be written to this device.
#[derive(Debug, Error)]
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
    /// An entry's content is not of its type.
    #[error("{place} of {id}: {what}: correct the product")]
    Value {
        /// Which entry.
        place: String,
        /// The identity.
        id: String,
        /// What is wrong with it.
        what: String,
    },
    /// The slots take no such entries.
    #[error("the image of {id} cannot be made")]
    Image {
        /// The identity.
        id: String,
        /// What the image does not take.
        source: firmware_image::PersonaliseError,
    },
    /// The system gives no random bytes for the keys of encrypted NVS.
    #[error("no keys for encrypted NVS could be made")]
    Random(#[from] getrandom::Error),
}

/// What turns credentials into what units of one product are to hold.
#[derive(Debug, Clone, Copy)]
pub struct Personaliser<'a> {
    /// What is built.
    pub product: &'a Product,
    /// The product's own values and secrets.
    pub own: &'a Variables,
    /// The vault's ledger key: of what is flashed the ledger holds a MAC under it.
    pub ledger_key: &'a DeviceKey,
    /// Where keys of encrypted NVS come from.
    pub random: Random,
}

impl Personaliser<'_> {
    /// Plans the items for an identity with this credential.
    ///
    /// # Errors
    /// [`PlanError`] where an item cannot be what its device takes.
    pub fn plan(&self, identity: &Identity, credential: &Credential) -> Result<Plan, PlanError> {
        let values = UnitValues::new(self.product, identity, credential);
        let values = values.with(self.own);
        let id = identity.registration_id.as_str();
        let mut items = Vec::with_capacity(self.product.items.len());
        items.extend(self.product.firmware.iter().flat_map(image::base).map(|part| self.flashed(part)));
        for item in &self.product.items {
            match &item.content {
                ItemContent::Slot(slot) => {
                    let parts = image::parts(item, slot, &values, self.random)?;
                    items.extend(parts.into_iter().map(|part| self.flashed(part)));
                }
                ItemContent::OwnKey { .. } if self.product.attestation.tpm().is_some() => {
                    items.push(self.in_tpm(item));
                }
                _ => items.push(self.for_console(item, &values, id)?),
            }
        }
        Ok(Plan { items })
    }

    /// What goes into the slots of the unit's image; none where the private key is not here.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn fill_slots(
        &self,
        identity: &Identity,
        credential: &Credential,
    ) -> Result<Option<FilledSlots>, PlanError> {
        let values = UnitValues::new(self.product, identity, credential);
        FilledSlots::new(self.product, &values.with(self.own), self.random)
    }

    /// What goes over a console, or is the unit's own key.
    fn for_console(&self, item: &Item, values: &Values<'_>, id: &str) -> Result<PlannedItem, PlanError> {
        let name = || item.name.clone();
        let (step, shown, place) = match &item.content {
            ItemContent::Document { document, secret, longest, in_quotes, place } => {
                let content = document.fill(values);
                if let Some(content) = &content {
                    check_length(item, *longest, content.bytes(), id)?;
                    check_quotes(item, *in_quotes, content.bytes(), id)?;
                }
                let shown = content.as_ref().map(|content| hex(&Sha256::digest(content.bytes())));
                // Of a password that could be guessed the ledger holds nothing at all.
                let looked_at = item.evidence != Grade::Acknowledged && (!secret || item.holds_key());
                let shows = shown.clone().filter(|_| looked_at).map(Observed::Sha256);
                let content_mac = shows.map(|shows| mac(&shows, self.ledger_key));
                let write = |content| {
                    let (secret, place) = (*secret, place.clone());
                    Step::Write(WriteItem { name: name(), content, secret, place, content_mac })
                };
                (content.map(write), shown, place.clone())
            }
            ItemContent::OwnKey { place } => (None, None, place.clone()),
            ItemContent::Slot(_) => (None, None, BTreeMap::new()),
        };
        Ok(PlannedItem {
            own_key: item.is_own_key(),
            name: name(),
            at: Place::Console(place),
            step,
            expected: shown.map_or(Expected::Unknown, Expected::Sha256),
            evidence: item.evidence,
        })
    }

    /// The endorsement key is there. What can be done is to make it last.
    fn in_tpm(&self, item: &Item) -> PlannedItem {
        let keeps = self.product.attestation.tpm().is_some_and(|rules| rules.keep_keys);
        PlannedItem {
            step: keeps.then_some(Step::KeepKeys),
            own_key: !keeps,
            name: item.name.clone(),
            at: Place::Tpm,
            expected: Expected::Unknown,
            evidence: item.evidence,
        }
    }

    fn flashed(&self, part: FlashPart) -> PlannedItem {
        let FlashPart { name, region, content, secret, evidence } = part;
        let content = content.map(|(content, md5)| (content, mac(&Observed::Md5(md5), self.ledger_key)));
        let expected = content.as_ref().map_or(Expected::Unknown, |(_, mac)| Expected::Mac(mac.clone()));
        let step = content.map(|(content, content_mac)| {
            Step::Flash(FlashItem { name: name.clone(), region, content, secret, content_mac })
        });
        let at = Place::Flash(region);
        PlannedItem { step, own_key: false, name, at, expected, evidence }
    }
}

fn check_length(item: &Item, longest: Option<usize>, content: &[u8], id: &str) -> Result<(), PlanError> {
    match longest {
        Some(most) if content.len() > most => {
            Err(PlanError::TooLong { item: item.name.clone(), id: id.to_owned(), bytes: content.len(), most })
        }
        _ => Ok(()),
    }
}

fn check_quotes(item: &Item, in_quotes: bool, content: &[u8], id: &str) -> Result<(), PlanError> {
    let character = match content {
        _ if !in_quotes => return Ok(()),
        content if content.iter().any(|byte| matches!(byte, b'"' | b'\\')) => "a quote or a backslash",
        content if content.iter().any(|byte| !(b' '..=b'~').contains(byte)) => {
            "a character that is not printable ASCII"
        }
        _ => return Ok(()),
    };
    Err(PlanError::Character { item: item.name.clone(), id: id.to_owned(), character })
}

impl Plan {
    /// The acts that put the unit into shape; none where a part of the credential is not here, and nothing can be written.
    pub fn steps(&self) -> Option<Vec<Step>> {
        let written = self.items.iter().filter(|item| !item.own_key);
        written.map(|item| item.step.clone()).collect()
    }

    /// Expects of a live unit what the ledger says was written to it, and whether its TPM was to keep its keys: the product
    /// may say something else by now, and a private key is with the unit alone.
    #[must_use]
    pub fn as_accepted(mut self, written: &BTreeMap<String, WrittenRecord>, keeps_keys: bool) -> Self {
        for item in &mut self.items {
            let there = written.get(&item.name).filter(|there| lies_at(there, &item.at));
            match (there, &item.at) {
                (Some(there), _) => item.expected = Expected::Mac(there.content_mac.clone()),
                (None, Place::Flash(_)) => item.expected = Expected::Unknown,
                // Its key, or what an earlier version of the program wrote: the product's word counts.
                (None, Place::Console(_)) => {}
                (None, Place::Tpm) => item.step = keeps_keys.then_some(Step::KeepKeys),
            }
        }
        self
    }

    /// Expects of what an attempt that was cut off flashed what the product says now; only of what holds a key that the
    /// unit alone has, what the ledger says, as long as the product is the same.
    #[must_use]
    pub fn as_cut_off(mut self, written: &BTreeMap<String, WrittenRecord>, product_sha256: &str) -> Self {
        for item in self.items.iter_mut().filter(|item| item.is_forgotten()) {
            let there = written.get(&item.name).filter(|there| lies_at(there, &item.at));
            let there = there.filter(|there| there.product_sha256.as_deref() == Some(product_sha256));
            item.expected = there.map_or(Expected::Unknown, |there| Expected::Mac(there.content_mac.clone()));
        }
        self
    }
}

fn lies_at(written: &WrittenRecord, at: &Place) -> bool {
    let region = match at {
        Place::Console(_) | Place::Tpm => None,
        Place::Flash(region) => Some((region.offset(), region.length())),
    };
    written.region == region
}

#[cfg(test)]
mod tests {
    use firmware_image::Region;

    use super::*;

    const PRODUCT: &str = "aa";

    /// A slot at 0xc000 whose content is known here, and one at 0x10000 whose key only the unit has.
    fn plan() -> Plan {
        let item = |name: &str, offset, expected| PlannedItem {
            step: None,
            own_key: false,
            name: name.to_owned(),
            at: Place::Flash(Region::new(offset, 0x1000).unwrap()),
            expected,
            evidence: Grade::DeviceDigest,
        };
        let known = Expected::Mac("now".to_owned());
        Plan { items: vec![item("known", 0xc000, known), item("forgotten", 0x1_0000, Expected::Unknown)] }
    }

    fn flashed(offset: u32, product_sha256: &str) -> BTreeMap<String, WrittenRecord> {
        let record = |offset| WrittenRecord {
            region: Some((offset, 0x1000)),
            content_mac: "then".to_owned(),
            product_sha256: Some(product_sha256.to_owned()),
        };
        [("known".to_owned(), record(0xc000)), ("forgotten".to_owned(), record(offset))].into()
    }

    fn expected(plan: &Plan) -> [&Expected; 2] {
        [&plan.items[0].expected, &plan.items[1].expected]
    }

    #[test]
    fn a_live_unit_is_to_hold_what_it_was_given() {
        let then = Expected::Mac("then".to_owned());
        assert_eq!(expected(&plan().as_accepted(&flashed(0x1_0000, "bb"), false)), [&then, &then]);
        // What lies elsewhere now was never written there.
        assert_eq!(
            expected(&plan().as_accepted(&flashed(0x2_0000, "bb"), false)),
            [&then, &Expected::Unknown]
        );
    }

    #[test]
    fn a_unit_that_was_cut_off_is_to_hold_what_the_product_says_now() {
        let (now, then) = (Expected::Mac("now".to_owned()), Expected::Mac("then".to_owned()));
        let cut_off = |flashed| plan().as_cut_off(&flashed, PRODUCT);
        assert_eq!(expected(&cut_off(flashed(0x1_0000, PRODUCT))), [&now, &then]);
        assert_eq!(expected(&cut_off(flashed(0x1_0000, "bb"))), [&now, &Expected::Unknown]);
        assert_eq!(expected(&cut_off(flashed(0x2_0000, PRODUCT))), [&now, &Expected::Unknown]);
        assert_eq!(expected(&cut_off(BTreeMap::new())), [&now, &Expected::Unknown]);
    }
}
