//! Certificates as PEM text (RFC 7468), lines ending with `\n`.

use pem::{EncodeConfig, LineEnding, Pem};

use crate::CertificateError;

const CERTIFICATE: &str = "CERTIFICATE";

pub(crate) fn encode(label: &str, der: &[u8]) -> String {
    let config = EncodeConfig::new().set_line_ending(LineEnding::LF);
    pem::encode_config(&Pem::new(label, der), config)
}

pub(crate) fn encode_certificate(der: &[u8]) -> String {
    encode(CERTIFICATE, der)
}

/// The DER of each certificate of a text. Text around the blocks is passed over, as openssl does.
pub(crate) fn decode_certificates(text: &str) -> Result<Vec<Vec<u8>>, CertificateError> {
    let blocks = pem::parse_many(text).map_err(CertificateError::Pem)?;
    if blocks.is_empty() {
        return Err(CertificateError::NoCertificate);
    }
    blocks
        .into_iter()
        .map(|block| match block.tag() {
            CERTIFICATE => Ok(block.into_contents()),
            other => Err(CertificateError::OtherBlock { label: other.to_owned() }),
        })
        .collect()
}
