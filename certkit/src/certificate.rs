//! An X.509 certificate, parsed once.

use std::fmt;

use der::oid::AssociatedOid;
use der::{Decode, Encode};
use thiserror::Error;
use time::OffsetDateTime;
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, BasicConstraints, KeyUsage, SubjectKeyIdentifier};
use x509_cert::name::Name;

use crate::signature_algorithm::SignatureAlgorithm;
use crate::{CertificateSerial, CertificateSerialError, KeyNotSupported, PublicKey, pem};

/// A certificate (RFC 5280 §4.1) with a key of a kind that is used here.
#[derive(Clone)]
pub struct Certificate {
    der: Vec<u8>,
    parsed: x509_cert::Certificate,
    public_key: PublicKey,
    serial: CertificateSerial,
    common_name: Option<String>,
    not_before: OffsetDateTime,
    not_after: OffsetDateTime,
    constraints: Option<BasicConstraints>,
    signs_certificates: bool,
    signs_revocation_lists: bool,
    subject_key_id: Option<Vec<u8>>,
    authority_key_id: Option<Vec<u8>>,
}

/// Why a certificate could not be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// The text is no PEM.
    #[error("this is no PEM text; give the certificate as PEM")]
    Pem(#[source] ::pem::PemError),
    /// There is nothing.
    #[error("there is no certificate in this text; give PEM that begins with -----BEGIN CERTIFICATE-----")]
    NoCertificate,
    /// More than one certificate where one was expected.
    #[error("there are {count} certificates in this text where one is expected; give that one alone")]
    Several {
        /// How many.
        count: usize,
    },
    /// Another kind of PEM block, such as a private key.
    #[error("expected certificates only, found a block {label:?}; remove it")]
    OtherBlock {
        /// The block's label.
        label: String,
    },
    /// The bytes are no certificate (RFC 5280 §4.1).
    #[error("this is no X.509 certificate, or it is damaged; take it from its source again")]
    Der(#[source] der::Error),
    /// The certificate serial is against RFC 5280.
    #[error("the certificate of {subject:?} has a serial that RFC 5280 does not allow; have it issued anew")]
    Serial {
        /// The certificate's subject.
        subject: String,
        /// What is wrong with it.
        source: CertificateSerialError,
    },
    /// The key is of a kind that is not used here.
    #[error("the certificate of {subject:?} has a key that is not used here")]
    Key {
        /// The certificate's subject.
        subject: String,
        /// What is wrong with it.
        source: KeyNotSupported,
    },
}

impl Certificate {
    /// Reads DER.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        Self::with_key_read_by(PublicKey::from_spki_der, der)
    }

    /// Reads DER whose SubjectPublicKeyInfo may have another form than usual.
    pub(crate) fn with_key_read_by(
        read: fn(&[u8]) -> Result<PublicKey, KeyNotSupported>,
        der: &[u8],
    ) -> Result<Self, CertificateError> {
        let parsed = x509_cert::Certificate::from_der(der).map_err(CertificateError::Der)?;
        let tbs = parsed.tbs_certificate();
        let subject = || tbs.subject().to_string();
        let spki = tbs.subject_public_key_info().to_der().map_err(CertificateError::Der)?;
        let public_key =
            read(&spki).map_err(|source| CertificateError::Key { subject: subject(), source })?;
        let serial = CertificateSerial::from_bytes(tbs.serial_number().as_bytes())
            .map_err(|source| CertificateError::Serial { subject: subject(), source })?;
        let common_name = tbs.subject().common_name().map_err(CertificateError::Der)?;
        let constraints = tbs.get_extension::<BasicConstraints>().map_err(CertificateError::Der)?;
        let key_usage = tbs.get_extension::<KeyUsage>().map_err(CertificateError::Der)?;
        let subject_key_id = tbs.get_extension::<SubjectKeyIdentifier>().map_err(CertificateError::Der)?;
        let authority_key_id =
            tbs.get_extension::<AuthorityKeyIdentifier>().map_err(CertificateError::Der)?;
        Ok(Self {
            der: der.to_vec(),
            public_key,
            serial,
            common_name: common_name.map(|name| name.value().into_owned()),
            not_before: time_of(tbs.validity().not_before)?,
            not_after: time_of(tbs.validity().not_after)?,
            constraints: constraints.map(|(_, constraints)| constraints),
            signs_revocation_lists: key_usage.as_ref().is_none_or(|(_, usage)| usage.crl_sign()),
            signs_certificates: key_usage.is_none_or(|(_, usage)| usage.key_cert_sign()),
            subject_key_id: subject_key_id.map(|(_, id)| id.0.into_bytes().into()),
            authority_key_id: authority_key_id
                .and_then(|(_, id)| id.key_identifier)
                .map(|id| id.into_bytes().into()),
            parsed,
        })
    }

    /// Reads PEM that holds exactly one certificate.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn from_pem(text: &str) -> Result<Self, CertificateError> {
        match pem::decode_certificates(text)?.as_slice() {
            [der] => Self::from_der(der),
            several => Err(CertificateError::Several { count: several.len() }),
        }
    }

    /// Reads PEM that holds one certificate or more, in any order.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn all_from_pem(text: &str) -> Result<Vec<Self>, CertificateError> {
        pem::decode_certificates(text)?.iter().map(|der| Self::from_der(der)).collect()
    }

    /// The certificate as PEM (RFC 7468 §5), lines ending with `\n`.
    #[must_use]
    pub fn to_pem(&self) -> String {
        pem::encode_certificate(&self.der)
    }

    /// The certificate as DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The subject's public key.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// The certificate serial.
    #[must_use]
    pub fn serial(&self) -> &CertificateSerial {
        &self.serial
    }

    /// The subject's common name, where it has one.
    #[must_use]
    pub fn subject_common_name(&self) -> Option<&str> {
        self.common_name.as_deref()
    }

    /// The subject's name, in the form of RFC 4514.
    #[must_use]
    pub fn subject_name(&self) -> String {
        self.subject().to_string()
    }

    /// The issuer's name, in the form of RFC 4514.
    #[must_use]
    pub fn issuer_name(&self) -> String {
        self.issuer().to_string()
    }

    /// The first second of its validity.
    #[must_use]
    pub fn not_before(&self) -> OffsetDateTime {
        self.not_before
    }

    /// The last second of its validity.
    #[must_use]
    pub fn not_after(&self) -> OffsetDateTime {
        self.not_after
    }

    /// Whether it may sign certificates: CA:TRUE, and a key usage, if there is one, that says so (RFC 5280 §6.1.4).
    #[must_use]
    pub fn is_authority(&self) -> bool {
        self.is_ca() && self.signs_certificates
    }

    /// Whether it is a CA's by its basic constraints (CA:TRUE), whatever its key usage allows.
    #[must_use]
    pub fn is_ca(&self) -> bool {
        self.constraints.as_ref().is_some_and(|constraints| constraints.ca)
    }

    /// Whether its own key signed it, with SHA-2, and it names itself as its issuer.
    #[must_use]
    pub fn is_self_signed(&self) -> bool {
        self.is_self_issued() && self.is_signed_by(&self.public_key)
    }

    /// Whether it may sign revocation lists: a key usage, if there is one, that says so (RFC 5280 §4.2.1.3).
    #[must_use]
    pub fn signs_revocation_lists(&self) -> bool {
        self.signs_revocation_lists
    }

    /// Whether it names itself as its issuer, as a root does.
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        self.subject() == self.issuer()
    }

    /// How many intermediates may stand between it and a leaf; none where there is no limit.
    #[must_use]
    pub fn path_length(&self) -> Option<u8> {
        self.constraints.as_ref().and_then(|constraints| constraints.path_len_constraint)
    }

    /// The subject key identifier (RFC 5280 §4.2.1.2).
    #[must_use]
    pub fn subject_key_id(&self) -> Option<&[u8]> {
        self.subject_key_id.as_deref()
    }

    /// The authority key identifier (RFC 5280 §4.2.1.1).
    #[must_use]
    pub fn authority_key_id(&self) -> Option<&[u8]> {
        self.authority_key_id.as_deref()
    }

    pub(crate) fn subject(&self) -> &Name {
        self.parsed.tbs_certificate().subject()
    }

    pub(crate) fn issuer(&self) -> &Name {
        self.parsed.tbs_certificate().issuer()
    }

    /// An extension, where it has it.
    pub(crate) fn extension<'a, T: Decode<'a, Error = der::Error> + AssociatedOid>(
        &'a self,
    ) -> Result<Option<T>, CertificateError> {
        let found = self.parsed.tbs_certificate().get_extension::<T>().map_err(CertificateError::Der)?;
        Ok(found.map(|(_, extension)| extension))
    }

    /// A critical extension that is none of these: whoever does not know it must refuse the certificate (RFC 5280 §4.2).
    pub(crate) fn critical_beyond(&self, known: &[&str]) -> Option<String> {
        let extensions = self.parsed.tbs_certificate().extensions()?;
        let critical = extensions.iter().filter(|extension| extension.critical);
        critical.map(|extension| extension.extn_id.to_string()).find(|oid| !known.contains(&oid.as_str()))
    }

    /// Whether this key signed it, with SHA-2.
    pub(crate) fn is_signed_by(&self, key: &PublicKey) -> bool {
        let identifier = self.parsed.signature_algorithm();
        let tbs = self.parsed.tbs_certificate();
        let Some(algorithm) =
            SignatureAlgorithm::from_identifier(identifier).filter(|_| identifier == tbs.signature())
        else {
            return false;
        };
        let (Ok(message), Some(signature)) = (tbs.to_der(), self.parsed.signature().as_bytes()) else {
            return false;
        };
        key.verify_as(algorithm, &message, signature).is_ok()
    }
}

fn time_of(time: x509_cert::time::Time) -> Result<OffsetDateTime, CertificateError> {
    let out_of_range = || CertificateError::Der(der::ErrorKind::DateTime.into());
    let seconds = i64::try_from(time.to_unix_duration().as_secs()).map_err(|_| out_of_range())?;
    OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| out_of_range())
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        // All else is read from these bytes.
        self.der == other.der
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({}, serial {})", self.subject(), self.serial)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::sample::{self, leaf, root};

    #[test]
    fn what_was_issued_is_what_is_read() {
        let root = root();
        let leaf = leaf(&root, "sensor-001");
        assert_eq!(Certificate::from_pem(&leaf.to_pem()).expect("PEM"), leaf);
        assert_eq!(leaf.subject_common_name(), Some("sensor-001"));
        assert_eq!((leaf.subject_name(), leaf.issuer_name()), ("CN=sensor-001".into(), "CN=Root".into()));
        assert_eq!(leaf.serial(), &sample::serial(3));
        assert_eq!(leaf.not_after(), datetime!(2036-11-24 08:00 UTC));
        assert!(!leaf.is_authority() && !leaf.is_self_issued());
        assert_eq!(leaf.authority_key_id(), root.certificate().subject_key_id());
        assert!(root.certificate().is_authority() && root.certificate().is_self_issued());
        assert!(root.certificate().is_self_signed() && root.certificate().is_ca());
        assert!(!leaf.is_self_signed() && !leaf.is_ca());
        assert_eq!(root.certificate().path_length(), Some(2));
        assert_eq!(
            format!("{leaf:?}"),
            "Certificate(CN=sensor-001, serial 010000000000000003a5a5a5a5a5a5a5a5)"
        );
    }

    #[test]
    fn pem_has_plain_line_ends_and_text_around_it_is_passed_over() {
        let pem = root().certificate().to_pem();
        assert!(
            pem.starts_with("-----BEGIN CERTIFICATE-----\n") && pem.ends_with("-----END CERTIFICATE-----\n")
        );
        assert!(!pem.contains('\r'));
        assert!(Certificate::from_pem(&format!("subject=CN = Root\n{pem}\n")).is_ok());
        assert!(Certificate::from_pem(&pem.replace('\n', "\r\n")).is_ok());
    }

    #[test]
    fn what_is_no_single_certificate_says_so() {
        use CertificateError as Error;
        let pem = root().certificate().to_pem();
        let refused = |text: &str| Certificate::from_pem(text).expect_err("refused");
        assert!(matches!(refused(""), Error::NoCertificate));
        assert!(matches!(refused(&format!("{pem}{pem}")), Error::Several { count: 2 }));
        let key = sample::signer().to_pkcs8_pem();
        assert!(matches!(refused(&key), Error::OtherBlock { label } if label == "PRIVATE KEY"));
        let mut trailing = root().certificate().der().to_vec();
        trailing.push(0);
        assert!(matches!(Certificate::from_der(&trailing), Err(Error::Der(_))));
        assert!(matches!(Certificate::from_der(&trailing[..40]), Err(Error::Der(_))));
    }

    /// No altered certificate passes for what its issuer signed, whichever bit was turned over.
    #[test]
    fn any_bit_turned_over_is_found() {
        let root = root();
        let leaf = leaf(&root, "sensor-001");
        assert!(leaf.is_signed_by(root.certificate().public_key()));
        for index in 0..leaf.der().len() {
            let mut der = leaf.der().to_vec();
            der[index] ^= 1 << (index % 8);
            if let Ok(certificate) = Certificate::from_der(&der) {
                assert!(!certificate.is_signed_by(root.certificate().public_key()), "octet {index}");
            }
        }
    }
}
