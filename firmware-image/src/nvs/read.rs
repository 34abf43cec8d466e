//! Entries from a partition's bytes.

use std::collections::{BTreeMap, HashMap, HashSet};

use zeroize::Zeroizing;

use super::entry::{Entry, LENGTH, entries_of, kind};
use super::keys::Cipher;
use super::page::{ACTIVE, ENTRIES, FIRST, FULL, PAGE, VERSION_1, VERSION_2, header_crc};
use super::{Item, Key, Keys, Place, ReadError, Value};

/// Two bits that say that an entry is written.
const WRITTEN: u8 = 0b10;
/// Two bits that say that an entry was written and is no more.
const ERASED: u8 = 0b00;
/// Two bits that say that an entry is free.
const FREE: u8 = 0b11;

/// Reads a partition, in the order of its entries; with keys, an encrypted one. All values are taken to be secret. A
/// partition that a device has worked with is read too: pages in any order, erased entries.
///
/// # Errors
/// [`ReadError`]: corrupt, not whole, or encrypted under other keys.
pub fn read(partition: &[u8], keys: Option<&Keys>) -> Result<Vec<Item>, ReadError> {
    let (pages, rest) = partition.as_chunks::<PAGE>();
    if pages.is_empty() || !rest.is_empty() {
        return Err(ReadError::Size { bytes: partition.len() });
    }
    let cipher = keys.map(Keys::cipher);
    let mut entries = Vec::new();
    for number in in_sequence(pages)? {
        read_page(number, &pages[number], cipher.as_ref(), &mut entries)?;
    }
    items(&entries)
}

/// The pages that are in use, by their sequence numbers.
fn in_sequence(pages: &[[u8; PAGE]]) -> Result<Vec<usize>, ReadError> {
    let mut in_use = BTreeMap::new();
    for (page, bytes) in pages.iter().enumerate() {
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        match word(0) {
            u32::MAX if bytes.iter().all(|byte| *byte == 0xff) => continue,
            u32::MAX => return Err(ReadError::NotBlank { page }),
            ACTIVE | FULL => {}
            state => return Err(ReadError::PageState { page, state }),
        }
        if word(28) != header_crc(bytes) || !matches!(bytes[8], VERSION_1 | VERSION_2) {
            return Err(ReadError::Header { page });
        }
        if let Some(first) = in_use.insert(word(4), page) {
            return Err(ReadError::Sequence { first, second: page });
        }
    }
    Ok(in_use.into_values().collect())
}

/// An entry, and the bytes that follow it.
struct Found {
    place: Place,
    entry: Entry,
    bytes: Zeroizing<Vec<u8>>,
}

fn read_page(
    number: usize,
    page: &[u8],
    cipher: Option<&Cipher>,
    found: &mut Vec<Found>,
) -> Result<(), ReadError> {
    let state = |entry: usize| page[32 + entry / 4] >> (entry % 4 * 2) & 0b11;
    let bytes_of = |entry: usize| {
        let at = FIRST + entry * LENGTH;
        let mut bytes = Zeroizing::new([0; LENGTH]);
        bytes.copy_from_slice(&page[at..at + LENGTH]);
        if let Some(cipher) = cipher {
            cipher.decrypt(&mut bytes, number * PAGE + at);
        }
        bytes
    };
    let mut at = 0;
    while at < ENTRIES {
        let place = Place { page: number, entry: at };
        match state(at) {
            FREE | ERASED => at += 1,
            WRITTEN => {
                let entry = Entry::from_bytes(*bytes_of(at));
                if entry.stored_crc() != entry.computed_crc() {
                    return Err(ReadError::Crc { place });
                }
                let span = entry.span();
                if !(1..=ENTRIES - at).contains(&span) {
                    return Err(ReadError::Span { place, span });
                }
                if (at..at + span).any(|entry| state(entry) != WRITTEN) {
                    return Err(ReadError::EntryState { place });
                }
                let mut bytes = Zeroizing::new(Vec::with_capacity((span - 1) * LENGTH));
                (at + 1..at + span).for_each(|entry| bytes.extend_from_slice(&*bytes_of(entry)));
                found.push(whole(Found { place, entry, bytes })?);
                at += span;
            }
            _ => return Err(ReadError::EntryState { place }),
        }
    }
    Ok(())
}

/// Cuts the bytes that follow an entry to their length, if span and checksum agree with it.
fn whole(mut found: Found) -> Result<Found, ReadError> {
    let place = found.place;
    let span = found.entry.span();
    let length = match found.entry.kind() {
        kind::TEXT | kind::CHUNK | kind::OLD_BLOB => found.entry.following(),
        _ => 0,
    };
    if span != 1 + entries_of(length) {
        return Err(ReadError::Span { place, span });
    }
    found.bytes.truncate(length);
    if span > 1 && crate::crc::esp_crc32(&[&found.bytes]) != found.entry.following_crc() {
        return Err(ReadError::Crc { place });
    }
    Ok(found)
}

/// A key within the namespace of that index.
type Name = (u8, String);

fn items(entries: &[Found]) -> Result<Vec<Item>, ReadError> {
    let namespaces = namespaces(entries)?;
    let mut chunks = HashMap::new();
    for found in entries.iter().filter(|found| found.entry.kind() == kind::CHUNK) {
        let name: Name = (found.entry.namespace(), found.entry.key());
        if chunks.insert((name, found.entry.chunk()), &found.bytes).is_some() {
            let (namespace, key) = names(found, &namespaces)?;
            return Err(ReadError::Doubled { namespace, key });
        }
    }
    let (mut items, mut seen) = (Vec::new(), HashSet::new());
    for found in
        entries.iter().filter(|found| found.entry.namespace() != 0 && found.entry.kind() != kind::CHUNK)
    {
        let (namespace, key) = names(found, &namespaces)?;
        if !seen.insert((namespace.clone(), key.clone())) {
            return Err(ReadError::Doubled { namespace, key });
        }
        let value = match found.entry.kind() {
            kind::INDEX => blob(found, &mut chunks)
                .ok_or_else(|| ReadError::Blob { namespace: namespace.clone(), key: key.clone() })?,
            _ => value(found)?,
        };
        items.push(Item::secret(namespace, key, value));
    }
    // Chunks that no index told of: a blob that was never finished.
    if let Some(found) = entries.iter().find(|found| {
        chunks.contains_key(&((found.entry.namespace(), found.entry.key()), found.entry.chunk()))
            && found.entry.kind() == kind::CHUNK
    }) {
        let (namespace, key) = names(found, &namespaces)?;
        return Err(ReadError::Blob { namespace, key });
    }
    Ok(items)
}

/// The names of the namespaces, by their indexes.
fn namespaces(entries: &[Found]) -> Result<HashMap<u8, Key>, ReadError> {
    let mut namespaces = HashMap::new();
    for found in entries.iter().filter(|found| found.entry.namespace() == 0) {
        let (place, [index]) = (found.place, found.entry.number::<1>());
        if found.entry.kind() != kind::U8 {
            return Err(ReadError::Kind { place, kind: found.entry.kind() });
        }
        let name: Key = found.entry.key().parse().map_err(|source| ReadError::Key { place, source })?;
        let known = namespaces.values().any(|known| *known == name);
        if known || matches!(index, 0 | 0xff) || namespaces.insert(index, name).is_some() {
            return Err(ReadError::Namespace { place, index });
        }
    }
    Ok(namespaces)
}

fn names(found: &Found, namespaces: &HashMap<u8, Key>) -> Result<(Key, Key), ReadError> {
    let (place, index) = (found.place, found.entry.namespace());
    let namespace = namespaces.get(&index).ok_or(ReadError::Namespace { place, index })?.clone();
    let key = found.entry.key().parse().map_err(|source| ReadError::Key { place, source })?;
    Ok((namespace, key))
}

fn value(found: &Found) -> Result<Value, ReadError> {
    let (place, entry) = (found.place, &found.entry);
    Ok(match entry.kind() {
        kind::U8 => Value::U8(u8::from_le_bytes(entry.number())),
        kind::I8 => Value::I8(i8::from_le_bytes(entry.number())),
        kind::U16 => Value::U16(u16::from_le_bytes(entry.number())),
        kind::I16 => Value::I16(i16::from_le_bytes(entry.number())),
        kind::U32 => Value::U32(u32::from_le_bytes(entry.number())),
        kind::I32 => Value::I32(i32::from_le_bytes(entry.number())),
        kind::U64 => Value::U64(u64::from_le_bytes(entry.number())),
        kind::I64 => Value::I64(i64::from_le_bytes(entry.number())),
        kind::TEXT => {
            let text = found.bytes.strip_suffix(&[0]).filter(|text| !text.contains(&0));
            let text = text.and_then(|text| std::str::from_utf8(text).ok());
            Value::text(text.ok_or(ReadError::Text { place })?)
        }
        kind::OLD_BLOB => Value::Blob(found.bytes.clone()),
        kind => return Err(ReadError::Kind { place, kind }),
    })
}

/// Takes the chunks that an index tells of.
fn blob(index: &Found, chunks: &mut HashMap<(Name, u8), &Zeroizing<Vec<u8>>>) -> Option<Value> {
    let (length, count, first) = index.entry.index();
    let name: Name = (index.entry.namespace(), index.entry.key());
    let mut parts = Vec::new();
    for number in 0..count {
        parts.push(chunks.remove(&(name.clone(), first.checked_add(number)?))?);
    }
    let all: usize = parts.iter().map(|part| part.len()).sum();
    let mut bytes = Zeroizing::new(Vec::with_capacity(all));
    parts.iter().for_each(|part| bytes.extend_from_slice(part));
    (all == length as usize && count > 0).then_some(Value::Blob(bytes))
}
