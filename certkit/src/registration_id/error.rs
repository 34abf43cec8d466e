//! What is wrong with a registration ID, in words.

use std::fmt;

use thiserror::Error;

use super::{MOST, MOST_AS_COMMON_NAME};

/// How much of a refused text an error shows.
const SHOWN: usize = 160;

/// A text that is no registration ID, or an ID that does not fit its use.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("registration ID {id:?}: {problem}")]
pub struct RegistrationIdError {
    /// The text, cut where it is very long.
    pub id: String,
    /// What is wrong with it.
    pub problem: RegistrationIdProblem,
}

impl RegistrationIdError {
    pub(super) fn new(text: &str, problem: RegistrationIdProblem) -> Self {
        let mut id: String = text.chars().take(SHOWN).collect();
        if id.len() < text.len() {
            id.push('…');
        }
        Self { id, problem }
    }
}

/// What is wrong with a registration ID. An index counts characters from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegistrationIdProblem {
    /// There is nothing.
    Empty,
    /// More than 128 characters.
    TooLong {
        /// How many there are.
        length: usize,
    },
    /// An upper-case letter.
    UpperCase {
        /// Where.
        index: usize,
        /// Which.
        character: char,
    },
    /// A character beyond ASCII.
    NotAscii {
        /// Where.
        index: usize,
        /// Which.
        character: char,
    },
    /// An ASCII character that the grammar does not know.
    NotAllowed {
        /// Where.
        index: usize,
        /// Which.
        character: char,
    },
    /// The first character is no letter or digit.
    First {
        /// Which.
        character: char,
    },
    /// The last character is no letter, digit or dash.
    Last {
        /// Where.
        index: usize,
        /// Which.
        character: char,
    },
    /// DPS takes it, IoT Central does not.
    NotForCentral {
        /// Where.
        index: usize,
        /// Which.
        character: char,
    },
    /// More than the 64 characters of a certificate's common name.
    TooLongForCommonName {
        /// How many there are.
        length: usize,
    },
}

impl fmt::Display for RegistrationIdProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "it is empty; give 1 to {MOST} characters"),
            Self::TooLong { length } => write!(f, "it has {length} characters; DPS takes at most {MOST}"),
            Self::UpperCase { index, character } => write!(
                f,
                "upper-case {character:?} at index {index}; write it in lower case: the device key that is derived \
                 from an ID changes with its case, and device IDs in IoT Hub are case-sensitive"
            ),
            Self::NotAscii { index, character } => write!(
                f,
                "{character:?} (U+{:04X}) at index {index} is not ASCII; use a-z, 0-9, - . _ :",
                u32::from(*character)
            ),
            Self::NotAllowed { index, character } => {
                write!(f, "{character:?} at index {index} is not allowed; use a-z, 0-9, - . _ :")
            }
            Self::First { character } => {
                write!(f, "{character:?} at index 0: the first character must be a letter or a digit")
            }
            Self::Last { index, character } => {
                write!(
                    f,
                    "{character:?} at index {index}: the last character must be a letter, a digit or a dash"
                )
            }
            Self::NotForCentral { index, character } => write!(
                f,
                "{character:?} at index {index}: IoT Central takes letters, digits and dashes only; replace it, or \
                 use an ID scope outside IoT Central"
            ),
            Self::TooLongForCommonName { length } => write!(
                f,
                "it has {length} characters; a certificate's common name holds at most {MOST_AS_COMMON_NAME}; \
                 shorten it"
            ),
        }
    }
}
