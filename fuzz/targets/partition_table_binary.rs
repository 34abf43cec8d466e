//! A partition table is refused, or the same again when written and read once more.
#![no_main]

use firmware_image::{FlashLayout, PartitionTable};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let layout = FlashLayout::default();
    let _ = PartitionTable::from_binary(bytes, layout);
    let mut bytes = fuzz_targets::filled_up(bytes, 0xc00);
    fuzz_targets::partition_table(&mut bytes);
    let Ok(table) = PartitionTable::from_binary(&bytes, layout) else { return };
    assert_eq!(PartitionTable::from_binary(&table.to_binary(), layout).expect("written"), table);
    // Not every table can be a CSV's: what lies where a project's settings say stands in none.
    if let Ok(again) = PartitionTable::from_csv(&table.to_csv(), layout) {
        assert_eq!(again, table);
    }
});
