//! Secrets and authorities that cannot be used: what is said, and that no unit is touched.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test")]

use std::path::PathBuf;

use acceptance::{Bench, Outcome, Station};

/// A station with its CAs and an order.
fn bench() -> Bench {
    let bench = Bench::new(1);
    bench.order("april", 1);
    bench
}

fn run(bench: &Bench) -> Station {
    bench.unlocked(&["run", "april", "--patience", "1"])
}

/// The same call at another date.
fn at(date: &str, call: Station) -> Station {
    call.under("faketime", &[date.to_owned()])
}

/// A finding of `station check`, by its id.
fn finding(outcome: &Outcome, id: &str) -> serde_json::Value {
    let all = outcome.json();
    let mut findings = all.as_array().unwrap().iter();
    findings.find(|finding| finding["id"] == id).unwrap_or_else(|| panic!("no {id} in {all}")).clone()
}

/// The sealed key of an authority, and its passphrase in the vault.
fn key_of(bench: &Bench, label: &str) -> (PathBuf, PathBuf) {
    let shown = bench.station(&["--json", "ca", "show", label]).run().expect(0).json();
    let serial = shown["certificate_serial"].as_str().unwrap();
    let key = bench.folder().join("ca").join(format!("{label}-{serial}.key.pem"));
    (key, bench.folder().join("vault").join(format!("ca-{serial}.age")))
}

fn overwrite(path: &PathBuf, bytes: &[u8]) {
    let mut file = std::fs::OpenOptions::new().write(true).truncate(true).open(path).unwrap();
    std::io::Write::write_all(&mut file, bytes).unwrap();
}

#[test]
fn without_the_right_unlock_secret_nothing_is_done() {
    let bench = bench();
    let calls =
        [&["run", "april"][..], &["ca", "root", "--label", "second", "--common-name", "Second"], &["check"]];
    for arguments in calls {
        let vault = bench.folder().join("vault");
        let said = format!("the unlock secret is wrong, and the vault at {} stays locked", vault.display());
        bench.refuses(bench.station(arguments).unlocked_by("wrong"), 3, &[&said]);
        let empty = bench.station(arguments).unlocked_by("");
        bench.refuses(empty, 3, &["the unlock secret from descriptor 0 is empty"]);
        let long = bench.station(arguments).unlocked_by(&"x".repeat(5000));
        bench.refuses(long, 3, &["is longer than 4096 bytes: is it the right file?"]);
        let closed = bench.station(arguments).args(&["--unlock-fd", "77"]);
        bench.refuses(
            closed,
            3,
            &["cannot read the unlock secret from descriptor 77: check that it is open"],
        );
    }
    let said =
        ["the vault is locked and there is no terminal to ask", "pass --unlock-fd N", "`station-unlock`"];
    bench.refuses(bench.station(&["run", "april"]), 3, &said);
}

#[test]
fn an_authority_that_expired_or_is_not_yet_valid_issues_nothing() {
    let bench = bench();
    let cases = [
        (
            "2060-01-01 00:00:00",
            "expired on 2046-",
            "and it is 2060-01-01",
            "make a new authority, or set the clock",
        ),
        ("2020-01-01 00:00:00", "is not valid before 20", "and it is 2020-01-01", "set the clock, or wait"),
    ];
    for (date, when, now, todo) in cases {
        let said = ["authority `intermediate` cannot be used", "\"CN=Test Line 1\"", when, now, todo];
        bench.refuses(at(date, run(&bench)), 3, &said);
        let under = ["ca", "intermediate", "--label", "second", "--common-name", "Second"];
        // The root is valid for five years more.
        if date < "2050" {
            let said = ["authority `second` cannot be used", "\"CN=Test Root\"", when, now, todo];
            bench.refuses(at(date, bench.unlocked(&under)), 3, &said);
        }
        let check = at(date, bench.unlocked(&["--json", "check"])).run().expect(1);
        let validity = finding(&check, "authority/intermediate/validity");
        assert_eq!(validity["verdict"], "failed", "{validity}");
        assert!(validity["seen"].as_str().unwrap().contains(when.trim_start_matches("is ")), "{validity}");
    }
    run(&bench).run().expect(1); // today it runs, and finds no unit
}

#[test]
fn an_authority_that_is_outlived_by_its_devices_issues_nothing() {
    let bench = bench();
    let changes = [("validity = { years = 20 }", "validity = { days = 2 }")];
    bench.template("profiles", "intermediate.toml", "short.toml", &changes);
    let short =
        ["ca", "intermediate", "--label", "short", "--common-name", "Short", "--profile", "short.toml"];
    bench.unlocked(&short).run().expect(0);
    let config = bench.folder().join("station.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    overwrite(&config, text.replace("= \"intermediate\"", "= \"short\"").as_bytes());
    let said = [
        "authority `short` cannot be used",
        "its issuer \"CN=Short\" only until",
        "shorten the profile's `validity`, set its `outliving_issuer` to \"clamped\", or make a new authority",
    ];
    bench.refuses(run(&bench), 3, &said);
    let check = bench.unlocked(&["--json", "check"]).run();
    let validity = finding(&check, "authority/short/validity");
    assert_eq!(validity["verdict"], "warning", "{validity}");
    let outliving = finding(&check, "product/gateway-x509.toml/validity");
    assert_eq!(outliving["verdict"], "failed", "{outliving}");
    assert!(outliving["seen"].as_str().unwrap().contains("and short only until"), "{outliving}");
}

/// Devices' certificates are valid for 10 years, an authority's for 20: after 10 it issues no more.
#[test]
fn that_an_authority_will_be_outlived_is_said_in_time() {
    let bench = bench();
    let shown = bench.station(&["--json", "ca", "show", "intermediate"]).run().expect(0).json();
    let (year, day) = shown["not_after"].as_str().unwrap()[..10].split_once('-').unwrap();
    // Not every year has a 29th.
    let (year, day): (u32, _) = (year.parse().unwrap(), day.replace("02-29", "02-28"));
    let id = "product/gateway-x509.toml/validity";
    let check = |years_before: u32| {
        let date = format!("{}-{day} 00:00:00", year - years_before);
        at(&date, bench.unlocked(&["--json", "check"])).run()
    };
    let early = check(11);
    assert!(early.json().as_array().unwrap().iter().all(|one| one["id"] != id), "{}", early.stdout);
    assert_eq!(finding(&check(9), id)["verdict"], "failed");
    let warning = finding(&check(10), id);
    assert_eq!(warning["verdict"], "warning", "{warning}");
}

#[test]
fn an_authority_whose_key_is_not_its_own_issues_nothing() {
    let bench = bench();
    let ((key, passphrase), (other_key, other_passphrase)) =
        (key_of(&bench, "intermediate"), key_of(&bench, "root"));
    let (own, other) = (std::fs::read(&key).unwrap(), std::fs::read(&other_key).unwrap());

    overwrite(&key, &other);
    let unusable = format!("the key of authority `intermediate` at {} is not usable", key.display());
    bench.refuses(run(&bench), 3, &[&unusable, "restore it and its passphrase", "wrong passphrase"]);
    let sealed = std::fs::read(&passphrase).unwrap();
    overwrite(&passphrase, &std::fs::read(&other_passphrase).unwrap());
    let said = "the private key does not belong to the certificate of \"CN=Test Line 1\"";
    bench.refuses(run(&bench), 3, &["authority `intermediate` cannot be used", said]);
    let check = bench.unlocked(&["--json", "check"]).run().expect(1);
    let finding = finding(&check, "authority/intermediate/key");
    assert_eq!(finding["verdict"], "failed", "{finding}");
    assert!(finding["seen"].as_str().unwrap().contains(said), "{finding}");
    overwrite(&passphrase, &sealed);

    overwrite(&key, b"junk");
    bench.refuses(run(&bench), 3, &[&unusable, "is no PEM text"]);
    std::fs::remove_file(&key).unwrap();
    let said =
        format!("cannot read the key of authority `intermediate` at {}: restore the file", key.display());
    bench.refuses(run(&bench), 3, &[&said]);
    std::io::Write::write_all(&mut std::fs::File::create_new(&key).unwrap(), &own).unwrap();
    std::fs::remove_file(&passphrase).unwrap();
    let name = passphrase.file_name().unwrap().to_str().unwrap().to_owned();
    let said = format!("the vault has no passphrase for the key of authority `intermediate`: restore {name}");
    bench.refuses(run(&bench), 3, &[&said]);
}

#[test]
fn a_secret_that_is_missing_or_damaged_stops_the_run_before_any_unit() {
    let bench = bench();
    let sealed = bench.folder().join("vault/gateway-console.age");
    overwrite(&sealed, b"age-encryption.org/v1\ndamaged");
    let said = format!("{} is no readable age file of this vault", sealed.display());
    bench.refuses(run(&bench), 4, &[&said, "restore it from the station's backup"]);
    std::fs::remove_file(&sealed).unwrap();
    let said =
        "the vault holds no secret `gateway-console`: import it with `station keys import gateway-console`";
    bench.refuses(run(&bench), 3, &[said]);
    let check = bench.unlocked(&["--json", "check"]).run().expect(1);
    let finding = finding(&check, "product/gateway-x509.toml/secret/gateway-console");
    assert_eq!(finding["verdict"], "failed", "{finding}");
    bench.station(&["keys", "import", "gateway-console"]).input("rehearsal\n").run().expect(0);
    run(&bench).run().expect(1); // it runs, and finds no unit
}

#[test]
fn a_secret_that_is_none_is_not_imported() {
    let bench = Bench::bare(1);
    let import = |name: &str| bench.station(&["keys", "import", name]);
    bench.refuses(import("a"), 3, &["the secret is empty: nothing was imported"]);
    bench.refuses(import("a").input("\n"), 3, &["the secret is empty: nothing was imported"]);
    bench.refuses(
        import("a").input(vec![b'x'; 70_000]),
        3,
        &["- is longer than 65536 bytes: is it the right file?"],
    );
    for name in ["../a", "A", "a b"] {
        let said = format!(
            "`{name}` is no name for a secret or an authority: use lower-case letters, digits and hyphens"
        );
        bench.refuses(import(name).input("x\n"), 2, &[&said]);
    }
    let missing = bench.root().join("none");
    let said = format!("cannot read the secret from {}: check the name", missing.display());
    bench.refuses(import("a").arg("--from").arg(&missing), 3, &[&said, "No such file"]);
}
