//! Partition tables, against Espressif's `esp-idf-defs`, which reads them as `gen_esp32part.py` does.

use firmware_image::{FlashLayout, PartitionTable};

use crate::seeded::Seeded;
use crate::tools::{output, save, script};

const LAYOUT: FlashLayout = FlashLayout { table_offset: 0x8000, flash_size: Some(4 << 20) };

/// Rows of which most tables are right, and some are not: overlaps, misaligned, too large, names twice.
fn table(random: &mut Seeded) -> String {
    let mut csv = "# Name, Type, SubType, Offset, Size, Flags\n".to_owned();
    let mut next = 0x9000;
    for number in 0..1 + random.below(9) {
        let (kind, sizes) = random.of(&[
            ("data,nvs", &["0x6000", "24K", "0x2000", "12288"][..]),
            ("data, ota", &["0x2000", "8k", "0x2000", "0x2000"]),
            ("data,phy", &["0x1000", "4K", "4096", "0x800"]),
            ("app,factory", &["1M", "0x100000", "512K", "0x10800"]),
            ("app,ota_3", &["1M", "768k", "0x90000", "64K"]),
            ("app, TEST", &["64K", "0x20000", "1m", "64K"]),
            ("data,nvs_keys", &["4K", "0x1000", "4K", "8K"]),
            ("data,littlefs", &["256K", "0x10000", "1M", "2M"]),
            ("0x40,0x7", &["4K", "0x4000", "5000", "4K"]),
            ("data,", &["4K", "8K", "4K", "4K"]),
        ]);
        let size = random.of(sizes);
        let offset = match random.below(8) {
            0 => format!("{next:#x}"),
            1 => "0x110000".to_owned(),
            2 if random.below(3) == 0 => "0x9800".to_owned(),
            _ => String::new(),
        };
        next += 0x8000;
        let name = if random.below(25) == 0 { "part0".to_owned() } else { format!("part{number}") };
        let flags = random.of(&["", ",", ",encrypted", ",readonly", ",encrypted:readonly", "", "", ""]);
        csv += &format!("{name},{kind},{offset}, {size}{flags}\n");
    }
    csv
}

#[test]
fn tables_are_taken_refused_and_written_as_by_espressifs_reader() {
    let folder = tempfile::tempdir().unwrap();
    let tables: Vec<_> = (0..400).map(|seed| table(&mut Seeded(seed))).collect();
    let mut lines = String::new();
    for (seed, csv) in tables.iter().enumerate() {
        let path = folder.path().join(format!("{seed}.csv"));
        save(&path, csv.as_bytes());
        lines += &format!("{}\n", path.display());
        if let Ok(table) = PartitionTable::from_csv(csv, LAYOUT) {
            let path = folder.path().join(format!("{seed}.bin"));
            save(&path, &table.to_binary());
            lines += &format!("{}\n", path.display());
        }
    }
    let answers = output(&mut script("partition_table.py"), &lines);
    let mut answers = answers.lines();
    let (mut taken, mut refused) = (0, 0);
    for (seed, csv) in tables.iter().enumerate() {
        let theirs = answers.next().unwrap();
        match PartitionTable::from_csv(csv, LAYOUT) {
            Ok(table) => {
                let binary: String = table.to_binary().iter().map(|byte| format!("{byte:02x}")).collect();
                let ours = format!("{binary}\t{}", table.to_csv().replace('\n', ";"));
                assert_eq!(theirs, ours, "seed {seed}: {csv}");
                assert_eq!(answers.next().unwrap(), ours, "ours as binary, seed {seed}: {csv}");
                assert_eq!(PartitionTable::from_binary(&table.to_binary(), LAYOUT).unwrap(), table);
                assert_eq!(PartitionTable::from_csv(&table.to_csv(), LAYOUT).unwrap(), table);
                taken += 1;
            }
            Err(error) => {
                assert_eq!(theirs, "refused", "seed {seed}: {csv}{error}");
                refused += 1;
            }
        }
    }
    assert!(taken >= 80 && refused >= 80, "{taken} taken, {refused} refused");
}
