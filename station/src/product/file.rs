//! A product's file, as it is written.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::attestation::AttestationKind;
use super::{Assign, EkCertificate, Endpoint, IdScope, ModelId, Presence, Service, SoftwareTpm};
use crate::ledger::entry::{Grade, GroupEntry, KeyMaker};
use crate::link::Chip;
use crate::vault::SecretName;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProductFile {
    pub(super) id_scope: IdScope,
    #[serde(default = "Endpoint::public")]
    pub(super) global_endpoint: Endpoint,
    pub(super) model_id: ModelId,
    pub(super) service: Service,
    pub(super) assign: Option<Assign>,
    pub(super) presence: Option<Presence>,
    pub(super) attestation: AttestationKind,
    pub(super) profile: Option<String>,
    pub(super) key: Option<KeyMaker>,
    pub(super) group_key: Option<SecretName>,
    pub(super) group_entry: Option<GroupEntry>,
    pub(super) key_bytes: Option<usize>,
    pub(super) software_tpm: Option<SoftwareTpm>,
    pub(super) ek_certificate: Option<EkCertificate>,
    pub(super) keep_keys: Option<bool>,
    pub(super) endorsement_auth: Option<SecretName>,
    pub(super) owner_auth: Option<SecretName>,
    #[serde(default)]
    pub(super) link: LinkFile,
    pub(super) flash: Option<FlashFile>,
    #[serde(rename = "item", default)]
    pub(super) items: Vec<ItemFile>,
    #[serde(rename = "slot", default)]
    pub(super) slots: Vec<SlotFile>,
}

/// A console has a dialogue, a loader its chip; what another program writes has neither.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LinkFile {
    pub(super) dialogue: Option<String>,
    pub(super) loader: Option<Chip>,
    pub(super) baud: Option<u32>,
    pub(super) secure_boot: Option<SecureBoot>,
    #[serde(default)]
    pub(super) values: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) secrets: BTreeMap<String, SecretName>,
}

/// What is done with units that run nothing but signed firmware.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecureBoot {
    /// They are not touched.
    #[default]
    Refuse,
    /// They are written: the released firmware is signed.
    SignedFirmware,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ItemFile {
    pub(super) name: String,
    pub(super) document: Option<String>,
    pub(super) evidence: Grade,
    pub(super) longest: Option<usize>,
    #[serde(default)]
    pub(super) in_quotes: bool,
    #[serde(default)]
    pub(super) place: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FlashFile {
    #[serde(default)]
    pub(super) start: u32,
    pub(super) size: u32,
    pub(super) partition_table: Option<u32>,
    pub(super) evidence: Option<Grade>,
    #[serde(rename = "file", default)]
    pub(super) files: Vec<FirmwareFile>,
}

/// Raw where it has an address, else Intel HEX.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FirmwareFile {
    pub(super) file: String,
    pub(super) sha256: String,
    pub(super) address: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SlotFile {
    pub(super) name: String,
    pub(super) format: SlotFormat,
    pub(super) keys: Option<String>,
    pub(super) marker: Option<String>,
    pub(super) evidence: Option<Grade>,
    #[serde(rename = "entry", default)]
    pub(super) entries: Vec<EntryFile>,
}

impl SlotFile {
    /// Whether it is found in a partition table.
    pub(super) fn is_partition(&self) -> bool {
        self.format != SlotFormat::Records
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum SlotFormat {
    Nvs,
    EspSecureCert,
    Records,
}

/// What an entry says is checked by its slot's format.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EntryFile {
    pub(super) content: Option<String>,
    pub(super) document: Option<String>,
    #[serde(rename = "type")]
    pub(super) entry_type: Option<EntryTypeFile>,
    pub(super) namespace: Option<String>,
    pub(super) key: Option<String>,
    pub(super) subtype: Option<u8>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "`type` is a number from 0 up, or a name")]
pub(super) enum EntryTypeFile {
    Number(u32),
    Name(String),
}
