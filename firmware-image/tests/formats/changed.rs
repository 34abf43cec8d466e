//! Files that were changed at some places, cut off or made longer: read or refused, and never a panic.

use firmware_image::format::IntelHex;
use firmware_image::marked_slot::{self, Marker, Record};
use firmware_image::nvs::{self, Item, Keys, Value};
use firmware_image::secure_cert::{self, Entry, EntryType};
use firmware_image::{FlashLayout, PartitionTable, format};
use proptest::prelude::*;
use proptest::sample::Index;

const CSV: &str = "nvs,data,nvs,,0x6000\nphy_init,data,phy,,4K,readonly\nfactory,app,factory,,1M,encrypted\n";

/// What is done to bytes: some replaced, the rest cut off, some put behind.
#[derive(Debug, Clone)]
struct Change {
    replaced: Vec<(Index, u8)>,
    length: Option<Index>,
    behind: Vec<u8>,
}

fn change() -> impl Strategy<Value = Change> {
    // Bytes that mean something in one of the formats come often.
    let byte =
        || prop_oneof![any::<u8>(), prop::sample::select(vec![0, 1, 0x7f, 0xfe, 0xff, b':', b',', b'\n'])];
    let replaced = prop::collection::vec((any::<Index>(), byte()), 0..6);
    (replaced, prop::option::weighted(0.2, any::<Index>()), prop::collection::vec(byte(), 0..3))
        .prop_map(|(replaced, length, behind)| Change { replaced, length, behind })
}

impl Change {
    fn of(&self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for (index, byte) in &self.replaced {
            let at = index.index(bytes.len());
            bytes[at] = *byte;
        }
        if let Some(length) = &self.length {
            bytes.truncate(length.index(bytes.len()));
        }
        bytes.extend_from_slice(&self.behind);
        bytes
    }
}

fn items() -> Vec<Item> {
    let item = |key: &str, value| Item::secret("azure".parse().unwrap(), key.parse().unwrap(), value);
    vec![
        item("port", Value::U16(8883)),
        item("scope", Value::text("0ne00ABCDEF")),
        item("key", Value::blob(&[7; 5000])),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn no_change_makes_a_reader_panic(change in change()) {
        let layout = FlashLayout::default();
        let table = PartitionTable::from_csv(CSV, layout).unwrap();
        if let Ok(read) = PartitionTable::from_binary(&change.of(&table.to_binary()), layout) {
            prop_assert_eq!(PartitionTable::from_binary(&read.to_binary(), layout).unwrap(), read);
        }
        if let Ok(read) = PartitionTable::from_csv(&String::from_utf8_lossy(&change.of(CSV.as_bytes())), layout) {
            prop_assert_eq!(PartitionTable::from_csv(&read.to_csv(), layout).unwrap(), read);
        }
        let keys = Keys::new([7; 64].into());
        for keys in [None, Some(&keys)] {
            let partition = nvs::write(&items(), 0x3000, keys).unwrap();
            // A page's first kilobyte is where everything is.
            let changed = [&change.of(&partition[..0x400]), &partition[0x400..]].concat();
            let _ = nvs::read(&changed, keys);
            let _ = nvs::read(&change.of(&partition), keys);
        }
        let _ = Keys::from_partition(&change.of(&keys.to_partition()));
        let entries = [Entry::text(EntryType::PRIVATE_KEY, "key"), Entry::new(EntryType::USER_DATA_1, &[7; 100])];
        let entries = secure_cert::with_integrity(entries.to_vec()).unwrap();
        if let Ok(read) = secure_cert::read(&change.of(&secure_cert::write(&entries).unwrap())) {
            prop_assert!(secure_cert::read(&secure_cert::write(&read).unwrap()).unwrap() == read);
        }
        let records = [Record::public(1, b"unit-001").unwrap(), Record::secret(2, &[7; 40]).unwrap()];
        let _ = marked_slot::read(&change.of(&marked_slot::write(&records).unwrap()));
        let firmware = [b"unit-data-slot-1".as_slice(), &32u32.to_le_bytes(), &[0xff; 32]].concat();
        let image = format::raw_at(0xffff_ff00, &[change.of(&firmware), vec![0]].concat()).unwrap();
        let _ = Marker::new(b"unit-data-slot-1").unwrap().find("unit", &image);
        let file = IntelHex { image, start: None };
        if let Ok(read) = IntelHex::parse(&change.of(file.to_text().as_bytes())) {
            prop_assert!(IntelHex::parse(read.to_text().as_bytes()).unwrap() == read);
        }
    }
}
