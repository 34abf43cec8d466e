//! Stations that flash simulated ESP32 boards.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use esp_nvs_partition_tool::{DataValue, EntryContent, NvsPartition};

use crate::{Bench, Simulator, python_tool, sha256};

/// A built-in product for ESP32 boards, with a release of the tests' own.
#[derive(Debug, Clone, Copy)]
pub struct EspProduct {
    /// The chip.
    pub chip: &'static str,
    /// The built-in product that it is made of.
    pub template: &'static str,
    /// Its slot's partition.
    pub slot: &'static str,
}

/// Symmetric keys in NVS.
pub const NVS: EspProduct = EspProduct { chip: "esp32", template: "esp32-nvs.toml", slot: "identity" };
/// Certificates in `esp_secure_cert`.
pub const SECURE_CERT: EspProduct =
    EspProduct { chip: "esp32c3", template: "esp32c3-secure-cert.toml", slot: "esp_secure_cert" };

impl Bench {
    /// A station for ESP32 boards: CAs, group key, and released firmware.
    pub fn esp(fixtures: usize) -> Self {
        let bench = Self::new(fixtures);
        bench.import_group_key();
        let made = python_tool("esp_release.py", &[&bench.firmware()]);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        bench
    }

    /// The folder of released firmware.
    pub fn firmware(&self) -> PathBuf {
        self.folder().join("firmware")
    }

    /// Puts a product for the boards in place, for this chip, with the digests of the release, and with these texts
    /// changed.
    pub fn esp_product(&self, name: &str, product: EspProduct, chip: &str, changes: &[(&str, &str)]) {
        let blank = "0".repeat(64);
        let pinned: Vec<(String, String)> = ["bootloader.bin", "partition-table.bin", "sensor.bin"]
            .into_iter()
            .map(|file| {
                let line = |digest: &str| format!("file = \"{file}\"\nsha256 = \"{digest}\"");
                let bytes = std::fs::read(self.firmware().join(file)).unwrap();
                (line(&blank), line(&sha256(&bytes)))
            })
            .collect();
        let own = format!("loader = \"{}\"", product.chip);
        let wanted = format!("loader = \"{chip}\"");
        let address = format!("file = \"bootloader.bin\"\nsha256 = \"{blank}\"\naddress = ");
        let own_address = format!("{address}{:#x}", bootloader(product.chip));
        let wanted_address = format!("{address}{:#x}", bootloader(chip));
        let mut all: Vec<(&str, &str)> = vec![(&own, &wanted), (&own_address, &wanted_address)];
        all.extend(pinned.iter().map(|(from, to)| (from.as_str(), to.as_str())));
        all.extend(changes);
        self.template("products", product.template, name, &all);
    }

    /// Starts simulated boards with such a chip.
    pub fn simulate_esp(&self, chip: &str, units: usize, fixtures: usize, more: &[&str]) -> Simulator {
        self.simulate(units, fixtures, &[&["--board", chip], more].concat())
    }

    /// What a simulated board's flash holds, from 1.
    pub fn esp_flash(&self, unit: usize) -> Vec<u8> {
        std::fs::read(self.esp_board(unit).join("flash.bin")).unwrap()
    }

    /// A simulated board's MAC address.
    pub fn esp_mac(&self, unit: usize) -> String {
        let text = std::fs::read_to_string(self.esp_board(unit).join("unit.toml")).unwrap();
        let mac = text.lines().find_map(|line| line.strip_prefix("hardware_id = \""));
        mac.unwrap().trim_end_matches('"').to_owned()
    }

    fn esp_board(&self, unit: usize) -> PathBuf {
        self.simulated().join("units").join(format!("{unit:04}"))
    }

    /// Whether the flash of such a chip holds the release, all of it.
    #[track_caller]
    pub fn assert_released(&self, flash: &[u8], chip: &str) {
        for (file, address) in
            [("bootloader.bin", bootloader(chip)), ("partition-table.bin", 0x8000), ("sensor.bin", 0x10000)]
        {
            let released = std::fs::read(self.firmware().join(file)).unwrap();
            assert!(flash[address..][..released.len()] == released, "{file} is not in the flash");
        }
    }

    /// Whether the flash of such a chip, or its beginning, holds the release and this identity in NVS, and beyond them what it came with.
    #[track_caller]
    pub fn assert_nvs_unit(&self, flash: &[u8], chip: &str, id: &str, key: &str) {
        self.assert_released(flash, chip);
        assert_eq!(nvs(partition(flash, "identity")), nvs_of(id, key));
        // Sectors that neither the release nor the slot has.
        let (behind, loader) = (0x2_5000..flash.len(), bootloader(chip));
        for blank in [0..loader, loader + 0x5000..0x8000, 0x9000..0xc000, 0xf000..0x1_0000, behind] {
            assert!(flash[blank.clone()] == vec![0xff; blank.len()], "{blank:#x?}");
        }
    }
}

/// Where such a chip's ROM looks for the bootloader.
fn bootloader(chip: &str) -> usize {
    if chip == "esp32" { 0x1000 } else { 0 }
}

/// The bytes of a partition of the release.
pub fn partition<'a>(flash: &'a [u8], name: &str) -> &'a [u8] {
    let (offset, length) = match name {
        "identity" => (0xc000, 0x3000),
        "esp_secure_cert" => (0x11_0000, 0x2000),
        "nvs_keys" => (0x11_2000, 0x1000),
        other => panic!("the release has no partition {other}"),
    };
    &flash[offset..offset + length]
}

/// The texts of an NVS partition, by `namespace/key`, as another program reads them.
pub fn nvs(partition: &[u8]) -> BTreeMap<String, String> {
    let read = NvsPartition::try_from(partition.to_vec()).unwrap();
    let text = |content: &EntryContent| match content {
        EntryContent::Data(DataValue::String(text)) => text.clone(),
        other => panic!("{other:?} is no text"),
    };
    read.entries
        .iter()
        .map(|entry| (format!("{}/{}", entry.namespace, entry.key), text(&entry.content)))
        .collect()
}

/// What a unit of [`NVS`] holds under this identity, with this key.
pub fn nvs_of(id: &str, key: &str) -> BTreeMap<String, String> {
    [
        ("azure/device_id", id),
        ("azure/id_scope", "0ne00ABCDEF"),
        ("azure/endpoint", "global.azure-devices-provisioning.net"),
        ("azure/device_key", key),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect()
}

/// What Espressif's `configure_esp_secure_cert.py` reads in a partition: it writes files into a new folder.
pub fn secure_cert_contents(partition: &[u8], folder: &Path) {
    std::fs::create_dir(folder).unwrap();
    let mut file = std::fs::File::create_new(folder.join("partition.bin")).unwrap();
    std::io::Write::write_all(&mut file, partition).unwrap();
    let output = crate::installed_program("configure_esp_secure_cert.py")
        .args(["--parse_bin", "partition.bin"])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
