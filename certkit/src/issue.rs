//! An authority that issues certificates.

mod contents;
mod error;
mod period;
mod revocation_list;
mod signature_check;
mod template;

use rcgen::{CertificateParams, KeyIdMethod};
use time::OffsetDateTime;

use crate::{Certificate, CertificateSerial, KeyAlgorithm, Kind, Profile, PublicKey, Signer, Subject};
use contents::{Public, Signing, contents, copy_name};
pub use error::IssueError;
use period::Period;
pub use revocation_list::{RevocationList, RevocationReason, Revoked};
pub use template::Template;
pub(crate) use template::{Form, SignedForm};

/// A certificate authority: its certificate and the private key that belongs to it.
#[derive(Debug)]
pub struct Issuer {
    certificate: Certificate,
    signer: Box<dyn Signer>,
    /// Name and key identifier, as rcgen writes them into what is issued.
    written: CertificateParams,
}

impl Issuer {
    /// Joins a CA certificate and its private key.
    ///
    /// # Errors
    /// [`IssueError`] where the key is not the certificate's own, or the certificate is no CA's.
    pub fn new(certificate: Certificate, signer: Box<dyn Signer>) -> Result<Self, IssueError> {
        let issuer = || certificate.subject_name();
        if certificate.public_key() != signer.public_key() {
            return Err(IssueError::KeyNotOwn { issuer: issuer() });
        }
        if !certificate.is_authority() {
            return Err(IssueError::NotAuthority { issuer: issuer() });
        }
        let key_id =
            certificate.subject_key_id().ok_or_else(|| IssueError::NoSubjectKeyId { issuer: issuer() })?;
        let mut written = CertificateParams::default();
        written.distinguished_name = copy_name(&certificate)?;
        written.key_identifier_method = KeyIdMethod::PreSpecified(key_id.to_vec());
        Ok(Self { certificate, signer, written })
    }

    /// Makes a certificate that its own key signs: a root's, or a device's for an individual enrollment.
    ///
    /// # Errors
    /// [`IssueError`].
    pub fn self_signed(
        profile: &Profile,
        subject: &Subject,
        signer: &dyn Signer,
        serial: &CertificateSerial,
        now: OffsetDateTime,
    ) -> Result<Certificate, IssueError> {
        match (profile.kind(), subject) {
            (Kind::Root, Subject::Authority(_)) => {}
            (Kind::Individual, Subject::Device(id)) => id.check_common_name()?,
            _ => return Err(wrong_kind(profile, subject)),
        }
        check_key(profile, subject.common_name(), signer.public_key().algorithm())?;
        let period = Period::of_its_own(profile, now)?;
        let params = contents(profile, subject, signer.public_key(), serial, period)?;
        let made = Signing::written(signer, |signing| params.self_signed(&signing))?;
        let certificate = Certificate::from_der(made.der()).map_err(IssueError::ReadBack)?;
        // A chain checks every signature but this one.
        if !certificate.is_signed_by(signer.public_key()) {
            return Err(IssueError::BadSignature { issuer: certificate.subject_name() });
        }
        Ok(certificate)
    }

    /// Issues a certificate for a public key.
    ///
    /// # Errors
    /// [`IssueError`]: the authority is not valid now, may not issue this, or would be outlived.
    pub fn issue(
        &self,
        profile: &Profile,
        subject: &Subject,
        public_key: &PublicKey,
        serial: &CertificateSerial,
        now: OffsetDateTime,
    ) -> Result<Certificate, IssueError> {
        check_key(profile, subject.common_name(), public_key.algorithm())?;
        let period = Period::under(&self.certificate, profile, subject.common_name(), now)?;
        let params = self.params(profile, subject, public_key, serial, period)?;
        let made = Signing::written(self.signer.as_ref(), |signing| {
            params.signed_by(&Public(public_key), &rcgen::Issuer::from_params(&self.written, signing))
        })?;
        self.read_back(made.der())
    }

    /// What a certificate contains, once the subject is checked.
    fn params(
        &self,
        profile: &Profile,
        subject: &Subject,
        public_key: &PublicKey,
        serial: &CertificateSerial,
        period: Period,
    ) -> Result<CertificateParams, IssueError> {
        self.check_subject(profile, subject)?;
        contents(profile, subject, public_key, serial, period)
    }

    /// A certificate of this authority's that was just written.
    fn read_back(&self, der: &[u8]) -> Result<Certificate, IssueError> {
        let certificate = Certificate::from_der(der).map_err(IssueError::ReadBack)?;
        if certificate.issuer() != self.certificate.subject() {
            return Err(IssueError::Name { issuer: self.certificate.subject_name() });
        }
        Ok(certificate)
    }

    /// Whether the private key signs, and is the one that the certificate names: a token can show the right public key
    /// and sign with another, or not at all. What it signs is no certificate and nothing that is taken for one.
    ///
    /// # Errors
    /// [`IssueError::Sign`], [`IssueError::BadSignature`].
    pub fn check_key(&self) -> Result<(), IssueError> {
        let message = b"certkit: a test whether this key signs";
        let signature = self.signer.sign(message).map_err(IssueError::Sign)?;
        let issuer = || self.certificate.subject_name();
        let checked = self.certificate.public_key().verify(message, &signature);
        checked.map_err(|_| IssueError::BadSignature { issuer: issuer() })
    }

    /// The authority's certificate.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    fn check_subject(&self, profile: &Profile, subject: &Subject) -> Result<(), IssueError> {
        match (profile.kind(), subject) {
            (Kind::Device, Subject::Device(id)) => Ok(id.check_common_name()?),
            (Kind::Intermediate, Subject::Authority(_)) => self.check_path_length(profile, subject),
            (Kind::Possession, Subject::Possession(_)) | (Kind::AuditSigner, Subject::Auditor(_)) => Ok(()),
            _ => Err(wrong_kind(profile, subject)),
        }
    }

    fn check_path_length(&self, profile: &Profile, subject: &Subject) -> Result<(), IssueError> {
        match self.certificate.path_length() {
            Some(allowed) if allowed == 0 || profile.path_length().is_some_and(|asked| asked >= allowed) => {
                Err(IssueError::PathLength {
                    subject: subject.common_name().to_owned(),
                    issuer: self.certificate.subject_name(),
                    allowed,
                })
            }
            _ => Ok(()),
        }
    }
}

fn wrong_kind(profile: &Profile, subject: &Subject) -> IssueError {
    IssueError::Kind { kind: profile.kind(), subject: subject.common_name().to_owned() }
}

/// Whether the profile permits this kind of key.
pub(crate) fn check_key(profile: &Profile, subject: &str, key: KeyAlgorithm) -> Result<(), IssueError> {
    if profile.keys().contains(&key) {
        return Ok(());
    }
    Err(IssueError::Key {
        subject: subject.to_owned(),
        found: key,
        permitted: profile.keys().iter().map(|key| key.as_str()).collect(),
    })
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::sample::{
        DEVICE, INTERMEDIATE, NOW, ROOT, authority, device, intermediate, leaf, profile, profile_with, root,
        serial, signer,
    };

    fn refused(issuer: &Issuer, profile: &Profile, subject: &Subject, now: OffsetDateTime) -> IssueError {
        issuer.issue(profile, subject, signer().public_key(), &serial(9), now).expect_err("refused")
    }

    #[test]
    fn only_the_authority_s_own_key_is_taken() {
        let root = root();
        let error = Issuer::new(root.certificate().clone(), Box::new(signer())).expect_err("another key");
        assert!(matches!(error, IssueError::KeyNotOwn { issuer } if issuer == "CN=Root"));
        let key = signer();
        let leaf = root
            .issue(&profile(DEVICE), &device("sensor-001"), key.public_key(), &serial(3), NOW)
            .expect("leaf");
        assert!(matches!(Issuer::new(leaf, Box::new(key)), Err(IssueError::NotAuthority { .. })));
    }

    #[test]
    fn nothing_is_issued_outside_the_authority_s_validity() {
        let root = root();
        let (profile, subject) = (profile(DEVICE), device("sensor-001"));
        let early = refused(&root, &profile, &subject, datetime!(1970-01-01 00:00 UTC));
        assert!(early.to_string().contains("not valid before 2026-11-23 08:00:00 UTC"), "{early}");
        let late = refused(&root, &profile, &subject, datetime!(2051-11-24 08:00:01 UTC));
        assert!(late.to_string().contains("expired on 2051-11-24 08:00:00 UTC"), "{late}");
    }

    #[test]
    fn no_certificate_begins_before_its_issuer_or_outlives_it() {
        let root = root();
        assert_eq!(root.certificate().not_before(), datetime!(2026-11-23 08:00 UTC));
        let eager = profile_with(DEVICE, "back_dated_days = 1", "back_dated_days = 400");
        let subject = device("sensor-001");
        let made = root.issue(&eager, &subject, signer().public_key(), &serial(3), NOW).expect("leaf");
        assert_eq!(made.not_before(), root.certificate().not_before());

        let later = datetime!(2045-01-01 00:00 UTC);
        let error = refused(&root, &profile(DEVICE), &subject, later);
        let (own, issuers) = ("2055-01-01 00:00:00 UTC", "2051-11-24 08:00:00 UTC");
        assert!(error.to_string().contains(own) && error.to_string().contains(issuers), "{error}");
        let clamped =
            profile_with(DEVICE, "outliving_issuer = \"refused\"", "outliving_issuer = \"clamped\"");
        let made = root.issue(&clamped, &subject, signer().public_key(), &serial(3), later).expect("leaf");
        assert_eq!(made.not_after(), root.certificate().not_after());
    }

    #[test]
    fn a_path_length_is_kept() {
        let root = root();
        let line = intermediate(&root, "Line 1", &profile(INTERMEDIATE));
        let error = refused(&line, &profile(INTERMEDIATE), &authority("Line 2"), NOW);
        assert!(matches!(error, IssueError::PathLength { allowed: 0, .. }), "{error:?}");
        let deep = profile_with(INTERMEDIATE, "path_length = 0", "path_length = 1");
        let policy = intermediate(&root, "Policy", &deep);
        assert!(matches!(
            refused(&policy, &deep, &authority("Line 2"), NOW),
            IssueError::PathLength { allowed: 1, .. }
        ));
        assert_eq!(leaf(&line, "sensor-001").issuer_name(), "CN=Line 1");
    }

    #[test]
    fn profile_and_subject_must_fit() {
        let root = root();
        for (text, subject) in [
            (DEVICE, authority("Line 1")),
            (INTERMEDIATE, device("sensor-001")),
            (ROOT, authority("Another root")),
        ] {
            assert!(matches!(refused(&root, &profile(text), &subject, NOW), IssueError::Kind { .. }));
        }
        let made = Issuer::self_signed(&profile(DEVICE), &device("sensor-001"), &signer(), &serial(1), NOW);
        assert!(matches!(made, Err(IssueError::Kind { .. })));
    }

    #[test]
    fn an_id_beyond_64_characters_is_no_common_name() {
        let error = refused(&root(), &profile(DEVICE), &device(&"a".repeat(65)), NOW);
        assert!(matches!(error, IssueError::RegistrationId(_)), "{error:?}");
    }

    #[test]
    fn a_name_with_a_comma_stays_one_name() {
        let root = root();
        let evil = intermediate(&root, "dev,O=evil", &profile(INTERMEDIATE));
        assert_eq!(evil.certificate().subject().parsed().expect("name").iter_rdn().count(), 1);
        assert_eq!(leaf(&evil, "sensor-001").issuer(), evil.certificate().subject());
    }
}
