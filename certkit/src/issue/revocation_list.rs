//! What an authority takes back: a certificate revocation list (CRL, RFC 5280 §5).

use der::{Decode, Encode};
use rcgen::{CertificateRevocationListParams, RevokedCertParams, SerialNumber};
use time::OffsetDateTime;
use x509_cert::crl::CertificateList;

use super::contents::Signing;
use super::period::check_validity;
use super::{IssueError, Issuer};
use crate::CertificateSerial;

/// A certificate that is taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revoked {
    /// Its certificate serial.
    pub serial: CertificateSerial,
    /// When it was taken back.
    pub at: OffsetDateTime,
    /// Why, where that is known (RFC 5280 §5.3.1: left out rather than `unspecified`).
    pub reason: Option<RevocationReason>,
}

/// Why a certificate is taken back (RFC 5280 §5.3.1), as far as a factory can know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevocationReason {
    /// Its key may be known: that of a certificate authority.
    CaCompromise,
    /// The device has another one.
    Superseded,
    /// The device is gone.
    CessationOfOperation,
}

/// A signed list of what an authority takes back: version 2, with CRL number and authority key identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationList {
    der: Vec<u8>,
}

impl RevocationList {
    /// The list as DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The list as PEM (RFC 7468 §6), lines ending with `\n`.
    #[must_use]
    pub fn to_pem(&self) -> String {
        crate::pem::encode("X509 CRL", &self.der)
    }
}

impl Issuer {
    /// Signs a list of certificates that this authority takes back. `number` must be higher than that of every earlier
    /// list (RFC 5280 §5.2.3).
    ///
    /// # Errors
    /// [`IssueError`]: the authority is not valid now or may not sign lists, or `next_update` is not after `now`.
    pub fn revocation_list(
        &self,
        revoked: &[Revoked],
        number: u64,
        now: OffsetDateTime,
        next_update: OffsetDateTime,
    ) -> Result<RevocationList, IssueError> {
        check_validity(&self.certificate, now)?;
        if !self.certificate.signs_revocation_lists() {
            return Err(IssueError::NoCrlSign { issuer: self.certificate.subject_name() });
        }
        let params = CertificateRevocationListParams {
            this_update: now,
            next_update,
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(entry).collect(),
            key_identifier_method: self.written.key_identifier_method.clone(),
        };
        let list = Signing::written(self.signer.as_ref(), |signing| {
            params.signed_by(&rcgen::Issuer::from_params(&self.written, signing))
        })?;
        let der = list.der().to_vec();
        let read: CertificateList = CertificateList::from_der(&der).map_err(IssueError::ReadBackList)?;
        let issuer = read.tbs_cert_list.issuer.to_der().map_err(IssueError::ReadBackList)?;
        if issuer != self.certificate.subject().as_der() {
            return Err(IssueError::Name { issuer: self.certificate.subject_name() });
        }
        Ok(RevocationList { der })
    }
}

fn entry(revoked: &Revoked) -> RevokedCertParams {
    RevokedCertParams {
        serial_number: revoked.serial.as_bytes().to_vec().into(),
        revocation_time: revoked.at,
        reason_code: revoked.reason.map(|reason| match reason {
            RevocationReason::CaCompromise => rcgen::RevocationReason::CaCompromise,
            RevocationReason::Superseded => rcgen::RevocationReason::Superseded,
            RevocationReason::CessationOfOperation => rcgen::RevocationReason::CessationOfOperation,
        }),
        invalidity_date: None,
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;
    use crate::sample::{INTERMEDIATE, NOW, intermediate, profile, profile_with, root, serial};

    #[test]
    fn a_list_needs_an_authority_that_may_sign_it_and_a_later_end() {
        let root = root();
        let later = NOW + Duration::days(30);
        let mute = profile_with(INTERMEDIATE, ", \"crl-sign\"", "");
        let mute = intermediate(&root, "Mute", &mute);
        let refused = mute.revocation_list(&[], 1, NOW, later).expect_err("refused");
        assert!(matches!(&refused, IssueError::NoCrlSign { issuer } if issuer == "CN=Mute"), "{refused}");
        assert!(matches!(root.revocation_list(&[], 1, NOW, NOW), Err(IssueError::Encode(_))));
        let early = NOW - Duration::days(400);
        assert!(matches!(root.revocation_list(&[], 1, early, later), Err(IssueError::NotYetValid { .. })));
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let line = intermediate(&root(), "Line", &profile(INTERMEDIATE));
        let revoked = [
            Revoked { serial: serial(7), at: NOW, reason: Some(RevocationReason::Superseded) },
            Revoked { serial: serial(8), at: NOW, reason: None },
        ];
        let list = line.revocation_list(&revoked, 300, NOW, NOW + Duration::days(30)).expect("list");
        let read: CertificateList = CertificateList::from_der(list.der()).expect("DER");
        let entries = read.tbs_cert_list.revoked_certificates.expect("entries");
        let serials: Vec<_> = entries.iter().map(|one| one.serial_number.as_bytes().to_vec()).collect();
        assert_eq!(serials, [serial(7).as_bytes(), serial(8).as_bytes()]);
        assert!(entries[0].crl_entry_extensions.is_some() && entries[1].crl_entry_extensions.is_none());
        assert!(list.to_pem().starts_with("-----BEGIN X509 CRL-----\n"));
    }
}
