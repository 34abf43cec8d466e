//! What is in the folders and images, as others read it.

use std::collections::BTreeMap;
use std::path::Path;

use acceptance::canary::{Canary, Secret};
use acceptance::firmware::{put, read_hex, slot_records};
use acceptance::{Bench, judge, openssl};

/// The rows of images.csv, by its first line's names.
pub(crate) fn manifest(folder: &Path) -> Vec<BTreeMap<String, String>> {
    let text = std::fs::read_to_string(folder.join("images.csv")).unwrap();
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    let first = lines.next().unwrap();
    lines.map(|line| first.iter().cloned().zip(line).collect()).collect()
}

/// `FIRST..END`, as ranges are written.
pub(crate) fn range(text: &str) -> (u32, usize) {
    let number = |text: &str| u32::from_str_radix(text.strip_prefix("0x").unwrap(), 16).unwrap();
    let (first, end) = text.split_once("..").unwrap();
    (number(first), (number(end) - number(first)) as usize)
}

/// The certificates of a chain in DER, one after the other, as PEM.
pub(crate) fn chain_pem(mut der: &[u8]) -> String {
    let scratch = tempfile::tempdir().unwrap();
    let mut pem = String::new();
    while !der.is_empty() {
        assert_eq!(der[..2], [0x30, 0x82]);
        let (one, rest) = der.split_at(4 + usize::from(der[2]) * 256 + usize::from(der[3]));
        let path = scratch.path().join(rest.len().to_string());
        put(&path, one);
        let shown = openssl(&["x509", "-inform", "DER", "-in", path.to_str().unwrap()]);
        pem += std::str::from_utf8(&shown.stdout).unwrap();
        der = rest;
    }
    pem
}

pub(crate) fn key_pem(der: &[u8]) -> String {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("key.der");
    put(&path, der);
    let shown = openssl(&["pkey", "-inform", "DER", "-in", path.to_str().unwrap()]);
    String::from_utf8(shown.stdout).unwrap()
}

/// One image: outside its slot the released firmware, in it the unit's own records. Gives its private key.
pub(crate) fn judge_image(bench: &Bench, id: &str, path: &Path, slot: &str) -> Vec<u8> {
    let mut unit = read_hex(path);
    let mut base = read_hex(&bench.folder().join("firmware/firmware.hex"));
    let (first, length) = range(slot);
    let cut = |segments: &mut BTreeMap<u32, Vec<u8>>| {
        let (start, segment) = segments.range_mut(..=first).next_back().unwrap();
        let at = (first - start) as usize;
        segment.splice(at..at + length, vec![0xff; length]).collect::<Vec<_>>()
    };
    let (slot, blank) = (cut(&mut unit.segments), cut(&mut base.segments));
    assert_eq!(unit, base, "{id}: something changed outside the slot");
    assert!(blank.iter().all(|byte| *byte == 0xff) && blank.len() == 4096);

    let records = slot_records(&slot);
    assert_eq!(records.keys().copied().collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert_eq!(records[&1], id.as_bytes());
    assert_eq!(records[&2], b"0ne00ABCDEF");
    assert_eq!(records[&5], b"global.azure-devices-provisioning.net");
    let chain = chain_pem(&records[&3]);
    assert_eq!(chain.matches("BEGIN").count(), 2);
    judge(bench, id, &key_pem(&records[&4]), &chain);
    records[&4].clone()
}

/// The keys are nowhere but in the images: not in what was said, nor in the station's folder, ledger and vault included.
pub(crate) fn keys_are_nowhere(bench: &Bench, keys: &[Vec<u8>], said: &str) {
    let secrets: Vec<Secret> = keys.iter().map(|key| Secret::key("a unit's key", key)).collect();
    let canary = Canary::of(&secrets);
    assert!(keys.iter().all(|key| !canary.find(key).is_empty()), "it finds none");
    assert!(canary.find(said.as_bytes()).is_empty());
    let mut folders = vec![bench.folder()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                assert!(canary.find(&std::fs::read(&path).unwrap()).is_empty(), "{}", path.display());
            }
        }
    }
}
