use firmware_image::secure_cert::{
    Entry, EntryType, KeyProtection, SecureCertError, read, with_integrity, write,
};

use crate::{bytes, says};

/// Written by esp-secure-cert-tool 2.6.1 (`TlvPartitionBuilder.add_tlv_entry(51, 2, b'0ne00ABCDEF', 0)`).
const GOLDEN: &str = "11ba5eba 00 000000 33 02 0b00 306e6530304142434445460000000000 ba0fddea";
/// The same of `(51, 0, b'0ne', 0)`: most of the data is padding.
const SHORT: &str = "11ba5eba 00 000000 33 00 0300 306e6500000000000000000000000000 a42d1b92";

fn entry() -> Entry {
    let mut entry = Entry::new(EntryType::USER_DATA_1, b"0ne00ABCDEF");
    entry.subtype = 2;
    entry
}

fn corrupt(change: impl FnOnce(&mut Vec<u8>)) -> SecureCertError {
    let mut partition = write(&with_integrity(vec![entry()]).unwrap()).unwrap();
    partition.resize(0x100, 0xff);
    change(&mut partition);
    read(&partition).unwrap_err()
}

#[test]
fn an_entry_is_these_bytes() {
    assert_eq!(*write(&[entry()]).unwrap(), bytes(GOLDEN));
    assert!(read(&bytes(GOLDEN)).unwrap() == [entry()]);
    assert_eq!(*write(&[Entry::new(EntryType::USER_DATA_1, b"0ne")]).unwrap(), bytes(SHORT));
}

#[test]
fn the_protection_of_a_key_is_kept() {
    for protection in
        [KeyProtection::HmacEncrypted, KeyProtection::HmacDerived, KeyProtection::EcdsaPeripheral]
    {
        let mut key = Entry::new(EntryType::PRIVATE_KEY, &[]);
        key.protection = protection;
        assert!(read(&write(&[key.clone()]).unwrap()).unwrap() == [key]);
    }
}

#[test]
fn entries_that_cannot_be_are_refused() {
    let long = Entry::new(EntryType::DEVICE_CERTIFICATE, &vec![0; 65536]);
    says(&write(&[long]).unwrap_err(), &["device certificate", "65536 bytes", "65535"]);
    says(&write(&[entry(), entry()]).unwrap_err(), &["user data 1", "subtype 2"]);
    let mut none = entry();
    none.subtype = 255;
    says(&write(&[none]).unwrap_err(), &["subtype 255"]);
}

#[test]
fn a_partition_that_was_changed_is_refused_with_its_place() {
    says(&corrupt(|partition| partition[0x10] ^= 1), &["byte 0x0", "CRC"]);
    says(&corrupt(|partition| partition[0x30] ^= 1), &["byte 0x20", "CRC"]);
    says(&corrupt(|partition| partition[0] ^= 1), &["0xba5eba10", "0xba5eba11"]);
    says(&corrupt(|partition| partition.fill(0xff)), &["0xffffffff"]);
    says(&corrupt(Vec::clear), &["no esp_secure_cert entry"]);
    says(&corrupt(|partition| partition[0x20] = 0), &["byte 0x20", "other than 0xff"]);
    says(&corrupt(|partition| partition[0xf0] = 0), &["byte 0xf0", "other than 0xff"]);
    says(&corrupt(|partition| partition[11] = 2), &["byte 0x0", "past the end"]);
    says(&corrupt(|partition| partition.truncate(0x28)), &["byte 0x20", "past the end"]);
    // A whole entry taken from another partition: its own CRC is right, the digest is not.
    let mut other = entry();
    other.subtype = 3;
    let other = write(&[other]).unwrap();
    says(&corrupt(|partition| partition[..0x20].copy_from_slice(&other)), &["byte 0x20", "digest"]);
    let mut flags = bytes(GOLDEN);
    flags[4] = 1;
    says(&read(&flags).unwrap_err(), &["CRC"]);
}
