//! The places of a template: DER taken apart, and filled in again.

use crate::{CertificateSerial, PublicKey, RegistrationId};

const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const PRINTABLE_STRING: u8 = 0x13;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const BIT_STRING: u8 = 0x03;
/// Set in the tags of values that hold other values (X.690 §8.1.2.5).
const CONSTRUCTED: u8 = 0x20;

/// A piece of DER.
#[derive(Debug)]
pub(super) enum Part {
    Fixed(Vec<u8>),
    /// The registration ID, under this tag.
    Name(u8),
    Serial,
    Validity,
    PublicKey,
    /// The subject's key identifier, under this tag.
    KeyId(u8),
    /// A value that holds some of the above.
    Holding(u8, Vec<Part>),
}

/// What differs between two certificates of a template.
pub(super) struct Own<'a> {
    name: &'a [u8],
    /// As DER has it: with a zero before a first octet that would make the number negative.
    serial: Vec<u8>,
    validity: &'a [u8],
    public_key: &'a [u8],
    key_id: Vec<u8>,
}

impl<'a> Own<'a> {
    pub(super) fn new(
        id: &'a RegistrationId,
        public_key: &'a PublicKey,
        serial: &CertificateSerial,
        validity: &'a [u8],
    ) -> Self {
        let magnitude = serial.as_bytes();
        let negative = magnitude.first().is_some_and(|first| first >> 7 == 1);
        Self {
            name: id.as_str().as_bytes(),
            serial: [if negative { &[0][..] } else { &[] }, magnitude].concat(),
            validity,
            public_key: public_key.spki_der(),
            key_id: public_key.key_id(),
        }
    }

    fn all(&self) -> [&[u8]; 5] {
        [self.name, &self.serial, self.validity, self.public_key, &self.key_id]
    }
}

impl Part {
    fn length(&self, own: &Own<'_>) -> usize {
        match self {
            Self::Fixed(bytes) => bytes.len(),
            Self::Name(_) => length_with_header(own.name.len()),
            Self::Serial => length_with_header(own.serial.len()),
            Self::Validity => own.validity.len(),
            Self::PublicKey => own.public_key.len(),
            Self::KeyId(_) => length_with_header(own.key_id.len()),
            Self::Holding(_, parts) => length_with_header(sum(parts, own)),
        }
    }

    pub(super) fn write(&self, own: &Own<'_>, der: &mut Vec<u8>) {
        let mut value = |tag, bytes: &[u8]| {
            header(tag, bytes.len(), der);
            der.extend_from_slice(bytes);
        };
        match self {
            Self::Fixed(bytes) => der.extend_from_slice(bytes),
            Self::Name(tag) => value(*tag, own.name),
            Self::Serial => value(INTEGER, &own.serial),
            Self::Validity => der.extend_from_slice(own.validity),
            Self::PublicKey => der.extend_from_slice(own.public_key),
            Self::KeyId(tag) => value(*tag, &own.key_id),
            Self::Holding(tag, parts) => {
                header(*tag, sum(parts, own), der);
                parts.iter().for_each(|part| part.write(own, der));
            }
        }
    }

    pub(super) fn is_printable_name(&self) -> bool {
        match self {
            Self::Name(tag) => *tag == PRINTABLE_STRING,
            Self::Holding(_, parts) => parts.iter().any(Self::is_printable_name),
            _ => false,
        }
    }
}

pub(super) fn sum(parts: &[Part], own: &Own<'_>) -> usize {
    parts.iter().map(|part| part.length(own)).sum()
}

/// Takes DER apart, as far down as something of the sample's own stands in it.
pub(super) fn parts(mut der: &[u8], own: &Own<'_>) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    while !der.is_empty() {
        let (whole, tag, value) = first_value(der)?;
        der = &der[whole.len()..];
        let inside = |own: &[u8]| whole.windows(own.len()).any(|window| window == own);
        let part = if whole == own.public_key {
            Part::PublicKey
        } else if whole == own.validity {
            Part::Validity
        } else if tag == INTEGER && value == own.serial {
            Part::Serial
        } else if value == own.name {
            Part::Name(tag)
        } else if value == own.key_id {
            Part::KeyId(tag)
        } else {
            // An octet string may hold DER, as an extension's does. A longer text that only contains the name is no place.
            let holds = own.all().into_iter().any(inside) && (tag & CONSTRUCTED != 0 || tag == OCTET_STRING);
            match holds.then(|| self::parts(value, own)).flatten() {
                Some(parts) => Part::Holding(tag, parts),
                None => Part::Fixed(whole.to_vec()),
            }
        };
        match (parts.last_mut(), part) {
            (Some(Part::Fixed(before)), Part::Fixed(bytes)) => before.extend(bytes),
            (_, part) => parts.push(part),
        }
    }
    Some(parts)
}

/// The TBSCertificate of a certificate, and its signature's algorithm (RFC 5280 §4.1).
pub(super) fn opened(certificate: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_, _, inner) = first_value(certificate)?;
    let (tbs, _, _) = first_value(inner)?;
    let (algorithm, _, _) = first_value(&inner[tbs.len()..])?;
    Some((tbs, algorithm))
}

/// The first value of some DER (X.690 §8.1): whole, its tag, its contents.
fn first_value(der: &[u8]) -> Option<(&[u8], u8, &[u8])> {
    let (tag, first) = (*der.first()?, *der.get(1)?);
    let more = usize::from(if first & 0x80 == 0 { 0 } else { first & 0x7f });
    let length = match more {
        0 => usize::from(first),
        1..=4 => der.get(2..2 + more)?.iter().fold(0, |length, octet| length << 8 | usize::from(*octet)),
        _ => return None,
    };
    let start = 2 + more;
    let end = start.checked_add(length)?;
    Some((der.get(..end)?, tag, der.get(start..end)?))
}

/// Tag and length (X.690 §10.1: the shortest form).
pub(super) fn header(tag: u8, length: usize, der: &mut Vec<u8>) {
    der.push(tag);
    let octets = length.to_be_bytes();
    let significant = &octets[octets.len() - significant_octets(length)..];
    if length >= 0x80 {
        #[expect(clippy::cast_possible_truncation, reason = "a length has at most eight octets")]
        der.push(0x80 | significant.len() as u8);
    }
    der.extend_from_slice(significant);
}

pub(super) fn length_with_header(length: usize) -> usize {
    1 + usize::from(length >= 0x80) + significant_octets(length) + length
}

fn significant_octets(length: usize) -> usize {
    (usize::BITS - length.leading_zeros()).div_ceil(8).max(1) as usize
}
