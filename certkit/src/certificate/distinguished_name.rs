//! Names as certificates have them.

#![expect(clippy::result_large_err, reason = "in what asn1 derives; boxed before it leaves")]

use std::fmt;

use asn1::{Asn1Read, ObjectIdentifier, Parser, Sequence, Set, SimpleAsn1Readable, Tlv};
use der::{Any, Decode, Tag, Tagged};
use x509_cert::ext::pkix::name::DirectoryString;
use x509_cert::name::{Name, RelativeDistinguishedName};

use super::error::CertificateError;

const COMMON_NAME: ObjectIdentifier = asn1::oid!(2, 5, 4, 3);

/// A certificate's subject or issuer (RFC 5280 §4.1.2.4), DER. Two are equal if they are so byte for byte.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct DistinguishedName(Vec<u8>);

#[derive(Asn1Read)]
struct Attribute<'a> {
    oid: ObjectIdentifier,
    value: Tlv<'a>,
}

/// The common names of a name, as far as one is told from several.
#[derive(Default)]
struct CommonNames<'a> {
    last: Option<Tlv<'a>>,
    several: bool,
}

/// An attribute's value, to be compared.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Value {
    Text(String),
    Other(Tag, Vec<u8>),
}

impl Value {
    fn of(value: &Any) -> Self {
        match value.tag() {
            Tag::PrintableString | Tag::Utf8String => match std::str::from_utf8(value.value()) {
                Ok(text) => Self::Text(text.to_owned()),
                Err(_) => Self::Other(value.tag(), value.value().to_vec()),
            },
            tag => Self::Other(tag, value.value().to_vec()),
        }
    }
}

impl DistinguishedName {
    /// Takes a name, and the common name in it, where it has exactly one.
    pub(super) fn read<'a>(name: &Tlv<'a>) -> Result<(Self, Option<Tlv<'a>>), CertificateError> {
        let names = name.parse::<Sequence<'a>>()?.parse(common_names)?;
        Ok((Self(name.full_data().to_vec()), names.last.filter(|_| !names.several)))
    }

    pub(crate) fn as_der(&self) -> &[u8] {
        &self.0
    }

    /// Whether it means the same as another: byte for byte, or with texts in another encoding (RFC 5280 §7.1, without its
    /// folding of case and blanks). STMicroelectronics' ECC intermediates write their root's name so.
    pub(crate) fn means(&self, other: &Self) -> bool {
        self == other || self.in_texts().zip(other.in_texts()).is_some_and(|(own, others)| own == others)
    }

    /// Each part's attributes, sorted, texts without their encoding; none where it cannot be read.
    fn in_texts(&self) -> Option<Vec<Vec<(der::asn1::ObjectIdentifier, Value)>>> {
        let part = |part: &RelativeDistinguishedName| {
            let mut attributes: Vec<_> =
                part.iter().map(|attribute| (attribute.oid, Value::of(&attribute.value))).collect();
            attributes.sort();
            attributes
        };
        Some(self.parsed().ok()?.iter_rdn().map(part).collect())
    }

    /// In parts.
    pub(crate) fn parsed(&self) -> Result<Name, der::Error> {
        Name::from_der(&self.0)
    }
}

fn common_names<'a>(parts: &mut Parser<'a>) -> Result<CommonNames<'a>, CertificateError> {
    let mut names = CommonNames::default();
    while !parts.is_empty() {
        // Not read as a Set, which must be sorted (X.690 §11.6): in the names of Nuvoton's TPMs and roots it is not.
        let part: Tlv<'a> = parts.read_element()?;
        if part.tag() != Set::TAG {
            return Err(CertificateError::invalid());
        }
        asn1::parse(part.data(), |attributes| names.look_into(attributes))?;
    }
    Ok(names)
}

impl<'a> CommonNames<'a> {
    fn look_into(&mut self, attributes: &mut Parser<'a>) -> Result<(), CertificateError> {
        while !attributes.is_empty() {
            let attribute: Attribute<'a> = attributes.read_element()?;
            if attribute.oid == COMMON_NAME {
                self.several |= self.last.replace(attribute.value).is_some();
            }
        }
        Ok(())
    }
}

/// The text of an attribute's value (RFC 5280 §4.1.2.4: DirectoryString).
pub(super) fn text(value: &Tlv<'_>) -> Result<String, CertificateError> {
    let text = DirectoryString::from_der(value.full_data());
    text.map(String::from).map_err(|_| CertificateError::invalid())
}

/// In the form of RFC 4514; a name that the library cannot show so, as its DER in hex.
impl fmt::Display for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parsed() {
            Ok(name) => name.fmt(f),
            Err(_) => {
                f.write_str("#")?;
                self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
            }
        }
    }
}

impl fmt::Debug for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DistinguishedName({self})")
    }
}
