//! How a certificate is encoded (RFC 5280 §4.1), read without copying its parts.

#![expect(clippy::result_large_err, reason = "in what asn1 derives; boxed before it leaves")]

use asn1::{
    Asn1Read, BigInt, BitString, ObjectIdentifier, Parser, Sequence, Tlv, UtcTime, X509GeneralizedTime,
};
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime};

use super::error::CertificateError;
use crate::{CertificateSerial, CertificateSerialError};

const BASIC_CONSTRAINTS: ObjectIdentifier = asn1::oid!(2, 5, 29, 19);
pub(super) const NAME_CONSTRAINTS: ObjectIdentifier = asn1::oid!(2, 5, 29, 30);
const KEY_USAGE: ObjectIdentifier = asn1::oid!(2, 5, 29, 15);
const SUBJECT_KEY_ID: ObjectIdentifier = asn1::oid!(2, 5, 29, 14);
const AUTHORITY_KEY_ID: ObjectIdentifier = asn1::oid!(2, 5, 29, 35);
/// As the version counts them, v3 is 2.
const LAST_VERSION: u8 = 2;

/// A certificate's parts.
pub(super) struct Encoded<'a> {
    /// What is signed: the TBSCertificate, as it stands there.
    pub(super) signed: &'a [u8],
    pub(super) tbs: TbsCertificate<'a>,
    pub(super) extensions: Vec<Extension<'a>>,
    pub(super) algorithm: AlgorithmIdentifier<'a>,
    pub(super) signature: BitString<'a>,
}

#[derive(Asn1Read)]
struct Certificate<'a> {
    tbs: Tlv<'a>,
    algorithm: AlgorithmIdentifier<'a>,
    signature: BitString<'a>,
}

#[derive(Asn1Read)]
pub(super) struct TbsCertificate<'a> {
    #[explicit(0)]
    version: Option<u8>,
    serial: BigInt<'a>,
    pub(super) algorithm: AlgorithmIdentifier<'a>,
    pub(super) issuer: Tlv<'a>,
    pub(super) validity: Validity,
    pub(super) subject: Tlv<'a>,
    pub(super) spki: Tlv<'a>,
    #[implicit(1)]
    _issuer_unique_id: Option<BitString<'a>>,
    #[implicit(2)]
    _subject_unique_id: Option<BitString<'a>>,
    #[explicit(3)]
    extensions: Option<Sequence<'a>>,
}

#[derive(Asn1Read, PartialEq)]
pub(super) struct AlgorithmIdentifier<'a> {
    pub(super) oid: ObjectIdentifier,
    pub(super) parameters: Option<Tlv<'a>>,
}

#[derive(Asn1Read)]
pub(super) struct Validity {
    pub(super) not_before: Time,
    pub(super) not_after: Time,
}

#[derive(Asn1Read)]
pub(super) enum Time {
    Utc(UtcTime),
    Generalized(X509GeneralizedTime),
}

/// Not `DEFAULT FALSE` for what is critical, and for `cA` below: some write the default out, which DER forbids.
#[derive(Asn1Read)]
pub(super) struct Extension<'a> {
    pub(super) oid: ObjectIdentifier,
    pub(super) critical: Option<bool>,
    value: &'a [u8],
}

#[derive(Asn1Read)]
pub(super) struct BasicConstraints {
    pub(super) ca: Option<bool>,
    pub(super) path_length: Option<u8>,
}

#[derive(Asn1Read)]
struct AuthorityKeyId<'a> {
    #[implicit(0)]
    key_id: Option<&'a [u8]>,
    #[implicit(1)]
    _issuer: Option<Sequence<'a>>,
    #[implicit(2)]
    _serial: Option<BigInt<'a>>,
}

impl<'a> Encoded<'a> {
    pub(super) fn read(der: &'a [u8]) -> Result<Self, CertificateError> {
        let Certificate { tbs, algorithm, signature } = asn1::parse_single(der)?;
        let signed = tbs.full_data();
        let mut tbs: TbsCertificate<'a> = tbs.parse()?;
        if tbs.version.is_some_and(|version| version > LAST_VERSION) {
            return Err(CertificateError::invalid());
        }
        let extensions = tbs.extensions.take().map(|list| list.parse(all)).transpose()?.unwrap_or_default();
        Ok(Self { signed, tbs, extensions, algorithm, signature })
    }

    pub(super) fn serial(&self) -> Result<CertificateSerial, CertificateSerialError> {
        let number = &self.tbs.serial;
        if number.is_negative() {
            return Err(CertificateSerialError::Negative);
        }
        CertificateSerial::from_bytes(number.as_bytes())
    }

    /// An extension's value, where it has it; a certificate must not have two (RFC 5280 §4.2).
    pub(super) fn extension(&self, oid: &[u8]) -> Result<Option<&'a [u8]>, CertificateError> {
        let mut found = self.extensions.iter().filter(|extension| extension.oid.as_der() == oid);
        match (found.next(), found.next()) {
            (_, Some(_)) => Err(CertificateError::invalid()),
            (found, None) => Ok(found.map(|extension| extension.value)),
        }
    }

    pub(super) fn basic_constraints(&self) -> Result<Option<BasicConstraints>, CertificateError> {
        Ok(self.extension(BASIC_CONSTRAINTS.as_der())?.map(asn1::parse_single).transpose()?)
    }

    pub(super) fn key_usage(&self) -> Result<Option<BitString<'a>>, CertificateError> {
        Ok(self.extension(KEY_USAGE.as_der())?.map(asn1::parse_single).transpose()?)
    }

    pub(super) fn subject_key_id(&self) -> Result<Option<&'a [u8]>, CertificateError> {
        Ok(self.extension(SUBJECT_KEY_ID.as_der())?.map(asn1::parse_single).transpose()?)
    }

    pub(super) fn authority_key_id(&self) -> Result<Option<&'a [u8]>, CertificateError> {
        let value = self.extension(AUTHORITY_KEY_ID.as_der())?.map(asn1::parse_single::<AuthorityKeyId<'a>>);
        Ok(value.transpose()?.and_then(|value| value.key_id))
    }
}

impl Time {
    pub(super) fn utc(&self) -> Result<OffsetDateTime, CertificateError> {
        let time = match self {
            Self::Utc(time) => time.as_datetime(),
            Self::Generalized(time) => time.as_datetime(),
        };
        let month = Month::try_from(time.month());
        let date = month.and_then(|month| Date::from_calendar_date(time.year().into(), month, time.day()));
        let read = date.and_then(|date| date.with_hms(time.hour(), time.minute(), time.second()));
        read.map(PrimitiveDateTime::assume_utc).map_err(|_| CertificateError::invalid())
    }
}

fn all<'a>(parser: &mut Parser<'a>) -> Result<Vec<Extension<'a>>, CertificateError> {
    let mut all = Vec::new();
    while !parser.is_empty() {
        all.push(parser.read_element()?);
    }
    Ok(all)
}
