//! Programs that no one here wrote.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::Bench;

/// Runs openssl. Gives its output, whatever the exit code.
pub fn openssl(arguments: &[&str]) -> Output {
    Command::new("openssl").args(arguments).output().unwrap()
}

/// Writes the station's root certificate into a new file beside its folder.
pub fn root_certificate(bench: &Bench) -> PathBuf {
    let shown = bench.station(&["--json", "ca", "show", "root"]).run().expect(0).json();
    let path = bench.root().join("root.pem");
    if !path.exists() {
        write_new(&path, shown["certificate"].as_str().unwrap());
    }
    path
}

fn write_new(path: &Path, text: &str) {
    let mut file = std::fs::File::create_new(path).unwrap();
    std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
}
