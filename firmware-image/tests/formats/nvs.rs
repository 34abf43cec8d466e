use firmware_image::nvs::{Item, Key, Keys, ReadError, Value, WriteError, read, write};
use zeroize::Zeroizing;

use crate::{bytes, says};

/// Written by esp-idf-nvs-partition-gen 0.3.0 of the items below; 0xff follows.
const GOLDEN: &str = "
    feffffff 00000000 fe ffffffffffffffffffffffffffffffffffffff 842dbab9
    aaeaffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff
    000101ff 3fddf91e 617a7572650000000000000000000000 01ffffffffffffff
    010201ff 2b726601 706f7274000000000000000000000000 b322ffffffffffff
    012102ff dd7c8049 69645f73636f70650000000000000000 0c00ffffafb7fd0e
    306e653030414243444546 00 ffffffffffffffffffffffffffffffffffffffff
    01420200 1f30a1c7 6b657900000000000000000000000000 0400fffff0a60255
    00010203 ffffffffffffffffffffffffffffffffffffffffffffffffffffffff
    014801ff 5e78976c 6b657900000000000000000000000000 040000000100ffff";
/// The first two entries of the same, encrypted by it under the keys 00 01 02 … 3f.
const ENCRYPTED: &str = "
    6381ad4ee991f187be89c608889bb77052f886eabd5d12a2f4f453aa926c86e4
    da8ac98ee9982d427b28512ba882c7a9a9e5fc1a12dced51dc2f4a6c337787c7";
/// CRC-32 of those keys, by Python's zlib.crc32(…, 0xffffffff).
const KEYS_CRC: u32 = 0x9a7c_5245;

fn key(text: &str) -> Key {
    text.parse().unwrap()
}

fn item(name: &str, value: Value) -> Item {
    Item::secret(key("azure"), key(name), value)
}

fn items() -> [Item; 3] {
    [
        item("port", Value::U16(8883)),
        item("id_scope", Value::text("0ne00ABCDEF")),
        item("key", Value::blob(&[0, 1, 2, 3])),
    ]
}

fn keys() -> Keys {
    Keys::new(Zeroizing::new(std::array::from_fn(|index| index as u8)))
}

/// What reading says once the written partition was changed.
fn corrupt(change: impl FnOnce(&mut [u8])) -> ReadError {
    let mut partition = write(&items(), 0x3000, None).unwrap();
    change(&mut partition);
    read(&partition, None).err().unwrap()
}

#[test]
fn a_partition_is_these_bytes() {
    let (plain, golden) = (write(&items(), 0x3000, None).unwrap(), bytes(GOLDEN));
    assert_eq!(plain[..golden.len()], golden);
    assert!(plain[golden.len()..].iter().all(|byte| *byte == 0xff));
    let encrypted = write(&items(), 0x3000, Some(&keys())).unwrap();
    assert_eq!(encrypted[64..128], bytes(ENCRYPTED));
    assert_eq!(encrypted[..64], plain[..64]);
    assert_eq!(encrypted[golden.len()..], plain[golden.len()..]);
    assert!(read(&encrypted, Some(&keys())).unwrap() == items());
}

#[test]
fn the_keys_partition_is_read_as_it_is_written() {
    let partition = keys().to_partition();
    assert_eq!(partition.len(), 4096);
    assert_eq!(partition[64..68], KEYS_CRC.to_le_bytes());
    assert!(Keys::from_partition(&partition).unwrap() == keys());
    let mut changed = partition.clone();
    changed[3] ^= 1;
    says(&Keys::from_partition(&changed).unwrap_err(), &["corrupt"]);
    says(&Keys::from_partition(&[0xff; 4096]).unwrap_err(), &["blank"]);
    says(&Keys::from_partition(&partition[..68]).unwrap_err(), &["4096", "68"]);
}

#[test]
fn keys_longer_than_fifteen_characters_are_refused() {
    assert_eq!(key("fifteen_charact").as_str().len(), 15);
    says(&"sixteen_characte".parse::<Key>().unwrap_err(), &["`sixteen_characte`", "16 characters", "15"]);
    says(&"".parse::<Key>().unwrap_err(), &["there is none"]);
    says(&"clé".parse::<Key>().unwrap_err(), &["'é'", "ASCII"]);
    says(&"a\0b".parse::<Key>().unwrap_err(), &["'\\0'"]);
}

#[test]
fn what_does_not_fit_says_how_many_pages_it_needs() {
    let refused = |items: &[Item], size| write(items, size, None).unwrap_err();
    let blob = [item("blob", Value::blob(&[7; 20_000]))];
    // 625 entries of data, a head on each page, the namespace and the index: six pages, and the one that stays free.
    says(&refused(&blob, 0x3000), &["need 7 pages", "has 3", "28672 bytes"]);
    assert!(write(&blob, 0x7000, None).is_ok());
    assert_eq!(refused(&blob, 0x6000), WriteError::Overflow { needed: 7, pages: 6 });
    says(&refused(&blob, 0x3001), &["multiple of 4096", "12289"]);
    says(&refused(&blob, 0), &["multiple of 4096"]);
}

#[test]
fn values_that_the_firmware_could_not_read_are_refused() {
    let refused = |value| write(&[item("k", value)], 0x10_0000, None).unwrap_err();
    says(&refused(Value::text(&"a".repeat(4000))), &["`azure/k`", "4000 bytes", "3999", "make it a blob"]);
    assert!(write(&[item("k", Value::text(&"a".repeat(3999)))], 0x4000, None).is_ok());
    says(&refused(Value::text("a\0b")), &["`azure/k`", "NUL at byte 1"]);
    says(&refused(Value::blob(&vec![0; 127 * 4000])), &["`azure/k`", "508000 bytes", "127 chunks"]);
    assert!(write(&[item("k", Value::blob(&vec![0; 126 * 4000]))], 0x10_0000, None).is_ok());
    let twice = [item("k", Value::U8(1)), item("k", Value::text(""))];
    says(&write(&twice, 0x3000, None).unwrap_err(), &["`azure/k`", "twice"]);
    let namespaces: Vec<_> =
        (0..255).map(|number| Item::public(key(&format!("n{number}")), key("k"), Value::U8(1))).collect();
    assert!(write(&namespaces[..254], 0x10_000, None).is_ok());
    says(&write(&namespaces, 0x10_000, None).unwrap_err(), &["254 namespaces"]);
}

#[test]
fn the_longest_text_fills_a_page_of_its_own() {
    let long = item("long", Value::text(&"a".repeat(3999)));
    let written =
        write(&[item("first", Value::U8(1)), long.clone(), item("last", Value::U8(2))], 0x4000, None)
            .unwrap();
    assert!(read(&written, None).unwrap()[1] == long);
}

#[test]
fn a_partition_that_was_changed_is_refused_with_its_place() {
    says(&corrupt(|partition| partition[4] ^= 1), &["header of page 0"]);
    says(&corrupt(|partition| partition[0] = 0xf8), &["page 0", "0xfffffff8"]);
    says(&corrupt(|partition| partition[0..4].fill(0xff)), &["page 0", "not blank"]);
    says(&corrupt(|partition| partition[0x2000] = 0), &["page 2"]);
    says(&corrupt(|partition| partition[0x1008] = 0), &["page 1", "not blank"]);
    says(&corrupt(|partition| partition[32] = 0xa9), &["entry 0 of page 0", "no state"]);
    says(&corrupt(|partition| partition[0x68] ^= 1), &["entry 1 of page 0", "corrupt"]);
    says(&corrupt(|partition| partition[0xa0] ^= 1), &["entry 2 of page 0", "corrupt"]);
    says(&corrupt(|partition| partition[0xe0] ^= 1), &["entry 4 of page 0", "corrupt"]);
    // Entry 3, the bytes of a text, erased: two bits cleared.
    says(&corrupt(|partition| partition[32] &= 0b0011_1111), &["entry 2 of page 0", "no state"]);
    // Entry 6, the index, erased: its chunk is left alone.
    says(&corrupt(|partition| partition[33] &= 0b1100_1111), &["`azure/key`", "not whole"]);
    // Entries 4 and 5, the chunk, erased: its index is left alone.
    says(&corrupt(|partition| partition[33] &= 0b1111_0000), &["`azure/key`", "not whole"]);
    // Entry 0, the namespace, erased.
    says(&corrupt(|partition| partition[32] &= 0b1111_1100), &["entry 1 of page 0", "namespace 1"]);
    says(&read(&[0xff; 4097], None).err().unwrap(), &["4097"]);
    assert!(read(&[0xff; 4096], None).unwrap().is_empty());
}

#[test]
fn wrong_keys_or_none_are_told() {
    let encrypted = write(&items(), 0x3000, Some(&keys())).unwrap();
    says(&read(&encrypted, None).err().unwrap(), &["entry 0 of page 0", "other keys"]);
    let others = Keys::new(Zeroizing::new([9; 64]));
    says(&read(&encrypted, Some(&others)).err().unwrap(), &["entry 0 of page 0", "other keys"]);
    let plain = write(&items(), 0x3000, None).unwrap();
    says(&read(&plain, Some(&keys())).err().unwrap(), &["other keys"]);
}

/// As a device leaves it: an entry erased, the pages in another order than their numbers.
#[test]
fn a_partition_that_a_device_worked_with_is_read() {
    let blob = item("blob", Value::blob(&[7; 6000]));
    let written =
        write(&[item("port", Value::U16(1)), blob.clone(), item("last", Value::U8(2))], 0x4000, None)
            .unwrap();
    let mut moved = Zeroizing::new(written[0x1000..0x2000].to_vec());
    moved.extend_from_slice(&[0xff; 0x1000]);
    moved.extend_from_slice(&written[..0x1000]);
    moved[0x2020] &= 0b1111_0011;
    assert!(read(&moved, None).unwrap() == [blob, item("last", Value::U8(2))]);
    // Encrypted entries can't be moved: where they lie is in their tweak.
    let encrypted = write(&[item("last", Value::U8(2))], 0x3000, Some(&keys())).unwrap();
    let moved = [&encrypted[0x1000..], &encrypted[..0x1000]].concat();
    assert!(read(&moved, Some(&keys())).is_err());
    // Two pages of one number.
    let doubled = [&written[..0x1000], &written[..0x1000]].concat();
    says(&read(&doubled, None).err().unwrap(), &["pages 0 and 1", "sequence number"]);
}
