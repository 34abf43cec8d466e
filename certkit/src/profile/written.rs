//! A profile as it is written, and the rules that it must keep.

use serde::Deserialize;

use super::{
    CsrSubject, ExtendedKeyUsage, Extension, KeyUsage, Kind, OutlivingIssuer, Profile, ProfileError, subject,
};
use crate::{KeyAlgorithm, Validity};

/// A profile's text, before its keys are held against each other.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    kind: Kind,
    validity: Validity,
    #[serde(default = "one_day")]
    back_dated_days: u16,
    outliving_issuer: Option<OutlivingIssuer>,
    #[serde(default = "p256")]
    keys: Vec<KeyAlgorithm>,
    hash: Option<String>,
    ca: Option<bool>,
    key_usage: Vec<KeyUsage>,
    #[serde(default)]
    extended_key_usage: Vec<ExtendedKeyUsage>,
    path_length: Option<u8>,
    csr_subject: Option<CsrSubject>,
    #[serde(default)]
    subject: subject::Written,
    #[serde(default, rename = "extension")]
    extensions: Vec<Extension>,
}

fn one_day() -> u16 {
    1
}

fn p256() -> Vec<KeyAlgorithm> {
    vec![KeyAlgorithm::P256]
}

impl TryFrom<Written> for Profile {
    type Error = ProfileError;

    fn try_from(written: Written) -> Result<Self, ProfileError> {
        written.check()?;
        Ok(Self {
            kind: written.kind,
            validity: written.validity,
            back_dated_days: written.back_dated_days,
            outliving_issuer: written.outliving_issuer.unwrap_or_default(),
            keys: written.keys,
            key_usage: written.key_usage,
            extended_key_usage: written.extended_key_usage,
            path_length: written.path_length,
            csr_subject: written.csr_subject.unwrap_or_default(),
            subject: written.subject.template()?,
            extensions: written.extensions,
        })
    }
}

impl Written {
    fn check(&self) -> Result<(), ProfileError> {
        self.check_values()?;
        self.check_subject()?;
        self.check_keys()?;
        if self.kind.is_self_signed() && self.outliving_issuer.is_some() {
            return Err(ProfileError::NoIssuer);
        }
        if self.kind != Kind::Device && self.csr_subject.is_some() {
            return Err(ProfileError::NoRequest);
        }
        if self.kind.is_authority() { self.check_authority() } else { self.check_leaf() }
    }

    fn check_values(&self) -> Result<(), ProfileError> {
        if !self.validity.is_sensible() {
            return Err(ProfileError::Validity);
        }
        if self.kind == Kind::Possession && !matches!(self.validity, Validity::Days(_)) {
            return Err(ProfileError::LastingProof);
        }
        if doubled(&self.keys) || doubled(&self.key_usage) || doubled(&self.extended_key_usage) {
            return Err(ProfileError::Doubled);
        }
        if let Some(hash) = self.hash.as_ref().filter(|hash| *hash != "sha-2") {
            return Err(ProfileError::Hash(hash.clone()));
        }
        if let Some(found) = self.ca.filter(|found| *found != self.kind.is_authority()) {
            return Err(ProfileError::Authority { found });
        }
        let oids: Vec<String> = self.extensions.iter().map(|extension| extension.oid().to_string()).collect();
        match oids.iter().enumerate().find(|(index, oid)| oids[..*index].contains(oid)) {
            Some((_, oid)) => Err(ProfileError::DoubledExtension(oid.clone())),
            None => Ok(()),
        }
    }

    fn check_subject(&self) -> Result<(), ProfileError> {
        let is_id = |text: &str| self.kind.is_device() && text == "${registration_id}";
        if let Some(name) = self.subject.common_name.as_ref().filter(|name| !is_id(name)) {
            return Err(ProfileError::CommonName(name.clone()));
        }
        let is_id = |text: &str| self.kind.is_device() && text == "registration-id";
        match self.subject.serial_number.as_ref().filter(|number| !is_id(number)) {
            Some(number) => Err(ProfileError::SerialNumber(number.clone())),
            None => Ok(()),
        }
    }

    fn check_keys(&self) -> Result<(), ProfileError> {
        if self.keys.is_empty() {
            return Err(ProfileError::NoKeys);
        }
        let all_rsa = self.keys.iter().all(|key| key.is_rsa());
        if self.key_usage.contains(&KeyUsage::KeyEncipherment) && !all_rsa {
            return Err(ProfileError::KeyEncipherment);
        }
        Ok(())
    }

    fn check_leaf(&self) -> Result<(), ProfileError> {
        let usage = |usage| self.key_usage.contains(&usage);
        if usage(KeyUsage::KeyCertSign) || usage(KeyUsage::CrlSign) {
            return Err(ProfileError::LeafSigns);
        }
        if !usage(KeyUsage::DigitalSignature) {
            return Err(ProfileError::CannotSign);
        }
        let purposes = &self.extended_key_usage;
        if self.kind.is_device() && !purposes.is_empty() && !purposes.contains(&ExtendedKeyUsage::ClientAuth)
        {
            return Err(ProfileError::NoClientAuth);
        }
        if self.path_length.is_some() {
            return Err(ProfileError::PathLengthOnLeaf);
        }
        Ok(())
    }

    fn check_authority(&self) -> Result<(), ProfileError> {
        if !self.key_usage.contains(&KeyUsage::KeyCertSign) {
            return Err(ProfileError::AuthorityCannotSign);
        }
        if !self.extended_key_usage.is_empty() {
            return Err(ProfileError::AuthorityWithExtendedKeyUsage);
        }
        // Root, two intermediates and a leaf make four.
        let most = if self.kind == Kind::Root { 2 } else { 1 };
        match self.path_length.filter(|found| *found > most) {
            Some(found) => Err(ProfileError::TooDeep { found }),
            None => Ok(()),
        }
    }
}

fn doubled<T: PartialEq>(values: &[T]) -> bool {
    values.iter().enumerate().any(|(index, value)| values[..index].contains(value))
}
