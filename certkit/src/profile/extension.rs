//! An extension that a profile adds by its object identifier.

use der::asn1::{AnyRef, ObjectIdentifier, Utf8StringRef};
use der::{Decode, Encode, Tagged};
use serde::Deserialize;
use thiserror::Error;
use x509_cert::ext::pkix::{CertificatePolicies, CrlDistributionPoints, SubjectAltName};

/// Basic constraints, key usage, extended key usage and both key identifiers: the profile's own keys say what is in them.
const WRITTEN_BY_KEYS: [&str; 5] = ["2.5.29.14", "2.5.29.15", "2.5.29.19", "2.5.29.35", "2.5.29.37"];

/// An extension that every certificate of a profile carries (RFC 5280 §4.2).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub struct Extension {
    oid: ObjectIdentifier,
    value: Vec<u8>,
}

/// Why an extension was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ExtensionError {
    /// The identifier is none.
    #[error("{0:?} is no object identifier: write it as numbers with dots, as in 1.3.6.1.4.1.311.21.10")]
    Oid(String),
    /// Another key of the profile writes it.
    #[error(
        "the extension {0} is not for you to set: `kind`, `key_usage`, `extended_key_usage` and the keys say what is in it"
    )]
    OwnKey(String),
    /// Neither value, or both.
    #[error("the extension {0} needs one value: `utf8 = \"text\"`, or `der = \"hex digits\"`")]
    OneValue(String),
    /// A critical extension that no verifier knows.
    #[error(
        "the extension {0} cannot be critical: a verifier that does not know it refuses the certificate, and DPS knows none but those of the profile's keys"
    )]
    Critical(String),
    /// A standard extension that is written wrong, or that is not for a profile to set.
    #[error(
        "the extension {0} is one of X.509's own: of these a profile can add subject alternative names (2.5.29.17), CRL \
         distribution points (2.5.29.31) and certificate policies (2.5.29.32), each as `der` of its own structure and not empty"
    )]
    Standard(String),
    /// The value is no DER.
    #[error("the extension {0}: `der` must be the hex digits of one whole DER value")]
    Der(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    oid: String,
    #[serde(default)]
    critical: bool,
    utf8: Option<String>,
    der: Option<String>,
}

impl TryFrom<Written> for Extension {
    type Error = ExtensionError;

    fn try_from(written: Written) -> Result<Self, ExtensionError> {
        let Written { oid: text, critical, utf8, der } = written;
        let oid = ObjectIdentifier::new(&text).map_err(|_| ExtensionError::Oid(text.clone()))?;
        if WRITTEN_BY_KEYS.contains(&text.as_str()) {
            return Err(ExtensionError::OwnKey(text));
        }
        if critical {
            return Err(ExtensionError::Critical(text));
        }
        let value = match (utf8, der) {
            (Some(utf8), None) => Utf8StringRef::new(&utf8)
                .and_then(|utf8| utf8.to_der())
                .map_err(|_| ExtensionError::Der(text.clone()))?,
            (None, Some(der)) => one_value(&der).ok_or(ExtensionError::Der(text.clone()))?,
            _ => return Err(ExtensionError::OneValue(text)),
        };
        if text.starts_with("2.5.29.") && !is_standard(&text, &value) {
            return Err(ExtensionError::Standard(text));
        }
        Ok(Self { oid, value })
    }
}

fn one_value(hex: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = hex.chars().map(|digit| digit.to_digit(16)).collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    let bytes =
        pairs.iter().map(|[high, low]| u8::try_from(high * 16 + low).ok()).collect::<Option<Vec<u8>>>()?;
    (rest.is_empty() && is_one_value(&bytes)).then_some(bytes)
}

/// One whole value, and what it holds are whole values.
fn is_one_value(bytes: &[u8]) -> bool {
    let Ok(value) = AnyRef::from_der(bytes) else { return false };
    !value.tag().is_constructed() || are_values(value.value())
}

fn are_values(mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        let Ok((value, rest)) = AnyRef::from_der_partial(bytes) else { return false };
        if value.tag().is_constructed() && !are_values(value.value()) {
            return false;
        }
        bytes = rest;
    }
    true
}

/// Whether the value is what the standard says of its extension (RFC 5280 §4.2.1).
fn is_standard(oid: &str, value: &[u8]) -> bool {
    match oid {
        "2.5.29.17" => SubjectAltName::from_der(value).is_ok_and(|names| !names.0.is_empty()),
        "2.5.29.31" => CrlDistributionPoints::from_der(value).is_ok_and(|points| !points.0.is_empty()),
        "2.5.29.32" => CertificatePolicies::from_der(value).is_ok_and(|policies| !policies.0.is_empty()),
        _ => false,
    }
}

impl Extension {
    /// Its identifier.
    pub(crate) fn oid(&self) -> &ObjectIdentifier {
        &self.oid
    }

    /// Its value, DER.
    pub(crate) fn value(&self) -> &[u8] {
        &self.value
    }
}
