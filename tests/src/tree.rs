//! A folder's whole content as hashes, to show that a refused command left it as it was.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// Every file of a folder, with mode and hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree(BTreeMap<PathBuf, String>);

impl Tree {
    /// What lies below this folder now.
    ///
    /// The ledger's lock, WAL and shared memory are left out: opening a database touches them. What the ledger says is
    /// compared by its head.
    pub fn of(folder: &Path) -> Self {
        let mut files = BTreeMap::new();
        collect(folder, folder, &mut files);
        Self(files)
    }
}

fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<PathBuf, String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().to_owned();
        if name.to_string_lossy().starts_with("ledger.") {
            continue;
        }
        if path.is_dir() {
            files.insert(name, "folder".to_owned());
            collect(root, &path, files);
        } else {
            files.insert(name, sha256(&std::fs::read(&path).unwrap()));
        }
    }
}

/// SHA-256, lower-case hex.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
