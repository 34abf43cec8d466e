//! Certificates as PEM text (RFC 7468), lines ending with `\n`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::CertificateError;

const CERTIFICATE: &str = "CERTIFICATE";
/// Octets of a line, and the characters that they become (RFC 7468 §2).
const OCTETS: usize = 48;
const CHARACTERS: usize = 64;

/// Writes a block. The text may be a secret's: it has its whole room from the start, since growing would leave copies
/// behind, and nothing else keeps a part of it.
#[expect(clippy::expect_used, reason = "48 octets are 64 characters of base64, all ASCII")]
pub(crate) fn encode(label: &str, der: &[u8]) -> String {
    let lines = der.len().div_ceil(OCTETS);
    let mut text = String::with_capacity(lines * (CHARACTERS + 1) + 2 * label.len() + 40);
    for part in ["-----BEGIN ", label, "-----\n"] {
        text.push_str(part);
    }
    let mut line = Zeroizing::new([0; CHARACTERS]);
    for octets in der.chunks(OCTETS) {
        let length = STANDARD.encode_slice(octets, &mut line[..]).expect("64 characters");
        text.push_str(std::str::from_utf8(&line[..length]).expect("ASCII"));
        text.push('\n');
    }
    for part in ["-----END ", label, "-----\n"] {
        text.push_str(part);
    }
    text
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_those_of_the_pem_crate_and_have_their_room_from_the_start() {
        let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
        for length in 0..200 {
            let der: Vec<u8> = (0..length).collect();
            let ours = encode("RSA PRIVATE KEY", &der);
            assert_eq!(ours, pem::encode_config(&pem::Pem::new("RSA PRIVATE KEY", der), config));
            let room = usize::from(length).div_ceil(OCTETS) * (CHARACTERS + 1) + 70;
            assert_eq!(ours.capacity(), room, "it has grown");
        }
    }
}
