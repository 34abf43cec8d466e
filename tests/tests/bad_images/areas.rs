//! Firmware of boards that lies where no partition is, or is for another chip.

use acceptance::firmware::{esp_image, partition_table};
use acceptance::{Bench, Station, sha256};

use crate::set::Set;

const PRODUCT: &str = r#"
id_scope = "0ne00ABCDEF"
model_id = "dtmi:com:example:Sensor;1"
service = "central"
attestation = "symmetric-group"
group_key = "contoso-group-key"
group_entry = "primary"
LINK
[[slot]]
name = "nvs"
format = "nvs"
EVIDENCE
entry = [
    { namespace = "azure", key = "device_id", type = "string", content = "${registration_id}" },
    { namespace = "azure", key = "id_scope", type = "string", content = "${id_scope}" },
    { namespace = "azure", key = "device_key", type = "blob", content = "${device_key_bytes}" },
]
[flash]
size = 0x400000
EVIDENCE
"#;
const PARTITIONS: &str = "nvs, data, nvs, 0x9000, 0x3000\napp, app, factory, 0x10000, 0x10000\nmore, data, fat, 0x20000, 0x10000\n";
const ESP32: u16 = 0;
const C3: u16 = 5;
const S3: u16 = 9;

/// Names, addresses and contents of the files of a release.
type Files = Vec<(&'static str, u32, Vec<u8>)>;

/// A release in files of its own, with this bootloader and this application.
fn release(boot_at: u32, boot: Vec<u8>, app_at: u32, app: Vec<u8>) -> Files {
    vec![
        ("boot.bin", boot_at, boot),
        ("table.bin", 0x8000, partition_table(PARTITIONS)),
        ("app.bin", app_at, app),
    ]
}

/// The same in one file from an address on, with erased flash between.
fn merged(from: u32, files: &Files) -> Files {
    let mut image = vec![0xff; 0x40000];
    for (_, at, bytes) in files {
        image[*at as usize..][..bytes.len()].copy_from_slice(bytes);
    }
    vec![("merged.bin", from, image.split_off(from as usize))]
}

fn order(set: &Set, chip: &str, files: &Files) -> Station {
    let (link, evidence) = match chip {
        "" => (String::new(), ""),
        chip => (
            format!("assign = \"next\"\npresence = \"usb\"\n[link]\nloader = \"{chip}\"\nbaud = 921600\n"),
            "evidence = \"device-digest\"",
        ),
    };
    let mut text = PRODUCT.replace("LINK", &link).replace("EVIDENCE", evidence);
    for (name, address, bytes) in files {
        let _ = std::fs::remove_file(set.bench.folder().join("firmware").join(name));
        let digest = set.bench.release(name, bytes);
        assert_eq!(digest, sha256(bytes));
        text.push_str(&format!(
            "[[flash.file]]\nfile = \"{name}\"\nsha256 = \"{digest}\"\naddress = {address}\n"
        ));
    }
    set.order_of(&text)
}

fn set() -> Set {
    let bench = Bench::bare(1);
    bench.import_group_key();
    std::fs::create_dir_all(bench.folder().join("products")).unwrap();
    Set { bench, good: String::new() }
}

#[test]
fn firmware_that_lies_in_no_partition_is_refused() {
    let set = set();
    let boot = || esp_image(C3, 0x4000);
    let app = |length| esp_image(C3, length);
    let mut stray = merged(0, &release(0, boot(), 0x10000, app(0x1000)));
    stray[0].2[0x3_5000] = 1;
    let parts = "there are the bootloader at 0x0..0x8000, the partition table at 0x8000..0x9000, `nvs` at 0x9000..0xc000, \
                 `app` at 0x10000..0x20000, `more` at 0x20000..0x30000";
    let cases: [(&str, Files, &str); 7] = [
        (
            "esp32c3",
            release(0, boot(), 0x20_0000, app(0x1000)),
            "firmware/app.bin: it lies at 0x200000..0x201000, where nothing begins: there are the bootloader",
        ),
        ("esp32c3", release(0, boot(), 0x1_1000, app(0x1000)), parts),
        (
            "esp32c3",
            release(0, boot(), 0x1_0000, app(0x1_1000)),
            "firmware/app.bin: it takes 0x10000..0x21000, which is more than `app` has (0x10000..0x20000)",
        ),
        (
            "esp32c3",
            release(0x1000, boot(), 0x1_0000, app(0x1000)),
            "firmware/boot.bin: it lies at 0x1000..0x5000, where nothing begins",
        ),
        (
            "esp32",
            release(0, esp_image(ESP32, 0x4000), 0x1_0000, esp_image(ESP32, 0x1000)),
            "firmware/boot.bin: it lies at 0x0..0x4000, where nothing begins: there are the bootloader at 0x1000..0x8000",
        ),
        ("esp32c3", stray, "firmware/merged.bin: it holds something at 0x35000..0x36000, which has no place"),
        (
            "",
            release(0, boot(), 0x20_0000, app(0x1000)),
            "firmware/app.bin: it lies at 0x200000..0x201000, where nothing begins",
        ),
    ];
    for (chip, files, says) in cases {
        let order = order(&set, chip, &files);
        set.bench.refuses(order, 3, &[says]);
    }
}

#[test]
fn firmware_of_another_chip_is_refused() {
    let set = set();
    let of = |boot_at, boot, app| release(boot_at, esp_image(boot, 0x4000), 0x10000, esp_image(app, 0x1000));
    let cases: [(&str, Files, &str); 4] = [
        (
            "esp32c3",
            of(0, S3, C3),
            "firmware/boot.bin: what it holds for the bootloader is for the chip with the ID 9 (esp32s3), and [link] names \
             esp32c3 (5)",
        ),
        (
            "esp32c3",
            of(0, C3, 2),
            "firmware/app.bin: what it holds for `app` is for the chip with the ID 2, and",
        ),
        (
            "esp32c3",
            merged(0, &of(0x1000, ESP32, ESP32)),
            "firmware/merged.bin: it holds something in the bootloader (0x0..0x8000), and nothing where esp32c3 looks for it, at 0x0",
        ),
        ("esp32", merged(0, &of(0, C3, C3)), "firmware/merged.bin: it holds something at 0x0..0x1000"),
    ];
    for (chip, files, says) in cases {
        let order = order(&set, chip, &files);
        set.bench.refuses(order, 3, &[says]);
    }
}

#[test]
fn releases_in_files_or_merged_are_taken() {
    for (chip, id, boot_at) in
        [("esp32", ESP32, 0x1000), ("esp32c3", C3, 0), ("esp32s3", S3, 0), ("", 7, 0x2000)]
    {
        let files = release(boot_at, esp_image(id, 0x4000), 0x10000, esp_image(id, 0x1_0000));
        for files in [merged(0, &files), merged(boot_at, &files), files] {
            let set = set();
            order(&set, chip, &files).run().expect(0);
        }
    }
}
