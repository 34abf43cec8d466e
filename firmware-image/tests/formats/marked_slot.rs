use firmware_image::marked_slot::{Marker, Record, read, write};
use firmware_image::{Image, format};

use crate::{bytes, says};

/// Type 1, "unit1"; the CRC by Python's zlib.crc32.
const GOLDEN: &str = "0100 0500 756e697431 ffffff 4348e052";

fn marker() -> Marker {
    Marker::new(b"unit-data-slot-1").unwrap()
}

fn firmware(before: usize, capacity: u32) -> Vec<u8> {
    [
        vec![0; before],
        b"unit-data-slot-1".to_vec(),
        capacity.to_le_bytes().to_vec(),
        vec![0xff; 64],
        vec![7; 8],
    ]
    .concat()
}

fn refused(firmware: &[u8], words: &[&str]) {
    says(&marker().find("unit", &format::raw_at(0x1000, firmware).unwrap()).unwrap_err(), words);
}

#[test]
fn records_are_these_bytes() {
    assert_eq!(*write(&[Record::public(1, b"unit1").unwrap()]).unwrap(), bytes(GOLDEN));
    let slot = [bytes(GOLDEN), vec![0xff; 16]].concat();
    let records = read(&slot).unwrap();
    assert_eq!((records.len(), records[0].record_type(), records[0].value()), (1, 1, &b"unit1"[..]));
    assert!(read(&[0xff; 3]).unwrap().is_empty());
    assert!(read(&[]).unwrap().is_empty());
}

#[test]
fn records_that_were_changed_are_refused_with_their_place() {
    let corrupt = |at: usize, byte: u8| {
        let mut slot = [bytes(GOLDEN), bytes(GOLDEN), vec![0xff; 16]].concat();
        slot[0x10] = 2;
        let crc = crc32fast::hash(&slot[0x10..0x1c]).to_le_bytes();
        slot[0x1c..0x20].copy_from_slice(&crc);
        assert_eq!(read(&slot).unwrap().len(), 2);
        slot[at] = byte;
        read(&slot).err().unwrap()
    };
    says(&corrupt(4, 0), &["byte 0x0", "0x52e04843"]);
    says(&corrupt(0x14, 0), &["byte 0x10", "CRC"]);
    says(&corrupt(0x12, 0xf0), &["byte 0x10", "past its end"]);
    says(&corrupt(0x2f, 0), &["byte 0x2f", "other than 0xff"]);
    says(&read(&[bytes(GOLDEN), bytes(GOLDEN)].concat()).err().unwrap(), &["0x0001", "twice"]);
}

#[test]
fn records_that_cannot_be_are_refused() {
    says(&Record::public(0xffff, b"").err().unwrap(), &["0xffff"]);
    says(&Record::secret(2, &vec![0; 65536]).err().unwrap(), &["0x0002", "65536"]);
    let twice = [Record::public(1, b"a").unwrap(), Record::secret(1, b"b").unwrap()];
    says(&write(&twice).err().unwrap(), &["0x0001", "twice"]);
}

#[test]
fn a_slot_is_found_by_its_marker() {
    let image = format::raw_at(0x1000, &firmware(0x20, 64)).unwrap();
    assert_eq!(marker().find("unit", &image).unwrap().to_string(), "`unit` (0x1034..0x1074)");
}

#[test]
fn a_marker_that_is_not_there_once_is_refused() {
    refused(b"firmware without", &["unit-data-slot-1", "not hold"]);
    let twice = [firmware(0x20, 64), firmware(0, 64)].concat();
    refused(&twice, &["more than once", "0x1020..0x1030", "0x107c..0x108c"]);
    // In another segment, too.
    let mut apart = format::raw_at(0x1000, &firmware(0, 64)).unwrap();
    apart.insert(0x9000, b"unit-data-slot-1").unwrap();
    says(&marker().find("unit", &apart).unwrap_err(), &["0x1000..0x1010", "0x9000..0x9010"]);
    says(&marker().find("unit", &Image::default()).unwrap_err(), &["not hold"]);
}

#[test]
fn a_slot_that_is_misaligned_or_has_no_capacity_is_refused() {
    refused(&firmware(0x21, 64), &["0x1021..0x1031", "0x1024..0x1034", "aligned(4)"]);
    refused(&firmware(0x20, 0), &["0x1020..0x1030", "0 bytes"]);
    refused(&firmware(0x20, 63), &["63 bytes", "multiple of four"]);
    refused(&firmware(0x20, 0xffff_fff0), &["4294967280 bytes"]);
    refused(b"unit-data-slot-1\x40\0", &["0x1000..0x1010", "0 bytes"]);
    // It reaches over a gap into what is not its own.
    let mut apart = format::raw_at(0x1000, &firmware(0, 128)[..84]).unwrap();
    apart.insert(0x1064, b"other").unwrap();
    says(&marker().find("unit", &apart).unwrap_err(), &["128 bytes", "room"]);
}

#[test]
fn a_marker_that_could_be_found_by_chance_is_refused() {
    for marker in [b"short".as_slice(), &[0; 16], &[7; 65], b"", &[b'x'; 8]] {
        says(&Marker::new(marker).unwrap_err(), &["8 to 64 bytes", &marker.len().to_string()]);
    }
}
