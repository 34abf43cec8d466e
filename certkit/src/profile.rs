//! What a certificate contains.

use serde::Deserialize;
use thiserror::Error;

use crate::{Organization, Validity};

/// What a certificate of one kind contains. The subject's common name and the key come with each certificate.
///
/// Not in a profile, because all have them: basic constraints (critical), a subject key identifier, and an authority
/// key identifier that copies the issuer's own.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub struct Profile {
    kind: Kind,
    validity: Validity,
    back_dated_days: u16,
    clamp_to_issuer: bool,
    key_usage: Vec<KeyUsage>,
    extended_key_usage: Vec<ExtendedKeyUsage>,
    path_length: Option<u8>,
    organization: Option<Organization>,
}

/// Whom a profile is for. Roots and intermediates are authorities (CA:TRUE), devices are not: no key changes that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A self-signed authority.
    Root,
    /// An authority under another.
    Intermediate,
    /// A device's leaf.
    Device,
}

/// What a key may do (RFC 5280 §4.2.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyUsage {
    /// Sign, as TLS does.
    DigitalSignature,
    /// Sign what can be held against its owner.
    NonRepudiation,
    /// Encrypt keys: for RSA keys only, so no profile here may ask for it.
    KeyEncipherment,
    /// Agree on keys.
    KeyAgreement,
    /// Sign certificates.
    KeyCertSign,
    /// Sign revocation lists.
    CrlSign,
}

/// What a certificate is for (RFC 5280 §4.2.1.12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExtendedKeyUsage {
    /// To be the client in TLS: what DPS asks of a device.
    ClientAuth,
    /// To be the server in TLS.
    ServerAuth,
    /// To sign or encrypt mail: Microsoft's sample devices have it.
    EmailProtection,
}

/// Why a profile was refused.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// The text is no TOML, or holds a key or value that is not known.
    #[error("the certificate profile cannot be read; correct the line that is named")]
    Toml(#[source] toml::de::Error),
    /// No validity, or more than a century.
    #[error("`validity` must be 1 to 36525 days, or 1 to 100 years")]
    Validity,
    /// A usage is named twice.
    #[error("`key_usage` or `extended_key_usage` names a usage twice; remove one")]
    Doubled,
    /// A device that could sign certificates.
    #[error("a device must not sign certificates or revocation lists: remove `key-cert-sign` and `crl-sign`")]
    DeviceSigns,
    /// A device that could not do TLS.
    #[error("a device signs when it connects: add `digital-signature` to `key_usage`")]
    DeviceCannotSign,
    /// A device that a TLS server would refuse.
    #[error(
        "`extended_key_usage` lacks `client-auth`: DPS would refuse the device; add it, or leave the key out"
    )]
    NoClientAuth,
    /// An authority that could not sign certificates.
    #[error("a root or intermediate signs certificates: add `key-cert-sign` to `key_usage`")]
    AuthorityCannotSign,
    /// An authority that constrains what is under it.
    #[error(
        "an `extended_key_usage` on a root or intermediate constrains every certificate under it, and verifiers \
         differ about it: remove it here and give it to the device"
    )]
    AuthorityWithExtendedKeyUsage,
    /// A usage that does not exist for the keys here.
    #[error("`key-encipherment` is for RSA keys, and the keys here are P-256 (RFC 8813 §3): remove it")]
    KeyEncipherment,
    /// A path length where nothing is issued.
    #[error("`path_length` is for roots and intermediates: remove it from the device's profile")]
    PathLengthOnDevice,
    /// A root has no issuer to keep to.
    #[error("a root has no issuer: remove `clamp_to_issuer`")]
    RootClamped,
}

/// A profile's text, before its keys are held against each other.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    kind: Kind,
    validity: Validity,
    #[serde(default = "one_day")]
    back_dated_days: u16,
    #[serde(default)]
    clamp_to_issuer: bool,
    key_usage: Vec<KeyUsage>,
    #[serde(default)]
    extended_key_usage: Vec<ExtendedKeyUsage>,
    path_length: Option<u8>,
    #[serde(default)]
    subject: WrittenSubject,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSubject {
    organization: Option<Organization>,
}

fn one_day() -> u16 {
    1
}

impl Profile {
    /// Reads a profile.
    ///
    /// # Errors
    /// [`ProfileError`].
    pub fn from_toml(text: &str) -> Result<Self, ProfileError> {
        Self::try_from(toml::from_str::<Written>(text).map_err(ProfileError::Toml)?)
    }

    /// Whom it is for.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// How long a certificate is valid, counted from its issue.
    #[must_use]
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// How many days before its issue a certificate begins, for clocks that differ.
    #[must_use]
    pub fn back_dated_days(&self) -> u16 {
        self.back_dated_days
    }

    /// Whether a certificate that would outlive its issuer ends with it. Otherwise it is refused.
    #[must_use]
    pub fn clamp_to_issuer(&self) -> bool {
        self.clamp_to_issuer
    }

    /// What the key may do.
    #[must_use]
    pub fn key_usage(&self) -> &[KeyUsage] {
        &self.key_usage
    }

    /// What the certificate is for; empty where it does not say.
    #[must_use]
    pub fn extended_key_usage(&self) -> &[ExtendedKeyUsage] {
        &self.extended_key_usage
    }

    /// How many intermediates may stand between this authority and a leaf; none where there is no limit.
    #[must_use]
    pub fn path_length(&self) -> Option<u8> {
        self.path_length
    }

    /// The organization in the subject.
    #[must_use]
    pub fn organization(&self) -> Option<&Organization> {
        self.organization.as_ref()
    }

    fn check(&self) -> Result<(), ProfileError> {
        if !self.validity.is_sensible() {
            return Err(ProfileError::Validity);
        }
        if doubled(&self.key_usage) || doubled(&self.extended_key_usage) {
            return Err(ProfileError::Doubled);
        }
        if self.key_usage.contains(&KeyUsage::KeyEncipherment) {
            return Err(ProfileError::KeyEncipherment);
        }
        match self.kind {
            Kind::Device => self.check_device(),
            Kind::Root if self.clamp_to_issuer => Err(ProfileError::RootClamped),
            Kind::Root | Kind::Intermediate => self.check_authority(),
        }
    }

    fn check_device(&self) -> Result<(), ProfileError> {
        let usage = |usage| self.key_usage.contains(&usage);
        if usage(KeyUsage::KeyCertSign) || usage(KeyUsage::CrlSign) {
            return Err(ProfileError::DeviceSigns);
        }
        if !usage(KeyUsage::DigitalSignature) {
            return Err(ProfileError::DeviceCannotSign);
        }
        if !self.extended_key_usage.is_empty()
            && !self.extended_key_usage.contains(&ExtendedKeyUsage::ClientAuth)
        {
            return Err(ProfileError::NoClientAuth);
        }
        if self.path_length.is_some() {
            return Err(ProfileError::PathLengthOnDevice);
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
        Ok(())
    }
}

fn doubled<T: PartialEq>(values: &[T]) -> bool {
    values.iter().enumerate().any(|(index, value)| values[..index].contains(value))
}

impl TryFrom<Written> for Profile {
    type Error = ProfileError;

    fn try_from(written: Written) -> Result<Self, ProfileError> {
        let Written {
            kind,
            validity,
            back_dated_days,
            clamp_to_issuer,
            key_usage,
            extended_key_usage,
            path_length,
            subject: WrittenSubject { organization },
        } = written;
        let profile = Self {
            kind,
            validity,
            back_dated_days,
            clamp_to_issuer,
            key_usage,
            extended_key_usage,
            path_length,
            organization,
        };
        profile.check()?;
        Ok(profile)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEVICE: &str = "kind = 'device'\nvalidity = { years = 10 }\nkey_usage = ['digital-signature']\n";
    const ROOT: &str =
        "kind = 'root'\nvalidity = { years = 20 }\nkey_usage = ['key-cert-sign', 'crl-sign']\n";

    fn refused(base: &str, change: impl Fn(&str) -> String) -> ProfileError {
        Profile::from_toml(&change(base)).expect_err("refused")
    }

    fn with(line: &'static str) -> impl Fn(&str) -> String {
        move |base| format!("{base}{line}\n")
    }

    fn replacing(old: &'static str, new: &'static str) -> impl Fn(&str) -> String {
        move |base| {
            assert!(base.contains(old));
            base.replace(old, new)
        }
    }

    #[test]
    fn the_built_in_profiles_are_taken() {
        for (text, kind) in [
            (include_str!("../../templates/profiles/root.toml"), Kind::Root),
            (include_str!("../../templates/profiles/intermediate.toml"), Kind::Intermediate),
            (include_str!("../../templates/profiles/azure-device.toml"), Kind::Device),
        ] {
            assert_eq!(Profile::from_toml(text).expect("profile").kind(), kind);
        }
    }

    #[test]
    fn what_is_left_out_has_a_value() {
        let profile = Profile::from_toml(DEVICE).expect("profile");
        assert_eq!((profile.back_dated_days(), profile.clamp_to_issuer()), (1, false));
        assert!(profile.extended_key_usage().is_empty() && profile.organization().is_none());
    }

    #[test]
    fn a_device_is_no_authority_and_can_connect() {
        use ProfileError as Error;
        let usage = |new| replacing("['digital-signature']", new);
        assert!(matches!(refused(DEVICE, usage("['digital-signature', 'crl-sign']")), Error::DeviceSigns));
        assert!(matches!(refused(DEVICE, usage("['key-agreement']")), Error::DeviceCannotSign));
        assert!(matches!(
            refused(DEVICE, usage("['digital-signature', 'key-encipherment']")),
            Error::KeyEncipherment
        ));
        assert!(matches!(
            refused(DEVICE, usage("['digital-signature', 'digital-signature']")),
            Error::Doubled
        ));
        assert!(matches!(refused(DEVICE, with("extended_key_usage = ['server-auth']")), Error::NoClientAuth));
        assert!(matches!(refused(DEVICE, with("path_length = 0")), Error::PathLengthOnDevice));
    }

    #[test]
    fn an_authority_signs_certificates_and_constrains_no_purpose() {
        use ProfileError as Error;
        assert!(matches!(refused(ROOT, replacing("'key-cert-sign', ", "")), Error::AuthorityCannotSign));
        let purpose = with("extended_key_usage = ['client-auth']");
        assert!(matches!(refused(ROOT, purpose), Error::AuthorityWithExtendedKeyUsage));
        assert!(matches!(refused(ROOT, with("clamp_to_issuer = true")), Error::RootClamped));
        assert!(matches!(refused(ROOT, replacing("20", "0")), Error::Validity));
        assert!(matches!(refused(ROOT, replacing("20", "101")), Error::Validity));
    }

    #[test]
    fn an_unknown_key_or_value_is_an_error() {
        for line in
            ["valdity = 3", "is_ca = true", "[subject]\ncommon_name = 'x'", "[subject]\norganization = ''"]
        {
            let error = Profile::from_toml(&format!("{DEVICE}{line}\n")).expect_err(line);
            assert!(matches!(error, ProfileError::Toml(_)), "{error}");
        }
    }
}
