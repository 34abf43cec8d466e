//! Boards whose slots are partitions.

use acceptance::Bench;
use acceptance::firmware::{esp_image, partition_table, put};

use crate::set::{Case, Set};

type Change = fn(&mut Vec<u8>);

const BOARD: &str = r#"
id_scope = "0ne00ABCDEF"
model_id = "dtmi:com:example:Sensor;1"
service = "central"
assign = "next"
presence = "usb"
attestation = "symmetric-group"
group_key = "contoso-group-key"
group_entry = "primary"
[link]
loader = "esp32c3"
baud = 921600
[flash]
size = 0x400000
evidence = "device-digest"
[[flash.file]]
file = "board.bin"
sha256 = "BOARD"
address = 0
[[slot]]
name = "nvs"
format = "nvs"
evidence = "device-digest"
entry = [
    { namespace = "azure", key = "device_id", type = "string", content = "${registration_id}" },
    { namespace = "azure", key = "id_scope", type = "string", content = "${id_scope}" },
    { namespace = "azure", key = "device_key", type = "blob", content = "${device_key_bytes}" },
]
"#;
const PARTITIONS: &str = "nvs, data, nvs, 0x9000, 0x3000\nkeys, data, nvs_keys, 0xc000, 0x1000\napp, app, factory, 0x10000, 0x10000\n";

/// A board whose slot is a partition.
fn board(partitions: &str, changed: impl Fn(&mut Vec<u8>)) -> Set {
    let bench = Bench::bare(1);
    bench.import_group_key();
    let mut image = vec![0xff; 0x10000];
    let table = partition_table(partitions);
    image[0x8000..0x8000 + table.len()].copy_from_slice(&table);
    image.extend(esp_image(5, 0x100));
    changed(&mut image);
    let digest = bench.release("board.bin", &image);
    let good = BOARD.replace("BOARD", &digest);
    bench.own_product("good.toml", &good);
    Set { bench, good }
}

#[test]
fn a_partition_table_that_cannot_be_read_is_refused() {
    let cases: [(&str, Change, &[&str]); 4] = [
        (
            "corrupt",
            |image| image[0x8000 + 5] ^= 1,
            &[
                "slot `nvs`: the base image's partition table cannot be used: the partition table is corrupt: its rows have MD5 ",
            ],
        ),
        (
            "none",
            |image| image[0x8000..0x9000].fill(0xff),
            &[
                "slot `nvs`: the base image's partition table cannot be used",
                "say where the table lies as partition_table in [flash]",
            ],
        ),
        (
            "elsewhere",
            |image| {
                image.copy_within(0x8000..0x8c00, 0x9000);
                image[0x8000..0x8c00].fill(0);
            },
            &["there is no partition table: its first bytes are [00, 00], not [aa, 50]"],
        ),
        (
            "occupied",
            |image| image[0x9abc] = 1,
            &["slot `nvs` (0x9000..0xc000) is not free: the base image has data at 0x9000..0xc000"],
        ),
    ];
    for (what, changed, says) in cases {
        eprintln!("case: {what}");
        let set = board(PARTITIONS, changed);
        set.bench.refuses(set.order_of(&set.good), 3, says);
    }
    let longer = PARTITIONS.replace("0x9000, 0x3000", "0x9000, 0x3800").replace("0xc000", "0xd000");
    let ragged = board(&longer, |_| {});
    let says = ["slot `nvs` (0x9000..0xc800) has 0x3800 bytes, and a loader erases whole sectors of 0x1000"];
    ragged.bench.refuses(ragged.order_of(&ragged.good), 3, &says);
    let set = board(PARTITIONS, |_| {});
    let beyond = set.changed(&[("[flash]\n", "[flash]\npartition_table = 0x300000\n")]);
    set.bench.refuses(
        beyond,
        3,
        &["holds nothing at 0x300000..0x301000, where its partition table should be"],
    );
}

#[test]
fn partitions_and_their_entries_that_are_none_are_named() {
    let set = board(PARTITIONS, |_| {});
    let key = "key = \"device_key\", type = \"blob\"";
    let cases: [Case<'_>; 15] = [
        (
            &[("name = \"nvs\"", "name = \"factory\"")],
            &["slot `factory`: the partition table has no partition `factory`: it has `nvs`, `keys`, `app`"],
        ),
        (
            &[("format = \"nvs\"\n", "format = \"nvs\"\nkeys = \"key\"\n")],
            &["slot `nvs`: the partition table has no partition `key`: it has"],
        ),
        (
            &[("format = \"nvs\"\n", "format = \"nvs\"\nkeys = \"nvs\"\n")],
            &[
                "slot `nvs`: the partition `nvs` (data/nvs, 0x9000..0xc000) is none for it: keys of encrypted NVS lie in one of the type data/nvs_keys",
            ],
        ),
        (
            &[("format = \"nvs\"\n", "format = \"nvs\"\nkeys = \"app\"\n")],
            &["slot `nvs`: the partition `app` (app/factory, 0x10000..0x20000) is none for it: keys of"],
        ),
        (
            &[("name = \"nvs\"", "name = \"app\"")],
            &[
                "slot `app`: the partition `app` (app/factory, 0x10000..0x20000) is none for it: NVS entries lie in one of the type data/nvs; name that, or correct the table",
            ],
        ),
        (
            &[("name = \"nvs\"", "name = \"keys\"")],
            &[
                "slot `keys`: the partition `keys` (data/nvs_keys, 0xc000..0xd000) is none for it: NVS entries",
            ],
        ),
        (
            &[("format = \"nvs\"\n", "format = \"esp-secure-cert\"\n")],
            &[
                "slot `nvs`: the partition `nvs` (data/nvs, 0x9000..0xc000) is none for it: esp_secure_cert entries lie in one of the type 0x3F (63)",
            ],
        ),
        (
            &[("format = \"nvs\"\n", "format = \"esp-secure-cert\"\nkeys = \"keys\"\n")],
            &["only the format nvs is encrypted with `keys`: remove them"],
        ),
        (
            &[(key, "key = \"the_device_key_1\", type = \"blob\"")],
            &[
                "entry 3: key: the NVS key or namespace `the_device_key_1` has 16 characters, 15 is the most: shorten it",
            ],
        ),
        (
            &[("namespace = \"azure\"", "namespace = \"azure_namespace_\"")],
            &[
                "entry 1: namespace: the NVS key or namespace `azure_namespace_` has 16 characters, 15 is the most",
            ],
        ),
        (&[(key, "type = \"blob\"")], &["entry 3: an entry of NVS has a `key`: add it"]),
        (
            &[(key, "key = \"device_key\"")],
            &["entry 3: the `type` of an entry of NVS is string, blob, or u8, i8, u16"],
        ),
        (
            &[(key, "key = \"device_key\", type = \"u12\"")],
            &["entry 3: the `type` of an entry of NVS is string, blob, or u8"],
        ),
        (
            &[("evidence = \"device-digest\"\nentry", "entry")],
            &["slot `nvs`: the key `evidence` is missing: add it"],
        ),
        (
            &[("evidence = \"device-digest\"\nentry", "evidence = \"challenge\"\nentry")],
            &[
                "item `nvs` asks for challenge, which the loader of esp32c3 cannot give: ask for device-digest or read-back",
            ],
        ),
    ];
    for (changes, says) in cases {
        eprintln!("case: {}", changes[0].1);
        set.bench.refuses(set.changed(changes), 3, says);
    }
}

#[test]
fn numbers_that_mean_nothing_are_refused() {
    let set = board(PARTITIONS, |_| {});
    let (baud, size) = ("baud = 921600", "size = 0x400000");
    let loader = "loader = \"esp32c3\"\nbaud = 921600\n";
    let cases: [Case<'_>; 7] = [
        (&[(baud, "baud = 0")], &["[link]: baud = 0 is no baud rate: give one from 1200 to 5000000"]),
        (&[(baud, "baud = 1199")], &["[link]: baud = 1199 is no baud rate"]),
        (&[(baud, "baud = 5000001")], &["[link]: baud = 5000001 is no baud rate"]),
        (
            &[(size, "start = 0x1000\nsize = 0x400000")],
            &[
                "[flash]: start = 0x1000, and the loader of esp32c3 writes flash that begins at 0: remove `start`",
            ],
        ),
        (
            &[(size, "size = 0x3ff800")],
            &[
                "[flash]: size = 0x3ff800 is no multiple of a sector (0x1000): give the size of the unit's flash",
            ],
        ),
        (
            &[(loader, "secure_boot = \"signed-firmware\"\n")],
            &["[link]: `secure_boot` is what a loader looks at, and there is no `loader`: remove it"],
        ),
        (
            &[(loader, "dialogue = \"linux-gateway.toml\"\nbaud = 115200\nsecure_boot = \"refuse\"\n")],
            &["[link]: `secure_boot` is what a loader looks at, and there is no `loader`: remove it"],
        ),
    ];
    for (changes, says) in cases {
        eprintln!("case: {}", changes[0].1);
        set.bench.refuses(set.changed(changes), 3, says);
    }
}

#[test]
fn values_that_are_none_of_their_type_or_too_many_are_refused_when_orders_are_taken_and_images_made() {
    let more = |entry: &str| format!("entry = [\n    {entry},");
    let cases: [(&str, &[&str]); 5] = [
        (
            r#"{ namespace = "a", key = "channel", type = "u8", content = "300" }"#,
            &["NVS entry a/channel of gw-1: it is no number of the type U8: correct the product"],
        ),
        (
            r#"{ namespace = "a", key = "offset", type = "i16", content = "12x" }"#,
            &["NVS entry a/offset of gw-1: it is no number of the type I16"],
        ),
        (
            r#"{ namespace = "a", key = "raw", type = "string", content = "${device_key_bytes}" }"#,
            &["NVS entry a/raw of gw-1: it is no UTF-8 text"],
        ),
        (
            r#"{ namespace = "azure", key = "id_scope", type = "string", content = "x" }"#,
            &[
                "the image of gw-1 cannot be made: slot `nvs` (0x9000..0xc000) cannot be filled with NVS entries: `azure/id_scope` is given twice",
            ],
        ),
        (
            r#"{ namespace = "a", key = "big", type = "blob", document = "big.bin" }"#,
            &[
                "the image of gw-1 cannot be made: slot `nvs` (0x9000..0xc000)",
                "the entries need 4 pages, the partition has 3",
            ],
        ),
    ];
    let set = board(PARTITIONS, |_| {});
    std::fs::create_dir_all(set.bench.folder().join("documents")).unwrap();
    put(&set.bench.folder().join("documents/big.bin"), &[b'x'; 9000]);
    for (entry, says) in cases {
        set.bench.refuses(set.order_of(&set.text(&[("entry = [", &more(entry))])), 3, says);
    }
    set.order_of(&set.good).run().expect(0);
    for (entry, says) in cases {
        eprintln!("case: {entry}");
        set.put(&set.text(&[("entry = [", &more(entry))]));
        set.refuses_images(says);
    }
}
