//! A partition's label.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Most bytes of a label: what a row has room for.
pub(super) const LONGEST: usize = 16;

/// Why a text is no partition's name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PartitionNameError {
    /// Nothing.
    #[error("the partition has no name: write one into the first column")]
    Empty,
    /// More than a row has room for.
    #[error("the name `{name}` has {} bytes, a row has room for {LONGEST}: shorten it", name.len())]
    Long {
        /// The name.
        name: String,
    },
    /// A comma, a control character or one outside ASCII.
    #[error("the name `{}` holds {character:?}: keep to printable ASCII without commas", name.escape_debug())]
    Character {
        /// The name.
        name: String,
        /// The first character that a name cannot hold.
        character: char,
    },
    /// A blank at an end, or a `#` that would begin a comment.
    #[error(
        "the name `{name}` begins with `#`, or begins or ends with a blank, which no CSV can say: choose another"
    )]
    NotInCsv {
        /// The name.
        name: String,
    },
}

/// A partition's name: 1 to 16 printable ASCII characters, no comma, such as a CSV can say.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionName(String);

impl PartitionName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PartitionName {
    type Err = PartitionNameError;

    fn from_str(name: &str) -> Result<Self, PartitionNameError> {
        if name.is_empty() {
            return Err(PartitionNameError::Empty);
        }
        let allowed =
            |character: char| character == ' ' || (character.is_ascii_graphic() && character != ',');
        if let Some(character) = name.chars().find(|character| !allowed(*character)) {
            return Err(PartitionNameError::Character { name: name.to_owned(), character });
        }
        if name.starts_with(['#', ' ']) || name.ends_with(' ') {
            return Err(PartitionNameError::NotInCsv { name: name.to_owned() });
        }
        if name.len() > LONGEST {
            return Err(PartitionNameError::Long { name: name.to_owned() });
        }
        Ok(Self(name.to_owned()))
    }
}

impl fmt::Display for PartitionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
