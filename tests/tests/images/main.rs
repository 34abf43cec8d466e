//! `station image`: one personalised image for each unit, judged by intelhex, Espressif's tools and openssl.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test")]

mod board;
mod judged;

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use acceptance::firmware::{put, read_hex, slot_records};
use acceptance::{Bench, Station, derived_keys, openssl, sha256};
use judged::{chain_pem, judge_image, key_pem, keys_are_nowhere, manifest, range};
use serde_json::Value;

const PRODUCT: &str = "stm32-slot.toml";

/// A station with the firmware of a microcontroller, and an order of gw-0001 … for it.
fn bench(quantity: usize) -> (Bench, Vec<u8>) {
    let bench = Bench::new(1);
    let firmware = bench.microcontroller(4096, 3000);
    bench.order_of("april", PRODUCT, quantity);
    (bench, firmware)
}

fn image(bench: &Bench, folder: &str) -> Station {
    bench.unlocked(&["--json", "image", "april", "--clear"]).arg("--folder").arg(bench.root().join(folder))
}

fn facts(bench: &Bench, kind: &str) -> Vec<Value> {
    let entries = bench.station(&["--json", "ledger", "show"]).run().expect(0).json_lines();
    entries.into_iter().map(|entry| entry["fact"].clone()).filter(|fact| fact["kind"] == kind).collect()
}

fn order(bench: &Bench) -> Value {
    bench.station(&["--json", "order", "show", "april"]).run().expect(0).json()
}

fn id(number: usize) -> String {
    format!("gw-{number:04}")
}

fn names(folder: &Path) -> BTreeSet<String> {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn each_unit_of_an_order_has_its_image_and_the_manifest_its_digest() {
    let (bench, firmware) = bench(12);
    let outcome = image(&bench, "images").run().expect(0);
    let (said, told) = ([&*outcome.stdout, &outcome.stderr].concat(), outcome.json());
    let folder = bench.root().join("images");
    assert_eq!((&told["images"], &told["door"]), (&12.into(), &"clear".into()));
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let files: BTreeSet<String> =
        (1..=12).map(|number| format!("{}.hex", id(number))).chain(["images.csv".to_owned()]).collect();
    assert_eq!(names(&folder), files);
    for name in &files {
        assert_eq!(mode(&folder.join(name)), 0o600, "{name}");
    }

    let rows = manifest(&folder);
    assert_eq!(rows.len(), 12);
    let mut keys = Vec::new();
    for (row, number) in rows.iter().zip(1..) {
        let file = folder.join(&row["file"]);
        let bytes = std::fs::read(&file).unwrap();
        assert_eq!((&row["registration_id"], &row["file"]), (&id(number), &format!("{}.hex", id(number))));
        assert_eq!((row["format"].as_str(), row["start"].as_str()), ("intel-hex", "0x08000000"));
        assert_eq!(row["bytes"], bytes.len().to_string());
        assert_eq!((&row["sha256"], &row["base_sha256"]), (&sha256(&bytes), &sha256(&firmware)));
        let summed = Command::new("sha256sum").arg(&file).output().unwrap().stdout;
        assert!(summed.starts_with(row["sha256"].as_bytes()));
        keys.push(judge_image(&bench, &id(number), &file, &row["slots"]));
    }
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), 12);
    let manifest_text = std::fs::read_to_string(folder.join("images.csv")).unwrap();
    keys_are_nowhere(&bench, &keys, &[said, manifest_text].concat());

    // The ledger says that they left, and holds the digest that stands for all.
    let doors = facts(&bench, "handed_over");
    let digest = sha256(&std::fs::read(folder.join("images.csv")).unwrap());
    assert_eq!((&doors[0]["door"], &doors[0]["credentials"]), (&"clear".into(), &12.into()));
    assert_eq!((&doors[0]["sha256"], &told["sha256"]), (&digest.as_str().into(), &digest.as_str().into()));
    assert_eq!((&order(&bench)["checked_out"], &order(&bench)["open"]), (&12.into(), &0.into()));
    let announced = facts(&bench, "issued_ahead").remove(0);
    let leaf = announced["credentials"][6]["chain"].as_str().unwrap();
    let records = |folder: &Path| {
        let (first, length) = range(&rows[6]["slots"]);
        let hex = read_hex(&folder.join("gw-0007.hex"));
        let (start, segment) = hex.segments.range(..=first).next_back().unwrap();
        slot_records(&segment[(first - start) as usize..][..length])
    };
    assert!(chain_pem(&records(&folder)[&3]).starts_with(leaf));
    bench.head();

    bench.refuses(image(&bench, "more"), 3, &["order april has no open identities that no unit has"]);
    let again = image(&bench, "again").args(&["--quantity", "7", "--again", "the folder was lost"]);
    again.run().expect(0);
    let again = bench.root().join("again");
    assert_eq!(manifest(&again).len(), 7);
    assert_ne!(records(&again)[&4], records(&folder)[&4]);
    let shown = bench.show("gw-0007");
    let states: Vec<&Value> =
        shown["credentials"].as_array().unwrap().iter().map(|one| &one["state"]).collect();
    assert_eq!(states, ["superseded", "handed-over"]);
    bench.station(&["ledger", "rebuild"]).run().expect(0);
    bench.head();
}

#[test]
fn it_is_refused_where_there_is_nothing_to_make_and_the_line_where_nothing_speaks() {
    let (bench, _) = bench(3);
    let march = ["--pattern", "mar-{}", "--quantity", "1"];
    bench
        .station(&[&["order", "add", "march", "--product", "gateway-x509.toml"], &march[..]].concat())
        .run()
        .expect(0);
    let out = bench.root().join("out");
    let march = bench.unlocked(&["image", "march", "--clear"]).arg("--folder").arg(&out);
    bench.refuses(
        march,
        3,
        &[
            "product gateway-x509.toml has no firmware to personalise",
            "`station run march`",
            "`station issue march`",
        ],
    );
    let run = bench.unlocked(&["run", "april"]);
    let says = [
        "product stm32-slot.toml names no dialogue and no loader",
        "`station image april --folder DIR --clear`",
    ];
    bench.refuses(run, 3, &says);
    let open = bench.unlocked(&["image", "april"]).arg("--folder").arg(&out);
    bench.refuses(open, 2, &["--clear"]);
    bench.refuses(bench.unlocked(&["image", "april", "--clear"]), 2, &["--folder"]);
    let four = image(&bench, "out").args(&["--quantity", "4"]);
    bench.refuses(four, 3, &["has 3 open identities that no unit has, 4 are asked for"]);
    bench.refuses(
        image(&bench, "out").args(&["--again", "lost"]),
        3,
        &["has no identities that are checked out"],
    );
    bench.station(&["order", "budget", "april", "2", "--reason", "a test"]).run().expect(0);
    bench.refuses(image(&bench, "out"), 4, &["at most 2", "3 are asked for"]);
    std::fs::create_dir(&out).unwrap();
    put(&out.join("x"), b"");
    let there = image(&bench, "out").args(&["--quantity", "1"]);
    bench.refuses(there, 3, &["exists already and is not overwritten"]);
    let check = bench.station(&["--json", "check"]).run().json();
    let text = check.to_string();
    assert!(text.contains("stm32-slot.toml"), "{text}");
}

#[test]
fn what_is_cut_off_has_no_folder_and_the_next_one_begins_with_it() {
    let (bench, _) = bench(1_500);
    let before = names(bench.root());
    bench.cut_off(image(&bench, "first"), "SIGTERM");
    assert_eq!(names(bench.root()), before);
    bench.cut_off(image(&bench, "first"), "SIGKILL");
    let left: Vec<String> = names(bench.root()).difference(&before).cloned().collect();
    assert!(left.iter().all(|name| name.starts_with(".station-")), "{left:?}");
    assert!(facts(&bench, "handed_over").is_empty());
    let next = image(&bench, "second").args(&["--quantity", "3"]).run().expect(0);
    next.says("was cut off: what was announced for 3").says("A folder .station-… that it may have left");
    assert_eq!(facts(&bench, "issued_ahead").last().unwrap()["supersedes"], "interrupted");
    let second = bench.root().join("second");
    for (row, number) in manifest(&second).iter().zip(1..=3) {
        judge_image(&bench, &id(number), &second.join(&row["file"]), &row["slots"]);
    }
    bench.head();
}

/// Attestations that have no certificates, or certificates that sign themselves.
#[test]
fn symmetric_and_individual_credentials_go_into_images_too() {
    let bench = Bench::bare(1);
    bench.import_group_key();
    let hex = std::fs::read(acceptance::firmware::compiled(bench.root(), "firmware", 1024, 300)).unwrap();
    let digest = bench.release("firmware.hex", &hex);
    let of = |name: &str, attestation: &str, records: &str| {
        let changes = [
            (&*"0".repeat(64), &*digest),
            ("attestation = \"x509-group\"\nprofile = \"azure-device.toml\"", attestation),
            ("[[slot.entry]]\ntype = 4\ncontent = \"${private_key_der}\"", ""),
            ("type = 3\ncontent = \"${certificate_chain_der}\"", records),
        ];
        bench.template("products", PRODUCT, name, &changes);
    };
    let group =
        "attestation = \"symmetric-group\"\ngroup_key = \"contoso-group-key\"\ngroup_entry = \"primary\"";
    of("group.toml", group, "type = 3\ncontent = \"${device_key}\"");
    of(
        "random.toml",
        "attestation = \"symmetric-individual\"",
        "type = 3\ncontent = \"${device_key_bytes}\"",
    );
    let itself = "attestation = \"x509-individual\"\nprofile = \"individual-device.toml\"";
    let both = "type = 3\ncontent = \"${certificate_der}\"\n[[slot.entry]]\ntype = 4\ncontent = \"${private_key_der}\"";
    of("itself.toml", itself, both);
    let made = |product: &str| {
        let pattern = ["--pattern", &format!("{product}-{{}}"), "--quantity", "2"];
        let file = format!("{product}.toml");
        bench
            .station(&[&["order", "add", product, "--product", &file], &pattern[..]].concat())
            .run()
            .expect(0);
        let folder = bench.root().join(product);
        let told =
            bench.unlocked(&["image", product, "--clear"]).arg("--folder").arg(&folder).run().expect(0);
        let records = manifest(&folder).into_iter().map(|row| {
            let hex = read_hex(&folder.join(&row["file"]));
            let (first, length) = range(&row["slots"]);
            let (start, segment) = hex.segments.range(..=first).next_back().unwrap();
            (row["registration_id"].clone(), slot_records(&segment[(first - start) as usize..][..length]))
        });
        (told, records.collect::<Vec<_>>())
    };

    let (_, units) = made("group");
    let keys = derived_keys(units.iter().map(|(id, _)| id.as_str()));
    for (id, records) in &units {
        assert_eq!(records[&3], keys[id].as_bytes(), "{id}");
    }
    let (told, units) = made("random");
    told.says("`station manifest dps random --individual`");
    assert!(units.iter().all(|(_, records)| records[&3].len() == 64) && units[0].1[&3] != units[1].1[&3]);
    let bodies = bench
        .unlocked(&["manifest", "dps", "random", "--individual", "--clear"])
        .run()
        .expect(0)
        .json_lines();
    for ((id, records), body) in units.iter().zip(&bodies) {
        use base64::Engine;
        let key = base64::engine::general_purpose::STANDARD.encode(&records[&3]);
        assert_eq!(
            (body["registrationId"].as_str(), body["attestation"]["symmetricKey"]["primaryKey"].as_str()),
            (Some(&**id), Some(&*key))
        );
    }
    let (told, units) = made("itself");
    told.says("`station manifest dps itself --individual`");
    for (id, records) in &units {
        let scratch = tempfile::tempdir().unwrap();
        let certificate = scratch.path().join("certificate.pem");
        put(&certificate, chain_pem(&records[&3]).as_bytes());
        let certificate = certificate.to_str().unwrap();
        let verified = openssl(&["verify", "-CAfile", certificate, certificate]);
        assert!(verified.status.success(), "{id}: {}", String::from_utf8_lossy(&verified.stderr));
        let subject =
            openssl(&["x509", "-in", certificate, "-noout", "-subject", "-nameopt", "RFC2253"]).stdout;
        assert_eq!(String::from_utf8(subject).unwrap().trim(), format!("subject=CN={id}"));
        put(&scratch.path().join("key.pem"), key_pem(&records[&4]).as_bytes());
        let public =
            openssl(&["pkey", "-in", scratch.path().join("key.pem").to_str().unwrap(), "-pubout"]).stdout;
        assert_eq!(openssl(&["x509", "-in", certificate, "-noout", "-pubkey"]).stdout, public);
    }
}
