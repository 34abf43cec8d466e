//! A partition's bytes from its entries.

use std::collections::HashSet;

use thiserror::Error;
use zeroize::Zeroizing;

use super::entry::{Entry, LENGTH, NO_CHUNK, entries_of, kind};
use super::page::{FIRST, PAGE, Page};
use super::{Item, Key, Keys, Value};

/// Pages from which on one is kept free for the firmware; a smaller partition can only be read.
const WRITABLE: usize = 3;
/// Most bytes of a text, its NUL included: a page less the head.
const LONGEST_TEXT: usize = 4000;
/// Most chunks of a blob: their numbers are 0 to 126, those of the firmware's next version of it 128 to 254.
const MOST_CHUNKS: usize = 127;
/// Most namespaces: 0 and 255 are none.
const MOST_NAMESPACES: usize = 254;

/// Why entries cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WriteError {
    /// No whole pages.
    #[error("an NVS partition has a multiple of {PAGE} bytes, at least {PAGE}; this one has {size}")]
    Size {
        /// Bytes that it has.
        size: u32,
    },
    /// More than fits.
    #[error("the entries need {needed} pages, the partition has {pages}: give it {} bytes", needed * PAGE)]
    Overflow {
        /// Pages that are needed, from three on with the one that stays free.
        needed: usize,
        /// Pages that it has.
        pages: usize,
    },
    /// A key twice in a namespace.
    #[error("`{namespace}/{key}` is given twice")]
    Doubled {
        /// The namespace.
        namespace: Key,
        /// The key.
        key: Key,
    },
    /// A text that no page has room for.
    #[error("the text `{namespace}/{key}` has {bytes} bytes, {} is the most: make it a blob", LONGEST_TEXT - 1)]
    LongText {
        /// The namespace.
        namespace: Key,
        /// The key.
        key: Key,
        /// Bytes of the text.
        bytes: usize,
    },
    /// A text that would be cut off when it is read.
    #[error("the text `{namespace}/{key}` holds a NUL at byte {at}, which would end it: make it a blob")]
    Nul {
        /// The namespace.
        namespace: Key,
        /// The key.
        key: Key,
        /// From 0.
        at: usize,
    },
    /// A blob of too many chunks.
    #[error("the blob `{namespace}/{key}` has {bytes} bytes and takes more than {MOST_CHUNKS} chunks")]
    LongBlob {
        /// The namespace.
        namespace: Key,
        /// The key.
        key: Key,
        /// Bytes of the blob.
        bytes: usize,
    },
    /// Too many namespaces.
    #[error("there are more than {MOST_NAMESPACES} namespaces")]
    ManyNamespaces,
}

/// The bytes of a partition of `size` bytes, in the order of the items; encrypted where keys are given. From three pages
/// on the last one stays free for the firmware; a smaller one is for a partition with the flag `readonly`.
///
/// ```
/// use firmware_image::nvs::{Item, Value, read, write};
///
/// let item = Item::public("azure".parse()?, "id_scope".parse()?, Value::text("0ne00ABCDEF"));
/// let partition = write(&[item.clone()], 0x3000, None)?;
/// assert!(read(&partition, None)?[0].value == item.value);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`WriteError`]: they do not fit; a key is given twice; a text or blob is too long.
pub fn write(items: &[Item], size: u32, keys: Option<&Keys>) -> Result<Zeroizing<Vec<u8>>, WriteError> {
    let pages = size as usize / PAGE;
    if pages == 0 || !(size as usize).is_multiple_of(PAGE) {
        return Err(WriteError::Size { size });
    }
    let mut writer = Writer { pages: vec![Page::new(0)], namespaces: Vec::new(), keys: HashSet::new() };
    for item in items {
        writer.item(item)?;
    }
    let used = writer.pages.len();
    let needed = if used < WRITABLE { used } else { used + 1 };
    if needed > pages {
        return Err(WriteError::Overflow { needed, pages });
    }
    let mut bytes = Zeroizing::new(vec![0xff; size as usize]);
    for (number, page) in writer.pages.iter().enumerate() {
        bytes[number * PAGE..(number + 1) * PAGE].copy_from_slice(page.bytes());
        if let Some(keys) = keys {
            encrypt(&mut bytes, number * PAGE + FIRST, page.used(), keys);
        }
    }
    Ok(bytes)
}

/// Encrypts the first entries of a page; `first`: where they begin in the partition.
fn encrypt(partition: &mut [u8], first: usize, used: usize, keys: &Keys) {
    let cipher = keys.cipher();
    let (entries, _) = partition[first..first + used * LENGTH].as_chunks_mut::<LENGTH>();
    for (index, entry) in entries.iter_mut().enumerate() {
        cipher.encrypt(entry, first + index * LENGTH);
    }
}

struct Writer<'a> {
    pages: Vec<Page>,
    /// In the order of their indexes, which begin with 1.
    namespaces: Vec<&'a Key>,
    keys: HashSet<(&'a Key, &'a Key)>,
}

impl<'a> Writer<'a> {
    fn item(&mut self, item: &'a Item) -> Result<(), WriteError> {
        let Item { namespace, key, .. } = item;
        if !self.keys.insert((namespace, key)) {
            return Err(WriteError::Doubled { namespace: namespace.clone(), key: key.clone() });
        }
        let index = self.namespace(namespace)?;
        match &item.value {
            Value::U8(number) => self.number(index, kind::U8, key, &number.to_le_bytes()),
            Value::I8(number) => self.number(index, kind::I8, key, &number.to_le_bytes()),
            Value::U16(number) => self.number(index, kind::U16, key, &number.to_le_bytes()),
            Value::I16(number) => self.number(index, kind::I16, key, &number.to_le_bytes()),
            Value::U32(number) => self.number(index, kind::U32, key, &number.to_le_bytes()),
            Value::I32(number) => self.number(index, kind::I32, key, &number.to_le_bytes()),
            Value::U64(number) => self.number(index, kind::U64, key, &number.to_le_bytes()),
            Value::I64(number) => self.number(index, kind::I64, key, &number.to_le_bytes()),
            Value::Text(text) => self.text(index, item, text)?,
            Value::Blob(bytes) => self.blob(index, item, bytes)?,
        }
        Ok(())
    }

    /// A namespace's index; the entry that names it is written when it is met first.
    fn namespace(&mut self, namespace: &'a Key) -> Result<u8, WriteError> {
        let position = self.namespaces.iter().position(|known| *known == namespace);
        if position.is_none() && self.namespaces.len() == MOST_NAMESPACES {
            return Err(WriteError::ManyNamespaces);
        }
        // 254 at most.
        let index = position.unwrap_or(self.namespaces.len()) as u8 + 1;
        if position.is_none() {
            self.namespaces.push(namespace);
            self.number(0, kind::U8, namespace, &[index]);
        }
        Ok(index)
    }

    fn number(&mut self, namespace: u8, kind: u8, key: &Key, number: &[u8]) {
        self.page_with(1).push(&Entry::new(namespace, kind, 1, NO_CHUNK, key, number));
    }

    fn text(&mut self, namespace: u8, item: &Item, text: &str) -> Result<(), WriteError> {
        let at = |namespace: &Key, key: &Key| (namespace.clone(), key.clone());
        if let Some(nul) = text.bytes().position(|byte| byte == 0) {
            let (namespace, key) = at(&item.namespace, &item.key);
            return Err(WriteError::Nul { namespace, key, at: nul });
        }
        if text.len() >= LONGEST_TEXT {
            let (namespace, key) = at(&item.namespace, &item.key);
            return Err(WriteError::LongText { namespace, key, bytes: text.len() });
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() + 1));
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(0);
        let entries = 1 + entries_of(bytes.len());
        // The reference generator moves a text to the next page that would fill its page to the last entry. (Where a page
        // of its own has no entry to spare, it fails; here the text fills that page.)
        let wanted = (entries + 1).min(super::page::ENTRIES);
        let page = self.page_with(wanted);
        page.push(&Entry::head(namespace, kind::TEXT, NO_CHUNK, &item.key, &bytes));
        page.push_bytes(&bytes);
        Ok(())
    }

    fn blob(&mut self, namespace: u8, item: &Item, bytes: &[u8]) -> Result<(), WriteError> {
        let long = || WriteError::LongBlob {
            namespace: item.namespace.clone(),
            key: item.key.clone(),
            bytes: bytes.len(),
        };
        // The index says the length in 32 bits.
        let length = u32::try_from(bytes.len()).map_err(|_| long())?;
        let mut rest = bytes;
        let mut chunks = 0;
        loop {
            if usize::from(chunks) == MOST_CHUNKS {
                return Err(long());
            }
            // A page with one free entry takes a chunk of no bytes, as with the reference generator.
            let page = self.page_with(1);
            let room = (page.free() - 1) * LENGTH;
            let (chunk, behind) = rest.split_at(room.min(rest.len()));
            page.push(&Entry::head(namespace, kind::CHUNK, chunks, &item.key, chunk));
            page.push_bytes(chunk);
            chunks += 1;
            rest = behind;
            if rest.is_empty() {
                break;
            }
        }
        let [a, b, c, d] = length.to_le_bytes();
        let index = [a, b, c, d, chunks, 0];
        self.page_with(1).push(&Entry::new(namespace, kind::INDEX, 1, NO_CHUNK, &item.key, &index));
        Ok(())
    }

    /// The last page, or a new one where that has fewer free entries.
    fn page_with(&mut self, entries: usize) -> &mut Page {
        let number = self.pages.len();
        if let Some(last) = self.pages.last_mut().filter(|page| page.free() < entries) {
            last.close();
            // A page has 4096 bytes: their number fits into 32 bits.
            self.pages.push(Page::new(number as u32));
        }
        let last = self.pages.len() - 1;
        &mut self.pages[last]
    }
}
