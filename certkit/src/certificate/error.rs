//! What is wrong with a certificate.

use thiserror::Error;

use crate::{CertificateSerialError, KeyNotSupported, PemError};

/// Why a certificate could not be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// The text is no PEM.
    #[error("this is no PEM text; give the certificate as PEM")]
    Pem(#[source] PemError),
    /// There is nothing.
    #[error("there is no certificate in this text; give PEM that begins with -----BEGIN CERTIFICATE-----")]
    NoCertificate,
    /// More than one certificate where one was expected.
    #[error("there are {count} certificates in this text where one is expected; give that one alone")]
    Several {
        /// How many.
        count: usize,
    },
    /// Another kind of PEM block, such as a private key.
    #[error("expected certificates only, found a block {label:?}; remove it")]
    OtherBlock {
        /// The block's label.
        label: String,
    },
    /// The bytes are no certificate (RFC 5280 §4.1).
    #[error("this is no X.509 certificate, or it is damaged; take it from its source again")]
    Der(#[source] Box<asn1::ParseError>),
    /// The certificate serial is against RFC 5280.
    #[error("the certificate of {subject:?} has a serial that RFC 5280 does not allow; have it issued anew")]
    Serial {
        /// The certificate's subject.
        subject: String,
        /// What is wrong with it.
        source: CertificateSerialError,
    },
    /// The key is of a kind that is not used here.
    #[error("the certificate of {subject:?} has a key that is not used here")]
    Key {
        /// The certificate's subject.
        subject: String,
        /// What is wrong with it.
        source: KeyNotSupported,
    },
}

impl From<asn1::ParseError> for CertificateError {
    fn from(error: asn1::ParseError) -> Self {
        Self::Der(Box::new(error))
    }
}

impl CertificateError {
    /// What is no value of its type.
    pub(super) fn invalid() -> Self {
        asn1::ParseError::new(asn1::ParseErrorKind::InvalidValue).into()
    }
}
