//! PEM text (RFC 7468), lines ending with `\n`. What is wrong with one is told without quoting it: it may hold a key.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pem::Pem;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::CertificateError;

const CERTIFICATE: &str = "CERTIFICATE";
const BEGIN: &str = "-----BEGIN ";
/// More than any label of RFC 7468 §4 and of openssl has.
const LONGEST_LABEL: usize = 40;
/// Octets of a line, and the characters that they become (RFC 7468 §2).
const OCTETS: usize = 48;
const CHARACTERS: usize = 64;

/// Why text is no PEM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PemError {
    /// A block has no end, or its first line is damaged.
    #[error("a block is cut off, or its BEGIN or END line is damaged")]
    Framing,
    /// A block begins as one kind and ends as another.
    #[error("the BEGIN and END lines of a block differ")]
    Labels,
    /// Its lines hold something else.
    #[error("the lines of a block are no base64")]
    Contents,
}

/// The blocks of a text. Text around them is passed over, as openssl does.
pub(crate) fn blocks(text: &str) -> Result<Vec<Pem>, PemError> {
    let blocks = pem::parse_many(text).map_err(|error| match error {
        pem::PemError::MismatchedTags(..) => PemError::Labels,
        pem::PemError::InvalidData(_) | pem::PemError::InvalidHeader(_) | pem::PemError::NotUtf8(_) => {
            PemError::Contents
        }
        _ => PemError::Framing,
    })?;
    // The library stops at a block without an end, and says nothing.
    if text.matches(BEGIN).count() == blocks.len() { Ok(blocks) } else { Err(PemError::Framing) }
}

/// What a block is called, as far as it is a label.
pub(crate) fn label(label: &str) -> String {
    let plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == ' ';
    if label.len() <= LONGEST_LABEL && label.chars().all(plain) {
        label.to_owned()
    } else {
        "of no known kind".to_owned()
    }
}

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

/// The DER of each certificate of a text.
pub(crate) fn decode_certificates(text: &str) -> Result<Vec<Vec<u8>>, CertificateError> {
    let blocks = blocks(text).map_err(CertificateError::Pem)?;
    if blocks.is_empty() {
        return Err(CertificateError::NoCertificate);
    }
    blocks
        .into_iter()
        .map(|block| match block.tag() {
            CERTIFICATE => Ok(block.into_contents()),
            other => Err(CertificateError::OtherBlock { label: label(other) }),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    /// A unit's file may hold key and certificate, and lose a character on the line.
    #[test]
    fn no_error_quotes_what_stands_there() {
        use crate::{Certificate, CertificateRequest, Chain, SoftwareSigner};
        let (key, certificate) = (sample::signer().to_pkcs8_pem(), sample::root().certificate().to_pem());
        let secret: Vec<&str> = key.lines().filter(|line| !line.starts_with('-')).collect();
        for damaged in [
            key.replacen("KEY-----", "KEY----", 1),
            key.replacen("KEY-----", "KEY", 1),
            key.replacen("-----BEGIN", "----BEGIN", 1),
            key.replace("-----END PRIVATE", "-----END OTHER"),
            key.replace('\n', "\n\n"),
            key.replace(secret[0], &format!("{}:", secret[0])),
            key.replace(secret[0], &format!("{}\u{fffd}", secret[0])),
            key.replace("-----END", "----END"),
        ] {
            for text in
                [damaged.clone(), format!("{damaged}{certificate}"), format!("{certificate}{damaged}")]
            {
                let errors: [Option<Box<dyn std::error::Error>>; 5] = [
                    Certificate::from_pem(&text).err().map(Into::into),
                    Certificate::all_from_pem(&text).err().map(Into::into),
                    Chain::from_pem(&text).err().map(Into::into),
                    CertificateRequest::from_pem(&text).err().map(Into::into),
                    SoftwareSigner::from_encrypted_pem(&text, b"x").err().map(Into::into),
                ];
                for error in errors.into_iter().flatten() {
                    let said = format!("{error} {error:?}");
                    assert!(secret.iter().all(|line| !said.contains(&line[..12])), "{said}");
                }
            }
        }
    }

    #[test]
    fn a_block_that_is_cut_off_is_no_comment() {
        let certificate = sample::root().certificate().to_pem();
        let (half, _) = certificate.split_at(certificate.len() / 2);
        for text in [format!("{certificate}{half}"), format!("{half}{certificate}"), half.to_owned()] {
            assert!(matches!(decode_certificates(&text), Err(CertificateError::Pem(_))), "{text}");
        }
        assert_eq!(
            decode_certificates(&format!("a comment\n{certificate}another")).map(|all| all.len()).ok(),
            Some(1)
        );
    }

    #[test]
    fn a_label_is_shown_if_it_is_one() {
        for (tag, shown) in [
            ("RSA PRIVATE KEY", "RSA PRIVATE KEY"),
            ("X509 CRL", "X509 CRL"),
            ("\u{1b}[2Jverified\n", "of no known kind"),
            ("KEY----\nMHcCAQEE", "of no known kind"),
            (&"A".repeat(41), "of no known kind"),
        ] {
            assert_eq!(label(tag), shown);
        }
    }

    #[test]
    fn blocks_are_those_of_the_pem_crate_and_have_their_room_from_the_start() {
        let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
        for length in 0..200 {
            let der: Vec<u8> = (0..length).collect();
            let ours = encode("RSA PRIVATE KEY", &der);
            assert_eq!(ours, pem::encode_config(&Pem::new("RSA PRIVATE KEY", der), config));
            let room = usize::from(length).div_ceil(OCTETS) * (CHARACTERS + 1) + 70;
            assert_eq!(ours.capacity(), room, "it has grown");
        }
    }
}
