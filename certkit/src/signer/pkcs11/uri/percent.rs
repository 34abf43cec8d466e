//! Percent-encoding (RFC 3986 §2.1), strict: what RFC 7512 does not let stand bare is refused.

use std::fmt::Write;

use super::TokenUriError;

fn stands_bare(c: char, marks: &str) -> bool {
    c.is_ascii_alphanumeric() || "-._~".contains(c) || marks.contains(c)
}

/// The octets that an attribute's value stands for.
pub(super) fn decode(attribute: &str, value: &str, marks: &str) -> Result<Vec<u8>, TokenUriError> {
    let mut octets = Vec::with_capacity(value.len());
    let mut rest = value.chars();
    while let Some(c) = rest.next() {
        if c == '%' {
            let digits: String = rest.by_ref().take(2).collect();
            let both = digits.len() == 2 && digits.chars().all(|digit| digit.is_ascii_hexdigit());
            let octet = u8::from_str_radix(&digits, 16).ok().filter(|_| both);
            octets.push(octet.ok_or_else(|| TokenUriError::Percent {
                attribute: attribute.to_owned(),
                found: format!("%{digits}"),
            })?);
        } else if stands_bare(c, marks) {
            // All of these are ASCII.
            octets.push(c as u8);
        } else {
            return Err(TokenUriError::Character { attribute: attribute.to_owned(), found: c });
        }
    }
    Ok(octets)
}

/// The text of these octets.
pub(super) fn encode(octets: &[u8], marks: &str) -> String {
    octets.iter().fold(String::with_capacity(octets.len()), |mut text, octet| {
        let c = char::from(*octet);
        // `&` separates in the query and `=` reads badly anywhere: both are written in percent form.
        if stands_bare(c, marks) && !"&=".contains(c) {
            text.push(c);
        } else {
            // Writing to a String never fails.
            let _ = write!(text, "%{octet:02X}");
        }
        text
    })
}
