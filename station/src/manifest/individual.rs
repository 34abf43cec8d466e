//! Bodies of individual enrollments: `PUT /enrollments/{registrationId}` for one, `POST /enrollments` for up to ten
//! (`deviceprovisioningservices/data-plane/…/2021-10-01/service.json`, `IndividualEnrollment`,
//! `BulkEnrollmentOperation`).

use std::collections::BTreeSet;
use std::fmt;

use certkit::{Chain, RegistrationId};
use serde::{Serialize, Serializer};
use zeroize::Zeroizing;

use super::marks::InitialTwin;
use super::{ManifestError, may_register};
use crate::ledger::entry::{IssuedCredential, KeyOrigin, TpmKey};
use crate::ledger::{IdentityRecord, LedgerReader};

/// Most enrollments that one bulk operation takes.
const MOST_TOGETHER: usize = 10;

/// An individual enrollment, as the service takes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IndividualEnrollment {
    registration_id: RegistrationId,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_id: Option<RegistrationId>,
    attestation: Attestation,
    provisioning_status: ProvisioningStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    initial_twin: Option<InitialTwin>,
    #[serde(skip_serializing_if = "Option::is_none")]
    capabilities: Option<Capabilities>,
}

/// Whether the service lets the device register.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ProvisioningStatus {
    /// It may.
    #[default]
    Enabled,
    /// It may not, whatever group it belongs to.
    Disabled,
}

/// What an enrollment says besides who the device is. What is left out, the service decides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EnrollmentOptions {
    /// Name the device ID too: the registration ID.
    pub device_id: bool,
    /// The device is an IoT Edge gateway.
    pub iot_edge: bool,
    /// Of a TPM, name the storage root key too.
    pub storage_root_key: bool,
    /// Whether it may register.
    pub status: ProvisioningStatus,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub(super) enum Attestation {
    X509 {
        x509: X509,
    },
    SymmetricKey {
        #[serde(rename = "symmetricKey")]
        symmetric_key: SymmetricKeys,
    },
    Tpm {
        tpm: TpmKeys,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum X509 {
    ClientCertificates {
        primary: CertificateText,
        #[serde(skip_serializing_if = "Option::is_none")]
        secondary: Option<CertificateText>,
    },
    CaReferences {
        primary: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct CertificateText {
    pub(super) certificate: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SymmetricKeys {
    #[serde(skip_serializing_if = "Option::is_none")]
    primary_key: Option<KeyText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secondary_key: Option<KeyText>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TpmKeys {
    endorsement_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    storage_root_key: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Capabilities {
    iot_edge: bool,
}

/// A symmetric key in base64: it is written into a delivery, and shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyText(Zeroizing<String>);

impl KeyText {
    /// Takes the text over.
    pub fn new(base64: Zeroizing<String>) -> Self {
        Self(base64)
    }
}

impl fmt::Debug for KeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyText(…)")
    }
}

impl Serialize for KeyText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Which enrollments, and how the service knows the devices.
#[derive(Debug, Clone, Copy)]
pub struct Enrollments<'a> {
    /// The order whose accepted units are enrolled, and what of it was handed over without units.
    pub order: &'a str,
    /// Name of the CA certificate that was uploaded to DPS and verified there, in the leaf's place.
    pub verified_ca: Option<&'a str>,
    /// What else the bodies say.
    pub options: EnrollmentOptions,
    /// Attempts whose credentials are left out.
    pub without: &'a BTreeSet<u64>,
}

/// The individual enrollments of an order's accepted units, and of what was handed over without units, in the order's own
/// sequence. `keys` gives an identity's random keys, primary and secondary: a manifest refuses, a delivery asks the vault.
///
/// # Errors
/// [`ManifestError`], or whatever `keys` gives.
pub fn individual_enrollments<E: From<ManifestError>>(
    ledger: &LedgerReader,
    wanted: Enrollments<'_>,
    mut keys: impl FnMut(&IdentityRecord) -> Result<[KeyText; 2], E>,
) -> Result<Vec<IndividualEnrollment>, E> {
    let mut enrollments = Vec::new();
    for record in may_register(ledger, wanted.order)? {
        let Some(credential) = &record.credential else { continue };
        if wanted.without.contains(&credential.attempt) {
            continue;
        }
        let attestation = match &credential.credential {
            IssuedCredential::Certificate { chain, authority, .. } => {
                x509(&record, chain, authority.is_some(), wanted.verified_ca)?
            }
            IssuedCredential::DeviceKey { origin: KeyOrigin::Random { .. }, .. } => {
                if wanted.verified_ca.is_some() {
                    return Err(ManifestError::NoCa(record.identity.registration_id).into());
                }
                let [primary, secondary] = keys(&record)?;
                Attestation::keys(primary, secondary)
            }
            IssuedCredential::DeviceKey { origin: KeyOrigin::Derived { .. }, .. } => {
                return Err(ManifestError::SymmetricGroup(wanted.order.to_owned()).into());
            }
            IssuedCredential::DeviceKey { origin: KeyOrigin::Given, .. } => {
                return Err(ManifestError::KeysGiven(wanted.order.to_owned()).into());
            }
            IssuedCredential::EndorsementKey(tpm) => {
                if wanted.verified_ca.is_some() {
                    return Err(ManifestError::NoCa(record.identity.registration_id).into());
                }
                Attestation::endorsement_key(tpm, wanted.options.storage_root_key)
            }
        };
        if wanted.options.storage_root_key && !matches!(attestation, Attestation::Tpm { .. }) {
            return Err(ManifestError::NoTpm(record.identity.registration_id).into());
        }
        let id = record.identity.registration_id;
        let enrollment = IndividualEnrollment::new(id, attestation, wanted.options);
        enrollments.push(enrollment.marked(&credential.credential));
    }
    Ok(enrollments)
}

/// Whether something of an order that is enrolled has random keys, which a manifest cannot carry.
///
/// # Errors
/// [`ManifestError`].
pub fn needs_delivery(ledger: &LedgerReader, order: &str) -> Result<bool, ManifestError> {
    Ok(may_register(ledger, order)?.iter().any(|record| {
        record.credential.as_ref().is_some_and(|credential| {
            matches!(
                credential.credential,
                IssuedCredential::DeviceKey { origin: KeyOrigin::Random { .. }, .. }
            )
        })
    }))
}

fn x509(
    record: &IdentityRecord,
    chain: &str,
    under_ca: bool,
    verified_ca: Option<&str>,
) -> Result<Attestation, ManifestError> {
    match verified_ca {
        None => Ok(Attestation::leaves(leaf(chain)?, None)),
        Some(name) if under_ca => {
            Ok(Attestation::X509 { x509: X509::CaReferences { primary: name.to_owned() } })
        }
        Some(_) => Err(ManifestError::NoCa(record.identity.registration_id.clone())),
    }
}

/// The leaf of a chain, as the service takes it: PEM.
pub(super) fn leaf(chain: &str) -> Result<String, ManifestError> {
    Ok(Chain::from_pem(chain)?.leaf().to_pem())
}

impl Attestation {
    pub(super) fn leaves(primary: String, secondary: Option<String>) -> Self {
        let text = |certificate| CertificateText { certificate };
        let x509 = X509::ClientCertificates { primary: text(primary), secondary: secondary.map(text) };
        Attestation::X509 { x509 }
    }

    fn keys(primary: KeyText, secondary: KeyText) -> Self {
        let symmetric_key = SymmetricKeys { primary_key: Some(primary), secondary_key: Some(secondary) };
        Attestation::SymmetricKey { symmetric_key }
    }

    /// The key of a TPM, and where it is asked for its storage root key.
    pub(super) fn endorsement_key(tpm: &TpmKey, storage_root_key: bool) -> Self {
        let storage_root_key = storage_root_key.then(|| tpm.storage_root_key.clone());
        Attestation::Tpm { tpm: TpmKeys { endorsement_key: tpm.endorsement_key.clone(), storage_root_key } }
    }

    /// Without keys of ours: the service makes its own.
    pub(super) fn unknown_keys() -> Self {
        Attestation::SymmetricKey { symmetric_key: SymmetricKeys::default() }
    }
}

impl IndividualEnrollment {
    pub(super) fn new(id: RegistrationId, attestation: Attestation, options: EnrollmentOptions) -> Self {
        Self {
            device_id: options.device_id.then(|| id.clone()),
            registration_id: id,
            attestation,
            provisioning_status: options.status,
            initial_twin: None,
            capabilities: options.iot_edge.then_some(Capabilities { iot_edge: true }),
        }
    }

    /// With what is to be known of where its TPM comes from.
    pub(super) fn marked(self, credential: &IssuedCredential) -> Self {
        Self { initial_twin: InitialTwin::of(credential), ..self }
    }

    /// Whose it is.
    pub fn registration_id(&self) -> &RegistrationId {
        &self.registration_id
    }

    /// A name for its file that every system takes, and no two enrollments share: the registration ID, with `:` as `%3A`
    /// (Windows has another use for it). An ID that Windows keeps for a device (`con`, `com1`, also before a dot) has its
    /// first letter written so: `%63on.json`. Percent-decoding gives the ID back.
    pub fn file_name(&self) -> String {
        let id = self.registration_id.as_str().replace(':', "%3A");
        match id.as_bytes().first() {
            Some(first) if is_reserved(&id) => format!("%{first:02X}{}.json", &id[1..]),
            _ => format!("{id}.json"),
        }
    }
}

/// Names that Windows keeps for devices, whatever follows a dot.
fn is_reserved(id: &str) -> bool {
    let name = id.split('.').next().unwrap_or_default();
    let numbered = |prefix: &str| {
        name.strip_prefix(prefix).is_some_and(|rest| rest.len() == 1 && rest.as_bytes()[0].is_ascii_digit())
    };
    matches!(name, "con" | "prn" | "aux" | "nul") || numbered("com") || numbered("lpt")
}

/// What a bulk operation does with its enrollments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum BulkMode {
    /// They are not there yet.
    Create,
    /// They are there, and are replaced.
    Update,
}

/// The body of one bulk operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BulkOperation<'a> {
    mode: BulkMode,
    enrollments: &'a [IndividualEnrollment],
}

/// Bulk operations of at most ten enrollments each.
pub fn bulk(mode: BulkMode, enrollments: &[IndividualEnrollment]) -> impl Iterator<Item = BulkOperation<'_>> {
    enrollments.chunks(MOST_TOGETHER).map(move |enrollments| BulkOperation { mode, enrollments })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(id: &str) -> IndividualEnrollment {
        let id = RegistrationId::parse(id).unwrap();
        IndividualEnrollment::new(id, Attestation::unknown_keys(), EnrollmentOptions::default())
    }

    #[test]
    fn file_names_are_for_every_system_and_differ() {
        for (id, name) in [
            ("gw-1", "gw-1.json"),
            ("sn:007_888.abc-1", "sn%3A007_888.abc-1.json"),
            ("con", "%63on.json"),
            ("com1.line-2", "%63om1.line-2.json"),
            ("com10", "com10.json"),
            ("console", "console.json"),
            ("lpt9", "%6Cpt9.json"),
        ] {
            assert_eq!(named(id).file_name(), name);
        }
    }

    #[test]
    fn keys_are_written_and_never_shown() {
        let key = |text: &str| KeyText::new(Zeroizing::new(text.to_owned()));
        let attestation = Attestation::keys(key("cHJpbWFyeQ=="), key("c2Vjb25kYXJ5"));
        let options = EnrollmentOptions {
            device_id: true,
            iot_edge: true,
            status: ProvisioningStatus::Disabled,
            ..EnrollmentOptions::default()
        };
        let enrollment = IndividualEnrollment::new("gw-1".parse().unwrap(), attestation, options);
        assert_eq!(
            serde_json::to_string(&enrollment).unwrap(),
            r#"{"registrationId":"gw-1","deviceId":"gw-1","attestation":{"type":"symmetricKey","symmetricKey":{"primaryKey":"cHJpbWFyeQ==","secondaryKey":"c2Vjb25kYXJ5"}},"provisioningStatus":"disabled","capabilities":{"iotEdge":true}}"#
        );
        assert!(!format!("{enrollment:?}").contains("cHJp"));
    }
}
