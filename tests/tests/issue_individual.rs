//! `station issue` for devices with individual enrollments: random keys, and certificates that sign themselves; judged by
//! Microsoft's service client, openssl and age.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use acceptance::{AgeKey, Bench, Outcome, SECRET, Station, opened_vault, openssl, python_tool, strace};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

const RANDOM: &str = "gateway-symmetric-individual.toml";
const SELF_SIGNED: &str = "gateway-x509-individual.toml";
const DPS: [&str; 4] = ["manifest", "dps", "april", "--individual"];

/// A station without CAs, and an order of gw-0001 … for a product.
fn bench(product: &str, quantity: usize) -> Bench {
    let bench = Bench::bare(1);
    bench.station(&["keys", "import", "gateway-console"]).input("rehearsal\n").run().expect(0);
    bench.order_of("april", product, quantity);
    bench
}

fn issue(bench: &Bench, to: &AgeKey, bundle: &str) -> Station {
    let call = bench.unlocked(&["issue", "april", "--recipient", &to.recipient]);
    call.arg("--bundle").arg(bench.root().join(bundle))
}

fn issue_folder(bench: &Bench, name: &str, more: &[&str]) -> PathBuf {
    let folder = bench.root().join(name);
    bench.unlocked(&["issue", "april", "--clear"]).args(more).arg("--folder").arg(&folder).run().expect(0);
    folder
}

fn id(number: usize) -> String {
    format!("gw-{number:04}")
}

fn ids(numbers: std::ops::RangeInclusive<usize>) -> BTreeSet<String> {
    numbers.map(id).collect()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}"))
}

fn facts(bench: &Bench, kind: &str) -> Vec<Value> {
    let entries = bench.station(&["--json", "ledger", "show"]).run().expect(0).json_lines();
    entries.into_iter().map(|entry| entry["fact"].clone()).filter(|fact| fact["kind"] == kind).collect()
}

/// What the vault holds of keys that were made without units, by the file's name.
fn in_vault(bench: &Bench) -> BTreeMap<String, String> {
    let vault = opened_vault(&bench.folder(), SECRET);
    vault.into_iter().filter(|(name, _)| name.starts_with("keys-ahead_")).collect()
}

/// Both keys of each identity.
type Keys = BTreeMap<String, [String; 2]>;

/// Of the vault's lines.
fn of_vault(bench: &Bench) -> Keys {
    let files = in_vault(bench);
    let lines = files.values().flat_map(|text| text.lines()).map(|line| {
        let mut parts = line.split(',').map(str::to_owned);
        (parts.next().unwrap(), parts.collect::<Vec<_>>().try_into().unwrap())
    });
    lines.collect()
}

/// Of a bundle's lines.
fn of_bundle(lines: &[Value]) -> Keys {
    let keys = |line| ["device_key", "secondary_device_key"].map(|key| text(line, key).to_owned());
    lines.iter().map(|line| (text(line, "registration_id").to_owned(), keys(line))).collect()
}

/// Of a delivery's bodies, or bulk operations.
fn of_bodies(lines: &[Value]) -> Keys {
    let bodies = lines.iter().flat_map(|line| match line["enrollments"].as_array() {
        Some(bodies) => bodies.iter().collect(),
        None => vec![line],
    });
    let keys = bodies.map(|body| {
        let both = &body["attestation"]["symmetricKey"];
        let both = ["primaryKey", "secondaryKey"].map(|key| text(both, key).to_owned());
        (text(body, "registrationId").to_owned(), both)
    });
    keys.collect()
}

fn read(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap()
}

/// How many bodies of a kind the service client takes; it must take them all.
#[track_caller]
fn judged(bench: &Bench, text: &str, kind: &str) -> usize {
    let file = bench.root().join("judged.jsonl");
    std::io::Write::write_all(&mut std::fs::File::create_new(&file).unwrap(), text.as_bytes()).unwrap();
    let output = python_tool("enrollment_bodies.py", &[&file]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    std::fs::remove_file(&file).unwrap();
    said.matches(&format!("{kind}: equal after a round trip")).count()
}

fn deliver(bench: &Bench, more: &[&str]) -> Station {
    bench.unlocked(&DPS).arg("--clear").args(more)
}

fn acknowledge_last(bench: &Bench) -> Outcome {
    let last = bench.station(&["--json", "manifest", "deliveries"]).run().expect(0).json_lines();
    let number = last.last().unwrap()["delivery"].to_string();
    bench.station(&["--json", "manifest", "acknowledge", &number]).run().expect(0)
}

#[test]
fn random_keys_are_handed_over_and_reach_dps_in_one_sealed_delivery() {
    let bench = bench(RANDOM, 25);
    let (writer, importer) = (AgeKey::new(bench.root(), "writer"), AgeKey::new(bench.root(), "importer"));
    bench.refuses(bench.unlocked(&DPS), 3, &["no unit of order april is accepted yet", "handed over"]);
    let call = issue(&bench, &writer, "april.age").args(&["--quantity", "12"]);
    call.run().expect(0).says("`station manifest dps april --individual`");
    let folder = issue_folder(&bench, "out", &[]);
    let mut handed = of_bundle(&writer.open_lines(&bench.root().join("april.age")));
    assert_eq!(handed.keys().cloned().collect::<BTreeSet<_>>(), ids(1..=12));
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 26);
    for id in ids(13..=25) {
        let key = |end: &str| read(&folder, &format!("{id}.{end}")).strip_suffix('\n').unwrap().to_owned();
        handed.insert(id.clone(), [key("device-key"), key("secondary-device-key")]);
    }
    let distinct: BTreeSet<Vec<u8>> =
        handed.values().flatten().map(|key| STANDARD.decode(key).unwrap()).collect();
    assert!(distinct.len() == 50 && distinct.iter().all(|key| key.len() == 64));
    assert_eq!(of_vault(&bench), handed);
    let announced = facts(&bench, "issued_ahead");
    let names: BTreeSet<String> =
        announced.iter().map(|fact| format!("keys-ahead_{}", fact["keys"])).collect();
    assert_eq!(names, in_vault(&bench).into_keys().collect(), "a file an entry");

    let sealed = bench.root().join("keys.age");
    let call = bench.unlocked(&DPS).args(&["--recipient", &importer.recipient]).arg("--out").arg(&sealed);
    call.run().expect(0).says("25 identities of order april were handed over without units");
    assert_eq!(judged(&bench, &importer.open(&sealed), "IndividualEnrollment"), 25);
    assert_eq!(of_bodies(&importer.open_lines(&sealed)), handed);
    let bulk = deliver(&bench, &["--bulk"]).run().expect(0);
    assert_eq!(judged(&bench, &bulk.stdout, "BulkEnrollmentOperation"), 3);
    assert_eq!(of_bodies(&bulk.json_lines()), handed);
    let delivered = &facts(&bench, "delivered")[0];
    assert_eq!((&delivered["identities"], delivered["attempts"].as_array().unwrap().len()), (&25.into(), 2));
    let shown = bench.show("gw-0001");
    assert_eq!((&shown["state"], &shown["attempts"]), (&"checked-out".into(), &serde_json::json!([])));

    assert_eq!(acknowledge_last(&bench).json()["withdrawn"], 25);
    assert_eq!(acknowledge_last(&bench).json()["withdrawn"], 0);
    assert!(in_vault(&bench).is_empty());
    bench.refuses(deliver(&bench, &[]), 3, &["gw-0001", "left the vault", "`station issue --again`"]);
    bench.refuses(deliver(&bench, &["--rest"]), 3, &["there is no rest"]);
    again(&bench, &handed);
    let before = deliver(&bench, &["--rest"]).run().expect(0).stdout;
    bench.station(&["ledger", "rebuild"]).run().expect(0);
    assert_eq!(deliver(&bench, &["--rest"]).run().expect(0).stdout, before);
    bench.head();
}

/// What was issued anew has other keys, which replace those that the service has.
fn again(bench: &Bench, first: &Keys) {
    for reason in ["the gateway was lost", "the next was lost as well"] {
        issue_folder(bench, reason, &["--again", reason, "--quantity", "2"]);
    }
    assert_eq!(in_vault(bench).len(), 1, "those of the one before went as they were superseded");
    let rest = deliver(bench, &["--rest", "--bulk"]).run().expect(0).json_lines();
    assert_eq!((rest.len(), &rest[0]["mode"]), (1, &"update".into()));
    let keys = of_bodies(&rest);
    assert_eq!((keys.keys().cloned().collect(), &keys), (ids(1..=2), &of_vault(bench)));
    assert_ne!(keys["gw-0001"], first["gw-0001"]);
}

#[test]
fn units_of_the_line_and_identities_handed_over_share_a_delivery() {
    let bench = bench(RANDOM, 3);
    let folder = issue_folder(&bench, "out", &["--quantity", "1"]);
    {
        let _simulator = bench.simulate(1, 1, &["--no-pacing"]);
        bench.unlocked(&["run", "april", "--patience", "2"]).run();
    }
    assert_eq!(bench.accepted(1), [("gw-0002".to_owned(), 1)]);
    let text = deliver(&bench, &[]).run().expect(0);
    assert_eq!(judged(&bench, &text.stdout, "IndividualEnrollment"), 2);
    let keys = of_bodies(&text.json_lines());
    assert_eq!(keys["gw-0001"][0], read(&folder, "gw-0001.device-key").trim_end());
    assert_eq!(keys["gw-0002"][0], STANDARD.encode(std::fs::read(bench.key_file(1)).unwrap()));
    assert_eq!(acknowledge_last(&bench).json()["withdrawn"], 2);
    bench.refuses(deliver(&bench, &["--rest"]), 3, &["there is no rest"]);
    issue_folder(&bench, "more", &[]);
    assert_eq!(of_bodies(&deliver(&bench, &["--rest"]).run().expect(0).json_lines()), of_vault(&bench));
    let stop = bench.station(&["manifest", "disallow", "april", "--identity", "gw-0001", "--bulk"]);
    assert_eq!(stop.run().expect(0).json()["mode"], "update", "the service has its enrollment");
    let group = bench.station(&["manifest", "dps", "april", "--group", "g"]);
    bench.refuses(group, 3, &["each has an enrollment of its own"]);
    bench.head();
}

#[test]
fn keys_that_the_vault_lost_or_mixed_up_are_not_delivered() {
    let bench = bench(RANDOM, 2);
    issue_folder(&bench, "one", &["--quantity", "1"]);
    issue_folder(&bench, "two", &[]);
    let files: Vec<PathBuf> =
        in_vault(&bench).keys().map(|name| bench.folder().join(format!("vault/{name}.age"))).collect();
    let aside = bench.root().join("aside");
    std::fs::copy(&files[0], &aside).unwrap();
    std::fs::copy(&files[1], &files[0]).unwrap();
    bench.refuses(
        deliver(&bench, &[]),
        3,
        &["the keys of gw-000", "are not those that the ledger announced"],
    );
    std::fs::remove_file(&files[0]).unwrap();
    bench.refuses(deliver(&bench, &[]), 3, &["the keys of gw-000", "are not in the vault", "backup"]);
    std::fs::copy(&aside, &files[0]).unwrap();
    deliver(&bench, &[]).run().expect(0);
}

/// Killed at the first call on the ledger behind the vault's files: the entries are not there, and nothing left.
#[test]
fn keys_without_their_entry_are_told_of_and_in_nobody_s_way() {
    let bench = bench(RANDOM, 300);
    let writer = AgeKey::new(bench.root(), "writer");
    let clean = bench.copy();
    let calls = strace::traced(issue(&clean, &writer, "april.age")).calls;
    let laid = calls.iter().rposition(|call| call.path.contains("vault/keys-ahead_")).unwrap();
    let next = calls.iter().skip(laid).position(|call| call.path.contains("ledger.db-wal")).unwrap() + laid;
    let aim = strace::aim(&calls, next).unwrap();
    let (from, to) = (clean.root().to_str().unwrap(), bench.root().to_str().unwrap());
    assert!(strace::killed(issue(&bench, &writer, "april.age"), &aim.moved(from, to)).killed);
    assert!(facts(&bench, "issued_ahead").is_empty() && !bench.root().join("april.age").exists());
    let left = in_vault(&bench);
    assert_eq!(left.len(), 2, "256 and 44");

    let second = issue(&bench, &writer, "april.age").run().expect(0);
    for name in left.keys() {
        assert!(second.stderr.contains(&format!("{name}.age")), "{}", second.stderr);
    }
    let handed = of_bundle(&writer.open_lines(&bench.root().join("april.age")));
    assert_eq!(handed.keys().cloned().collect::<BTreeSet<_>>(), ids(1..=300));
    let vault = in_vault(&bench);
    assert!(vault.len() == 4 && left.iter().all(|(name, text)| vault[name] == *text), "nothing overwritten");
    let out = deliver(&bench, &[]).run().expect(0);
    assert_eq!((out.json_lines().len(), of_bodies(&out.json_lines())), (300, handed));
    assert_eq!(acknowledge_last(&bench).json()["withdrawn"], 300);
    assert_eq!(in_vault(&bench), left, "what no entry names is not for the station to judge");
    bench.head();
}

/// Killed as the entry is there and the door's is not: the next command supersedes, and the first keys go.
#[test]
fn keys_that_were_announced_and_never_left_go_with_their_successors_announcement() {
    let bench = bench(RANDOM, 3);
    let writer = AgeKey::new(bench.root(), "writer");
    let clean = bench.copy();
    let calls = strace::traced(issue(&clean, &writer, "april.age")).calls;
    let on_ledger = |call: &strace::Call| call.path.contains("ledger.db-wal");
    let named = calls.iter().rposition(|call| call.path.ends_with("april.age")).unwrap();
    // The last commit before the bundle has its name is the door's.
    let commits: Vec<usize> =
        (0..named).filter(|index| calls[*index].is_sync() && on_ledger(&calls[*index])).collect();
    let before = commits[commits.len() - 2] + 1;
    let door = calls.iter().skip(before).position(on_ledger).unwrap() + before;
    let aim = strace::aim(&calls, door).unwrap();
    let (from, to) = (clean.root().to_str().unwrap(), bench.root().to_str().unwrap());
    assert!(strace::killed(issue(&bench, &writer, "april.age"), &aim.moved(from, to)).killed);
    assert_eq!((facts(&bench, "issued_ahead").len(), facts(&bench, "handed_over").len()), (1, 0));
    let first = of_vault(&bench);
    assert_eq!(first.len(), 3);
    bench.refuses(deliver(&bench, &[]), 3, &["no unit of order april is accepted yet"]);

    issue(&bench, &writer, "april.age").run().expect(0).says("what was announced for 3 of these identities");
    let handed = of_bundle(&writer.open_lines(&bench.root().join("april.age")));
    assert_eq!((handed.len(), in_vault(&bench).len(), &of_vault(&bench)), (3, 1, &handed));
    assert!(first.iter().all(|(id, keys)| handed[id] != *keys));
    let bulk = deliver(&bench, &["--bulk"]).run().expect(0).json();
    assert_eq!((&bulk["mode"], of_bodies(std::slice::from_ref(&bulk))), (&"create".into(), handed));
    bench.head();
}

/// openssl takes it as its own issuer, its name is the ID, and the key is its own.
fn judge(id: &str, key: &str, certificate: &str) {
    let verified = openssl(&[
        "verify",
        "-x509_strict",
        "-check_ss_sig",
        "-purpose",
        "sslclient",
        "-no-CApath",
        "-no-CAstore",
        "-partial_chain",
        "-trusted",
        certificate,
        certificate,
    ]);
    assert!(verified.status.success(), "{id}: {}", String::from_utf8_lossy(&verified.stderr));
    let names = ["-issuer", "-subject", "-nameopt", "RFC2253"];
    let shown = openssl(&[&["x509", "-in", certificate, "-noout"], &names[..]].concat()).stdout;
    assert_eq!(String::from_utf8_lossy(&shown), format!("issuer=CN={id}\nsubject=CN={id}\n"));
    let of_leaf = openssl(&["x509", "-in", certificate, "-noout", "-pubkey"]).stdout;
    assert!(!of_leaf.is_empty() && of_leaf == openssl(&["pkey", "-in", key, "-pubout"]).stdout, "{id}");
}

#[test]
fn certificates_that_sign_themselves_are_handed_over_and_enrolled() {
    let bench = bench(SELF_SIGNED, 25);
    let folder = issue_folder(&bench, "out", &["--quantity", "24"]);
    let path = |name: String| folder.join(name).to_str().unwrap().to_owned();
    let mut certificates = BTreeMap::new();
    for id in ids(1..=24) {
        judge(&id, &path(format!("{id}.key.pem")), &path(format!("{id}.chain.pem")));
        certificates.insert(id.clone(), read(&folder, &format!("{id}.chain.pem")));
    }
    let writer = AgeKey::new(bench.root(), "writer");
    issue(&bench, &writer, "last.age").run().expect(0).says("`station manifest dps april --individual`");
    let last = writer.open_lines(&bench.root().join("last.age")).remove(0);
    certificates.insert("gw-0025".to_owned(), text(&last, "certificate_chain").to_owned());
    let serials: BTreeSet<String> = facts(&bench, "issued_ahead")
        .iter()
        .flat_map(|fact| fact["credentials"].as_array().unwrap())
        .map(|one| text(one, "certificate_serial").to_owned())
        .collect();
    assert_eq!(serials.len(), 25);

    let single = bench.station(&DPS).run().expect(0).says("25 identities of order april were handed over");
    assert_eq!(judged(&bench, &single.stdout, "IndividualEnrollment"), 25);
    let enrolled = |bodies: &[Value]| -> BTreeMap<String, String> {
        let of = |body: &Value| {
            let primary = &body["attestation"]["x509"]["clientCertificates"]["primary"];
            (text(body, "registrationId").to_owned(), text(primary, "certificate").to_owned())
        };
        bodies.iter().map(of).collect()
    };
    assert_eq!(enrolled(&single.json_lines()), certificates);
    let bulk = bench.station(&DPS).arg("--bulk").run().expect(0);
    assert_eq!(judged(&bench, &bulk.stdout, "BulkEnrollmentOperation"), 3);

    bench.refuses(bench.station(&DPS).args(&["--verified-ca", "x"]), 3, &["gw-0001 hangs on no CA"]);
    let group = bench.station(&["manifest", "dps", "april", "--group", "g"]);
    bench.refuses(group, 3, &["each has an enrollment of its own"]);
    bench.station(&["unit", "scrap", "gw-0003", "--reason", "stolen"]).run().expect(0);
    assert_eq!(bench.station(&DPS).run().expect(0).json_lines().len(), 24);
    let stop = bench.station(&["manifest", "disallow", "april", "--bulk"]).run().expect(0).json();
    assert_eq!(stop["mode"], "update");
    assert_eq!(enrolled(stop["enrollments"].as_array().unwrap())["gw-0003"], certificates["gw-0003"]);
    bench.head();
}

#[test]
fn certificates_that_sign_themselves_come_in_each_form_that_targets_read() {
    let bench = bench(SELF_SIGNED, 3);
    bench.station(&["keys", "import", "p12-password"]).input("of the targets\n").run().expect(0);
    let one = ["--quantity", "1"];
    let made = |name: &str, more: &[&str]| issue_folder(&bench, name, &[&one, more].concat());
    let scratch = |name: &str, pem: &[u8]| {
        let path = bench.root().join(name);
        std::io::Write::write_all(&mut std::fs::File::create_new(&path).unwrap(), pem).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let der = made("der", &["--encoding", "der", "--leaf-only"]);
    let pem = |verb: &str, name: &str| {
        openssl(&[verb, "-inform", "DER", "-in", der.join(name).to_str().unwrap()]).stdout
    };
    let key = scratch("key.pem", &pem("pkey", "gw-0001.key.der"));
    judge("gw-0001", &key, &scratch("leaf.pem", &pem("x509", "gw-0001.leaf.der")));
    let sec1 = made("sec1", &["--format", "sec1"]);
    assert!(read(&sec1, "gw-0002.key.pem").starts_with("-----BEGIN EC PRIVATE KEY-----\n"));
    let p12 = made("p12", &["--format", "pkcs12", "--password", "p12-password"]).join("gw-0003.p12");
    let open = |more: &[&str]| {
        let call = ["pkcs12", "-in", p12.to_str().unwrap(), "-passin", "pass:of the targets"];
        openssl(&[&call, more].concat()).stdout
    };
    let key = scratch("p12-key.pem", &open(&["-nocerts", "-nodes"]));
    judge("gw-0003", &key, &scratch("p12-leaf.pem", &open(&["-nokeys"])));
    bench.head();
}

#[test]
fn options_for_certificates_are_refused_for_random_keys_and_their_length_is_the_product_s() {
    let bench = Bench::bare(1);
    bench.template("products", RANDOM, "sixteen.toml", &[("key_bytes = 64", "key_bytes = 16")]);
    bench.order_of("april", "sixteen.toml", 1);
    let call = bench.unlocked(&["issue", "april", "--clear", "--leaf-only"]).arg("--folder");
    bench.refuses(call.arg(bench.root().join("out")), 2, &["this order's keys are symmetric"]);
    let folder = issue_folder(&bench, "out", &[]);
    for file in ["gw-0001.device-key", "gw-0001.secondary-device-key"] {
        assert_eq!(STANDARD.decode(read(&folder, file).trim_end()).unwrap().len(), 16);
    }
}
