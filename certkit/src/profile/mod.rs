//! What certificates of one kind contain: a profile, written as data.

mod error;
mod extension;
mod kind;
mod subject;
mod usage;
mod written;

use serde::Deserialize;

use crate::{KeyAlgorithm, Validity};
pub use error::ProfileError;
pub use extension::{Extension, ExtensionError};
pub use kind::Kind;
pub use subject::{Country, CountryError, SubjectTemplate};
pub use usage::{ExtendedKeyUsage, KeyUsage};

/// What a certificate of one kind contains. The subject's common name and the key come with each certificate.
///
/// Not in a profile, because all have them: basic constraints (critical), a subject key identifier, and an authority
/// key identifier that copies the issuer's own; signatures with SHA-2.
///
/// ```
/// let profile = certkit::Profile::from_toml(
///     "kind = 'device'\nvalidity = { years = 10 }\nkey_usage = ['digital-signature']\nextended_key_usage = ['client-auth']",
/// )?;
/// assert_eq!(profile.kind(), certkit::Kind::Device);
/// # Ok::<(), certkit::ProfileError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "written::Written")]
pub struct Profile {
    kind: Kind,
    validity: Validity,
    back_dated_days: u16,
    outliving_issuer: OutlivingIssuer,
    keys: Vec<KeyAlgorithm>,
    key_usage: Vec<KeyUsage>,
    extended_key_usage: Vec<ExtendedKeyUsage>,
    path_length: Option<u8>,
    csr_subject: CsrSubject,
    subject: SubjectTemplate,
    extensions: Vec<Extension>,
}

/// What happens to a certificate that would outlive its issuer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutlivingIssuer {
    /// It is not issued.
    #[default]
    Refused,
    /// It ends with its issuer.
    Clamped,
    /// It is issued all the same: verifiers refuse it while its issuer is over.
    Allowed,
}

/// What the subject of a certificate request must be. The station sets the certificate's subject in any case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CsrSubject {
    /// Anything: many secure elements and modems have a name of their own.
    #[default]
    Ignored,
    /// Its common name is the registration ID.
    Equal,
}

impl Profile {
    /// Reads a profile.
    ///
    /// # Errors
    /// [`ProfileError`].
    pub fn from_toml(text: &str) -> Result<Self, ProfileError> {
        Self::try_from(toml::from_str::<written::Written>(text).map_err(ProfileError::Toml)?)
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

    /// What happens to a certificate that would outlive its issuer.
    #[must_use]
    pub fn outliving_issuer(&self) -> OutlivingIssuer {
        self.outliving_issuer
    }

    /// The kinds of keys that are permitted; the first is the one that is made where the choice is ours.
    #[must_use]
    pub fn keys(&self) -> &[KeyAlgorithm] {
        &self.keys
    }

    /// The kind of key that is made where the choice is ours.
    #[must_use]
    pub fn own_key(&self) -> KeyAlgorithm {
        // A profile without keys is refused.
        self.keys.first().copied().unwrap_or(KeyAlgorithm::P256)
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

    /// What the subject of a certificate request must be.
    #[must_use]
    pub fn csr_subject(&self) -> CsrSubject {
        self.csr_subject
    }

    /// What the subject's name holds beside the common name.
    #[must_use]
    pub fn subject(&self) -> &SubjectTemplate {
        &self.subject
    }

    /// Extensions beyond those that all certificates have.
    #[must_use]
    pub fn extensions(&self) -> &[Extension] {
        &self.extensions
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
            (include_str!("../../../templates/profiles/root.toml"), Kind::Root),
            (include_str!("../../../templates/profiles/intermediate.toml"), Kind::Intermediate),
            (include_str!("../../../templates/profiles/azure-device.toml"), Kind::Device),
            (include_str!("../../../templates/profiles/idevid.toml"), Kind::Device),
            (include_str!("../../../templates/profiles/individual-device.toml"), Kind::Individual),
            (include_str!("../../../templates/profiles/possession.toml"), Kind::Possession),
            (include_str!("../../../templates/profiles/audit-signer.toml"), Kind::AuditSigner),
        ] {
            assert_eq!(Profile::from_toml(text).expect("profile").kind(), kind);
        }
    }

    #[test]
    fn what_is_left_out_has_a_value() {
        let profile = Profile::from_toml(DEVICE).expect("profile");
        assert_eq!((profile.back_dated_days(), profile.outliving_issuer()), (1, OutlivingIssuer::Refused));
        assert!(profile.extended_key_usage().is_empty() && *profile.subject() == SubjectTemplate::default());
        assert_eq!(profile.keys(), [KeyAlgorithm::P256]);
    }

    #[test]
    fn a_device_is_no_authority_and_can_connect() {
        use ProfileError as Error;
        let usage = |new| replacing("['digital-signature']", new);
        assert!(matches!(refused(DEVICE, usage("['digital-signature', 'crl-sign']")), Error::LeafSigns));
        assert!(matches!(refused(DEVICE, usage("['key-agreement']")), Error::CannotSign));
        assert!(matches!(
            refused(DEVICE, usage("['digital-signature', 'key-encipherment']")),
            Error::KeyEncipherment
        ));
        assert!(matches!(
            refused(DEVICE, usage("['digital-signature', 'digital-signature']")),
            Error::Doubled
        ));
        assert!(matches!(refused(DEVICE, with("extended_key_usage = ['server-auth']")), Error::NoClientAuth));
        assert!(matches!(refused(DEVICE, with("path_length = 0")), Error::PathLengthOnLeaf));
    }

    #[test]
    fn an_authority_signs_certificates_and_constrains_no_purpose() {
        use ProfileError as Error;
        assert!(matches!(refused(ROOT, replacing("'key-cert-sign', ", "")), Error::AuthorityCannotSign));
        let purpose = with("extended_key_usage = ['client-auth']");
        assert!(matches!(refused(ROOT, purpose), Error::AuthorityWithExtendedKeyUsage));
        assert!(matches!(refused(ROOT, with("outliving_issuer = 'clamped'")), Error::NoIssuer));
        assert!(matches!(refused(ROOT, replacing("20", "0")), Error::Validity));
        assert!(matches!(refused(ROOT, replacing("20", "101")), Error::Validity));
    }

    #[test]
    fn an_unknown_key_or_value_is_an_error() {
        for line in [
            "valdity = 3",
            "is_ca = true",
            "keys = ['p-521']",
            "[subject]\norganization = ''",
            "[subject]\ncountry = 'de'",
            "[[extension]]\noid = '1.2.x'\nutf8 = 'a'",
            "[[extension]]\noid = '2.5.29.19'\nder = '0500'",
            "[[extension]]\noid = '1.2.3'",
            "[[extension]]\noid = '1.2.3'\nder = '0c0568'",
            "[[extension]]\noid = '1.2.3'\nder = '30020105'",
            "[[extension]]\noid = '1.2.3'\ncritical = true\nutf8 = 'a'",
            "[[extension]]\noid = '2.5.29.17'\nutf8 = 'a'",
            "[[extension]]\noid = '2.5.29.17'\nder = '3000'",
            "[[extension]]\noid = '2.5.29.30'\nder = '3000'",
            "[[extension]]\noid = '1.2.3'\nder = '050'",
        ] {
            let error = Profile::from_toml(&format!("{DEVICE}{line}\n")).expect_err(line);
            assert!(matches!(error, ProfileError::Toml(_)), "{error}");
        }
    }

    #[test]
    fn what_dps_could_not_use_has_its_own_message() {
        use ProfileError as Error;
        for name in ["'sensor'", "'${serial}'"] {
            let text = format!("{DEVICE}[subject]\ncommon_name = {name}\n");
            assert!(matches!(Profile::from_toml(&text), Err(Error::CommonName(_))), "{name}");
        }
        let same =
            format!("{DEVICE}ca = false\nhash = 'sha-2'\n[subject]\ncommon_name = '${{registration_id}}'\n");
        assert!(Profile::from_toml(&same).is_ok());
        assert!(matches!(refused(DEVICE, with("ca = true")), Error::Authority { found: true }));
        assert!(matches!(refused(ROOT, with("ca = false")), Error::Authority { found: false }));
        assert!(matches!(refused(DEVICE, with("hash = 'sha-1'")), Error::Hash(hash) if hash == "sha-1"));
        assert!(matches!(refused(DEVICE, with("keys = []")), Error::NoKeys));
        assert!(matches!(refused(DEVICE, with("keys = ['p-256', 'p-256']")), Error::Doubled));
        assert!(matches!(refused(ROOT, with("path_length = 3")), Error::TooDeep { found: 3 }));
        assert!(matches!(refused(ROOT, with("csr_subject = 'equal'")), Error::NoRequest));
        assert!(matches!(refused(DEVICE, with("[subject]\nserial_number = '4'")), Error::SerialNumber(_)));
        assert!(matches!(refused(DEVICE, with("[subject]\nstate = ' x'")), Error::Name(_)));
        let proof = replacing("'device'", "'possession'");
        assert!(matches!(refused(DEVICE, proof), Error::LastingProof));
        let twice =
            with("[[extension]]\noid = '1.2.3'\nutf8 = 'a'\n[[extension]]\noid = '1.2.3'\nutf8 = 'b'");
        assert!(matches!(refused(DEVICE, twice), Error::DoubledExtension(oid) if oid == "1.2.3"));
    }

    #[test]
    fn rsa_keys_may_encipher_keys() {
        let rsa = DEVICE.replace("['digital-signature']", "['digital-signature', 'key-encipherment']");
        assert!(Profile::from_toml(&format!("{rsa}keys = ['rsa-2048']\n")).is_ok());
        let mixed = Profile::from_toml(&format!("{rsa}keys = ['rsa-2048', 'p-256']\n"));
        assert!(matches!(mixed, Err(ProfileError::KeyEncipherment)));
    }
}
