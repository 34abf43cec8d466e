//! A partition table as CSV is refused, or the same again when written and read once more, as CSV and as binary.
#![no_main]

use firmware_image::{FlashLayout, PartitionTable};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let layout = FlashLayout::default();
    let Ok(table) = PartitionTable::from_csv(text, layout) else { return };
    assert_eq!(PartitionTable::from_csv(&table.to_csv(), layout).expect("written as CSV"), table);
    assert_eq!(PartitionTable::from_binary(&table.to_binary(), layout).expect("written"), table);
});
