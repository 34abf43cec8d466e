//! Whose certificate it is.

use std::fmt;

use serde::Deserialize;
use thiserror::Error;

use crate::{RegistrationId, VerificationCode};

/// Most characters of a common name, and of an organization's name (RFC 5280, appendix A.1).
const MOST: usize = 64;

/// A common name of an authority: 1 to 64 letters, digits, spaces and ASCII punctuation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct CommonName(String);

/// An organization's name: 1 to 64 letters, digits, spaces and ASCII punctuation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Organization(String);

/// Whom a certificate names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A device, by its registration ID.
    Device(RegistrationId),
    /// A certificate authority.
    Authority(CommonName),
    /// Nobody: the code by which a service asks for a proof of possession.
    Possession(VerificationCode),
    /// What signs records for auditors.
    Auditor(CommonName),
}

/// A text that cannot stand in a certificate's name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NameError {
    /// There is nothing.
    #[error("the name is empty; give 1 to {MOST} characters")]
    Empty,
    /// More than 64 characters.
    #[error("{name:?} has {length} characters; a certificate's name holds at most {MOST}; shorten it")]
    TooLong {
        /// The name.
        name: String,
        /// How many there are.
        length: usize,
    },
    /// A space at an end: invisible, and X.509 comparison of names drops it.
    #[error("{name:?} begins or ends with a space; remove it")]
    SpaceAtEnd {
        /// The name.
        name: String,
    },
    /// A character that cannot be seen or is no letter, digit or ASCII punctuation.
    #[error(
        "{name:?}: {character:?} at index {index} is not allowed; use letters, digits, spaces, punctuation"
    )]
    NotAllowed {
        /// The name.
        name: String,
        /// Where, in characters from 0.
        index: usize,
        /// Which.
        character: char,
    },
}

impl CommonName {
    /// Parses a common name.
    ///
    /// # Errors
    /// [`NameError`].
    pub fn parse(text: &str) -> Result<Self, NameError> {
        check(text)?;
        Ok(Self(text.to_owned()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Organization {
    /// Parses an organization's name.
    ///
    /// # Errors
    /// [`NameError`].
    pub fn parse(text: &str) -> Result<Self, NameError> {
        check(text)?;
        Ok(Self(text.to_owned()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Subject {
    /// What becomes the subject's common name.
    #[must_use]
    pub fn common_name(&self) -> &str {
        match self {
            Self::Device(id) => id.as_str(),
            Self::Authority(name) | Self::Auditor(name) => name.as_str(),
            Self::Possession(code) => code.as_str(),
        }
    }
}

fn check(name: &str) -> Result<(), NameError> {
    let length = name.chars().count();
    let allowed = |c: char| c.is_alphanumeric() || c.is_ascii_graphic() || c == ' ';
    if name.is_empty() {
        return Err(NameError::Empty);
    }
    if length > MOST {
        return Err(NameError::TooLong { name: name.to_owned(), length });
    }
    if name.starts_with(' ') || name.ends_with(' ') {
        return Err(NameError::SpaceAtEnd { name: name.to_owned() });
    }
    match name.chars().enumerate().find(|(_, c)| !allowed(*c)) {
        None => Ok(()),
        Some((index, character)) => Err(NameError::NotAllowed { name: name.to_owned(), index, character }),
    }
}

impl TryFrom<String> for CommonName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        Self::parse(&text)
    }
}

impl TryFrom<String> for Organization {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        Self::parse(&text)
    }
}

impl fmt::Display for CommonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_certificates_carry() {
        for name in ["Contoso Root CA", "Müller & Söhne GmbH", "dev,O=evil", "x", &"a".repeat(64)] {
            assert_eq!(CommonName::parse(name).expect(name).as_str(), name);
        }
    }

    #[test]
    fn names_that_are_refused() {
        assert_eq!(CommonName::parse(""), Err(NameError::Empty));
        assert!(matches!(CommonName::parse(&"a".repeat(65)), Err(NameError::TooLong { length: 65, .. })));
        assert!(matches!(CommonName::parse(" a"), Err(NameError::SpaceAtEnd { .. })));
        assert!(matches!(CommonName::parse("a\nb"), Err(NameError::NotAllowed { index: 1, .. })));
        // Turns the direction of writing around: the name would read as another.
        assert!(matches!(Organization::parse("a\u{202e}b"), Err(NameError::NotAllowed { index: 1, .. })));
    }
}
