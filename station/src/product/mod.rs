//! What is built: identity, credential, link, items and the evidence that each must give. Loaded from TOML and
//! checked as a whole, before any unit is touched.

mod attestation;
mod document;
mod refusal;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use certkit::RegistrationId;
use serde::{Deserialize, Serialize};

use crate::data_file;
use crate::ledger::entry::{Grade, GroupEntry, KeyMaker, hex};
use crate::link::{Dialogue, Section, ShownIn};
use crate::template::Kind;
use crate::vault::SecretName;

pub use attestation::ProductAttestation;
use attestation::{AttestationFile, AttestationKind};
pub use document::{Document, Values, Variable};
pub use refusal::ProductError;

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
    /// Baud rate of the serial line.
    pub baud: u32,
    /// How units attest.
    pub attestation: ProductAttestation,
    /// How to speak to the unit.
    pub dialogue: Dialogue,
    /// The dialogue's variables that this product sets.
    pub values: BTreeMap<String, String>,
    /// The dialogue's variables that come from the vault.
    pub secrets: BTreeMap<String, SecretName>,
    /// What is written, in this order.
    pub items: Vec<Item>,
}

/// One thing that is written into a unit.
#[derive(Debug, Clone)]
pub struct Item {
    /// What messages and the ledger call it.
    pub name: String,
    /// Its content; none where it is the key that the unit makes itself.
    pub document: Option<Document>,
    /// Whether the content must not be shown.
    pub secret: bool,
    /// Most bytes that its place on the device takes.
    pub longest: Option<usize>,
    /// Whether the device's console takes it within quotes: no quotes in it, nothing but printable ASCII.
    pub in_quotes: bool,
    /// The dialogue's variables that place it: path, owner, mode …
    pub place: BTreeMap<String, String>,
    /// The evidence that a PASS needs.
    pub evidence: Grade,
}

impl Item {
    /// Whether its document names this variable.
    pub fn uses(&self, variable: Variable) -> bool {
        self.document.as_ref().is_some_and(|document| document.uses(variable))
    }

    /// Whether it is, or holds, what proves the unit's identity.
    pub fn holds_key(&self) -> bool {
        self.document.as_ref().is_none_or(Document::holds_key)
    }
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

/// Text that goes into documents: checked at the edge, so that no document can be broken by it.
macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                let rule: fn(&str) -> bool = $rule;
                if rule(&text) { Ok(Self(text)) } else { Err(format!("`{text}` is no {}", $what)) }
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> String {
                text.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_type!(
    /// Identity of a DPS instance: letters and digits (`0ne00ABCDEF`).
    IdScope, "ID scope: copy it from the DPS overview page, as in 0ne00ABCDEF",
    |text| (4..=32).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric())
);
text_type!(
    /// A host name.
    Endpoint, "host name: give it without https:// and path, as in global.azure-devices-provisioning.net",
    |text| !text.is_empty() && text.len() <= 253
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-')
);
text_type!(
    /// A DTMI or URN.
    ModelId, "model ID: give a DTMI (dtmi:com:example:Gateway;1) or a URN",
    |text| text.len() <= 256 && (text.starts_with("dtmi:") || text.starts_with("urn:"))
        && text.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '\\'))
);

/// The product's file, as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProductFile {
    id_scope: IdScope,
    #[serde(default = "public_endpoint")]
    global_endpoint: Endpoint,
    model_id: ModelId,
    service: Service,
    assign: Assign,
    presence: Presence,
    attestation: AttestationKind,
    profile: Option<String>,
    key: Option<KeyMaker>,
    group_key: Option<SecretName>,
    group_entry: Option<GroupEntry>,
    key_bytes: Option<usize>,
    link: LinkFile,
    #[serde(rename = "item")]
    items: Vec<ItemFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LinkFile {
    dialogue: String,
    baud: u32,
    #[serde(default)]
    values: BTreeMap<String, String>,
    #[serde(default)]
    secrets: BTreeMap<String, SecretName>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ItemFile {
    name: String,
    document: Option<String>,
    evidence: Grade,
    longest: Option<usize>,
    #[serde(default)]
    in_quotes: bool,
    #[serde(default)]
    place: BTreeMap<String, String>,
}

fn public_endpoint() -> Endpoint {
    Endpoint("global.azure-devices-provisioning.net".to_owned())
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
        let dialogue_text = Kind::Dialogue.text(station_folder, &data.link.dialogue)?;
        let dialogue = Dialogue::parse(&dialogue_text, &data.link.dialogue)?;
        let attestation = AttestationFile {
            attestation: data.attestation,
            profile: data.profile,
            key: data.key,
            group_key: data.group_key,
            group_entry: data.group_entry,
            key_bytes: data.key_bytes,
        };
        let attestation = (attestation.checked())
            .map_err(|what| ProductError::Impossible { file: file.to_owned(), what })?;
        let LinkFile { values, secrets, baud, .. } = data.link;
        let own: Vec<&str> = values.keys().chain(secrets.keys()).map(String::as_str).collect();
        let items = data
            .items
            .into_iter()
            .map(|item| {
                let document =
                    item.document.map(|file| load_document(station_folder, file, &own)).transpose()?;
                let shows_secret = |document: &Document| {
                    document.holds_key() || document.own().any(|name| secrets.contains_key(name))
                };
                Ok(Item {
                    secret: document.as_ref().is_some_and(shows_secret),
                    name: item.name,
                    document,
                    place: item.place,
                    evidence: item.evidence,
                    longest: item.longest,
                    in_quotes: item.in_quotes,
                })
            })
            .collect::<Result<Vec<_>, ProductError>>()?;
        let product = Self {
            file: file.to_owned(),
            sha256: hex(&crate::ledger::entry::hash(text.as_bytes())),
            id_scope: data.id_scope,
            global_endpoint: data.global_endpoint,
            model_id: data.model_id,
            service: data.service,
            assign: data.assign,
            presence: data.presence,
            baud,
            attestation,
            dialogue,
            values,
            secrets,
            items,
        };
        refusal::check(&product)?;
        Ok(product)
    }

    /// Whether the device tells its hardware ID; else its label stands for it.
    pub fn tells_hardware_id(&self) -> bool {
        self.dialogue.has(Section::Identify)
    }

    /// Whether any item carries the model ID; else the firmware must.
    pub fn writes_model_id(&self) -> bool {
        self.items.iter().any(|item| item.uses(Variable::ModelId))
    }

    /// The item that stands for the key that the unit makes itself, and what the unit shows that key in.
    pub fn own_key(&self) -> Option<(&Item, ShownIn)> {
        let shown_in = self.attestation.own_key_is_shown_in()?;
        self.items.iter().find(|item| item.document.is_none()).map(|item| (item, shown_in))
    }

    /// Whether the link can restart the unit.
    pub fn restarts(&self) -> bool {
        self.dialogue.has(Section::Restart)
    }
}

fn load_document(station_folder: &Path, file: String, own: &[&str]) -> Result<Document, ProductError> {
    let text = Kind::Document.text(station_folder, &file)?;
    Document::parse(&text, own).map_err(|what| ProductError::Document { file, what })
}
