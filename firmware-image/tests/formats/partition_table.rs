use firmware_image::{FlashLayout, PartitionTable};

use crate::{bytes, says};

const LAYOUT: FlashLayout = FlashLayout { table_offset: 0x8000, flash_size: Some(4 << 20) };

/// Written by esp-idf-defs 0.1.7 (`PartitionTable.to_binary`) of the CSV below; 0xff follows.
const GOLDEN: &str = "
    aa50 0102 00900000 00600000 6e767300000000000000000000000000 00000000
    aa50 0101 00f00000 00100000 7068795f696e69740000000000000000 00000000
    aa50 0000 00000100 00001000 666163746f7279000000000000000000 01000000
    ebebffffffffffffffffffffffffffff face03310316240b5196bf6e0283e690
    ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";
const CSV: &str =
    "nvs,data,nvs,0x9000,0x6000\nphy_init,data,phy,0xf000,0x1000\nfactory,app,factory,0x10000,1M,encrypted\n";

fn refused(csv: &str, words: &[&str]) {
    says(&PartitionTable::from_csv(csv, LAYOUT).unwrap_err(), words);
}

fn corrupt(change: impl FnOnce(&mut Vec<u8>), words: &[&str]) {
    let mut binary = PartitionTable::from_csv(CSV, LAYOUT).unwrap().to_binary();
    change(&mut binary);
    says(&PartitionTable::from_binary(&binary, LAYOUT).unwrap_err(), words);
}

#[test]
fn a_table_is_these_bytes() {
    let table = PartitionTable::from_csv(CSV, LAYOUT).unwrap();
    let (binary, golden) = (table.to_binary(), bytes(GOLDEN));
    assert_eq!(binary.len(), 0xc00);
    assert_eq!(binary[..golden.len()], golden);
    assert!(binary[golden.len()..].iter().all(|byte| *byte == 0xff));
    assert_eq!(PartitionTable::from_binary(&binary, LAYOUT).unwrap(), table);
    // As it is read from the flash, with the rest of its sector, or with a signature behind it.
    let sector = [binary, vec![7; 0x400]].concat();
    assert_eq!(PartitionTable::from_binary(&sector, LAYOUT).unwrap(), table);
}

#[test]
fn what_contradicts_itself_is_refused_with_both_ranges() {
    refused(
        "a,data,phy,0x9000,0x2000\nb,data,phy,0xa000,4K",
        &["`a` (0x9000..0xb000)", "`b` (0xa000..0xb000)"],
    );
    refused(
        "b,data,phy,0xa000,4K\na,data,phy,0x9000,0x2000",
        &["`a` (0x9000..0xb000)", "`b` (0xa000..0xb000)"],
    );
    refused("b,data,phy,0xa000,4K\na,data,phy,0x9000,4K", &["line 2", "0x9000..0xa000", "0xa000..0xb000"]);
    refused("a,data,phy,0x8000,4K", &["0x8000..0x9000", "0x0..0x9000"]);
    refused("app,app,factory,0x18000,1M", &["0x18000..0x118000", "0x20000..0x120000", "multiple of 0x10000"]);
    refused("a,data,phy,0x9004,4K", &["0x9004..0xa004", "0xa000..0xb000", "multiple of 0x1000"]);
    refused("app,app,factory,,0x10800", &["0x10000..0x20800", "sector"]);
    refused("app,app,factory,,4M", &["0x10000..0x410000", "0x0..0x400000"]);
    refused("a,data,phy,,4K\na,data,phy,,4K", &["`a` is given twice", "0x9000..0xa000", "0xa000..0xb000"]);
    refused("a,data,nvs,,8K", &["0x9000..0xb000", "too small", "0x3000"]);
    refused("a,data,ota,,4K", &["0x9000..0xa000", "0x2000"]);
    refused("a,data,ota,,8K\nb,data,ota,,8K", &["`a` and `b`", "data/ota"]);
    refused("# nothing\n", &["no partition"]);
}

#[test]
fn a_row_that_is_none_is_refused_with_its_line() {
    refused("# comment\n\na,data,phy", &["line 3", "3 columns"]);
    refused("a,data,phy,,4K,,x", &["line 1", "7 columns"]);
    refused(",data,phy,,4K", &["no name"]);
    refused("a_name_of_17_char,data,phy,,4K", &["a_name_of_17_char", "17 bytes"]);
    refused("naïve,data,phy,,4K", &["'ï'"]);
    refused("a,dat,phy,,4K", &["`dat`", "app, data"]);
    refused("a,0xff,1,,4K", &["`0xff`"]);
    refused("a,data,nvs_key,,4K", &["`nvs_key`", "nvs_keys"]);
    refused("a,app,,,64K", &["subtype of app", "ota_0 to ota_15"]);
    refused("a,bootloader,primary,,", &["partition-table.bin"]);
    refused("a,data,phy,,", &["`` is no size"]);
    refused("a,data,phy,,4G", &["`4G` is no size"]);
    refused("a,data,phy,,-4096", &["`-4096` is no size"]);
    refused("a,data,phy,+0x9000,4K", &["`+0x9000` is no offset"]);
    refused("a,data,phy,,5000M", &["`5000M` is no size"]);
    refused("a,data,phy,,0", &["no bytes"]);
    refused("a,data,phy,,4K,secret", &["`secret`", "encrypted and readonly"]);
}

#[test]
fn a_corrupt_table_is_refused() {
    corrupt(|table| table[4] ^= 1, &["MD5", "face03310316240b5196bf6e0283e690"]);
    corrupt(|table| table[0x7f] ^= 1, &["MD5"]);
    corrupt(|table| table[0] = 0, &["no partition table", "[00, 50]"]);
    corrupt(|table| table[0x20] = 0, &["row 1", "[00, 50]"]);
    corrupt(|table| table.truncate(0x80), &["no end", "128 bytes"]);
    corrupt(|table| table.clear(), &["no partition table"]);
    corrupt(|table| table[0x80..0x82].copy_from_slice(&[0xaa, 0x50]), &["behind its end", "0x80"]);
    corrupt(|table| table[0x200] = 0, &["behind its end", "0x200"]);
    // Without MD5 row, so that nothing but the row itself tells.
    let without = |change: fn(&mut [u8])| {
        move |table: &mut Vec<u8>| {
            table[0x60..].fill(0xff);
            change(table);
        }
    };
    corrupt(without(|table| table[0x1c] = 4), &["row 0", "flags 0x4"]);
    corrupt(without(|table| table[0x2c..0x3c].fill(0)), &["row 1", "no name"]);
    // A table's CSV would say something else.
    corrupt(without(|table| table[0x2c] = b'#'), &["row 1", "`#hy_init`", "CSV"]);
    corrupt(without(|table| table[0x2c] = b' '), &["row 1", "` hy_init`", "CSV"]);
    corrupt(without(|table| table[0x33] = b' '), &["row 1", "`phy_ini `", "CSV"]);
    corrupt(without(|table| table[0x2c] = 0xe9), &["row 1", "printable ASCII"]);
    corrupt(without(|table| table[8..12].fill(0)), &["row 0", "no bytes"]);
    corrupt(without(|table| table[8..12].fill(0xff)), &["row 0", "0xffffffff"]);
    corrupt(without(|table| table[5] = 0xf0), &["`nvs` (0xf000..0x15000)", "`phy_init` (0xf000..0x10000)"]);
}

#[test]
fn more_rows_than_the_table_has_room_for_are_refused() {
    let rows =
        |count: usize| (0..count).map(|number| format!("p{number},data,phy,,4K\n")).collect::<String>();
    assert_eq!(PartitionTable::from_csv(&rows(94), LAYOUT).unwrap().to_binary().len(), 0xc00);
    refused(&rows(95), &["95 partitions", "94"]);
}

#[test]
fn a_partition_that_is_missing_is_named_with_those_that_are_there() {
    let table = PartitionTable::from_csv(CSV, LAYOUT).unwrap();
    says(&table.slot("esp_secure_cert").unwrap_err(), &["`esp_secure_cert`", "`nvs`, `phy_init`, `factory`"]);
    assert_eq!(table.slot("nvs").unwrap().to_string(), "`nvs` (0x9000..0xf000)");
}
