//! Certificates of one profile and issuer, with all that is the same in them encoded once.
//!
//! The template is taken from what rcgen writes for a sample: wherever the sample's name, serial, period, key or key
//! identifier stands, the certificate's own goes. So whatever a profile brings (attributes, extensions) needs no code
//! here, and a second sample shows that nothing was missed.

mod part;

use std::sync::Arc;

use rcgen::PublicKeyData;
use time::OffsetDateTime;
use time::macros::datetime;

use super::contents::Public;
use super::period::Period;
use super::signature_check::SignatureCheck;
use super::{Issuer, check_key};
use crate::{
    CertificateSerial, IssueError, KeyAlgorithm, Profile, PublicKey, RegistrationId, Signer, SoftwareSigner,
    Subject,
};
use part::{BIT_STRING, Own, Part, SEQUENCE, header, length_with_header, opened, parts, sum};

/// Whom an error names where the subject is not known yet.
const ISSUED_NOW: &str = "a certificate issued now";

/// A device's certificate as a form to be filled in.
#[derive(Debug)]
pub struct Template {
    issuer: Arc<Issuer>,
    profile: Profile,
    key: KeyAlgorithm,
    /// That of the moment when the template was made, as DER.
    validity: Vec<u8>,
    tbs: Vec<Part>,
    /// The signature's AlgorithmIdentifier.
    algorithm: Vec<u8>,
    check: Option<SignatureCheck>,
}

/// What is to be signed (TBSCertificate, RFC 5280 §4.1.2), DER.
#[derive(Debug)]
pub(crate) struct Form(Vec<u8>);

/// The same and its signature, not checked yet.
#[derive(Debug)]
pub(crate) struct SignedForm {
    tbs: Vec<u8>,
    signature: Vec<u8>,
}

impl Template {
    /// Makes a template for device certificates. It serves every kind of key that the profile permits; `key` is the kind
    /// that is made for those who bring none. To be made before a run, so that a CA about to expire stops no line half
    /// way.
    ///
    /// # Errors
    /// [`IssueError`]: as [`Issuer::issue`]; [`IssueError::Template`] where the profile's certificates differ in more
    /// than there are places for.
    pub fn new(
        issuer: Arc<Issuer>,
        profile: &Profile,
        key: KeyAlgorithm,
        now: OffsetDateTime,
    ) -> Result<Self, IssueError> {
        check_key(profile, ISSUED_NOW, key)?;
        let period = Period::under(issuer.certificate(), profile, ISSUED_NOW, now)?;
        let sample = Sample::new("template-sample", KeyAlgorithm::P256, &[0x5a; 20], period)?;
        let written = sample.written(&issuer, profile)?;
        let (tbs, algorithm) = opened(&written).ok_or(IssueError::Template)?;
        let tbs = parts(tbs, &sample.own()).ok_or(IssueError::Template)?;
        let (profile, algorithm) = (profile.clone(), algorithm.to_vec());
        let validity = sample.validity;
        let template = Self { issuer, profile, key, validity, tbs, algorithm, check: None };
        template.compare()?;
        Ok(template)
    }

    /// A second sample, in which all is of another length, shows whether a place or a length was taken for fixed.
    fn compare(&self) -> Result<(), IssueError> {
        let period = Period {
            not_before: datetime!(2049-12-31 23:59:59 UTC),
            not_after: datetime!(2050-01-01 00:00:00 UTC),
        };
        let sample = Sample::new(&"x".repeat(64), KeyAlgorithm::P384, &[0x80], period)?;
        let written = sample.written(&self.issuer, &self.profile)?;
        let (tbs, _) = opened(&written).ok_or(IssueError::Template)?;
        if self.filled(&sample.own()) == tbs { Ok(()) } else { Err(IssueError::Template) }
    }

    /// The same, with each signature checked before a certificate is given out: for keys in tokens, whose faults no one
    /// else sees. It costs more than signing in memory does.
    ///
    /// # Errors
    /// [`IssueError::PublicKey`].
    pub fn checking_signatures(self) -> Result<Self, IssueError> {
        let issuer = self.issuer.certificate();
        let check = SignatureCheck::new(issuer.public_key())
            .map_err(|_| IssueError::PublicKey { issuer: issuer.subject_name() })?;
        Ok(Self { check: Some(check), ..self })
    }

    /// The authority that signs.
    #[must_use]
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// The kind of key that is made for those who bring none.
    #[must_use]
    pub fn key(&self) -> KeyAlgorithm {
        self.key
    }

    /// Whether the authority's key is in a token.
    pub(crate) fn signs_in_token(&self) -> bool {
        self.issuer.signer.is_in_token()
    }

    /// Issues a certificate: the same, but for the signature, as [`Issuer::issue`] did at the moment when the template was
    /// made. Gives its DER.
    ///
    /// # Errors
    /// [`IssueError`]: the name or the key does not fit the profile; the authority's key did not sign.
    pub fn issue(
        &self,
        id: &RegistrationId,
        public_key: &PublicKey,
        serial: &CertificateSerial,
    ) -> Result<Vec<u8>, IssueError> {
        self.complete(self.sign(self.form(id, public_key, serial)?)?)
    }

    /// Issues a certificate now, as [`Issuer::issue`] does and in less time: its period begins with this moment, which the
    /// authority's own validity must hold. Gives its DER; [`Chain`](crate::Chain) is where it is read again and checked.
    ///
    /// # Errors
    /// [`IssueError`]: as [`Issuer::issue`].
    pub fn issue_now(
        &self,
        id: &RegistrationId,
        public_key: &PublicKey,
        serial: &CertificateSerial,
        now: OffsetDateTime,
    ) -> Result<Vec<u8>, IssueError> {
        let validity = Period::under(self.issuer.certificate(), &self.profile, id.as_str(), now)?.der()?;
        self.complete(self.sign(Form(self.tbs(id, public_key, serial, &validity)?))?)
    }

    /// The first step of [`Self::issue`]: all but the signature.
    pub(crate) fn form(
        &self,
        id: &RegistrationId,
        public_key: &PublicKey,
        serial: &CertificateSerial,
    ) -> Result<Form, IssueError> {
        Ok(Form(self.tbs(id, public_key, serial, &self.validity)?))
    }

    /// The second step: the only one that asks the authority's key.
    pub(crate) fn sign(&self, Form(tbs): Form) -> Result<SignedForm, IssueError> {
        let signature = self.issuer.signer.sign(&tbs).map_err(IssueError::Sign)?;
        Ok(SignedForm { tbs, signature })
    }

    /// The last step: the certificate's DER, its signature checked where the template checks.
    pub(crate) fn complete(&self, SignedForm { tbs, signature }: SignedForm) -> Result<Vec<u8>, IssueError> {
        if let Some(check) = &self.check {
            let issuer = || self.issuer.certificate().subject_name();
            check.verify(&tbs, &signature).map_err(|_| IssueError::BadSignature { issuer: issuer() })?;
        }
        let inner = tbs.len() + self.algorithm.len() + length_with_header(signature.len() + 1);
        let mut der = Vec::with_capacity(length_with_header(inner));
        header(SEQUENCE, inner, &mut der);
        der.extend_from_slice(&tbs);
        der.extend_from_slice(&self.algorithm);
        header(BIT_STRING, signature.len() + 1, &mut der);
        der.push(0); // no unused bits
        der.extend_from_slice(&signature);
        Ok(der)
    }

    fn tbs(
        &self,
        id: &RegistrationId,
        public_key: &PublicKey,
        serial: &CertificateSerial,
        validity: &[u8],
    ) -> Result<Vec<u8>, IssueError> {
        id.check_common_name()?;
        check_key(&self.profile, id.as_str(), public_key.algorithm())?;
        // The only character of registration IDs that a PrintableString lacks (X.680 §41.4).
        if id.as_str().contains('_') && self.tbs.iter().any(Part::is_printable_name) {
            return Err(IssueError::NotPrintable { id: id.to_string() });
        }
        Ok(self.filled(&Own::new(id, public_key, serial, validity)))
    }

    fn filled(&self, own: &Own<'_>) -> Vec<u8> {
        let mut der = Vec::with_capacity(sum(&self.tbs, own));
        self.tbs.iter().for_each(|part| part.write(own, &mut der));
        der
    }
}

/// A certificate of nobody's. Its key is of no importance: the whole SubjectPublicKeyInfo is one place.
struct Sample {
    id: RegistrationId,
    public_key: PublicKey,
    serial: CertificateSerial,
    period: Period,
    validity: Vec<u8>,
}

impl Sample {
    fn new(name: &str, key: KeyAlgorithm, serial: &[u8], period: Period) -> Result<Self, IssueError> {
        Ok(Self {
            id: RegistrationId::parse(name)?,
            public_key: SoftwareSigner::generate(key).map_err(IssueError::Sign)?.public_key().clone(),
            serial: CertificateSerial::from_bytes(serial).map_err(|_| IssueError::Template)?,
            period,
            validity: period.der()?,
        })
    }

    fn own(&self) -> Own<'_> {
        Own::new(&self.id, &self.public_key, &self.serial, &self.validity)
    }

    fn written(&self, issuer: &Issuer, profile: &Profile) -> Result<Vec<u8>, IssueError> {
        written(issuer, profile, &self.id, &self.public_key, &self.serial, self.period)
    }
}

/// A certificate as rcgen writes it, under a signature of nobody.
fn written(
    issuer: &Issuer,
    profile: &Profile,
    id: &RegistrationId,
    key: &PublicKey,
    serial: &CertificateSerial,
    period: Period,
) -> Result<Vec<u8>, IssueError> {
    let params = issuer.params(profile, &Subject::Device(id.clone()), key, serial, period)?;
    let nobody = Nobody(Public(issuer.signer.public_key()));
    let signed = params.signed_by(&Public(key), &rcgen::Issuer::from_params(&issuer.written, &nobody));
    Ok(signed.map_err(IssueError::Encode)?.der().to_vec())
}

/// Signs samples, which nobody is to believe: an HSM would count them.
struct Nobody<'a>(Public<'a>);

impl PublicKeyData for &Nobody<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0.der_bytes()
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        self.0.algorithm()
    }
}

impl rcgen::SigningKey for &Nobody<'_> {
    fn sign(&self, _message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(vec![0])
    }
}

#[cfg(test)]
mod tests;
