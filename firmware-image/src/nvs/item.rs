//! What a partition holds: values under keys in namespaces.

use std::fmt;

use zeroize::Zeroizing;

use super::Key;
use crate::plan::{Holding, Shown};

/// A value. Texts and blobs may be secret: they have no `Debug`, and are wiped.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// 8 bits, unsigned.
    U8(u8),
    /// 8 bits, signed.
    I8(i8),
    /// 16 bits, unsigned.
    U16(u16),
    /// 16 bits, signed.
    I16(i16),
    /// 32 bits, unsigned.
    U32(u32),
    /// 32 bits, signed.
    I32(i32),
    /// 64 bits, unsigned.
    U64(u64),
    /// 64 bits, signed.
    I64(i64),
    /// A text (`nvs_get_str`), without the NUL that ends it in the partition.
    Text(Zeroizing<String>),
    /// Bytes (`nvs_get_blob`).
    Blob(Zeroizing<Vec<u8>>),
}

impl Value {
    /// A text.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::Text(Zeroizing::new(text.to_owned()))
    }

    /// Bytes.
    #[must_use]
    pub fn blob(bytes: &[u8]) -> Self {
        Self::Blob(Zeroizing::new(bytes.to_vec()))
    }

    /// A number as text, if it is one.
    fn number(&self) -> Option<String> {
        Some(match self {
            Self::U8(number) => number.to_string(),
            Self::I8(number) => number.to_string(),
            Self::U16(number) => number.to_string(),
            Self::I16(number) => number.to_string(),
            Self::U32(number) => number.to_string(),
            Self::I32(number) => number.to_string(),
            Self::U64(number) => number.to_string(),
            Self::I64(number) => number.to_string(),
            Self::Text(_) | Self::Blob(_) => return None,
        })
    }

    /// Bytes that it has in the firmware's memory.
    fn length(&self) -> usize {
        match self {
            Self::U8(_) | Self::I8(_) => 1,
            Self::U16(_) | Self::I16(_) => 2,
            Self::U32(_) | Self::I32(_) => 4,
            Self::U64(_) | Self::I64(_) => 8,
            Self::Text(text) => text.len(),
            Self::Blob(bytes) => bytes.len(),
        }
    }
}

/// A value, where it lies, and whether it may be shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Item {
    /// The namespace (`nvs_open`).
    pub namespace: Key,
    /// The key in it.
    pub key: Key,
    /// The value.
    pub value: Value,
    secret: bool,
}

impl Item {
    /// A value that may be shown.
    #[must_use]
    pub fn public(namespace: Key, key: Key, value: Value) -> Self {
        Self { namespace, key, value, secret: false }
    }

    /// A value that must not be shown.
    #[must_use]
    pub fn secret(namespace: Key, key: Key, value: Value) -> Self {
        Self { namespace, key, value, secret: true }
    }

    /// What a plan says about it.
    #[must_use]
    pub fn holding(&self) -> Holding {
        let shown = match &self.value {
            _ if self.secret => Shown::Secret,
            Value::Text(text) => Shown::of_bytes(text.as_bytes()),
            Value::Blob(_) => Shown::Bytes,
            number => number.number().map_or(Shown::Bytes, Shown::Text),
        };
        Holding { name: format!("{}/{}", self.namespace, self.key), bytes: self.value.length(), shown }
    }
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Item({})", self.holding())
    }
}
