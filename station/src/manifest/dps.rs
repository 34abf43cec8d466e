//! Bodies for the DPS service API: `PUT /enrollmentGroups/{id}`, api-version 2021-10-01
//! (`deviceprovisioningservices/data-plane/…/service.json`, `EnrollmentGroup`).

use certkit::RegistrationId;
use serde::Serialize;

use super::{ManifestError, accepted};
use crate::ledger::entry::IssuedCredential;
use crate::ledger::{AuthorityRecord, LedgerError, LedgerReader};

/// An enrollment group, as the service takes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EnrollmentGroup {
    enrollment_group_id: String,
    attestation: Attestation,
    provisioning_status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Attestation {
    r#type: &'static str,
    x509: X509,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum X509 {
    SigningCertificates { primary: CertificateText },
    CaReferences { primary: String },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct CertificateText {
    certificate: String,
}

/// How the group knows its devices' issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupAttestation {
    /// The body carries the intermediate that issued the leaves.
    Intermediate,
    /// The body names a CA certificate that was uploaded to DPS and verified there.
    VerifiedCa(String),
}

/// The X.509 enrollment group for the accepted units of an order. `authority` chooses where several issued them.
///
/// # Errors
/// [`ManifestError`].
pub fn enrollment_group(
    ledger: &LedgerReader,
    order: &str,
    group: &RegistrationId,
    attestation: GroupAttestation,
    authority: Option<&str>,
) -> Result<EnrollmentGroup, ManifestError> {
    let authority = issuing_authority(ledger, order, authority)?;
    let x509 = match attestation {
        GroupAttestation::VerifiedCa(primary) => X509::CaReferences { primary },
        GroupAttestation::Intermediate if authority.issuer.is_none() => {
            return Err(ManifestError::RootInBody(authority.label));
        }
        GroupAttestation::Intermediate => {
            X509::SigningCertificates { primary: CertificateText { certificate: authority.certificate } }
        }
    };
    Ok(EnrollmentGroup {
        enrollment_group_id: group.to_string(),
        attestation: Attestation { r#type: "x509", x509 },
        provisioning_status: "enabled",
    })
}

/// The authority that issued the current certificates of the order's accepted units.
fn issuing_authority(
    ledger: &LedgerReader,
    order: &str,
    wanted: Option<&str>,
) -> Result<AuthorityRecord, ManifestError> {
    let mut labels: Vec<String> = accepted(ledger, order)?
        .into_iter()
        .filter_map(|identity| match identity.credential?.credential {
            IssuedCredential::Certificate { authority, .. } => authority,
            IssuedCredential::DeviceKey { .. } => None,
        })
        .collect();
    labels.sort_unstable();
    labels.dedup();
    let label = match (wanted, labels.as_slice()) {
        (_, []) => return Err(ManifestError::SymmetricGroup(order.to_owned())),
        (Some(wanted), known) if known.iter().any(|label| label == wanted) => wanted.to_owned(),
        (Some(wanted), _) => {
            let (order, authority) = (order.to_owned(), wanted.to_owned());
            return Err(ManifestError::OtherAuthority { order, authority, known: labels });
        }
        (None, [only]) => only.clone(),
        (None, _) => {
            return Err(ManifestError::SeveralAuthorities { order: order.to_owned(), authorities: labels });
        }
    };
    // The entry that issued a certificate came after the one that made its authority.
    ledger.authority(&label)?.ok_or_else(|| LedgerError::AuthorityGone(label).into())
}
