//! A folder's whole content as hashes, to show that a refused command left it as it was.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
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

    /// The same without what lies below this folder of it.
    pub fn without(mut self, folder: &str) -> Self {
        self.0.retain(|path, _| path.parent() != Some(Path::new(folder)));
        self
    }

    /// How many files and folders lie directly in this folder of it.
    pub fn count(&self, folder: &str) -> usize {
        self.0.keys().filter(|path| path.parent() == Some(Path::new(folder))).count()
    }
}

fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<PathBuf, String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().to_owned();
        if name.to_string_lossy().starts_with("ledger.") {
            continue;
        }
        let mode = path.metadata().unwrap().permissions().mode();
        if path.is_dir() {
            files.insert(name, format!("{mode:o}"));
            collect(root, &path, files);
        } else {
            files.insert(name, format!("{mode:o} {}", sha256(&std::fs::read(&path).unwrap())));
        }
    }
}

/// SHA-256, lower-case hex.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
