//! What is built: identity, credential, link, items and the evidence that each must give. Loaded from TOML and
//! checked as a whole, before any unit is touched.

mod areas;
mod attestation;
mod consistent;
mod document;
mod file;
mod firmware;
mod item;
mod link;
mod refusal;
mod release;
mod slot;
mod text;
mod tpm;

use std::collections::BTreeMap;
use std::path::Path;

use certkit::RegistrationId;
use serde::{Deserialize, Serialize};

use crate::data_file;
use crate::ledger::entry::{Grade, hex};
use crate::link::ShownIn;
use crate::template::Kind;
use crate::vault::SecretName;

use attestation::AttestationFile;
pub use attestation::ProductAttestation;
pub use document::{Document, Values, Variable};
pub use file::SecureBoot;
use file::{EntryFile, ItemFile, ProductFile, SlotFile};
pub use firmware::{BaseRange, Firmware};
pub use item::{Item, ItemContent};
pub use link::ProductLink;
pub use refusal::ProductError;
pub use slot::{Entry, NvsKind, NvsPlace, SecureCertPlace, Slot, SlotContent};
pub use text::{Endpoint, IdScope, ModelId};
use tpm::TpmFile;
pub use tpm::{EkCertificate, SoftwareTpm, TpmRules};

/// A product, checked: what it asks for can be done.
#[derive(Debug, Clone)]
pub struct Product {
    /// File name of the template it came from.
    pub file: String,
    /// SHA-256 of its text, hex: the ledger records which text an order was taken with.
    pub sha256: String,
    /// The DPS instance.
    pub id_scope: IdScope,
    /// Host that units register at.
    pub global_endpoint: Endpoint,
    /// Names the device's capability model; empty where the product has none.
    pub model_id: ModelId,
    /// Which grammar of registration IDs applies.
    pub service: Service,
    /// Which identity a unit gets.
    pub assign: Assign,
    /// How a fixture knows that a unit came or went.
    pub presence: Presence,
    /// How units attest.
    pub attestation: ProductAttestation,
    /// How they are spoken to.
    pub link: ProductLink,
    /// The released firmware, where the station writes it.
    pub firmware: Option<Firmware>,
    /// Variables of dialogue and documents that this product sets.
    pub values: BTreeMap<String, String>,
    /// Variables of dialogue and documents that come from the vault.
    pub secrets: BTreeMap<String, SecretName>,
    /// What is written, in this order.
    pub items: Vec<Item>,
}

/// Which identity a unit gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Assign {
    /// The order's next one that is free.
    Next,
    /// The one whose row carries the unit's hardware ID.
    ByHardwareId,
    /// The one whose row carries the serial number that was scanned.
    ByScan,
    /// The one that its TPM's endorsement key names.
    FromEk,
}

/// How a fixture knows that a unit came or went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Presence {
    /// The port vanishes with the unit and comes back with the next.
    Usb,
    /// The port stays; the unit is asked who it is, again and again.
    Poll,
    /// The operator scans the unit's label when it is in.
    Scan,
}

/// The cloud service, and with it the grammar of device IDs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Service {
    /// DPS with an IoT hub.
    Dps,
    /// IoT Central: letters, digits and hyphens only.
    Central,
}

impl Service {
    /// Checks an ID against the service's grammar.
    ///
    /// # Errors
    /// The grammar's rule that it breaks.
    pub fn check(self, id: &RegistrationId) -> Result<(), certkit::RegistrationIdError> {
        match self {
            Service::Dps => Ok(()),
            Service::Central => id.check_central(),
        }
    }
}

impl Product {
    /// Loads a product: the file of this name in the station's folder, or the built-in one.
    ///
    /// # Errors
    /// [`ProductError`]: what it asks for cannot be done, and why.
    pub fn load(station_folder: &Path, file: &str) -> Result<Self, ProductError> {
        let text = Kind::Product.text(station_folder, file)?;
        refusal::refuse_connection_strings(&text, file)?;
        let data: ProductFile = data_file::parse(&text, &format!("{}/{file}", Kind::Product.folder()))?;
        let impossible = |what| ProductError::Impossible { file: file.to_owned(), what };
        let attestation = AttestationFile {
            attestation: data.attestation,
            profile: data.profile,
            key: data.key,
            group_key: data.group_key,
            group_entry: data.group_entry,
            key_bytes: data.key_bytes,
            tpm: TpmFile {
                software_tpm: data.software_tpm,
                ek_certificate: data.ek_certificate,
                keep_keys: data.keep_keys,
                endorsement_auth: data.endorsement_auth,
                owner_auth: data.owner_auth,
            },
        };
        let attestation = attestation.checked().map_err(impossible)?;
        let link = ProductLink::load(station_folder, file, &data.link)?;
        let link = if attestation.tpm().is_some() { link.or_tpm() } else { link };
        let (assign, presence) = comes_and_goes(&link, data.assign, data.presence).map_err(impossible)?;
        let has_partitions = data.slots.iter().any(SlotFile::is_partition);
        let firmware = data.flash.map(|flash| Firmware::load(station_folder, flash, &link, has_partitions));
        let firmware = firmware.transpose();
        let firmware = firmware.map_err(impossible)?;
        let texts = Texts { station_folder, values: data.link.values, secrets: data.link.secrets };
        let items = data.items.into_iter().map(|item| texts.item(item));
        let slots =
            data.slots.into_iter().map(|slot| texts.slot(slot, &link, firmware.as_ref()).map_err(impossible));
        let items = items.chain(slots).collect::<Result<Vec<_>, ProductError>>()?;
        let places: Vec<_> = items.iter().filter_map(Item::slot).flat_map(Slot::places).collect();
        let firmware = firmware.map(|firmware| firmware.around(&places, &link)).transpose();
        let firmware = firmware.map_err(impossible)?;
        let product = Self {
            file: file.to_owned(),
            sha256: hex(&crate::ledger::entry::hash(text.as_bytes())),
            id_scope: data.id_scope,
            global_endpoint: data.global_endpoint,
            model_id: data.model_id,
            service: data.service,
            assign,
            presence,
            attestation,
            link,
            firmware,
            values: texts.values,
            secrets: texts.secrets,
            items,
        };
        consistent::check(&product)?;
        Ok(product)
    }

    /// Whether any item carries the model ID; else the firmware must.
    pub fn writes_model_id(&self) -> bool {
        self.items.iter().any(|item| item.uses(Variable::ModelId))
    }

    /// The slots of its image.
    pub fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.items.iter().filter_map(Item::slot)
    }

    /// The item that stands for the endorsement key of the unit's TPM, where it attests with that.
    pub fn endorsement_key(&self) -> Option<&Item> {
        self.attestation.tpm()?;
        self.items.iter().find(|item| item.is_own_key())
    }

    /// The item that stands for the key that the unit makes itself, and what the unit shows that key in.
    pub fn own_key(&self) -> Option<(&Item, ShownIn)> {
        let shown_in = self.attestation.own_key_is_shown_in()?;
        self.items.iter().find(|item| item.is_own_key()).map(|item| (item, shown_in))
    }
}

/// How units are assigned, and seen to come and go. Images that another program writes go out by registration ID.
fn comes_and_goes(
    link: &ProductLink,
    assign: Option<Assign>,
    presence: Option<Presence>,
) -> Result<(Assign, Presence), String> {
    match (link, assign, presence) {
        (ProductLink::Programmer, None, None) => Ok((Assign::Next, Presence::Scan)),
        (ProductLink::Programmer, _, _) => {
            Err("nothing speaks to its units ([link] has no `dialogue` and no `loader`): remove `assign` and `presence`"
                .to_owned())
        }
        (_, Some(assign), Some(presence)) => Ok((assign, presence)),
        (_, None, _) => Err("the key `assign` is missing: add it".to_owned()),
        (_, _, None) => Err("the key `presence` is missing: add it".to_owned()),
    }
}

/// What documents are loaded with.
struct Texts<'a> {
    station_folder: &'a Path,
    values: BTreeMap<String, String>,
    secrets: BTreeMap<String, SecretName>,
}

impl Texts<'_> {
    fn item(&self, item: ItemFile) -> Result<Item, ProductError> {
        let content = match item.document {
            None => ItemContent::OwnKey { place: item.place },
            Some(file) => {
                let (document, secret) = self.document(&file)?;
                let ItemFile { longest, in_quotes, place, .. } = item;
                ItemContent::Document { document, secret, longest, in_quotes, place }
            }
        };
        Ok(Item { name: item.name, content, evidence: item.evidence })
    }

    fn slot(&self, slot: SlotFile, link: &ProductLink, firmware: Option<&Firmware>) -> Result<Item, String> {
        let name = slot.name.clone();
        let evidence = match (link, slot.evidence) {
            // Nobody asks for it.
            (ProductLink::Programmer, None) => Grade::Acknowledged,
            (ProductLink::Programmer, Some(_)) => {
                return Err(format!(
                    "slot `{name}`: another program writes it, and gives no evidence: remove `evidence`"
                ));
            }
            (_, Some(evidence)) => evidence,
            (_, None) => return Err(format!("slot `{name}`: the key `evidence` is missing: add it")),
        };
        let firmware = firmware.ok_or_else(|| {
            format!("slot `{name}` is a part of the firmware's image: say in [flash] which firmware that is")
        })?;
        let document = |entry: &EntryFile| self.entry(entry);
        let slot = Slot::new(slot, &firmware.base, firmware.layout, &document)?;
        Ok(Item { name, content: ItemContent::Slot(slot), evidence })
    }

    fn entry(&self, entry: &EntryFile) -> Result<(Document, bool), String> {
        match (&entry.content, &entry.document) {
            (Some(text), None) => self.parsed(text),
            (None, Some(file)) => self.document(file).map_err(|error| crate::error_text::with_causes(&error)),
            _ => Err("it has a `content`, or a `document` that names a file in documents/: one of the two"
                .to_owned()),
        }
    }

    fn document(&self, file: &str) -> Result<(Document, bool), ProductError> {
        let text = Kind::Document.text(self.station_folder, file)?;
        let text = refusal::refuse_connection_string_in(&text).map(|()| text);
        text.and_then(|text| self.parsed(&text))
            .map_err(|what| ProductError::Document { file: file.to_owned(), what })
    }

    /// A document, and whether it is secret.
    fn parsed(&self, text: &str) -> Result<(Document, bool), String> {
        let own: Vec<&str> = self.values.keys().chain(self.secrets.keys()).map(String::as_str).collect();
        let document = Document::parse(text, &own)?;
        let secret = document.holds_key() || document.own().any(|name| self.secrets.contains_key(name));
        Ok((document, secret))
    }
}
