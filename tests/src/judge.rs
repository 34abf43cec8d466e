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

/// The chain verifies under the station's root, the key is the leaf's, the CN is the ID.
pub fn judge(bench: &Bench, id: &str, key: &str, chain: &str) {
    let scratch = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| {
        let path = scratch.path().join(name);
        write_new(&path, text);
        path.to_str().unwrap().to_owned()
    };
    let (key, chain) = (put("key", key), put("chain", chain));
    let root = root_certificate(bench);
    let verified = openssl(&[
        "verify",
        "-x509_strict",
        "-purpose",
        "sslclient",
        "-no-CApath",
        "-no-CAstore",
        "-CAfile",
        root.to_str().unwrap(),
        "-untrusted",
        &chain,
        &chain,
    ]);
    assert!(verified.status.success(), "{id}: {}", String::from_utf8_lossy(&verified.stderr));
    let of_leaf = openssl(&["x509", "-in", &chain, "-noout", "-pubkey"]).stdout;
    assert!(!of_leaf.is_empty() && of_leaf == openssl(&["pkey", "-in", &key, "-pubout"]).stdout, "{id}");
    let subject = openssl(&["x509", "-in", &chain, "-noout", "-subject", "-nameopt", "RFC2253"]).stdout;
    assert_eq!(String::from_utf8(subject).unwrap().trim(), format!("subject=CN={id}"));
}

fn write_new(path: &Path, text: &str) {
    let mut file = std::fs::File::create_new(path).unwrap();
    std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
}
