//! How a product's units attest, and who makes their keys.

use serde::Deserialize;

use super::tpm::{TpmFile, TpmRules};
use crate::ledger::entry::{GroupEntry, KeyMaker};
use crate::link::ShownIn;
use crate::vault::SecretName;

/// Bytes of a random key where the product does not say: as many as DPS makes itself.
const KEY_BYTES: usize = 64;

/// How units attest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProductAttestation {
    /// A leaf under a CA that an enrollment group names.
    X509Group {
        /// File name of the certificate profile.
        profile: String,
        /// Who makes the key.
        key: KeyMaker,
    },
    /// A certificate that the unit's own key signed, for an enrollment of its own.
    X509Individual {
        /// File name of the certificate profile.
        profile: String,
        /// Who makes key and certificate.
        key: KeyMaker,
    },
    /// A key derived from an enrollment group's.
    SymmetricGroup {
        /// The group key's name in the vault.
        group_key: SecretName,
        /// Which of the group's two keys it is.
        entry: GroupEntry,
    },
    /// A key of its own, given with the order.
    SymmetricGiven,
    /// A key of its own, made at random, and a second one for the service.
    SymmetricIndividual {
        /// Bytes of each.
        key_bytes: usize,
    },
    /// The endorsement key of its TPM, for an enrollment of its own.
    Tpm(TpmRules),
}

impl ProductAttestation {
    /// Whether units attest with certificates, whose common name is the registration ID.
    pub fn is_x509(&self) -> bool {
        matches!(self, Self::X509Group { .. } | Self::X509Individual { .. })
    }

    /// The certificate profile, where there is one, and the kind that it must be of.
    pub fn profile(&self) -> Option<(&str, certkit::Kind)> {
        match self {
            Self::X509Group { profile, .. } => Some((profile, certkit::Kind::Device)),
            Self::X509Individual { profile, .. } => Some((profile, certkit::Kind::Individual)),
            Self::SymmetricGroup { .. }
            | Self::SymmetricGiven
            | Self::SymmetricIndividual { .. }
            | Self::Tpm(_) => None,
        }
    }

    /// What is asked of units' TPMs, where they attest with one.
    pub fn tpm(&self) -> Option<&TpmRules> {
        match self {
            Self::Tpm(rules) => Some(rules),
            _ => None,
        }
    }

    /// What a unit that makes its own key shows it in; none where the station has the key.
    pub fn own_key_is_shown_in(&self) -> Option<ShownIn> {
        match self {
            Self::X509Group { key: KeyMaker::Device, .. } => Some(ShownIn::Request),
            Self::X509Individual { key: KeyMaker::Device, .. } => Some(ShownIn::Certificate),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum AttestationKind {
    X509Group,
    X509Individual,
    SymmetricGroup,
    SymmetricGiven,
    SymmetricIndividual,
    Tpm,
}

/// What the product's file says of it.
#[derive(Debug)]
pub(super) struct AttestationFile {
    pub(super) attestation: AttestationKind,
    pub(super) profile: Option<String>,
    pub(super) key: Option<KeyMaker>,
    pub(super) group_key: Option<SecretName>,
    pub(super) group_entry: Option<GroupEntry>,
    pub(super) key_bytes: Option<usize>,
    pub(super) tpm: TpmFile,
}

impl AttestationFile {
    /// The attestation that a product asks for, with what belongs to it and nothing else.
    pub(super) fn checked(self) -> Result<ProductAttestation, String> {
        let kind = self.attestation;
        self.nothing_else(kind)?;
        let Self { attestation: _, profile, key, group_key, group_entry, key_bytes, tpm } = self;
        let profile = || {
            profile.ok_or_else(|| {
                format!("attestation \"{}\" needs `profile`, a certificate profile's file name", kind.name())
            })
        };
        Ok(match kind {
            AttestationKind::X509Group => {
                ProductAttestation::X509Group { profile: profile()?, key: key.unwrap_or_default() }
            }
            AttestationKind::X509Individual => {
                ProductAttestation::X509Individual { profile: profile()?, key: key.unwrap_or_default() }
            }
            AttestationKind::SymmetricGroup => match (group_key, group_entry) {
                (Some(group_key), Some(entry)) => ProductAttestation::SymmetricGroup { group_key, entry },
                _ => {
                    return Err(
                        "attestation \"symmetric-group\" needs `group_key` (its name in the vault) and \
                                `group_entry` (\"primary\" or \"secondary\")"
                            .to_owned(),
                    );
                }
            },
            AttestationKind::SymmetricGiven => ProductAttestation::SymmetricGiven,
            AttestationKind::Tpm => ProductAttestation::Tpm(tpm.rules()),
            AttestationKind::SymmetricIndividual => match key_bytes.unwrap_or(KEY_BYTES) {
                key_bytes @ 16..=64 => ProductAttestation::SymmetricIndividual { key_bytes },
                other => {
                    return Err(format!(
                        "key_bytes = {other}: DPS takes keys of 16 to 64 bytes; give one of these"
                    ));
                }
            },
        })
    }

    fn nothing_else(&self, kind: AttestationKind) -> Result<(), String> {
        let given = [
            ("profile", self.profile.is_some()),
            ("key", self.key.is_some()),
            ("group_key", self.group_key.is_some()),
            ("group_entry", self.group_entry.is_some()),
            ("key_bytes", self.key_bytes.is_some()),
        ];
        let too_much: Vec<String> = given
            .into_iter()
            .chain(self.tpm.given())
            .filter(|(name, given)| *given && !kind.takes().contains(name))
            .map(|(name, _)| format!("`{name}`"))
            .collect();
        if too_much.is_empty() {
            return Ok(());
        }
        let (name, too_much) = (kind.name(), too_much.join(" and "));
        Err(match kind {
            AttestationKind::SymmetricGiven => {
                format!("attestation \"{name}\" takes its keys from the order: remove {too_much}")
            }
            _ => format!("attestation \"{name}\" has no use for {too_much}: remove it"),
        })
    }
}

impl AttestationKind {
    fn name(self) -> &'static str {
        match self {
            Self::X509Group => "x509-group",
            Self::X509Individual => "x509-individual",
            Self::SymmetricGroup => "symmetric-group",
            Self::SymmetricGiven => "symmetric-given",
            Self::SymmetricIndividual => "symmetric-individual",
            Self::Tpm => "tpm",
        }
    }

    /// The keys of the product's file that belong to it.
    fn takes(self) -> &'static [&'static str] {
        match self {
            Self::X509Group | Self::X509Individual => &["profile", "key"],
            Self::SymmetricGroup => &["group_key", "group_entry"],
            Self::SymmetricGiven => &[],
            Self::SymmetricIndividual => &["key_bytes"],
            Self::Tpm => &["software_tpm", "ek_certificate", "keep_keys", "endorsement_auth", "owner_auth"],
        }
    }
}
