//! A slot of the firmware's image, and the entries that a unit's own data consist of.

use firmware_image::marked_slot::Marker;
use firmware_image::secure_cert::EntryType;
use firmware_image::{Base, FlashLayout, Kind, Partition, PartitionTable, nvs};
use serde::Deserialize;

use super::file::{EntryFile, EntryTypeFile, SlotFile, SlotFormat};
use super::{Document, Variable};
use crate::error_text::with_causes;

/// A place in the image for a unit's own data, and what goes there.
#[derive(Debug, Clone)]
pub struct Slot {
    /// Where it lies.
    pub place: firmware_image::Slot,
    /// What goes there.
    pub content: SlotContent,
    /// Whether the firmware writes there too, as far as its partition table tells.
    pub firmware_writes: bool,
}

/// The entries of a slot, by its format.
#[derive(Debug, Clone)]
pub enum SlotContent {
    /// An NVS partition of ESP-IDF.
    Nvs {
        /// Its values.
        entries: Vec<Entry<NvsPlace>>,
        /// The partition for the keys that it is encrypted with, made at random for each unit; none where it is not.
        keys: Option<firmware_image::Slot>,
    },
    /// An `esp_secure_cert` partition.
    SecureCert(Vec<Entry<SecureCertPlace>>),
    /// A marked slot of records.
    Records(Vec<Entry<u16>>),
}

/// One entry: a document, and where in the slot it goes.
#[derive(Debug, Clone)]
pub struct Entry<P> {
    /// Where it goes.
    pub at: P,
    /// Its content.
    pub document: Document,
    /// Whether it must not be shown.
    pub secret: bool,
}

/// Where a value lies in NVS, and as what.
#[derive(Debug, Clone)]
pub struct NvsPlace {
    /// The namespace.
    pub namespace: nvs::Key,
    /// The key.
    pub key: nvs::Key,
    /// The type.
    pub kind: NvsKind,
}

/// Types of NVS values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NvsKind {
    /// A text.
    String,
    /// Bytes.
    Blob,
    /// 8 bits, unsigned.
    U8,
    /// 8 bits, signed.
    I8,
    /// 16 bits, unsigned.
    U16,
    /// 16 bits, signed.
    I16,
    /// 32 bits, unsigned.
    U32,
    /// 32 bits, signed.
    I32,
    /// 64 bits, unsigned.
    U64,
    /// 64 bits, signed.
    I64,
}

/// Which entry of an `esp_secure_cert` partition it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecureCertPlace {
    /// What it is.
    pub entry_type: EntryType,
    /// Which one of that type, from 0.
    pub subtype: u8,
    /// Whether it is bytes; a text gets the NUL at its end that the firmware's PEM parser wants.
    pub binary: bool,
}

/// Loads what an entry holds, and says whether it is secret.
type LoadEntry<'a> = dyn Fn(&EntryFile) -> Result<(Document, bool), String> + 'a;

impl Slot {
    /// Finds the slot in the base image, and takes its entries.
    pub(super) fn new(
        file: SlotFile,
        base: &Base,
        layout: FlashLayout,
        document: &LoadEntry<'_>,
    ) -> Result<Self, String> {
        let said = |what: String| format!("slot `{}`: {what}", file.name);
        let table = || {
            base.partition_table(layout).map_err(|error| {
                said(format!(
                    "{}; say where the table lies as partition_table in [flash]",
                    with_causes(&error)
                ))
            })
        };
        if file.keys.is_some() && file.format != SlotFormat::Nvs {
            return Err(said("only the format nvs is encrypted with `keys`: remove them".to_owned()));
        }
        if file.marker.is_some() != (file.format == SlotFormat::Records) {
            return Err(said(
                "a `marker` is what slots of the format records are found by; partitions have their name"
                    .to_owned(),
            ));
        }
        let mut firmware_writes = false;
        let (place, content) = match file.format {
            SlotFormat::Nvs => {
                let table = table()?;
                let own = partition(&table, &file.name, NVS).map_err(said)?;
                firmware_writes = !own.readonly;
                let keys = file.keys.as_deref().map(|name| partition(&table, name, NVS_KEYS));
                let keys = keys.transpose().map_err(said)?.map(Partition::slot);
                let entries = entries(&file.entries, nvs_place, document).map_err(said)?;
                (own.slot(), SlotContent::Nvs { entries, keys })
            }
            SlotFormat::EspSecureCert => {
                let own = partition(&table()?, &file.name, SECURE_CERT).map_err(said)?.slot();
                let entries = entries(&file.entries, secure_cert_place, document).map_err(said)?;
                (own, SlotContent::SecureCert(entries))
            }
            SlotFormat::Records => {
                let marker = Marker::new(file.marker.as_deref().unwrap_or_default().as_bytes());
                let place = marker.and_then(|marker| marker.find(&file.name, base.image()));
                let entries = entries(&file.entries, record_place, document).map_err(said)?;
                (place.map_err(|error| said(with_causes(&error)))?, SlotContent::Records(entries))
            }
        };
        Ok(Self { place, content, firmware_writes })
    }

    /// All the places that are filled: its own, and that of its keys.
    pub fn places(&self) -> impl Iterator<Item = &firmware_image::Slot> {
        let keys = match &self.content {
            SlotContent::Nvs { keys, .. } => keys.as_ref(),
            SlotContent::SecureCert(_) | SlotContent::Records(_) => None,
        };
        std::iter::once(&self.place).chain(keys)
    }

    /// All that it is filled with.
    pub fn documents(&self) -> Box<dyn Iterator<Item = &Document> + '_> {
        match &self.content {
            SlotContent::Nvs { entries, .. } => Box::new(entries.iter().map(|entry| &entry.document)),
            SlotContent::SecureCert(entries) => Box::new(entries.iter().map(|entry| &entry.document)),
            SlotContent::Records(entries) => Box::new(entries.iter().map(|entry| &entry.document)),
        }
    }
}

/// Which partitions the firmware finds its data in: whether one is such, and what they are called.
type Fit = (fn(Kind) -> bool, &'static str);

const NVS: Fit = (|kind| kind == Kind::NVS, "NVS entries lie in one of the type data/nvs");
const NVS_KEYS: Fit =
    (|kind| kind == Kind::NVS_KEYS, "keys of encrypted NVS lie in one of the type data/nvs_keys");
const SECURE_CERT: Fit = (Kind::is_secure_cert, "esp_secure_cert entries lie in one of the type 0x3F (63)");

/// The partition of that name, where the firmware would look for such data there.
fn partition<'t>(
    table: &'t PartitionTable,
    name: &str,
    (fits, wanted): Fit,
) -> Result<&'t Partition, String> {
    let partition = table.partition(name).map_err(|error| with_causes(&error))?;
    if fits(partition.kind) {
        return Ok(partition);
    }
    Err(format!("the partition {partition} is none for it: {wanted}; name that, or correct the table"))
}

fn entries<P>(
    files: &[EntryFile],
    place: fn(&EntryFile, &Document) -> Result<P, String>,
    document: &LoadEntry<'_>,
) -> Result<Vec<Entry<P>>, String> {
    let numbered = files.iter().zip(1..);
    numbered
        .map(|(file, number)| {
            let entry = || {
                let (document, secret) = document(file)?;
                Ok(Entry { at: place(file, &document)?, document, secret })
            };
            entry().map_err(|what: String| format!("entry {number}: {what}"))
        })
        .collect()
}

fn nvs_place(file: &EntryFile, _document: &Document) -> Result<NvsPlace, String> {
    let key = |what: &str, text: &Option<String>| -> Result<nvs::Key, String> {
        let text = text.as_deref().ok_or_else(|| format!("an entry of NVS has a `{what}`: add it"))?;
        text.parse().map_err(|error: nvs::KeyError| format!("{what}: {error}"))
    };
    if file.subtype.is_some() {
        return Err("an entry of NVS has no `subtype`: remove it".to_owned());
    }
    let kind = match &file.entry_type {
        Some(EntryTypeFile::Name(name)) => NvsKind::deserialize(toml::Value::String(name.clone())).ok(),
        _ => None,
    };
    let kind = kind.ok_or_else(|| {
        "the `type` of an entry of NVS is string, blob, or u8, i8, u16 … i64: add it".to_owned()
    })?;
    Ok(NvsPlace { namespace: key("namespace", &file.namespace)?, key: key("key", &file.key)?, kind })
}

fn secure_cert_place(file: &EntryFile, document: &Document) -> Result<SecureCertPlace, String> {
    only_nvs_has_keys(file)?;
    let entry_type = match &file.entry_type {
        Some(EntryTypeFile::Number(number)) => u8::try_from(*number).ok().map(EntryType),
        Some(EntryTypeFile::Name(name)) => match name.as_str() {
            "ca-certificate" => Some(EntryType::CA_CERTIFICATE),
            "device-certificate" => Some(EntryType::DEVICE_CERTIFICATE),
            "private-key" => Some(EntryType::PRIVATE_KEY),
            _ => None,
        },
        None => None,
    };
    let entry_type = entry_type.ok_or_else(|| {
        "the `type` of an entry of esp_secure_cert is ca-certificate, device-certificate, private-key, or a number \
         below 256 (51 to 55 are the firmware's own): add it"
            .to_owned()
    })?;
    Ok(SecureCertPlace {
        entry_type,
        subtype: file.subtype.unwrap_or_default(),
        binary: document.is_binary(),
    })
}

fn record_place(file: &EntryFile, _document: &Document) -> Result<u16, String> {
    only_nvs_has_keys(file)?;
    match (&file.entry_type, file.subtype) {
        // 0xffff is erased flash: it ends them.
        (Some(EntryTypeFile::Number(number)), None) => {
            u16::try_from(*number).ok().filter(|number| *number != u16::MAX)
        }
        _ => None,
    }
    .ok_or_else(|| "the `type` of a record is a number below 65535, and it has no `subtype`".to_owned())
}

fn only_nvs_has_keys(file: &EntryFile) -> Result<(), String> {
    if file.namespace.is_none() && file.key.is_none() {
        return Ok(());
    }
    Err("only entries of NVS have a `namespace` and a `key`: remove them".to_owned())
}

impl Document {
    /// Whether it is bytes, and no text.
    fn is_binary(&self) -> bool {
        let binary = [
            Variable::CertificateDer,
            Variable::CertificateChainDer,
            Variable::PrivateKeyDer,
            Variable::DeviceKeyBytes,
        ];
        binary.into_iter().any(|variable| self.uses(variable))
    }
}
