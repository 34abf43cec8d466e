//! Bodies for the DPS service API: `PUT /enrollmentGroups/{id}`, api-version 2021-10-01
//! (`deviceprovisioningservices/data-plane/…/service.json`, `EnrollmentGroup`).

use certkit::RegistrationId;
use serde::Serialize;

use super::individual::CertificateText;
use super::{ManifestError, may_register};
use crate::ledger::entry::{IssuedCredential, KeyOrigin};
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
    SigningCertificates {
        primary: CertificateText,
        #[serde(skip_serializing_if = "Option::is_none")]
        secondary: Option<CertificateText>,
    },
    CaReferences {
        primary: String,
    },
}

/// How the group knows its devices' issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupAttestation {
    /// The body carries the intermediate that issued the leaves.
    Intermediate,
    /// The body names a CA certificate that was uploaded to DPS and verified there.
    VerifiedCa(String),
}

/// The authorities of a group, by their labels: the one that serves, and a second one while a roll-over is in progress.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupAuthorities {
    /// The one that serves.
    pub primary: String,
    /// The one that stands beside it.
    pub secondary: Option<String>,
}

/// The X.509 enrollment group for the accepted units of an order, and for those whose credentials were handed over
/// without them. `authority` chooses where several issued them. While a
/// roll-over is in progress both authorities stand in it; one that was retired is replaced by its successor.
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
    let authorities = issuing_authorities(ledger, order, authority)?;
    match attestation {
        GroupAttestation::VerifiedCa(primary) => Ok(group_of(group, X509::CaReferences { primary })),
        GroupAttestation::Intermediate => signing_group(ledger, group, &authorities),
    }
}

/// The enrollment group of these intermediates.
///
/// # Errors
/// [`ManifestError::RootInBody`], [`ManifestError::Ledger`].
pub fn signing_group(
    ledger: &LedgerReader,
    group: &RegistrationId,
    authorities: &GroupAuthorities,
) -> Result<EnrollmentGroup, ManifestError> {
    let text = |label: &String| -> Result<CertificateText, ManifestError> {
        // The entry that issued a certificate came after the one that made its authority.
        let record: AuthorityRecord =
            ledger.authority(label)?.ok_or_else(|| LedgerError::AuthorityGone(label.clone()))?;
        match record.issuer {
            Some(_) => Ok(CertificateText { certificate: record.certificate }),
            None => Err(ManifestError::RootInBody(record.label)),
        }
    };
    let primary = text(&authorities.primary)?;
    let secondary = authorities.secondary.as_ref().map(text).transpose()?;
    Ok(group_of(group, X509::SigningCertificates { primary, secondary }))
}

fn group_of(group: &RegistrationId, x509: X509) -> EnrollmentGroup {
    EnrollmentGroup {
        enrollment_group_id: group.to_string(),
        attestation: Attestation { r#type: "x509", x509 },
        provisioning_status: "enabled",
    }
}

/// What stands in a group whose devices hang on this authority, as roll-overs have it now.
///
/// # Errors
/// [`LedgerError::Database`].
pub fn group_authorities(ledger: &LedgerReader, label: &str) -> Result<GroupAuthorities, LedgerError> {
    let roll_overs = ledger.roll_overs("authority")?;
    let mut primary = label.to_owned();
    // What is retired never comes back: this ends.
    while let Some(roll_over) = roll_overs.iter().find(|roll_over| roll_over.retiring == primary) {
        if !roll_over.state.is_retired() {
            return Ok(GroupAuthorities { primary, secondary: Some(roll_over.successor.clone()) });
        }
        primary = roll_over.successor.clone();
    }
    let beside = roll_overs.iter().find(|one| one.successor == primary && !one.state.is_retired());
    Ok(match beside {
        Some(roll_over) => GroupAuthorities { primary: roll_over.retiring.clone(), secondary: Some(primary) },
        None => GroupAuthorities { primary, secondary: None },
    })
}

/// The authorities that issued the current certificates of the order's accepted units, and what was handed over.
fn issuing_authorities(
    ledger: &LedgerReader,
    order: &str,
    wanted: Option<&str>,
) -> Result<GroupAuthorities, ManifestError> {
    let (mut labels, mut has_their_own) = (Vec::new(), false);
    for credential in may_register(ledger, order)?.into_iter().filter_map(|identity| identity.credential) {
        match credential.credential {
            IssuedCredential::Certificate { authority: Some(label), .. } => labels.push(label),
            IssuedCredential::Certificate { authority: None, .. }
            | IssuedCredential::DeviceKey { origin: KeyOrigin::Random { .. }, .. }
            | IssuedCredential::EndorsementKey(_) => has_their_own = true,
            IssuedCredential::DeviceKey { .. } => {}
        }
    }
    labels.sort_unstable();
    labels.dedup();
    match (labels.is_empty(), has_their_own) {
        (true, true) => return Err(ManifestError::NoGroup(order.to_owned())),
        (true, false) => return Err(ManifestError::SymmetricGroup(order.to_owned())),
        (false, _) => {}
    }
    if let Some(wanted) = wanted {
        if labels.iter().any(|label| label == wanted) {
            return Ok(group_authorities(ledger, wanted)?);
        }
        let (order, authority) = (order.to_owned(), wanted.to_owned());
        return Err(ManifestError::OtherAuthority { order, authority, known: labels });
    }
    let groups =
        labels.iter().map(|label| group_authorities(ledger, label)).collect::<Result<Vec<_>, _>>()?;
    match groups.as_slice() {
        [first, others @ ..] if others.iter().all(|other| other == first) => Ok(first.clone()),
        _ => Err(ManifestError::SeveralAuthorities { order: order.to_owned(), authorities: labels }),
    }
}
