//! Boards that a loader can write, given to a bench programmer.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use acceptance::firmware::{esp_image, partition_table, put};
use acceptance::{Bench, judge, sha256};
use esp_nvs_partition_tool::{DataValue, EntryContent, NvsPartition};

use crate::judged::{chain_pem, key_pem, manifest};
use crate::{id, image};

const PARTITIONS: &str = "app, app, factory, 0x10000, 0x20000\nfactory, data, nvs, 0x30000, 0x6000\n\
    factory_keys, data, nvs_keys, 0x36000, 0x1000\nplain, data, nvs, 0x37000, 0x3000\n";

const BOARD: &str = r#"
id_scope = "0ne00ABCDEF"
model_id = "dtmi:com:example:Sensor;1"
service = "central"
assign = "next"
presence = "usb"
attestation = "x509-group"
profile = "azure-device.toml"
[link]
loader = "esp32c3"
baud = 921600
[link.values]
site = "Köln, hall 2"
[link.secrets]
wifi_password = "wifi-password"
[flash]
size = 0x400000
evidence = "device-digest"
[[flash.file]]
file = "loader.bin"
sha256 = "LOADER"
address = 0
[[flash.file]]
file = "table.bin"
sha256 = "TABLE"
address = 0x8000
[[flash.file]]
file = "app.bin"
sha256 = "APP"
address = 0x10000
[[slot]]
name = "factory"
format = "nvs"
keys = "factory_keys"
evidence = "device-digest"
entry = [
    { namespace = "azure", key = "device_id", type = "string", content = "${registration_id}" },
    { namespace = "azure", key = "id_scope", type = "string", content = "${id_scope}" },
    { namespace = "azure", key = "chain", type = "blob", content = "${certificate_chain_der}" },
    { namespace = "azure", key = "key", type = "blob", content = "${private_key_der}" },
    { namespace = "wifi", key = "password", type = "string", content = "${wifi_password}" },
]
[[slot]]
name = "plain"
format = "nvs"
evidence = "device-digest"
entry = [
    { namespace = "factory", key = "site", type = "string", content = "${site}" },
    { namespace = "factory", key = "channel", type = "u16", content = "60001" },
    { namespace = "factory", key = "offset", type = "i8", content = "-7" },
]
"#;

fn esp_bench(quantity: usize) -> Bench {
    let bench = Bench::new(1);
    bench.station(&["keys", "import", "wifi-password"]).input("correct horse\n").run().expect(0);
    let files = [
        ("LOADER", "loader.bin", esp_image(5, 0x5000)),
        ("TABLE", "table.bin", partition_table(PARTITIONS)),
        ("APP", "app.bin", (0..0x18000u32).map(|byte| ((byte * 7) >> 3) as u8).collect()),
    ];
    let mut text = BOARD.to_owned();
    for (place, name, bytes) in files {
        text = text.replace(place, &bench.release(name, &bytes));
    }
    bench.own_product("board.toml", &text);
    bench.order_of("april", "board.toml", quantity);
    bench
}

fn values(partition: &[u8]) -> BTreeMap<String, DataValue> {
    let read = NvsPartition::try_from_bytes(partition.to_vec()).unwrap();
    let value = |content: &EntryContent| match content {
        EntryContent::Data(value) => value.clone(),
        other => panic!("{other:?}"),
    };
    read.entries
        .iter()
        .map(|entry| (format!("{}/{}", entry.namespace, entry.key), value(&entry.content)))
        .collect()
}

fn bytes(value: &DataValue) -> &[u8] {
    let DataValue::Binary(bytes) = value else { panic!("{value:?}") };
    bytes
}

/// Decrypts a partition with Espressif's generator.
fn decrypted(keys: &[u8], partition: &[u8]) -> Vec<u8> {
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    put(&at("keys.bin"), keys);
    put(&at("sealed.bin"), partition);
    let mut generator = acceptance::installed_program("python3");
    generator.args(["-m", "esp_idf_nvs_partition_gen", "decrypt"]).args([
        at("sealed.bin"),
        at("keys.bin"),
        at("open.bin"),
    ]);
    let output = generator.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::read(at("open.bin")).unwrap()
}

#[test]
fn a_board_that_a_loader_writes_gets_a_raw_image_for_a_bench_programmer() {
    let bench = esp_bench(2);
    image(&bench, "images").run().expect(0);
    let folder = bench.root().join("images");
    let read = |name: &str| std::fs::read(bench.folder().join("firmware").join(name)).unwrap();
    let (loader, table, app) = (read("loader.bin"), read("table.bin"), read("app.bin"));
    let base = [sha256(&loader), sha256(&table), sha256(&app)].join(" ");
    let mut base_image = vec![0xff; 0x3a000];
    for (at, bytes) in [(0, &loader), (0x8000, &table), (0x10000, &app)] {
        base_image[at..at + bytes.len()].copy_from_slice(bytes);
    }
    let mut keys = BTreeSet::new();
    for (row, number) in manifest(&folder).iter().zip(1..=2) {
        let file: PathBuf = folder.join(format!("{}.bin", id(number)));
        let unit = std::fs::read(&file).unwrap();
        assert_eq!((row["format"].as_str(), row["start"].as_str()), ("raw", "0x00000000"));
        assert_eq!((&row["base_sha256"], &row["sha256"]), (&base, &sha256(&unit)));
        assert_eq!(row["slots"], "0x30000..0x36000 0x36000..0x37000 0x37000..0x3a000");
        assert_eq!(unit.len(), base_image.len());
        assert_eq!(unit[..0x30000], base_image[..0x30000]);

        let (sealed, key, plain) = (&unit[0x30000..0x36000], &unit[0x36000..0x37000], &unit[0x37000..]);
        assert!(!sealed.windows(11).any(|window| window == b"0ne00ABCDEF"), "it is not encrypted");
        let own = values(&decrypted(key, sealed));
        assert_eq!(own.len(), 5);
        let text = |key: &str| match &own[key] {
            DataValue::String(text) => text.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(text("azure/device_id"), id(number));
        assert_eq!(
            (text("azure/id_scope"), text("wifi/password")),
            ("0ne00ABCDEF".into(), "correct horse".into())
        );
        judge(
            &bench,
            &id(number),
            &key_pem(bytes(&own["azure/key"])),
            &chain_pem(bytes(&own["azure/chain"])),
        );
        let same = values(plain);
        assert_eq!(same.len(), 3);
        assert!(matches!(&same["factory/site"], DataValue::String(text) if text == "Köln, hall 2"));
        assert!(matches!(&same["factory/channel"], DataValue::U16(60001)));
        assert!(matches!(&same["factory/offset"], DataValue::I8(-7)));
        keys.insert(key.to_vec());
    }
    assert_eq!(keys.len(), 2, "each unit has its own NVS keys");
}
