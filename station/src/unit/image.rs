//! The parts of a unit's image: the released firmware around the slots, and each slot with the unit's own entries.

use firmware_image::marked_slot::Record;
use firmware_image::nvs::{self, Value};
use firmware_image::secure_cert;
use firmware_image::{Filling, PersonaliseError, Personalised, Region};
use md5::{Digest, Md5};
use zeroize::Zeroizing;

use super::{PlanError, Random};
use crate::ledger::entry::Grade;
use crate::product::{
    BaseRange, Entry, Firmware, Item, NvsKind, NvsPlace, Product, Slot, SlotContent, Values,
};
use crate::vault::Secret;

/// A region of flash that is written as a whole.
pub(super) struct FlashPart {
    pub(super) name: String,
    pub(super) region: Region,
    /// With its MD5. None where it needs a private key that only the unit has now.
    pub(super) content: Option<(Secret, [u8; 16])>,
    pub(super) secret: bool,
    pub(super) evidence: Grade,
}

/// The released firmware's own ranges, named by where they lie.
pub(super) fn base(firmware: &Firmware) -> impl Iterator<Item = FlashPart> {
    let evidence = firmware.evidence.unwrap_or(Grade::Acknowledged);
    firmware.ranges.iter().map(move |BaseRange { region, content, md5 }| FlashPart {
        name: format!("firmware {region}"),
        region: *region,
        content: Some((content.clone(), *md5)),
        secret: false,
        evidence,
    })
}

/// A slot with a unit's entries, and before it the keys that it is encrypted with.
pub(super) fn parts(
    item: &Item,
    slot: &Slot,
    values: &Values<'_>,
    random: Random,
) -> Result<Vec<FlashPart>, PlanError> {
    let fillings = fillings(slot, values, random)?;
    let part = |(index, place): (usize, &firmware_image::Slot)| {
        let filling = fillings.as_ref().and_then(|fillings| fillings.get(index));
        FlashPart {
            name: if place.name == slot.place.name { item.name.clone() } else { place.name.clone() },
            region: place.region,
            content: filling
                .map(|filling| (Secret::new(filling.bytes().to_vec()), Md5::digest(filling.bytes()).into())),
            secret: true,
            evidence: item.evidence,
        }
    };
    Ok(slot.places().enumerate().map(part).collect())
}

/// All that is a unit's own in its image: small beside the firmware that is around it.
#[derive(Debug)]
pub struct FilledSlots {
    registration_id: String,
    fillings: Vec<Filling>,
}

impl FilledSlots {
    /// Fills all slots of a product; none where the private key is not here.
    pub(super) fn new(
        product: &Product,
        values: &Values<'_>,
        random: Random,
    ) -> Result<Option<Self>, PlanError> {
        let mut all = Vec::new();
        for slot in product.slots() {
            let Some(fillings) = fillings(slot, values, random)? else { return Ok(None) };
            all.extend(fillings);
        }
        Ok(Some(Self { registration_id: values.registration_id.to_owned(), fillings: all }))
    }

    /// Whose they are.
    pub fn registration_id(&self) -> &str {
        &self.registration_id
    }

    /// Where they lie.
    pub fn regions(&self) -> impl Iterator<Item = Region> {
        self.fillings.iter().map(|filling| filling.slot().region)
    }

    /// The unit's whole image.
    ///
    /// # Errors
    /// [`PlanError::Image`]: the firmware has something there.
    pub fn within(&self, firmware: &Firmware) -> Result<Personalised, PlanError> {
        let image = firmware_image::personalise(&firmware.base, &self.fillings);
        image.map_err(|source| PlanError::Image { id: self.registration_id.clone(), source })
    }
}

/// What goes into a slot, in the order of its places; none where a part of the credential is not here.
fn fillings(slot: &Slot, values: &Values<'_>, random: Random) -> Result<Option<Vec<Filling>>, PlanError> {
    let id = || values.registration_id.to_owned();
    let image = |source: PersonaliseError| PlanError::Image { id: id(), source };
    let place = slot.place.clone();
    let filled = match &slot.content {
        SlotContent::Nvs { entries, keys } => {
            let Some(items) = fill_all(entries, values, nvs_item)? else { return Ok(None) };
            let keys = match keys {
                None => None,
                Some(place) => Some((place.clone(), random_keys(random)?)),
            };
            let mut fillings =
                vec![Filling::nvs(place, &items, keys.as_ref().map(|(_, keys)| keys)).map_err(image)?];
            if let Some((place, keys)) = keys {
                fillings.push(Filling::nvs_keys(place, &keys).map_err(image)?);
            }
            fillings
        }
        SlotContent::SecureCert(entries) => {
            let entry = |entry: &Entry<_>, content: &Secret| Ok(secure_cert_entry(entry, content));
            let Some(entries) = fill_all(entries, values, entry)? else { return Ok(None) };
            vec![Filling::secure_cert(place, &entries).map_err(image)?]
        }
        SlotContent::Records(entries) => {
            let Some(records) = fill_all(entries, values, record)? else { return Ok(None) };
            vec![Filling::records(place, &records).map_err(image)?]
        }
    };
    Ok(Some(filled))
}

fn fill_all<P, T>(
    entries: &[Entry<P>],
    values: &Values<'_>,
    fill: impl Fn(&Entry<P>, &Secret) -> Result<T, (String, String)>,
) -> Result<Option<Vec<T>>, PlanError> {
    let mut filled = Vec::with_capacity(entries.len());
    for entry in entries {
        let Some(content) = entry.document.fill(values) else { return Ok(None) };
        let id = || values.registration_id.to_owned();
        let done =
            fill(entry, &content).map_err(|(place, what)| PlanError::Value { place, id: id(), what })?;
        filled.push(done);
    }
    Ok(Some(filled))
}

fn nvs_item(entry: &Entry<NvsPlace>, content: &Secret) -> Result<nvs::Item, (String, String)> {
    let NvsPlace { namespace, key, kind } = &entry.at;
    let wrong = |what: &str| (format!("NVS entry {namespace}/{key}"), what.to_owned());
    let text = || content.text().ok_or_else(|| wrong("it is no UTF-8 text"));
    macro_rules! number {
        ($variant:ident) => {
            Value::$variant(
                text()?
                    .trim()
                    .parse()
                    .map_err(|_| wrong(concat!("it is no number of the type ", stringify!($variant))))?,
            )
        };
    }
    let value = match kind {
        NvsKind::String => Value::text(text()?),
        NvsKind::Blob => Value::blob(content.bytes()),
        NvsKind::U8 => number!(U8),
        NvsKind::I8 => number!(I8),
        NvsKind::U16 => number!(U16),
        NvsKind::I16 => number!(I16),
        NvsKind::U32 => number!(U32),
        NvsKind::I32 => number!(I32),
        NvsKind::U64 => number!(U64),
        NvsKind::I64 => number!(I64),
    };
    let item = if entry.secret { nvs::Item::secret } else { nvs::Item::public };
    Ok(item(namespace.clone(), key.clone(), value))
}

fn secure_cert_entry(entry: &Entry<crate::product::SecureCertPlace>, content: &Secret) -> secure_cert::Entry {
    let entry_type = entry.at.entry_type;
    let mut made = match content.text() {
        Some(text) if !entry.at.binary => secure_cert::Entry::text(entry_type, text),
        _ => secure_cert::Entry::new(entry_type, content.bytes()),
    };
    made.subtype = entry.at.subtype;
    made
}

fn record(entry: &Entry<u16>, content: &Secret) -> Result<Record, (String, String)> {
    let record = if entry.secret { Record::secret } else { Record::public };
    record(entry.at, content.bytes())
        .map_err(|error| (format!("record {:#06x}", entry.at), error.to_string()))
}

fn random_keys(random: Random) -> Result<nvs::Keys, getrandom::Error> {
    let mut keys = Zeroizing::new([0; 64]);
    for half in keys.chunks_exact_mut(32) {
        half.copy_from_slice(&*Zeroizing::new(random()?));
    }
    Ok(nvs::Keys::new(keys))
}
