//! Authorities with other keys and names than the usual ones. openssl judges.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test")]

use acceptance::{Bench, openssl, root_certificate};

fn key_of(pem: &str, bench: &Bench, name: &str) -> String {
    let path = bench.root().join(name);
    std::io::Write::write_all(&mut std::fs::File::create_new(&path).unwrap(), pem.as_bytes()).unwrap();
    let text = openssl(&["x509", "-in", path.to_str().unwrap(), "-noout", "-text"]).stdout;
    String::from_utf8(text).unwrap()
}

#[test]
fn an_order_is_built_under_keys_of_other_kinds() {
    let bench = Bench::bare(1);
    bench.station(&["keys", "import", "gateway-console"]).input("rehearsal\n").run().expect(0);
    let ca = |role: &str, kind: &str| {
        let name = format!("Test {role}");
        let call = ["--json", "ca", role, "--common-name", &name, "--key-algorithm", kind];
        bench.unlocked(&call).run().expect(0).json()
    };
    let (root, intermediate) = (ca("root", "rsa-2048"), ca("intermediate", "p-384"));
    for (authority, kind, parts) in [
        (&root, "rsa-2048", ["Public-Key: (2048 bit)", "Signature Algorithm: sha256WithRSAEncryption"]),
        (&intermediate, "p-384", ["ASN1 OID: secp384r1", "Signature Algorithm: sha256WithRSAEncryption"]),
    ] {
        assert_eq!(
            (&authority["key_algorithm"], &authority["token_key"]),
            (&kind.into(), &serde_json::Value::Null)
        );
        let text = key_of(authority["certificate"].as_str().unwrap(), &bench, kind);
        assert!(parts.iter().all(|part| text.contains(part)), "{text}");
    }
    bench.order("april", 1);
    let _simulator = bench.simulate(1, 1, &[]);
    bench.run("april").expect(0);
    let root = root_certificate(&bench);
    let chain = bench.unit(1).join("var/secrets/device-id.pem");
    let (root, chain) = (root.to_str().unwrap(), chain.to_str().unwrap());
    let strict = ["verify", "-x509_strict", "-purpose", "sslclient", "-no-CApath", "-no-CAstore", "-CAfile"];
    let judged = openssl(&[&strict[..], &[root, "-untrusted", chain, chain]].concat());
    assert!(judged.status.success(), "{judged:?}");
}

#[test]
fn a_kind_of_key_that_is_none_or_that_the_profile_forbids_is_refused() {
    let bench = Bench::bare(1);
    bench.template(
        "profiles",
        "root.toml",
        "curves.toml",
        &[(", \"rsa-2048\", \"rsa-3072\", \"rsa-4096\"]", "]")],
    );
    let ca = |more: &[&str]| bench.unlocked(&[&["ca", "root", "--common-name", "Test"], more].concat());
    bench.refuses(ca(&["--key-algorithm", "rsa-1024"]), 2, &["rsa-1024", "p-256, p-384, rsa-2048"]);
    bench.refuses(ca(&["--key-algorithm", "rsa-2048", "--profile", "curves.toml"]), 3, &["rsa-2048"]);
}

/// Under a root of the same name it would count as a root itself, and nothing could be issued.
#[test]
fn an_intermediate_of_its_root_s_name_is_refused() {
    let bench = Bench::bare(1);
    bench.unlocked(&["ca", "root", "--common-name", "Test"]).run().expect(0);
    let call = bench.unlocked(&["ca", "intermediate", "--common-name", "Test"]);
    bench.refuses(call, 3, &["\"CN=Test\" is a root and must be the last of its chain"]);
    bench.unlocked(&["ca", "intermediate", "--common-name", "Test Line"]).run().expect(0);
}
