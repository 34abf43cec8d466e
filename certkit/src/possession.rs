//! The code by which DPS or IoT Central asks for a proof that an authority's key is held.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Fewest and most characters that are taken: DPS's codes have 48.
const FEWEST: usize = 8;
const MOST: usize = 64;

/// A verification code: letters and digits, taken as they are (DPS, "How to verify X.509 CA certificates"). It becomes
/// the common name of the certificate that proves possession.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerificationCode(String);

/// A text that is no verification code.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum VerificationCodeError {
    /// Too short, or more than a common name holds.
    #[error(
        "the verification code has {length} characters, where {FEWEST} to {MOST} are expected: copy it whole from the certificate's page"
    )]
    Length {
        /// How many there are.
        length: usize,
    },
    /// A character that codes do not have.
    #[error(
        "the verification code holds {character:?} at index {index}, and codes have letters and digits only: copy it again"
    )]
    NotAllowed {
        /// Where, in characters from 0.
        index: usize,
        /// Which.
        character: char,
    },
}

impl VerificationCode {
    /// Parses a code.
    ///
    /// # Errors
    /// [`VerificationCodeError`].
    pub fn parse(text: &str) -> Result<Self, VerificationCodeError> {
        if let Some((index, character)) = text.chars().enumerate().find(|(_, c)| !c.is_ascii_alphanumeric()) {
            return Err(VerificationCodeError::NotAllowed { index, character });
        }
        if !(FEWEST..=MOST).contains(&text.len()) {
            return Err(VerificationCodeError::Length { length: text.len() });
        }
        Ok(Self(text.to_owned()))
    }

    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for VerificationCode {
    type Err = VerificationCodeError;

    fn from_str(text: &str) -> Result<Self, VerificationCodeError> {
        Self::parse(text)
    }
}

impl fmt::Display for VerificationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_taken_as_it_is_and_a_slip_is_named() {
        let code = "106A5SD242AF512B3498BD6098C4941E66R34H268DDB3288";
        assert_eq!(VerificationCode::parse(code).expect("code").as_str(), code);
        for (text, error) in [
            ("", VerificationCodeError::Length { length: 0 }),
            ("1234567", VerificationCodeError::Length { length: 7 }),
            ("106A5SD2 ", VerificationCodeError::NotAllowed { index: 8, character: ' ' }),
            ("../106A5SD2", VerificationCodeError::NotAllowed { index: 0, character: '.' }),
        ] {
            assert_eq!(VerificationCode::parse(text), Err(error), "{text}");
        }
        assert!(VerificationCode::parse(&"A".repeat(65)).is_err());
    }
}
