//! The certificate that a unit made for its own key: what must hold of it before it is enrolled. Pure.

use certkit::{Certificate, CertificateError, KeyAlgorithm, Profile, PublicKey, RegistrationId};
use thiserror::Error;
use time::{OffsetDateTime, UtcOffset};

use crate::ledger::entry::Disposition;

/// Why a unit's own certificate is not taken.
#[derive(Debug, Error)]
pub enum OwnCertificateError {
    /// The profile allows keys of other kinds.
    #[error(
        "the unit's key is {found}, and the certificate profile allows {allowed}: change the image or the profile"
    )]
    Algorithm {
        /// What it is.
        found: KeyAlgorithm,
        /// What it may be.
        allowed: String,
    },
    /// The name in it is not the unit's.
    #[error(
        "the unit's certificate is for {found}, and the unit is {wanted}: look whether units or labels were mixed up"
    )]
    Name {
        /// The common name in it.
        found: String,
        /// The registration ID.
        wanted: RegistrationId,
    },
    /// It has another issuer, or another key signed it.
    #[error(
        "the unit's certificate, issued by {issuer}, is not signed by its own key with SHA-2: find out where it comes from"
    )]
    NotSelfSigned {
        /// The issuer's name in it.
        issuer: String,
    },
    /// It could issue certificates.
    #[error("the unit's certificate is a CA's (CA:TRUE): let the unit make one that is not")]
    Authority,
    /// No TLS client may show it.
    #[error(
        "the unit's certificate is not for TLS clients (key usage without digitalSignature, or extended key usage without \
         clientAuth): let the unit make one that is"
    )]
    Purpose,
    /// One of its extensions cannot be read.
    #[error("the unit's certificate has an extension that cannot be read: let the unit make another")]
    Extension(#[source] CertificateError),
    /// It is not valid yet, or no more.
    #[error(
        "the unit's certificate is valid from {not_before} to {not_after}, and it is {now}: set the unit's clock, or let it make another"
    )]
    Validity {
        /// Its first second.
        not_before: OffsetDateTime,
        /// Its last second.
        not_after: OffsetDateTime,
        /// The station's time.
        now: OffsetDateTime,
    },
}

impl OwnCertificateError {
    /// What happens next to the unit.
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::Algorithm { .. }
            | Self::Authority
            | Self::Purpose
            | Self::Extension(_)
            | Self::Validity { .. } => Disposition::Rework,
            Self::Name { .. } | Self::NotSelfSigned { .. } => Disposition::Hold,
        }
    }
}

/// Checks a certificate that the unit's own key is to have signed. DPS takes its common name for the registration ID.
///
/// # Errors
/// [`OwnCertificateError`].
pub fn check_certificate(
    certificate: &Certificate,
    profile: &Profile,
    id: &RegistrationId,
    now: OffsetDateTime,
) -> Result<(), OwnCertificateError> {
    check_algorithm(certificate.public_key(), profile)?;
    if !certificate.is_self_signed() {
        return Err(OwnCertificateError::NotSelfSigned { issuer: certificate.issuer_name() });
    }
    check_name(certificate.subject_common_name(), id)?;
    if certificate.is_ca() {
        return Err(OwnCertificateError::Authority);
    }
    if !certificate.authenticates_clients().map_err(OwnCertificateError::Extension)? {
        return Err(OwnCertificateError::Purpose);
    }
    let (not_before, not_after) = (certificate.not_before(), certificate.not_after());
    if now < not_before || now > not_after {
        return Err(OwnCertificateError::Validity {
            not_before,
            not_after,
            now: now.to_offset(UtcOffset::UTC),
        });
    }
    Ok(())
}

fn check_algorithm(key: &PublicKey, profile: &Profile) -> Result<(), OwnCertificateError> {
    let allowed = profile.keys();
    if allowed.contains(&key.algorithm()) {
        return Ok(());
    }
    let allowed: Vec<&str> = allowed.iter().map(|algorithm| algorithm.as_str()).collect();
    Err(OwnCertificateError::Algorithm { found: key.algorithm(), allowed: allowed.join(", ") })
}

fn check_name(found: Option<&str>, id: &RegistrationId) -> Result<(), OwnCertificateError> {
    match found {
        Some(found) if found == id.as_str() => Ok(()),
        other => Err(OwnCertificateError::Name {
            found: other.map_or_else(
                || "nobody (it has no common name, or several)".to_owned(),
                |name| format!("`{}`", name.escape_debug()),
            ),
            wanted: id.clone(),
        }),
    }
}
