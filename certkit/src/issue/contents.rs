//! What a certificate contains, as rcgen writes it.

use rcgen::{CertificateParams, DistinguishedName, DnType, DnValue, KeyIdMethod};
use time::OffsetDateTime;

use super::IssueError;
use crate::{
    Certificate, CertificateSerial, ExtendedKeyUsage, KeyAlgorithm, KeyUsage, Kind, Profile, PublicKey,
    Signer, Subject,
};

/// First and last second of a validity.
pub(super) struct Period {
    pub(super) not_before: OffsetDateTime,
    pub(super) not_after: OffsetDateTime,
}

/// All that rcgen writes. Its own defaults (a name, a period of two thousand years, no key identifiers) are replaced.
pub(super) fn contents(
    profile: &Profile,
    subject: &Subject,
    public_key: &PublicKey,
    serial: &CertificateSerial,
    period: Period,
) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.not_before = period.not_before;
    params.not_after = period.not_after;
    params.serial_number = Some(serial.as_bytes().to_vec().into());
    params.distinguished_name = DistinguishedName::new();
    if let Some(organization) = profile.organization() {
        params.distinguished_name.push(DnType::OrganizationName, organization.as_str());
    }
    params.distinguished_name.push(DnType::CommonName, subject.common_name());
    params.is_ca = match (profile.kind(), profile.path_length()) {
        (Kind::Device, _) => rcgen::IsCa::ExplicitNoCa,
        (_, None) => rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained),
        (_, Some(length)) => rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(length)),
    };
    params.key_usages = profile.key_usage().iter().map(|usage| key_usage(*usage)).collect();
    params.extended_key_usages = profile.extended_key_usage().iter().map(|usage| purpose(*usage)).collect();
    params.key_identifier_method = KeyIdMethod::PreSpecified(public_key.key_id());
    params.use_authority_key_identifier_extension = true;
    params
}

fn key_usage(usage: KeyUsage) -> rcgen::KeyUsagePurpose {
    match usage {
        KeyUsage::DigitalSignature => rcgen::KeyUsagePurpose::DigitalSignature,
        KeyUsage::NonRepudiation => rcgen::KeyUsagePurpose::ContentCommitment,
        KeyUsage::KeyEncipherment => rcgen::KeyUsagePurpose::KeyEncipherment,
        KeyUsage::KeyAgreement => rcgen::KeyUsagePurpose::KeyAgreement,
        KeyUsage::KeyCertSign => rcgen::KeyUsagePurpose::KeyCertSign,
        KeyUsage::CrlSign => rcgen::KeyUsagePurpose::CrlSign,
    }
}

fn purpose(usage: ExtendedKeyUsage) -> rcgen::ExtendedKeyUsagePurpose {
    match usage {
        ExtendedKeyUsage::ClientAuth => rcgen::ExtendedKeyUsagePurpose::ClientAuth,
        ExtendedKeyUsage::ServerAuth => rcgen::ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsage::EmailProtection => rcgen::ExtendedKeyUsagePurpose::EmailProtection,
    }
}

/// An issuer's name must stand in what it issues byte for byte, its string types included.
pub(super) fn copy_name(certificate: &Certificate) -> Result<DistinguishedName, IssueError> {
    use der::{Tag, Tagged};
    let refused = || IssueError::Name { issuer: certificate.subject_name() };
    let mut copy = DistinguishedName::new();
    for part in certificate.subject().iter_rdn() {
        let mut values = part.iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(refused());
        };
        let kind = DnType::from_oid(&value.oid.arcs().map(u64::from).collect::<Vec<_>>());
        let text = std::str::from_utf8(value.value.value()).map_err(|_| refused())?.to_owned();
        let text = match value.value.tag() {
            Tag::Utf8String => DnValue::Utf8String(text),
            Tag::PrintableString => DnValue::PrintableString(text.try_into().map_err(|_| refused())?),
            Tag::Ia5String => DnValue::Ia5String(text.try_into().map_err(|_| refused())?),
            _ => return Err(refused()),
        };
        if copy.get(&kind).is_some() {
            return Err(refused());
        }
        copy.push(kind, text);
    }
    Ok(copy)
}

/// A public key, as rcgen wants it.
pub(super) struct Public<'a>(pub(super) &'a PublicKey);

/// A signer, as rcgen wants it: no key goes through PKCS#8 to sign.
pub(super) struct Signing<'a>(pub(super) &'a dyn Signer);

fn algorithm(key: &PublicKey) -> &'static rcgen::SignatureAlgorithm {
    match key.algorithm() {
        KeyAlgorithm::P256 => &rcgen::PKCS_ECDSA_P256_SHA256,
        KeyAlgorithm::P384 => &rcgen::PKCS_ECDSA_P384_SHA384,
        KeyAlgorithm::Rsa2048 | KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096 => &rcgen::PKCS_RSA_SHA256,
    }
}

impl rcgen::PublicKeyData for Public<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0.contents()
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        algorithm(self.0)
    }
}

impl rcgen::PublicKeyData for Signing<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0.public_key().contents()
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        algorithm(self.0.public_key())
    }
}

impl rcgen::SigningKey for Signing<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.0.sign(message).map_err(|_| rcgen::Error::RemoteKeyError)
    }
}
