//! An X.509 certificate: what is often asked of it is read once.

mod distinguished_name;
mod encoding;
mod error;

use std::fmt;

use asn1::Tlv;
use der::Decode;
use der::oid::AssociatedOid;
use der::oid::db::rfc5280::ID_KP_CLIENT_AUTH;
use time::OffsetDateTime;
use x509_cert::ext::pkix::ExtendedKeyUsage;

use crate::public_key::VerifyingKey;
use crate::signature_algorithm::SignatureAlgorithm;
use crate::{CertificateSerial, KeyNotSupported, PublicKey, pem};
pub(crate) use distinguished_name::DistinguishedName;
use encoding::{Encoded, Extension, NAME_CONSTRAINTS};
pub use error::CertificateError;

/// Bits of a key usage (RFC 5280 §4.2.1.3).
const DIGITAL_SIGNATURE: usize = 0;
const KEY_CERT_SIGN: usize = 5;
const CRL_SIGN: usize = 6;

/// A certificate (RFC 5280 §4.1) with a key of a kind that is used here. That of a TPM's maker may have a key of one kind
/// more: [`MakerCertificate`](crate::MakerCertificate).
#[derive(Clone)]
pub struct Certificate<K = PublicKey> {
    der: Vec<u8>,
    public_key: K,
    serial: CertificateSerial,
    subject: DistinguishedName,
    issuer: DistinguishedName,
    common_name: Option<String>,
    not_before: OffsetDateTime,
    not_after: OffsetDateTime,
    is_ca: bool,
    path_length: Option<u8>,
    signs_certificates: bool,
    signs_revocation_lists: bool,
    subject_key_id: Option<Vec<u8>>,
    authority_key_id: Option<Vec<u8>>,
}

/// Why a signature proves nothing.
pub(crate) enum SignatureFault {
    /// It is made in a way that is not taken.
    Algorithm { oid: String },
    /// Another key made it, or the certificate was changed.
    NotThatKey,
}

impl Certificate {
    /// Reads DER.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        Self::with_key_read_by(PublicKey::from_spki_der, der)
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

    /// Whether its own key signed it, with SHA-2, and it names itself as its issuer.
    #[must_use]
    pub fn is_self_signed(&self) -> bool {
        self.is_self_issued() && self.is_signed_by(&self.public_key)
    }

    /// Whether this key signed it, with SHA-2.
    pub(crate) fn is_signed_by(&self, key: &PublicKey) -> bool {
        self.check_signature(key).is_ok()
    }
}

impl<K> Certificate<K> {
    /// Reads DER whose SubjectPublicKeyInfo may have another form than usual.
    pub(crate) fn with_key_read_by(
        read: fn(&[u8]) -> Result<K, KeyNotSupported>,
        der: &[u8],
    ) -> Result<Self, CertificateError> {
        let encoded = Encoded::read(der)?;
        let tbs = &encoded.tbs;
        let (subject, common_name) = DistinguishedName::read(&tbs.subject)?;
        let (issuer, _) = DistinguishedName::read(&tbs.issuer)?;
        let public_key = read(tbs.spki.full_data())
            .map_err(|source| CertificateError::Key { subject: subject.to_string(), source })?;
        let serial = encoded
            .serial()
            .map_err(|source| CertificateError::Serial { subject: subject.to_string(), source })?;
        let constraints = encoded.basic_constraints()?;
        let key_usage = encoded.key_usage()?;
        let permits = |bit| key_usage.as_ref().is_none_or(|usage| usage.has_bit_set(bit));
        Ok(Self {
            der: der.to_vec(),
            public_key,
            serial,
            common_name: common_name.as_ref().map(distinguished_name::text).transpose()?,
            subject,
            issuer,
            not_before: tbs.validity.not_before.utc()?,
            not_after: tbs.validity.not_after.utc()?,
            is_ca: constraints.as_ref().is_some_and(|constraints| constraints.ca == Some(true)),
            path_length: constraints.and_then(|constraints| constraints.path_length),
            signs_certificates: permits(KEY_CERT_SIGN),
            signs_revocation_lists: permits(CRL_SIGN),
            subject_key_id: encoded.subject_key_id()?.map(<[u8]>::to_vec),
            authority_key_id: encoded.authority_key_id()?.map(<[u8]>::to_vec),
        })
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
    pub fn public_key(&self) -> &K {
        &self.public_key
    }

    /// The certificate serial.
    #[must_use]
    pub fn serial(&self) -> &CertificateSerial {
        &self.serial
    }

    /// The subject's common name, where it has exactly one: of several, others read the first or the last.
    #[must_use]
    pub fn subject_common_name(&self) -> Option<&str> {
        self.common_name.as_deref()
    }

    /// The subject's name, in the form of RFC 4514.
    #[must_use]
    pub fn subject_name(&self) -> String {
        self.subject.to_string()
    }

    /// The issuer's name, in the form of RFC 4514.
    #[must_use]
    pub fn issuer_name(&self) -> String {
        self.issuer.to_string()
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
        self.is_ca && self.signs_certificates
    }

    /// Whether it is a CA's by its basic constraints (CA:TRUE), whatever its key usage allows.
    #[must_use]
    pub fn is_ca(&self) -> bool {
        self.is_ca
    }

    /// Whether TLS clients may show it: key usage and extended key usage, each if there is one, say digitalSignature and
    /// clientAuth (RFC 5280 §4.2.1.12).
    ///
    /// # Errors
    /// [`CertificateError::Der`] where one of the two cannot be read.
    pub fn authenticates_clients(&self) -> Result<bool, CertificateError> {
        let key_usage =
            Encoded::read(&self.der)?.key_usage()?.is_none_or(|usage| usage.has_bit_set(DIGITAL_SIGNATURE));
        let purposes = self.extension::<ExtendedKeyUsage>()?;
        Ok(key_usage && purposes.is_none_or(|purposes| purposes.0.contains(&ID_KP_CLIENT_AUTH)))
    }

    /// Whether it may sign revocation lists: a key usage, if there is one, that says so (RFC 5280 §4.2.1.3).
    #[must_use]
    pub fn signs_revocation_lists(&self) -> bool {
        self.signs_revocation_lists
    }

    /// Whether it names itself as its issuer, as a root does.
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        self.subject == self.issuer
    }

    /// How many intermediates may stand between it and a leaf; none where there is no limit.
    #[must_use]
    pub fn path_length(&self) -> Option<u8> {
        self.path_length
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

    pub(crate) fn subject(&self) -> &DistinguishedName {
        &self.subject
    }

    pub(crate) fn issuer(&self) -> &DistinguishedName {
        &self.issuer
    }

    /// An extension, where it has it.
    pub(crate) fn extension<'a, T: Decode<'a, Error = der::Error> + AssociatedOid>(
        &'a self,
    ) -> Result<Option<T>, CertificateError> {
        let value = Encoded::read(&self.der)?.extension(T::OID.as_bytes())?;
        let read = value.map(T::from_der).transpose();
        read.map_err(|_| CertificateError::invalid())
    }

    /// A critical extension that is none of these: whoever does not know it must refuse the certificate (RFC 5280 §4.2).
    /// Name constraints must be critical (§4.2.1.10), and count as such where they are not marked so.
    pub(crate) fn critical_beyond(&self, known: &[&str]) -> Result<Option<String>, CertificateError> {
        let extensions = Encoded::read(&self.der)?.extensions;
        let is_critical = |one: &&Extension<'_>| one.critical == Some(true) || one.oid == NAME_CONSTRAINTS;
        let critical = extensions.iter().filter(is_critical);
        let mut oids = critical.map(|extension| extension.oid.to_string());
        Ok(oids.find(|oid| !known.contains(&oid.as_str())))
    }

    /// Whether this key signed it, with SHA-2.
    pub(crate) fn check_signature(&self, key: &impl VerifyingKey) -> Result<(), SignatureFault> {
        let Encoded { signed, tbs, algorithm, signature, .. } =
            Encoded::read(&self.der).map_err(|_| SignatureFault::NotThatKey)?;
        let parameters = algorithm.parameters.as_ref().map(Tlv::full_data);
        let Some(taken) = SignatureAlgorithm::named(algorithm.oid.as_der(), parameters) else {
            return Err(SignatureFault::Algorithm { oid: algorithm.oid.to_string() });
        };
        if algorithm != tbs.algorithm || signature.padding_bits() != 0 {
            return Err(SignatureFault::NotThatKey);
        }
        key.verify_as(taken, signed, signature.as_bytes()).map_err(|_| SignatureFault::NotThatKey)
    }
}

impl<K> PartialEq for Certificate<K> {
    fn eq(&self, other: &Self) -> bool {
        // All else is read from these bytes.
        self.der == other.der
    }
}

impl<K> Eq for Certificate<K> {}

impl<K> fmt::Debug for Certificate<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({}, serial {})", self.subject, self.serial)
    }
}

#[cfg(test)]
mod tests;
