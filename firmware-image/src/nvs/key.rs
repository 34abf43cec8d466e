//! The names of entries and namespaces.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Most characters (`NVS_KEY_NAME_MAX_SIZE` less the NUL).
const LONGEST: usize = 15;

/// Why a text names no entry and no namespace.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyError {
    /// Nothing.
    #[error("an NVS key or namespace has a name: there is none")]
    Empty,
    /// More than an entry has room for.
    #[error("the NVS key or namespace `{key}` has {} characters, {LONGEST} is the most: shorten it",
             key.chars().count())]
    Long {
        /// The name.
        key: String,
    },
    /// A control character, or one outside ASCII.
    #[error("the NVS key or namespace `{}` holds {character:?}: keep to printable ASCII", key.escape_debug())]
    Character {
        /// The name.
        key: String,
        /// The first character that a name cannot hold.
        character: char,
    },
}

/// The name of an NVS entry or namespace: 1 to 15 printable ASCII characters.
///
/// ```
/// assert!("device_key".parse::<firmware_image::nvs::Key>().is_ok());
/// assert!("a_name_too_long!".parse::<firmware_image::nvs::Key>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

impl Key {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(key: &str) -> Result<Self, KeyError> {
        if key.is_empty() {
            return Err(KeyError::Empty);
        }
        if let Some(character) = key.chars().find(|character| !(' '..='~').contains(character)) {
            return Err(KeyError::Character { key: key.to_owned(), character });
        }
        if key.len() > LONGEST {
            return Err(KeyError::Long { key: key.to_owned() });
        }
        Ok(Self(key.to_owned()))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
