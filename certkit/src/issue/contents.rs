//! What a certificate contains, as rcgen writes it.

use std::cell::RefCell;

use rcgen::{CertificateParams, DistinguishedName, DnType, DnValue, KeyIdMethod};

use super::IssueError;
use super::period::Period;
use crate::{
    Certificate, CertificateSerial, CommonName, ExtendedKeyUsage, Extension, KeyAlgorithm, KeyUsage,
    Organization, Profile, PublicKey, Signer, SignerError, Subject,
};

/// The attribute serialNumber (RFC 5280, appendix A.1).
const SERIAL_NUMBER: [u64; 4] = [2, 5, 4, 5];
/// id-kp-documentSigning (RFC 9336 §3.1).
const DOCUMENT_SIGNING: [u64; 9] = [1, 3, 6, 1, 5, 5, 7, 3, 36];

/// All that rcgen writes. Its own defaults (a name, a period of two thousand years, no key identifiers) are replaced.
pub(super) fn contents(
    profile: &Profile,
    subject: &Subject,
    public_key: &PublicKey,
    serial: &CertificateSerial,
    period: Period,
) -> Result<CertificateParams, IssueError> {
    let mut params = CertificateParams::default();
    params.not_before = period.not_before;
    params.not_after = period.not_after;
    params.serial_number = Some(serial.as_bytes().to_vec().into());
    params.distinguished_name = name(profile, subject)?;
    params.is_ca = match (profile.kind().is_authority(), profile.path_length()) {
        (false, _) => rcgen::IsCa::ExplicitNoCa,
        (true, None) => rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained),
        (true, Some(length)) => rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(length)),
    };
    params.key_usages = profile.key_usage().iter().map(|usage| key_usage(*usage)).collect();
    params.extended_key_usages = profile.extended_key_usage().iter().map(|usage| purpose(*usage)).collect();
    params.key_identifier_method = KeyIdMethod::PreSpecified(public_key.key_id());
    params.use_authority_key_identifier_extension = true;
    params.custom_extensions = profile.extensions().iter().map(extension).collect();
    Ok(params)
}

/// From the general to the particular, the common name last.
fn name(profile: &Profile, subject: &Subject) -> Result<DistinguishedName, IssueError> {
    let id = subject.common_name();
    let printable = |text: &str| {
        let text = text.to_owned().try_into().map_err(|_| IssueError::NotPrintable { id: id.to_owned() })?;
        Ok::<_, IssueError>(DnValue::PrintableString(text))
    };
    let mut name = DistinguishedName::new();
    let template = profile.subject();
    if let Some(country) = &template.country {
        name.push(DnType::CountryName, printable(country.as_str())?);
    }
    let texts = [
        (DnType::StateOrProvinceName, template.state.as_ref().map(CommonName::as_str)),
        (DnType::LocalityName, template.locality.as_ref().map(CommonName::as_str)),
        (DnType::OrganizationName, template.organization.as_ref().map(Organization::as_str)),
        (DnType::OrganizationalUnitName, template.organizational_unit.as_ref().map(Organization::as_str)),
    ];
    for (kind, text) in texts {
        if let Some(text) = text {
            name.push(kind, text);
        }
    }
    if template.serial_number {
        name.push(DnType::CustomDnType(SERIAL_NUMBER.to_vec()), printable(id)?);
    }
    name.push(DnType::CommonName, id);
    Ok(name)
}

fn extension(extension: &Extension) -> rcgen::CustomExtension {
    let oid: Vec<u64> = extension.oid().arcs().map(u64::from).collect();
    rcgen::CustomExtension::from_oid_content(&oid, extension.value().to_vec())
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
        ExtendedKeyUsage::DocumentSigning => rcgen::ExtendedKeyUsagePurpose::Other(DOCUMENT_SIGNING.to_vec()),
    }
}

/// An issuer's name must stand in what it issues byte for byte, its string types included.
pub(super) fn copy_name(certificate: &Certificate) -> Result<DistinguishedName, IssueError> {
    use der::{Tag, Tagged};
    let refused = || IssueError::Name { issuer: certificate.subject_name() };
    let mut copy = DistinguishedName::new();
    for part in certificate.subject().parsed().map_err(|_| refused())?.iter_rdn() {
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
pub(super) struct Signing<'a> {
    signer: &'a dyn Signer,
    /// rcgen's own error has no room for what the signer said.
    refused: RefCell<Option<SignerError>>,
}

impl<'a> Signing<'a> {
    /// Has rcgen write something that this signer signs.
    pub(super) fn written<T>(
        signer: &'a dyn Signer,
        write: impl FnOnce(&Self) -> Result<T, rcgen::Error>,
    ) -> Result<T, IssueError> {
        let signing = Self { signer, refused: RefCell::new(None) };
        // What the signer said, where it said something; else what rcgen did.
        write(&signing)
            .map_err(|error| signing.refused.take().map_or(IssueError::Encode(error), IssueError::Sign))
    }
}

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

impl rcgen::PublicKeyData for &Signing<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.signer.public_key().contents()
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        algorithm(self.signer.public_key())
    }
}

impl rcgen::SigningKey for &Signing<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.signer.sign(message).map_err(|error| {
            self.refused.replace(Some(error));
            rcgen::Error::RemoteKeyError
        })
    }
}
