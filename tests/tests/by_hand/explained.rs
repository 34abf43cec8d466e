//! `station flash --explain`: what would be written, told without a unit, without an unlock and without a secret.

use acceptance::canary::{Canary, Secret};
use acceptance::{Bench, Outcome, WIFI_PASSWORD, sha256};
use serde_json::{Value, json};

const PARTITION_TABLE: usize = 0x8000;

/// Lists what a unit would get. Nothing is unlocked, and nothing written.
#[track_caller]
fn explain(bench: &Bench, more: &[&str]) -> Outcome {
    let before = bench.snapshot();
    let outcome = bench.station(&[&["flash", "april", "--explain"], more].concat()).run().expect(0);
    assert_eq!(bench.snapshot(), before, "--explain wrote something");
    let secrets = [Secret::text("Wi-Fi password", WIFI_PASSWORD)];
    let canary = Canary::of(&secrets);
    assert!(canary.find(outcome.stdout.as_bytes()).is_empty(), "{}", outcome.stdout);
    for key in ["PRIVATE KEY", "BEGIN CERTIFICATE"] {
        assert!(!outcome.stdout.contains(key), "{}", outcome.stdout);
    }
    outcome
}

fn secret() -> Value {
    json!({"bytes": null, "text": null, "secret": true})
}

#[test]
fn the_steps_of_a_gateway_are_listed_in_order() {
    let bench = Bench::new(1);
    bench.order("april", 2);
    let listed = explain(&bench, &["--json"]).json();
    assert_eq!((&listed["order"], &listed["registration_id"]), (&"april".into(), &"gw-0001".into()));
    let steps = listed["steps"].as_array().unwrap();
    let of =
        |key: &str| -> Vec<&str> { steps.iter().map(|step| step[key].as_str().unwrap_or("-")).collect() };
    assert_eq!(of("step"), ["write", "write", "write", "write", "restart"]);
    assert_eq!(of("item"), ["certificate-chain", "device-key", "registration-payload", "configuration", "-"]);
    assert_eq!(of("evidence"), ["device-digest", "challenge", "device-digest", "device-digest", "-"]);
    assert_eq!(steps[1]["value"], secret());
    assert_eq!(steps[1]["place"]["path"], "/var/secrets/device-id.key.pem");
    let payload = json!("{\"iotcModelId\":\"dtmi:com:example:Gateway;1\"}");
    assert_eq!(steps[2]["value"]["text"], payload, "what is public and short is shown");

    let text = explain(&bench, &["--registration-id", "gw-0002"]).stdout;
    for part in [
        "gw-0002, a unit of gateway-x509.toml, written by dialogue linux-gateway.toml",
        "made up for this list",
        "  2  write device-key: secret; evidence: challenge",
        "mode = 600",
        "  5  restart the unit; challenges, digests and read-backs follow",
    ] {
        assert!(text.contains(part), "`{part}` is not in {text}");
    }
}

#[test]
fn every_way_to_attest_can_be_explained() {
    for (product, first) in [
        ("gateway-x509-device-key.toml", "let the unit make device-key; evidence: challenge"),
        ("gateway-x509-read-out.toml", "read the certificate of device-key; evidence: challenge"),
        ("gateway-x509-individual.toml", "write certificate-chain: "),
        ("gateway-symmetric.toml", "write device-key: secret; evidence: challenge"),
        ("gateway-symmetric-individual.toml", "write device-key: secret; evidence: challenge"),
    ] {
        // No authority, and nothing in the vault.
        let bench = Bench::bare(1);
        bench.order_of("april", product, 1);
        let text = explain(&bench, &[]).stdout;
        assert!(text.contains(&format!("  1  {first}")), "{product}: {text}");
    }
}

#[test]
fn the_wi_fi_password_of_boards_is_left_out() {
    let bench = Bench::mxchip(1);
    bench.order_boards("april", "mxchip-az3166.toml", 1);
    let listed = explain(&bench, &["--json"]).json();
    let steps = listed["steps"].as_array().unwrap();
    let ssid = json!({"bytes": 7, "text": "factory", "secret": false});
    assert_eq!(steps[0]["value"], ssid);
    assert_eq!((&steps[1]["value"], &steps[2]["value"]), (&secret(), &secret()));
    assert!(steps[..3].iter().all(|step| step["evidence"] == "acknowledged"), "{listed}");
    assert!(listed["made_up"].as_str().unwrap().contains("secrets were not looked up"));
}

/// A partition table as ESP-IDF writes it, without its MD5 row.
fn partition_table(rows: &[(&str, u8, u8, u32, u32)]) -> Vec<u8> {
    let mut table = Vec::new();
    for (name, kind, subtype, offset, length) in rows {
        table.extend_from_slice(&[0xaa, 0x50, *kind, *subtype]);
        table.extend_from_slice(&offset.to_le_bytes());
        table.extend_from_slice(&length.to_le_bytes());
        let mut field = name.as_bytes().to_vec();
        field.resize(20, 0);
        table.extend_from_slice(&field);
    }
    table.resize(0xc00, 0xff);
    table
}

/// An ESP32's released firmware, and a product for it with these slots.
fn product_with_slots(bench: &Bench, link: &str, evidence: &str, slots: &str) {
    let table = partition_table(&[
        ("nvs", 1, 2, 0x9000, 0x6000),
        ("factory", 0, 0, 0x1_0000, 0x10_0000),
        ("nvs_keys", 1, 4, 0x11_0000, 0x1000),
    ]);
    let table = [vec![0xff; PARTITION_TABLE - 0x1000], table].concat();
    let app = vec![0x5a; 0x2000];
    for folder in ["firmware", "products"] {
        std::fs::create_dir_all(bench.folder().join(folder)).unwrap();
    }
    let write = |name: &str, bytes: &[u8]| {
        let mut file = std::fs::File::create_new(bench.folder().join(name)).unwrap();
        std::io::Write::write_all(&mut file, bytes).unwrap();
    };
    write("firmware/boot.bin", &table);
    write("firmware/app.bin", &app);
    let text = format!(
        "id_scope = \"0ne00ABCDEF\"\nmodel_id = \"dtmi:com:example:Sensor;1\"\nservice = \"central\"\n\
         attestation = \"symmetric-group\"\ngroup_key = \"contoso-group-key\"\ngroup_entry = \"primary\"\n{link}\n\
         [link.values]\nwifi_ssid = \"factory\"\n[link.secrets]\nwifi_password = \"factory-wifi\"\n\
         [flash]\nsize = 0x400000\n{evidence}\n\
         [[flash.file]]\nfile = \"boot.bin\"\nsha256 = \"{}\"\naddress = 0x1000\n\
         [[flash.file]]\nfile = \"app.bin\"\nsha256 = \"{}\"\naddress = 0x10000\n{slots}",
        sha256(&table),
        sha256(&app)
    );
    write("products/sensor.toml", text.as_bytes());
    bench.order_of("april", "sensor.toml", 1);
}

const NVS: &str = "[[slot]]\nname = \"nvs\"\nformat = \"nvs\"\nkeys = \"nvs_keys\"\nEVIDENCE\n\
    [[slot.entry]]\nnamespace = \"azure\"\nkey = \"device_id\"\ntype = \"string\"\ncontent = \"${registration_id}\"\n\
    [[slot.entry]]\nnamespace = \"azure\"\nkey = \"id_scope\"\ntype = \"string\"\ncontent = \"${id_scope}\"\n\
    [[slot.entry]]\nnamespace = \"azure\"\nkey = \"device_key\"\ntype = \"blob\"\ncontent = \"${device_key_bytes}\"\n\
    [[slot.entry]]\nnamespace = \"wifi\"\nkey = \"ssid\"\ntype = \"string\"\ncontent = \"${wifi_ssid}\"\n\
    [[slot.entry]]\nnamespace = \"wifi\"\nkey = \"password\"\ntype = \"string\"\ncontent = \"${wifi_password}\"\n";

#[test]
fn every_range_of_an_image_is_listed_by_address() {
    let bench = Bench::mxchip(1);
    let link = "assign = \"next\"\npresence = \"usb\"\n[link]\nloader = \"esp32\"\nbaud = 921600";
    let slots = NVS.replace("EVIDENCE", "evidence = \"read-back\"");
    product_with_slots(&bench, link, "evidence = \"device-digest\"", &slots);
    let listed = explain(&bench, &["--json"]).json();
    let ranges = listed["ranges"].as_array().unwrap();
    let offsets: Vec<u64> = ranges.iter().map(|range| range["offset"].as_u64().unwrap()).collect();
    assert_eq!(offsets, [0x1000, 0x9000, 0x1_0000, 0x11_0000], "{listed}");
    let evidence: Vec<&Value> = ranges.iter().map(|range| &range["evidence"]).collect();
    assert_eq!(evidence, ["device-digest", "read-back", "device-digest", "read-back"], "{listed}");
    let held = |name: &str, value: Value| {
        let mut held = json!({"name": name});
        held.as_object_mut().unwrap().extend(value.as_object().unwrap().clone());
        held
    };
    let holds = [
        held("azure/device_id", json!({"bytes": 7, "text": "gw-0001", "secret": false})),
        held("azure/id_scope", json!({"bytes": 11, "text": "0ne00ABCDEF", "secret": false})),
        held("azure/device_key", secret()),
        held("wifi/ssid", json!({"bytes": 7, "text": "factory", "secret": false})),
        held("wifi/password", secret()),
    ];
    assert_eq!(ranges[1]["holds"], json!(holds));
    assert_eq!(ranges[3]["holds"].as_array().unwrap().len(), 1);
    assert_eq!(ranges[3]["holds"][0]["secret"], true, "the keys of encrypted NVS");
    assert_eq!((&listed["skips_what_agrees"], listed["base"].as_array().unwrap().len()), (&true.into(), 2));

    let text = explain(&bench, &[]).stdout;
    for part in [
        "0x9000..0xf000  nvs, 24576 bytes; evidence: read-back",
        "    azure/id_scope: 0ne00ABCDEF\n    azure/device_key: secret\n",
        "0x10000..0x12000  released firmware, 8192 bytes; evidence: device digest",
        "a range is not written again where the device's digest of it agrees already",
    ] {
        assert!(text.contains(part), "`{part}` is not in {text}");
    }
}

#[test]
fn images_that_another_program_writes_are_explained_and_not_flashed() {
    let bench = Bench::mxchip(1);
    product_with_slots(&bench, "", "", &NVS.replace("EVIDENCE", ""));
    let listed = explain(&bench, &["--json"]).json();
    assert_eq!(listed["skips_what_agrees"], false);
    assert!(listed["ranges"].as_array().unwrap().iter().all(|range| range["evidence"].is_null()), "{listed}");
    for verb in super::VERBS {
        let call = bench.unlocked(&[verb, "april"]).arg("--port").arg(bench.port(1));
        bench.refuses(call, 3, &["no unit is spoken to on port", "a programmer writes them"]);
    }
}

#[test]
fn what_cannot_be_explained_is_told() {
    let bench = Bench::bare(1);
    bench.order("april", 1);
    let explain = |more: &[&str]| bench.station(&[&["flash", "april", "--explain"], more].concat());
    let says = ["order april has no identity gw-0002: `station order show april`"];
    bench.refuses(explain(&["--registration-id", "gw-0002"]), 3, &says);
    bench.refuses(explain(&["--port", "x"]), 2, &["--explain"]);
    bench.refuses(bench.station(&["flash", "april"]), 2, &["--port"]);
    bench.refuses(bench.station(&["flash", "april", "--registration-id", "gw-0001"]), 2, &["--explain"]);
}
