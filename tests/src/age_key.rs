//! Whoever a sealed file is for: an age key that age-keygen made, and age to open with.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// An age key of somebody's own.
pub struct AgeKey {
    /// The file with the private key.
    pub identity: PathBuf,
    /// The public one.
    pub recipient: String,
}

impl AgeKey {
    /// A new key, its file in this folder.
    pub fn new(folder: &Path, name: &str) -> Self {
        let identity = folder.join(name);
        let made = Command::new("age-keygen").arg("-o").arg(&identity).output().unwrap();
        assert!(made.status.success());
        let shown = Command::new("age-keygen").arg("-y").arg(&identity).output().unwrap();
        Self { identity, recipient: String::from_utf8(shown.stdout).unwrap().trim().to_owned() }
    }

    /// What age makes of a sealed file.
    pub fn open(&self, sealed: &Path) -> String {
        let opened =
            Command::new("age").arg("-d").arg("-i").arg(&self.identity).arg(sealed).output().unwrap();
        assert!(opened.status.success(), "{}", String::from_utf8_lossy(&opened.stderr));
        String::from_utf8(opened.stdout).unwrap()
    }

    /// The JSON lines that a sealed file holds.
    pub fn open_lines(&self, sealed: &Path) -> Vec<Value> {
        self.open(sealed).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}
