//! The certificate that a TPM's maker gives for its endorsement key (TCG EK Credential Profile, §3).

use std::fmt;

use der::asn1::ObjectIdentifier;
use der::{Decode, Encode, Tag, Tagged};
use thiserror::Error;
use time::OffsetDateTime;
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{ExtendedKeyUsage, SubjectAltName};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use super::{EndorsementKey, MakerCertificate};
use crate::chain::check_link;
use crate::validity::shown;
use crate::{Certificate, CertificateError, ChainError, KeyNotSupported, PublicKey};

/// tcg-kp-EKCertificate.
const PURPOSE: &str = "2.23.133.8.1";
const MANUFACTURER: &str = "2.23.133.2.1";
const MODEL: &str = "2.23.133.2.2";
const VERSION: &str = "2.23.133.2.3";
const RSA_ENCRYPTION: &str = "1.2.840.113549.1.1.1";
const RSAES_OAEP: &str = "1.2.840.113549.1.1.7";
/// Basic constraints, key usage, extended key usage, subject alternative name; and certificate policies: none is asked for.
const KNOWN: [&str; 5] = ["2.5.29.19", "2.5.29.15", "2.5.29.37", "2.5.29.17", "2.5.29.32"];
/// Most certificates between a TPM's and its root. Makers have one or two.
const MOST_BETWEEN: usize = 5;

/// The certificate of an endorsement key, with what it says of the TPM.
#[derive(Clone, PartialEq, Eq)]
pub struct EndorsementCertificate {
    certificate: Certificate,
    attributes: TpmAttributes,
    has_purpose: bool,
}

/// What an endorsement key's certificate says of its TPM (TCG EK Credential Profile, §3.1.2), as it stands there:
/// manufacturer and version begin with `id:`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TpmAttributes {
    /// As in `id:53544D20`: the maker's four letters in hex.
    pub manufacturer: Option<String>,
    /// The maker's name for it.
    pub model: Option<String>,
    /// The firmware's version, as in `id:00470001`.
    pub version: Option<String>,
}

/// Why a certificate does not vouch for an endorsement key.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EndorsementCertificateError {
    /// It cannot be read.
    #[error("the endorsement key's certificate cannot be read")]
    Unreadable(#[source] CertificateError),
    /// Behind it stands more than padding.
    #[error(
        "something follows the endorsement key's certificate at byte {at} that is no padding: read it again"
    )]
    Trailing {
        /// Where, in bytes from 0.
        at: usize,
    },
    /// A critical extension that is not known here.
    #[error(
        "the certificate of {subject:?} has the critical extension {oid}, which is not known here: it cannot be judged"
    )]
    Critical {
        /// Whose certificate.
        subject: String,
        /// Which extension.
        oid: String,
    },
    /// It is another key's.
    #[error(
        "the certificate is that of another endorsement key: the key was made from another template, or the certificate \
         belongs to another TPM"
    )]
    OtherKey,
    /// It is for something else.
    #[error("the certificate does not say that it is an endorsement key's (extended key usage {PURPOSE})")]
    NotForEndorsement,
    /// Its time has not come.
    #[error("the certificate of {subject:?} is valid from {from} only: is the station's clock right?")]
    NotYetValid {
        /// Whose certificate.
        subject: String,
        /// Its first second.
        from: String,
    },
    /// Its time is over.
    #[error("the certificate of {subject:?} expired at {until}: ask the TPM's maker for a new one")]
    Expired {
        /// Whose certificate.
        subject: String,
        /// Its last second.
        until: String,
    },
    /// The issuer's certificate was not given.
    #[error(
        "{subject:?} was issued by {issuer:?}, whose certificate is not among the makers': take it from the TPM's maker"
    )]
    NoChain {
        /// Whose certificate.
        subject: String,
        /// The issuer that it names.
        issuer: String,
    },
    /// Another issuer of that name signed it.
    #[error(
        "{subject:?} was issued by another {issuer:?} than the one among the makers' certificates: its TPM may be a counterfeit"
    )]
    ForeignRoot {
        /// Whose certificate.
        subject: String,
        /// The issuer that it names.
        issuer: String,
    },
    /// The issuer may not issue, or signs in a way that is not taken.
    #[error("the endorsement key's certificate hangs on an issuer that cannot vouch for it")]
    Issuer(#[source] ChainError),
    /// It has no end.
    #[error(
        "more than {MOST_BETWEEN} certificates stand between the endorsement key's and its root: remove those that go in circles"
    )]
    TooLong,
}

impl EndorsementCertificate {
    /// Reads what a TPM keeps in its non-volatile memory: DER, with padding (zeros, or ones as in erased memory) behind
    /// it or not.
    ///
    /// # Errors
    /// [`EndorsementCertificateError`].
    pub fn from_nv(bytes: &[u8]) -> Result<Self, EndorsementCertificateError> {
        let der = without_padding(bytes)?;
        Self::read(der).map_err(EndorsementCertificateError::Unreadable)
    }

    fn read(der: &[u8]) -> Result<Self, CertificateError> {
        let certificate = Certificate::with_key_read_by(public_key, der)?;
        let usage = certificate.extension::<ExtendedKeyUsage>()?;
        let has_purpose = usage.is_some_and(|usage| usage.0.iter().any(|oid| is(oid, PURPOSE)));
        let names = certificate.extension::<SubjectAltName>()?.map(|names| names.0).unwrap_or_default();
        Ok(Self { attributes: TpmAttributes::of(&names), has_purpose, certificate })
    }

    /// The certificate itself.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// What it says of the TPM.
    #[must_use]
    pub fn attributes(&self) -> &TpmAttributes {
        &self.attributes
    }

    /// Whether it vouches for this key at this time: the same key, for this purpose, and a chain of certificates in force
    /// up to one of the makers' roots. A root is what names itself as its issuer. Revocation is not looked at.
    ///
    /// Gives the root.
    ///
    /// # Errors
    /// [`EndorsementCertificateError`].
    pub fn check<'a>(
        &self,
        key: &EndorsementKey,
        makers: &'a [MakerCertificate],
        now: OffsetDateTime,
    ) -> Result<&'a MakerCertificate, EndorsementCertificateError> {
        if self.certificate.public_key() != key.public_key() {
            return Err(EndorsementCertificateError::OtherKey);
        }
        if !self.has_purpose || self.certificate.is_ca() {
            return Err(EndorsementCertificateError::NotForEndorsement);
        }
        Makers::new(makers, now).root_of(&self.certificate, 0)
    }
}

/// The search for a root among the makers' certificates, at one time.
struct Makers<'a> {
    certificates: &'a [MakerCertificate],
    now: OffsetDateTime,
    /// How near to the TPM's each was when the search went on from there, without success: going on again from as far or
    /// farther finds nothing else, and cross-issued CAs would be gone through for ever.
    left: Vec<Option<usize>>,
}

impl<'a> Makers<'a> {
    fn new(certificates: &'a [MakerCertificate], now: OffsetDateTime) -> Self {
        Self { certificates, now, left: vec![None; certificates.len()] }
    }

    /// `between` is the number of certificates between this one and the TPM's, itself not counted.
    fn root_of<K>(
        &mut self,
        certificate: &Certificate<K>,
        between: usize,
    ) -> Result<&'a MakerCertificate, EndorsementCertificateError> {
        self.in_force(certificate)?;
        let (subject, issuer) = (certificate.subject_name(), certificate.issuer_name());
        let mut refusal = EndorsementCertificateError::NoChain { subject, issuer };
        let mut fitted = false;
        // Two may have one name: a maker's new key beside the old one.
        for (index, candidate) in self.certificates.iter().enumerate() {
            if !candidate.subject().means(certificate.issuer()) {
                continue;
            }
            let (error, fits) = match check_link(certificate, candidate, between) {
                Ok(()) => match self.above((index, candidate), between) {
                    Ok(root) => return Ok(root),
                    Err(error) => (error, true),
                },
                Err(error) => (not_issued(error), false),
            };
            // What is wrong above the right issuer says more than that another is not the right one.
            let says_more = fits && (!fitted || matches!(refusal, EndorsementCertificateError::TooLong));
            if says_more || !(fits || fitted) {
                refusal = error;
            }
            fitted |= fits;
        }
        Err(refusal)
    }

    /// From an issuer on.
    fn above(
        &mut self,
        (index, issuer): (usize, &'a MakerCertificate),
        between: usize,
    ) -> Result<&'a MakerCertificate, EndorsementCertificateError> {
        if issuer.is_self_issued() {
            return self.in_force(issuer).map(|()| issuer);
        }
        if between == MOST_BETWEEN || self.left[index].is_some_and(|nearest| nearest <= between) {
            return Err(EndorsementCertificateError::TooLong);
        }
        self.left[index] = Some(between);
        self.root_of(issuer, between + 1)
    }

    fn in_force<K>(&self, certificate: &Certificate<K>) -> Result<(), EndorsementCertificateError> {
        let subject = certificate.subject_name();
        let critical =
            certificate.critical_beyond(&KNOWN).map_err(EndorsementCertificateError::Unreadable)?;
        if let Some(oid) = critical {
            return Err(EndorsementCertificateError::Critical { subject, oid });
        }
        if self.now < certificate.not_before() {
            let from = shown(certificate.not_before());
            return Err(EndorsementCertificateError::NotYetValid { subject, from });
        }
        if self.now > certificate.not_after() {
            let until = shown(certificate.not_after());
            return Err(EndorsementCertificateError::Expired { subject, until });
        }
        Ok(())
    }
}

/// Why a certificate does not hang on one that has its issuer's name.
fn not_issued(error: ChainError) -> EndorsementCertificateError {
    match error {
        ChainError::OtherKey { subject, issuer } | ChainError::Signature { subject, issuer } => {
            EndorsementCertificateError::ForeignRoot { subject, issuer }
        }
        other => EndorsementCertificateError::Issuer(other),
    }
}

impl TpmAttributes {
    /// In a directory name among the alternative names, in one part or in several.
    fn of(names: &[GeneralName]) -> Self {
        let mut found = Self::default();
        let directory_names = names.iter().filter_map(|name| match name {
            GeneralName::DirectoryName(name) => Some(name),
            _ => None,
        });
        for attribute in directory_names.flat_map(|name| name.iter()) {
            for (oid, field) in [
                (MANUFACTURER, &mut found.manufacturer),
                (MODEL, &mut found.model),
                (VERSION, &mut found.version),
            ] {
                if is(&attribute.oid, oid) {
                    *field = text(attribute);
                }
            }
        }
        found
    }
}

fn text(attribute: &AttributeTypeAndValue) -> Option<String> {
    let value = &attribute.value;
    let is_text = matches!(value.tag(), Tag::Utf8String | Tag::PrintableString | Tag::Ia5String);
    is_text.then(|| std::str::from_utf8(value.value()).ok().map(str::to_owned)).flatten()
}

fn is(oid: &ObjectIdentifier, dotted: &str) -> bool {
    ObjectIdentifier::new(dotted).is_ok_and(|known| known == *oid)
}

/// The DER at its own length.
fn without_padding(bytes: &[u8]) -> Result<&[u8], EndorsementCertificateError> {
    let (der, padding) =
        asn1::strip_tlv(bytes).map_err(|error| EndorsementCertificateError::Unreadable(error.into()))?;
    let der = der.full_data();
    match padding.iter().position(|byte| *byte != padding[0] || !matches!(byte, 0 | 0xff)) {
        None => Ok(der),
        Some(at) => Err(EndorsementCertificateError::Trailing { at: der.len() + at }),
    }
}

/// Some makers say in the certificate that the key is for OAEP alone (RFC 4055 §4.1); the key is the same.
fn public_key(spki: &[u8]) -> Result<PublicKey, KeyNotSupported> {
    let mut parsed = SubjectPublicKeyInfoOwned::from_der(spki).map_err(|_| KeyNotSupported)?;
    if !is(&parsed.algorithm.oid, RSAES_OAEP) {
        return PublicKey::from_spki_der(spki);
    }
    parsed.algorithm = AlgorithmIdentifierOwned {
        oid: ObjectIdentifier::new(RSA_ENCRYPTION).map_err(|_| KeyNotSupported)?,
        parameters: Some(der::Any::null()),
    };
    PublicKey::from_spki_der(&parsed.to_der().map_err(|_| KeyNotSupported)?)
}

impl fmt::Debug for EndorsementCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EndorsementCertificate({:?}, {:?})", self.certificate, self.attributes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{KeyAlgorithm, Signer, SoftwareSigner};

    #[test]
    fn a_key_that_is_for_oaep_alone_is_the_same_key() {
        for algorithm in [KeyAlgorithm::Rsa2048, KeyAlgorithm::P384] {
            let key = SoftwareSigner::generate(algorithm).expect("key").public_key().clone();
            assert_eq!(public_key(key.spki_der()), Ok(key));
        }
        let key = SoftwareSigner::generate(KeyAlgorithm::Rsa2048).expect("key").public_key().clone();
        let mut spki = key.spki_der().to_vec();
        assert_eq!(spki[16], 1);
        spki[16] = 7;
        assert_eq!(PublicKey::from_spki_der(&spki), Err(KeyNotSupported));
        assert_eq!(public_key(&spki), Ok(key));
    }
}
