//! What an image will hold, range by range, without its secrets.

use std::fmt;

use crate::digest::Digest;
use crate::region::Region;

/// Most bytes of a value that is shown whole.
const SHOWN: usize = 64;

/// What may be said about a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// The value itself.
    Text(String),
    /// Public bytes that are no short text.
    Bytes,
    /// Nothing but its length.
    Secret,
}

impl Shown {
    /// Public bytes: as text where they are a short and printable one (a NUL at its end is left out).
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let text = bytes.strip_suffix(&[0]).unwrap_or(bytes);
        match std::str::from_utf8(text) {
            Ok(text) if text.len() <= SHOWN && !text.is_empty() && !text.contains(char::is_control) => {
                Self::Text(text.to_owned())
            }
            _ => Self::Bytes,
        }
    }
}

/// One value, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// What the firmware knows it by.
    pub name: String,
    /// Its length in bytes.
    pub bytes: usize,
    /// What may be said about it.
    pub shown: Shown,
}

impl fmt::Display for Holding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.shown {
            Shown::Text(text) => write!(f, "{}: {text}", self.name),
            Shown::Bytes => write!(f, "{}: {} bytes", self.name, self.bytes),
            Shown::Secret => write!(f, "{}: secret, {} bytes", self.name, self.bytes),
        }
    }
}

/// What a range holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A part of the released firmware, as it was released.
    Base,
    /// A unit's own data.
    Personalised {
        /// The slot's name.
        slot: String,
        /// What lies in it, in order.
        holds: Vec<Holding>,
    },
}

/// A range of an image, and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedRange {
    /// Where it lies.
    pub region: Region,
    /// What it holds.
    pub content: Content,
}

/// What will lie where: every range of the personalised image in the order of their addresses. It holds no secret and may
/// be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The SHA-256 of each file of the base image.
    pub base: Vec<Digest>,
    /// The ranges.
    pub ranges: Vec<PlannedRange>,
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for digest in &self.base {
            writeln!(f, "base image: SHA-256 {digest}")?;
        }
        for PlannedRange { region, content } in &self.ranges {
            match content {
                Content::Base => writeln!(f, "{region}  base image, {} bytes", region.length())?,
                Content::Personalised { slot, holds } => {
                    writeln!(f, "{region}  {slot}, {} bytes", region.length())?;
                    holds.iter().try_for_each(|holding| writeln!(f, "    {holding}"))?;
                }
            }
        }
        Ok(())
    }
}
