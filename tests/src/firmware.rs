//! Released firmware for products whose units get images: compiled here, or put together by Python's packages.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Bench, python_tool_with_input, sha256};

/// An Intel HEX file as intelhex reads it.
#[derive(Debug, PartialEq, Eq)]
pub struct HexFile {
    /// By their first addresses.
    pub segments: BTreeMap<u32, Vec<u8>>,
    /// Where the program starts.
    pub start: String,
}

/// A program with a slot, as the product's file and the crate's documentation have it, and some code and constants around.
const SOURCE: &str = r#"
__attribute__((aligned(4), used, section(".unit_data")))
const struct { char marker[16]; unsigned capacity; unsigned char content[CAPACITY]; } unit_data = {
    "unit-data-slot-1", CAPACITY, { [0 ... CAPACITY - 1] = 0xff },
};
__attribute__((used)) const unsigned char pictures[PICTURES] = { [0 ... PICTURES - 1] = 0x5a };
const unsigned char *volatile shown;
void start(void) { for (unsigned at = 0;; at = (at + 1) % PICTURES) shown = &pictures[at]; }
"#;

fn run(program: &str, arguments: &[&str], folder: &Path) {
    let output = Command::new(program).args(arguments).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Compiles and links a program for flash at 0x08000000, whose slot has `capacity` bytes: `NAME.hex` in the folder.
pub fn compiled(folder: &Path, name: &str, capacity: usize, pictures: usize) -> PathBuf {
    let (source, elf, hex) = (format!("{name}.c"), format!("{name}.elf"), format!("{name}.hex"));
    put(&folder.join(&source), SOURCE.as_bytes());
    let sizes = [format!("-DCAPACITY={capacity}"), format!("-DPICTURES={pictures}")];
    let places = "-Wl,-Ttext=0x08000000,--section-start=.unit_data=0x08070000,-e,start,--build-id=none";
    let how =
        ["-ffreestanding", "-nostdlib", "-static", "-O1", "-fno-pie", "-no-pie", places, &source, "-o", &elf];
    run("gcc", &[&sizes.each_ref().map(String::as_str)[..], &how].concat(), folder);
    let sections = ["-O", "ihex", "-j", ".text", "-j", ".rodata", "-j", ".unit_data", &elf, &hex];
    run("objcopy", &sections, folder);
    folder.join(hex)
}

fn task(parts: &[&str]) -> String {
    let output = python_tool_with_input("firmware.py", &format!("{}\n", parts.join("\t")));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// Reads an Intel HEX file with intelhex.
pub fn read_hex(path: &Path) -> HexFile {
    let read = task(&["read", path.to_str().unwrap()]);
    let (segments, start) = read.split_once(" [").unwrap();
    let segments = segments.split(' ').map(|segment| segment.split_once(',').unwrap());
    let segments = segments.map(|(at, bytes)| (u32::from_str_radix(at, 16).unwrap(), from_hex(bytes)));
    HexFile { segments: segments.collect(), start: start.to_owned() }
}

/// Writes an Intel HEX file with intelhex.
pub fn write_hex(path: &Path, segments: &[(u32, &[u8])]) {
    let segments: Vec<String> =
        segments.iter().map(|(at, bytes)| format!("{at:x},{}", to_hex(bytes))).collect();
    task(&["write", path.to_str().unwrap(), &segments.join(" ")]);
}

/// A partition table as binary, by Espressif's esp-idf-defs.
pub fn partition_table(csv: &str) -> Vec<u8> {
    from_hex(&task(&["partitions", &csv.replace('\n', ";")]))
}

/// An image that begins as Espressif's do: with the header's magic, and the ID of the chip that it is for (5 is an
/// ESP32-C3).
pub fn esp_image(chip_id: u16, length: usize) -> Vec<u8> {
    let mut image = vec![0xe9; length];
    image[12..14].copy_from_slice(&chip_id.to_le_bytes());
    image
}

/// The records of a marked slot, read by their documented format.
pub fn slot_records(content: &[u8]) -> BTreeMap<u16, Vec<u8>> {
    let read = task(&["records", &to_hex(content)]);
    let records = read.split(' ').map(|record| record.split_once(',').unwrap());
    records.map(|(kind, bytes)| (kind.parse().unwrap(), from_hex(bytes))).collect()
}

/// Writes a new file.
pub fn put(path: &Path, bytes: &[u8]) {
    std::fs::File::create_new(path).unwrap().write_all(bytes).unwrap();
}

impl Bench {
    /// Puts a file of released firmware into the station's folder; its SHA-256.
    pub fn release(&self, name: &str, bytes: &[u8]) -> String {
        let folder = self.folder().join("firmware");
        std::fs::create_dir_all(&folder).unwrap();
        put(&folder.join(name), bytes);
        sha256(bytes)
    }

    /// Compiles `firmware.hex` and puts it in place, with the built-in product of a microcontroller pinned to it.
    pub fn microcontroller(&self, capacity: usize, pictures: usize) -> Vec<u8> {
        let hex = std::fs::read(compiled(self.root(), "firmware", capacity, pictures)).unwrap();
        let digest = self.release("firmware.hex", &hex);
        let name = "stm32-slot.toml";
        self.template("products", name, name, &[(&"0".repeat(64), &digest)]);
        hex
    }

    /// Puts a product of the station's own in place.
    pub fn own_product(&self, name: &str, text: &str) {
        let folder = self.folder().join("products");
        std::fs::create_dir_all(&folder).unwrap();
        put(&folder.join(name), text.as_bytes());
    }
}
