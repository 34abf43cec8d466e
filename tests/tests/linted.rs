//! The certificates that the station makes, under the eyes of a linter that no one here wrote (pkilint).
#![allow(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

use std::path::{Path, PathBuf};

use acceptance::{Bench, installed_program, root_certificate};

/// Findings at WARNING and above; the exit code is their number.
fn findings(linter: &str, certificates: &[&Path]) -> (i32, String) {
    let output =
        installed_program(linter).args(["lint", "-s", "WARNING"]).args(certificates).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap(), text.into_owned())
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::io::Write::write_all(&mut std::fs::File::create_new(&path).unwrap(), text.as_bytes()).unwrap();
    path
}

#[test]
fn root_intermediate_and_leaf_pass_the_linter() {
    let bench = Bench::new(1);
    bench.order("april", 1);
    {
        let _simulator = bench.simulate(1, 1, &[]);
        bench.run("april").expect(0);
    }
    let chain = std::fs::read_to_string(bench.unit(1).join("var/secrets/device-id.pem")).unwrap();
    let (leaf, intermediate) = chain.split_at(chain.rfind("-----BEGIN").unwrap());
    let root = root_certificate(&bench);
    let intermediate = write(bench.root(), "intermediate.pem", intermediate);
    let leaf = write(bench.root(), "leaf.pem", leaf);
    for certificate in [&root, &intermediate, &leaf] {
        let (count, text) = findings("lint_pkix_cert", &[certificate]);
        assert_eq!(count, 0, "{text}");
    }
    for (issuer, subject) in [(&root, &intermediate), (&intermediate, &leaf)] {
        let (count, text) = findings("lint_pkix_signer_signee_cert_chain", &[issuer, subject]);
        assert_eq!(count, 0, "{text}");
    }
    let (count, text) = findings("lint_pkix_signer_signee_cert_chain", &[&root, &leaf]);
    assert!(count > 0, "the linter finds nothing wrong with a pair that is none: {text}");
}
