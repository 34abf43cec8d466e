//! Why bytes are no NVS partition.

use std::fmt;

use thiserror::Error;

use super::page::{ENTRIES, PAGE};
use super::{Key, KeyError};

/// An entry's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// From 0, in the order of the addresses.
    pub page: usize,
    /// From 0.
    pub entry: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {} of page {}", self.entry, self.page)
    }
}

/// Why bytes are no NVS partition. Nothing is mended or skipped: a partition that was read is whole.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReadError {
    /// No whole pages.
    #[error("an NVS partition has a multiple of {PAGE} bytes; there are {bytes}")]
    Size {
        /// How many there are.
        bytes: usize,
    },
    /// Neither in use nor blank.
    #[error(
        "page {page} of the NVS partition is in the state {state:#010x}: the firmware was interrupted \
         while it tidied up"
    )]
    PageState {
        /// From 0.
        page: usize,
        /// The first word of its header.
        state: u32,
    },
    /// The header was changed, or is of a version that there is not.
    #[error("the header of page {page} of the NVS partition is corrupt")]
    Header {
        /// From 0.
        page: usize,
    },
    /// A page that is said to be blank is not.
    #[error("page {page} of the NVS partition has no header and is not blank")]
    NotBlank {
        /// From 0.
        page: usize,
    },
    /// Two pages of one number.
    #[error("pages {first} and {second} of the NVS partition have the same sequence number")]
    Sequence {
        /// From 0.
        first: usize,
        /// From 0.
        second: usize,
    },
    /// A state that there is not, or data whose entries are not all written.
    #[error("{place} of the NVS partition is in no state that it can be in")]
    EntryState {
        /// Where.
        place: Place,
    },
    /// Changed, or read with the wrong keys.
    #[error("{place} of the NVS partition is corrupt, or encrypted under other keys than those given")]
    Crc {
        /// Where.
        place: Place,
    },
    /// A span that no entry of its type has.
    #[error("{place} of the NVS partition spans {span} entries of {ENTRIES}: it is corrupt")]
    Span {
        /// Where.
        place: Place,
        /// What it says.
        span: usize,
    },
    /// A type that there is not.
    #[error("{place} of the NVS partition has the type {kind:#04x}, which is not known")]
    Kind {
        /// Where.
        place: Place,
        /// Its type.
        kind: u8,
    },
    /// A key that none can be.
    #[error("{place} of the NVS partition has no proper key")]
    Key {
        /// Where.
        place: Place,
        /// What is wrong with it.
        source: KeyError,
    },
    /// A namespace without a name, or two of one index or name.
    #[error("{place} of the NVS partition belongs to namespace {index}, which has no name, or two")]
    Namespace {
        /// Where.
        place: Place,
        /// Its index.
        index: u8,
    },
    /// A key twice in a namespace.
    #[error("`{namespace}/{key}` is in the NVS partition twice")]
    Doubled {
        /// The namespace.
        namespace: Key,
        /// The key.
        key: Key,
    },
    /// A text that does not end, or is none.
    #[error("{place} of the NVS partition is no text: it holds a NUL within, none at its end, or no UTF-8")]
    Text {
        /// Where.
        place: Place,
    },
    /// A blob whose chunks are not those that its index says.
    #[error("the blob `{namespace}/{key}` of the NVS partition is not whole")]
    Blob {
        /// The namespace.
        namespace: Key,
        /// The key.
        key: Key,
    },
}
