use std::collections::BTreeMap;

use firmware_image::format::IntelHex;
use firmware_image::marked_slot::{Marker, Record};
use firmware_image::nvs::{Item, Keys, Value};
use firmware_image::secure_cert::{Entry, EntryType};
use firmware_image::{
    Base, Digest, FileFormat, Filling, FlashLayout, Image, PartitionTable, Region, Slot, nvs, personalise,
    secure_cert,
};
use proptest::prelude::*;
use zeroize::Zeroizing;

use crate::says;

const SECRET: &str = "c0ffee-device-key-c0ffee";

fn slot(name: &str, offset: u32, length: u32) -> Slot {
    Slot { name: name.to_owned(), region: Region::new(offset, length).unwrap() }
}

fn hex_base(image: Image) -> Base {
    let text = IntelHex { image, start: None }.to_text();
    let all = Region::new(0, u32::MAX).unwrap();
    Base::pinned(text.as_bytes(), FileFormat::IntelHex, &Digest::of(text.as_bytes()), all).unwrap()
}

/// Every address, and what lies there.
fn flat(image: &Image) -> BTreeMap<u32, u8> {
    image.segments().flat_map(|(region, bytes)| (region.offset()..).zip(bytes.iter().copied())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// The base image has data everywhere but in the slots, where it is blank, missing, or both.
    #[test]
    fn nothing_outside_the_slots_differs(
        pieces in prop::collection::vec((0u32..2000, prop::collection::vec(any::<u8>(), 1..200)), 0..12),
        slots in prop::collection::vec((0u32..2000, 1u32..150, prop::collection::vec(any::<u8>(), 0..150)), 0..5),
        blank in any::<bool>(),
    ) {
        let mut image = Image::default();
        image.insert(4000, b"last").unwrap();
        for (offset, bytes) in &pieces {
            let _ = image.insert(*offset, bytes);
        }
        let mut taken: Vec<Slot> = Vec::new();
        let mut fillings = Vec::new();
        for (number, (offset, length, content)) in slots.into_iter().enumerate() {
            let slot = slot(&format!("slot{number}"), offset, length);
            if content.len() > length as usize || taken.iter().any(|other| other.region.overlaps(slot.region)) {
                continue;
            }
            // Where the base image has data in the slot, they become blank.
            let there: Vec<_> = image.within(slot.region).map(|(region, _)| region).collect();
            for region in there {
                image.overwrite(region.offset(), &vec![0xff; region.length() as usize]).unwrap();
            }
            if blank {
                image.overwrite(offset, &vec![0xff; length as usize]).unwrap();
            }
            taken.push(slot.clone());
            fillings.push(Filling::new(slot, &content, Vec::new()).unwrap());
        }
        let base = hex_base(image);
        let unit = personalise(&base, &fillings).unwrap();

        let (before, after) = (flat(base.image()), flat(&unit.image));
        let one = |address| Region::new(address, 1).unwrap();
        let slot_of = |address| fillings.iter().find(|filling| filling.slot().region.contains(one(address)));
        for address in 0..4100 {
            match slot_of(address) {
                None => prop_assert_eq!(before.get(&address), after.get(&address), "at {:#x}", address),
                Some(filling) => {
                    let index = (address - filling.slot().region.offset()) as usize;
                    prop_assert_eq!(after.get(&address), Some(&filling.bytes()[index]), "at {:#x}", address);
                }
            }
        }
        // The plan covers just what the image holds, range by range.
        let planned: Vec<_> = unit.plan.ranges.iter().map(|range| range.region).collect();
        prop_assert!(planned.windows(2).all(|pair| pair[0].end() <= u64::from(pair[1].offset())));
        let covered: usize = planned.iter().map(|region| region.length() as usize).sum();
        prop_assert_eq!(covered, after.len());
        prop_assert!(planned.iter().all(|region| unit.image.bytes(*region).is_some()));
        // And it is the same again after it was written as a HEX file and read.
        let file = IntelHex { image: unit.image, start: unit.start };
        prop_assert!(IntelHex::parse(file.to_text().as_bytes()).unwrap() == file);
    }
}

fn esp_base() -> (Base, PartitionTable) {
    let csv = "nvs,data,nvs,,0x6000\nkeys,data,nvs_keys,,4K,encrypted\n\
               esp_secure_cert,0x3f,6,,8K\nfactory,app,factory,,64K";
    let table = PartitionTable::from_csv(csv, FlashLayout::default()).unwrap();
    let released =
        [vec![0xe9; 0x4000], vec![0xff; 0x4000], table.to_binary(), vec![0xff; 0x17400], vec![0xe9; 99]]
            .concat();
    let all = Region::new(0, 0x40_0000).unwrap();
    (Base::pinned(&released, FileFormat::Raw { address: 0 }, &Digest::of(&released), all).unwrap(), table)
}

#[test]
fn the_plan_names_each_range_and_what_it_holds_and_no_secret() {
    let (base, table) = esp_base();
    let keys = Keys::new(Zeroizing::new(std::array::from_fn(|index| b"0123456789abcdef"[index % 16])));
    let key = |text: &str| text.parse().unwrap();
    let items = [
        Item::public(key("azure"), key("id_scope"), Value::text("0ne00ABCDEF")),
        Item::public(key("azure"), key("port"), Value::U16(8883)),
        Item::secret(key("azure"), key("device_key"), Value::text(SECRET)),
        Item::secret(key("ble"), key("passkey"), Value::U32(271_828)),
    ];
    let entries = [
        Entry::text(EntryType::DEVICE_CERTIFICATE, "-----BEGIN CERTIFICATE-----"),
        Entry::text(EntryType::PRIVATE_KEY, SECRET),
        Entry::text(EntryType::USER_DATA_1, SECRET),
    ];
    let fillings = [
        Filling::nvs(table.slot("nvs").unwrap(), &items, Some(&keys)).unwrap(),
        Filling::nvs_keys(table.slot("keys").unwrap(), &keys).unwrap(),
        Filling::secure_cert(table.slot("esp_secure_cert").unwrap(), &entries).unwrap(),
    ];
    let unit = personalise(&base, &fillings).unwrap();
    assert_eq!(
        unit.plan.to_string(),
        format!(
            "base image: SHA-256 {}\n\
             0x0..0x9000  base image, 36864 bytes\n\
             0x9000..0xf000  nvs, 24576 bytes\n    \
                 azure/id_scope: 0ne00ABCDEF\n    \
                 azure/port: 8883\n    \
                 azure/device_key: secret, 24 bytes\n    \
                 ble/passkey: secret, 4 bytes\n\
             0xf000..0x10000  keys, 4096 bytes\n    \
                 NVS keys: secret, 64 bytes\n\
             0x10000..0x12000  esp_secure_cert, 8192 bytes\n    \
                 device certificate: 28 bytes\n    \
                 private key: secret, 25 bytes\n    \
                 user data 1: secret, 25 bytes\n\
             0x12000..0x20063  base image, 57443 bytes\n",
            base.digests()[0]
        )
    );
    // What is in the image can be taken out again.
    let of = |name: &str| unit.image.bytes(table.slot(name).unwrap().region).unwrap();
    assert!(
        nvs::read(of("nvs"), Some(&Keys::from_partition(of("keys")).unwrap())).unwrap()[2].value
            == items[2].value
    );
    assert!(secure_cert::read(of("esp_secure_cert")).unwrap() == entries);
    // And nothing that can be printed prints it.
    let printed = format!("{unit:?} {fillings:?} {items:?} {entries:?} {keys:?} {base:?}");
    for secret in [SECRET, "271828", "0123456789abcdef"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}

#[test]
fn a_slot_in_a_hex_file_is_filled_and_read_again() {
    let mut image = Image::default();
    let firmware =
        [b"code".as_slice(), b"unit-data-slot-1", &64u32.to_le_bytes(), &[0xff; 64], b"code"].concat();
    image.insert(0x0800_0100, &firmware).unwrap();
    image.insert(0x0801_0000, b"elsewhere").unwrap();
    let base = hex_base(image);
    let slot = Marker::new(b"unit-data-slot-1").unwrap().find("unit", base.image()).unwrap();
    let records = [Record::public(1, b"unit-001").unwrap(), Record::secret(2, SECRET.as_bytes()).unwrap()];
    let unit = personalise(&base, &[Filling::records(slot.clone(), &records).unwrap()]).unwrap();
    let text = IntelHex { image: unit.image, start: unit.start }.to_text();
    let file = IntelHex::parse(text.as_bytes()).unwrap();
    let found = firmware_image::marked_slot::read(file.image.bytes(slot.region).unwrap()).unwrap();
    assert_eq!((found[0].value(), found[1].value()), (&b"unit-001"[..], SECRET.as_bytes()));
    let long = [Record::public(1, &[7; 57]).unwrap()];
    let error = Filling::records(slot, &long).unwrap_err();
    says(&error, &["`unit` (0x8000118..0x8000158)", "64 bytes", "68 are needed", "0x8000118..0x800015c"]);
}

#[test]
fn a_partition_that_is_too_small_is_named_with_what_is_needed() {
    let entry = [Entry::new(EntryType::DEVICE_CERTIFICATE, &[7; 0x2000])];
    let error = Filling::secure_cert(slot("esp_secure_cert", 0xd000, 0x2000), &entry).unwrap_err();
    says(&error, &["`esp_secure_cert` (0xd000..0xf000)", "8192 bytes", "8208 are needed", "0xd000..0xf010"]);
    let item = [Item::secret("a".parse().unwrap(), "b".parse().unwrap(), Value::blob(&[7; 20_000]))];
    let error = Filling::nvs(slot("nvs", 0x9000, 0x3000), &item, None).unwrap_err();
    says(&error, &["`nvs` (0x9000..0xc000)", "need 7 pages", "has 3"]);
    let error = Filling::nvs_keys(slot("keys", 0x9000, 0x800), &Keys::new([7; 64].into())).unwrap_err();
    says(&error, &["`keys` (0x9000..0x9800)", "4096 are needed"]);
}

#[test]
fn slots_that_overlap_or_are_filled_already_are_refused_with_both_ranges() {
    let (base, table) = esp_base();
    let filling = |slot: Slot| Filling::new(slot, b"x", Vec::new()).unwrap();
    let error = personalise(&base, &[filling(slot("a", 0x9000, 0x2000)), filling(slot("b", 0xa000, 0x1000))])
        .unwrap_err();
    says(&error, &["`a` (0x9000..0xb000)", "`b` (0xa000..0xb000)", "overlap"]);
    let error = personalise(&base, &[filling(table.slot("factory").unwrap())]).unwrap_err();
    says(&error, &["`factory` (0x20000..0x30000)", "0x20000..0x20063", "not free"]);
    let error = personalise(&base, &[filling(slot("low", 0x3fff, 2))]).unwrap_err();
    says(&error, &["`low` (0x3fff..0x4001)", "not free"]);
}
