//! ESP-IDF's key-value storage (NVS): a partition's bytes from its entries, and back.
//!
//! Source: ESP-IDF Programming Guide, *Non-Volatile Storage Library* (Internals: Structure of a Page, Entry and Entry State
//! Bitmap, Structure of Entry) and *NVS Encryption*. What is written is what `esp-idf-nvs-partition-gen` writes of the same
//! entries, byte for byte.
//!
//! A partition is pages of 4096 bytes: a header (32 bytes), two bits for the state of each entry (32 bytes), 126 entries of
//! 32 bytes. A number is one entry. A text is a head and its bytes, all on one page. A blob is chunks of up to a page, and
//! an index of them. One page is kept free for the firmware to work with.

mod entry;
mod item;
mod key;
mod keys;
mod page;
mod read;
mod reading;
mod write;

pub use item::{Item, Value};
pub use key::{Key, KeyError};
pub use keys::{Keys, KeysError};
pub use read::read;
pub use reading::{Place, ReadError};
pub use write::{WriteError, write};

/// Bytes of a page: one sector of the flash.
pub const PAGE: u32 = 4096;
