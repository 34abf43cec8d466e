//! An extension that a profile adds by its object identifier.

use der::asn1::{Any, ObjectIdentifier, Utf8StringRef};
use der::{Decode, Encode};
use serde::Deserialize;
use thiserror::Error;

/// Basic constraints, key usage, extended key usage and both key identifiers: the profile's own keys say what is in them.
const WRITTEN_BY_KEYS: [&str; 5] = ["2.5.29.14", "2.5.29.15", "2.5.29.19", "2.5.29.35", "2.5.29.37"];

/// An extension that every certificate of a profile carries (RFC 5280 §4.2).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub struct Extension {
    oid: ObjectIdentifier,
    critical: bool,
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
        let value = match (utf8, der) {
            (Some(utf8), None) => Utf8StringRef::new(&utf8)
                .and_then(|utf8| utf8.to_der())
                .map_err(|_| ExtensionError::Der(text))?,
            (None, Some(der)) => one_value(&der).ok_or(ExtensionError::Der(text))?,
            _ => return Err(ExtensionError::OneValue(text)),
        };
        Ok(Self { oid, critical, value })
    }
}

fn one_value(hex: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = hex.chars().map(|digit| digit.to_digit(16)).collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    let bytes =
        pairs.iter().map(|[high, low]| u8::try_from(high * 16 + low).ok()).collect::<Option<Vec<u8>>>()?;
    (rest.is_empty() && Any::from_der(&bytes).is_ok()).then_some(bytes)
}

impl Extension {
    /// Its identifier.
    pub(crate) fn oid(&self) -> &ObjectIdentifier {
        &self.oid
    }

    /// Whether a verifier that does not know it must refuse the certificate.
    pub(crate) fn critical(&self) -> bool {
        self.critical
    }

    /// Its value, DER.
    pub(crate) fn value(&self) -> &[u8] {
        &self.value
    }
}
